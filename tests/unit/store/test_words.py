"""How text becomes tokens."""

import marshal
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.store.words import BREAK, chinese_segmenter, holds, own_chinese_segmenter, query_words, tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Running Shoes", ["run", "shoe"]),
        ("8GB i7-8700", ["8", "gb", "i", "7", "8700"]),
        ("Café crème", ["cafe", "creme"]),
        ("红色外套", ["红", "色", "外", "套"]),
        ("ジャケット red", ["ジ", "ャ", "ケ", "ッ", "ト", "red"]),
        ("हिन्दी कपड़े", ["हिन्दी", "कपड़े"]),
        ("ﬁne_print", ["fine", "print"]),
        ("☂ !?", []),
    ],
)
def test_tokens_of_many_scripts(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


def test_words_that_say_nothing_are_left_out_of_queries() -> None:
    words = [word.text for word in query_words("I want the men's t-shirt, please! 我要一件红色的外套")]
    assert words == ["men", "t-shirt", "一件", "红色", "外套"]


def test_a_query_of_one_character_is_a_word() -> None:
    assert [word.text for word in query_words("猫")] == ["猫"]


@given(st.text(max_size=60))
def test_no_text_gives_tokens_that_fts5_would_split(text: str) -> None:
    for token in tokens(text):
        assert token
        assert not set(token) & set(" \"'()*:^-+.")
        assert token != BREAK


def test_phrases_are_found_in_order_only() -> None:
    words = ["black", "leather", "sofa"]
    assert holds(words, ["leather", "sofa"])
    assert not holds(words, ["sofa", "leather"])
    assert not holds(words, ["sofa", "bed"])


@given(st.text(st.characters(max_codepoint=127), max_size=80))
def test_the_quick_way_for_ascii_gives_the_same(text: str) -> None:
    from tools.store.words import _token_pattern, stem

    assert tokens(text) == [stem(token) for token in _token_pattern().findall(text.lower())]


@pytest.mark.parametrize(
    ("language", "singular", "plural"),
    [
        ("de", "Lampe", "Lampen"),
        ("fr", "chaussure légère", "chaussures légères"),
        ("es", "zapatilla", "zapatillas"),
        ("it", "scarpa", "scarpe"),
        ("ru", "лампа", "лампы"),
        ("en", "shoe", "shoes"),
        ("zh", "shoe", "shoes"),
    ],
)
def test_singular_and_plural_are_one_in_the_catalogues_language(language: str, singular: str, plural: str) -> None:
    assert tokens(singular, language) == tokens(plural, language)


@pytest.mark.parametrize("language", ["de", "en", "fr", "zh", "xx", "no such language", ""])
def test_a_word_of_another_language_matches_itself(language: str) -> None:
    for word in ("Kochmesser", "cafetière", "zapatillas", "running", "лампа", "ランプ"):
        assert tokens(word.upper(), language) == tokens(word, language)


@pytest.mark.parametrize(
    ("language", "query", "words"),
    [
        ("de", "eine Lampe für den Tisch", ["lampe", "tisch"]),
        ("fr", "une lampe pour le bureau", ["lampe", "bureau"]),
        ("es", "una lámpara para la mesa", ["lampara", "mesa"]),
        ("zh", "我想要一个降噪耳机", ["降噪", "耳机"]),
        ("en", "给爷爷用的手机", ["爷爷", "手机"]),
        ("zh", "有机绿茶", ["有机", "绿茶"]),
    ],
)
def test_a_query_is_words_without_those_that_say_nothing(language: str, query: str, words: list[str]) -> None:
    assert [word.text for word in query_words(query, language)] == words


def test_words_that_one_segmenter_learns_are_its_own() -> None:
    own = own_chinese_segmenter()
    own.add_word("防水透气鞋")
    assert own.lcut("防水透气鞋") == ["防水透气鞋"]
    assert len(chinese_segmenter().lcut("防水透气鞋")) > 1


def test_the_chinese_dictionary_is_read_from_no_file_that_others_may_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "jieba.cache").write_bytes(marshal.dumps(({"防水": 1}, 1)))
    segmenter = chinese_segmenter.__wrapped__()
    assert segmenter.lcut("我想买一双运动鞋") == ["我", "想", "买", "一双", "运动鞋"]
    assert [path.name for path in tmp_path.iterdir()] == ["jieba.cache"]
