"""How text becomes tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.store.words import BREAK, holds, query_words, tokens


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
    assert words == ["men", "t-shirt", "件红", "红色", "外套"]


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
    from tools.store.words import _stem, _token_pattern

    assert tokens(text) == [_stem(token) for token in _token_pattern().findall(text.lower())]
