import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.understanding.names import NameIndex, name_index
from tests.strategies.messages import messages
from tools.records import Vocabulary

VOCABULARY = Vocabulary(
    brands=["Nike", "Apple", "New Balance", "New Balance Kids", "Levi's", "C++", "H&M", "Nestlé", "Straße", "三星"],
    categories=["Shoes", "Apple Watches", "Home & Garden"],
)


def names(text: str, *kinds: str) -> list[tuple[str, str]]:
    matches = name_index(VOCABULARY).find(text, kinds or ("brand", "category"))  # type: ignore[arg-type]
    return [(match.name, text[match.start : match.end]) for match in matches]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NIKE and nike", [("Nike", "NIKE"), ("Nike", "nike")]),
        ("nikes, snike, nike2", []),
        ("nike鞋", [("Nike", "nike"), ("Shoes", "鞋")]),
        ("不要耐克的", [("Nike", "耐克")]),
        ("苹果手机", [("Apple", "苹果")]),
        ("new \n balance", [("New Balance", "new \n balance")]),
        ("new balance kids", [("New Balance Kids", "new balance kids")]),
        ("new balance kidswear", [("New Balance", "new balance")]),
        ("levi’s", [("Levi's", "levi’s")]),
        ("c++ or c", [("C++", "c++")]),
        ("nestle\u0301", [("Nestlé", "nestle\u0301")]),
        ("STRASSE x straße y", [("Straße", "STRASSE"), ("Straße", "straße")]),
        ("ＮＩＫＥ", [("Nike", "ＮＩＫＥ")]),
        ("apple watches", [("Apple Watches", "apple watches")]),
        ("a shoe", [("Shoes", "shoe")]),
        ("\ud800 nike \0 nike", [("Nike", "nike"), ("Nike", "nike")]),
    ],
)
def test_names_are_found_as_they_are_written(text: str, expected: list[tuple[str, str]]) -> None:
    assert names(text) == expected


def test_a_longer_name_of_another_kind_hides_nothing_from_who_asks_for_one_kind() -> None:
    assert names("apple watches", "brand") == [("Apple", "apple")]


def test_colours_and_nouns_are_found_in_every_language() -> None:
    assert names("ein schwarzer schuh, 黑色", "term", "noun") == [
        ("black", "schwarzer"), ("shoe", "schuh"), ("black", "黑色"),
    ]  # fmt: skip


def test_what_is_written_alike_has_every_meaning() -> None:
    index = NameIndex([("brand", "Orange", "Orange"), ("term", "orange", "orange"), ("brand", "Orange", "ORANGE")])
    assert [(match.kind, match.name) for match in index.find("orange")] == [("brand", "Orange"), ("term", "orange")]


def test_an_index_is_made_once_for_each_vocabulary() -> None:
    assert name_index(VOCABULARY) is name_index(VOCABULARY)
    assert name_index(VOCABULARY.model_copy()) is not name_index(VOCABULARY)


def test_without_names_nothing_is_found() -> None:
    assert NameIndex([]).find("nike") == NameIndex([("brand", " ", " ")]).find("nike") == []


_WORDS = st.text("ab1é 鞋-'", min_size=1, max_size=6)


@given(st.lists(_WORDS, max_size=8), st.lists(_WORDS, max_size=6).map("".join))
def test_one_pass_finds_what_one_search_for_each_name_finds(brands: list[str], text: str) -> None:
    match_names = {match.name for match in NameIndex([("brand", name, name) for name in brands]).find(text)}
    alone = {name for name in brands if NameIndex([("brand", name, name)]).find(text)}
    assert match_names <= alone
    assert bool(match_names) == bool(alone)
    for name in alone:
        assert re.search(r"\s+".join(map(re.escape, name.split())), text)


@given(messages(max_size=500))
def test_every_match_is_a_stretch_of_the_text(text: str) -> None:
    done = 0
    for match in name_index(VOCABULARY).find(text, ["brand"]):
        assert done <= match.start < match.end <= len(text)
        done = match.end
