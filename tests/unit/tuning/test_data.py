"""The labelled conversations: well formed, mixed, and nowhere near what the product is measured by."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from assistant.tuning.conversations import Conversations, load

SUITES = Path(str(files("eval"))) / "data" / "suites"
HAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
LENGTH = 8
"""Words, or characters of scripts without spaces, that two messages must not share one after another."""


def grams(text: str) -> Iterator[tuple[str, ...]]:
    """Every stretch of `LENGTH` words of a text, where a character without spaces around counts as a word."""
    words = re.findall(r"[\u3040-\u30ff\u3400-\u9fff]|\w+", text.casefold())
    length = LENGTH if not HAN.search(text) else LENGTH + 2
    for start in range(len(words) - length + 1):
        yield tuple(words[start : start + length])


def said(conversations: list[Conversations]) -> list[str]:
    return [turn.say for data in conversations for one in data.conversations for turn in one.turns]


def said_in_suites() -> Iterator[str]:
    """Everything that customers say in the suites, whatever the form of the file."""
    for path in sorted(SUITES.rglob("*")):
        if path.suffix in (".yaml", ".jsonl") and path.is_file():
            text = path.read_text("utf-8")
            read = yaml.safe_load(text) if path.suffix == ".yaml" else [json.loads(line) for line in text.splitlines()]
            yield from _texts(read)


def _texts(read: object) -> Iterator[str]:
    match read:
        case dict():
            for value in read.values():
                yield from _texts(value)
        case list():
            for value in read:
                yield from _texts(value)
        case str():
            yield read


def shared(one: list[str], others: Iterator[str]) -> list[str]:
    known = {gram for text in one for gram in grams(text)}
    return sorted({" ".join(gram) for text in others for gram in grams(text) if gram in known})


def test_nothing_that_is_trained_on_stands_in_a_suite() -> None:
    assert shared(said(load()), said_in_suites()) == []


def test_nothing_held_out_is_trained_on() -> None:
    assert shared(said(load()), iter(said(load(held_out=True)))) == []
    titles = [{item.title for data in load(held_out=held_out) for item in data.items} for held_out in (False, True)]
    assert not titles[0] & titles[1]


def test_the_check_for_shared_wording_finds_one() -> None:
    text = "a red kettle that whistles and does not leak at the lid"
    assert shared([text], iter([f"Well, {text.upper()}!"]))
    assert shared(["想买一个可以放在桌子上的小台灯"], iter(["我想买一个可以放在桌子上的小台灯"]))


@pytest.mark.parametrize("held_out", [False, True])
def test_labels_name_what_there_is(held_out: bool) -> None:
    for data in load(held_out=held_out):
        ids = {item.id for item in data.items}
        for conversation in data.conversations:
            for place, turn in enumerate(conversation.turns):
                assert {*turn.items, *(turn.best or ())} <= ids, turn.say
                if turn.next in ("search", "take_back"):
                    assert turn.query and turn.best is not None, turn.say
                if turn.next == "take_back":
                    assert place and turn.words in turn.say, turn.say
                if turn.next == "ask":
                    assert turn.question and len(turn.choices) > 1, turn.say


def test_there_are_many_languages_and_every_kind_of_step() -> None:
    counts = Counter(one.language for data in load() for one in data.conversations for _ in one.turns)
    assert sum(count >= 20 for count in counts.values()) >= 7
    assert len({turn.next for data in load() for one in data.conversations for turn in one.turns}) == 8
