"""What is said of earlier recommendations, and for whom the user asks, in the five languages that the product knows."""

import pytest

from assistant.understanding import carry_over, to_filters
from assistant.understanding.interest import recipient
from assistant.understanding.normalise import normalise
from tests.unit.understanding.test_understand import GOING_ON, read


@pytest.mark.parametrize(
    ("text", "liked", "rejected"),
    [
        ("I like the second one", ["i2"], []),
        ("the second is nice, show me more", ["i2"], []),
        ("something like the second one", ["i2"], []),
        ("我喜欢第二个", ["i2"], []),
        ("第二个不错", ["i2"], []),
        ("mir gefällt das zweite", ["i2"], []),
        ("j'aime le deuxième", ["i2"], []),
        ("me gusta el segundo", ["i2"], []),
        ("not that one", [], ["i1"]),
        ("the first is too dark", [], ["i1"]),
        ("the first one is too expensive", [], ["i1"]),
        ("I don't like the first, but the third is nice", ["i3"], ["i1"]),
        ("none of these", [], ["i1", "i2", "i3"]),
        ("第一个太贵了", [], ["i1"]),
        ("不喜欢第一个", [], ["i1"]),
        ("das erste ist zu dunkel", [], ["i1"]),
        ("ich mag das zweite nicht", [], ["i2"]),
        ("le premier est trop cher", [], ["i1"]),
        ("el primero es demasiado oscuro", [], ["i1"]),
        ("it's too dark in my living room", [], []),
        ("the second one in black", [], []),
        ("tell me more about the first one", [], []),
    ],
)
def test_opinions_on_what_was_shown(text: str, liked: list[str], rejected: list[str]) -> None:
    found = read(text, GOING_ON)
    assert [item.item_id for item in found.liked] == liked
    assert [item.item_id for item in found.rejected] == rejected


def test_what_is_rejected_is_no_topic_and_does_not_come_back() -> None:
    found = read("the first is too dark", GOING_ON)
    assert (found.references, found.topic) == ([], "")
    assert to_filters(carry_over(GOING_ON, found)).exclude_ids == ["i1"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a gift for my father", "for my father"), ("something for a good friend", "for a good friend"),
        ("我想给我爸爸买双鞋", "给我爸爸"), ("送给女朋友的礼物", "送给女朋友"),
        ("ein Geschenk für meinen Vater", "für meinen vater"), ("un cadeau pour mon père", "pour mon père"),
        ("un regalo para mi madre", "para mi madre"),
        ("no, for me this time", ""), ("给我自己", ""), ("für mich", ""), ("pour moi", ""), ("para mí", ""),
        ("a lamp for my desk", None), ("a tripod for this camera", None), ("给我看看椅子", None),
    ],
)  # fmt: skip
def test_for_whom_a_message_asks(text: str, words: str | None) -> None:
    assert recipient(normalise(text, "en")) == words


@pytest.mark.parametrize("text", ["surprise me", "What do you recommend?", "给我推荐点什么", "überrasch mich"])
def test_a_wish_may_be_left_open(text: str) -> None:
    assert read(text).open_wish


@pytest.mark.parametrize("text", ["recommend me a chair", "a surprise for my son", "推荐一把椅子"])
def test_a_wish_that_names_something_is_not_open(text: str) -> None:
    assert not read(text).open_wish


@pytest.mark.parametrize("text", ["show me others", "something else please", "etwas anderes", "autre chose", "换一个"])
def test_others_are_none_of_those_shown_and_reject_none_of_them(text: str) -> None:
    found = read(text, GOING_ON)
    assert found.rejected == []
    assert (found.topic, found.refines) == ("", True)
    assert sorted(to_filters(carry_over(GOING_ON, found)).exclude_ids) == ["i1", "i2", "i3"]


def test_something_else_for_a_purpose_keeps_the_purpose() -> None:
    found = read("something else for my desk", GOING_ON)
    assert found.topic == "desk"
    assert sorted(to_filters(found.constraints).exclude_ids) == ["i1", "i2", "i3"]


def test_two_ways_of_leaving_it_to_the_assistant_are_one_open_wish() -> None:
    found = read("something for me again, surprise me", GOING_ON)
    assert (found.open_wish, found.topic, found.refines) == (True, "", False)
