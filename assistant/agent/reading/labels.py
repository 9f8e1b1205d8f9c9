"""Labelled messages: what the classifiers are trained on, and the names of what they tell apart.

The files under ``data`` hold one JSON object a line: ``t`` the message, ``l`` its language, ``s`` 1 where items were
shown before, and either ``a`` the act, with inline labels in the message (``under [max:100] dollars, not [not:Nike]``),
or ``o`` the operations that the message asks for.
"""

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, Final, NamedTuple

ACTS: Final = (
    "find", "refine", "more", "item", "compare", "shop", "assortment", "cart", "undo", "chat", "harm",
)  # fmt: skip
"""What a customer wants done; ``data/README.md`` describes each."""

OPERATIONS: Final = (
    "cheaper", "dearer", "cheapest", "dearest", "similar", "stock", "gift", "self", "open", "likes", "rejects",
    "free_limit", "greets",
)  # fmt: skip
"""What a message asks for beside its words; several may hold."""

ROLES: Final = ("other", "thing", "prop", "not", "for", "said", "item", "back", "max", "min", "near", "num")
"""What a word is in a message: the kind of thing wanted, a property wanted, not wanted, what or whom it is for, only
mentioned, a pointer to an item, a limit taken back, and for numbers: at most, at least, about (prices), any other."""

NUMBER_ROLES: Final = ("max", "min", "near", "num")
HELD_OUT: Final = "it"
"""The language that no classifier is trained on."""

_LABEL = re.compile(r"\[(thing|prop|not|for|said|item|back|max|min|near|num):([^\[\]]*)\]")


class LabelledSpan(NamedTuple):
    """Characters ``start`` to ``end`` of a message, the end not included."""

    start: int
    end: int
    role: str


class LabelledMessage(NamedTuple):
    """One message of the data."""

    text: str
    language: str
    shown: bool
    act: str | None
    operations: frozenset[str]
    spans: tuple[LabelledSpan, ...]


def messages() -> Iterator[LabelledMessage]:
    """The messages labelled with acts and roles."""
    for entry in _entries("a"):
        text, spans = parse(entry["t"])
        yield LabelledMessage(text, entry["l"], bool(entry.get("s")), entry["a"], frozenset(), spans)


def operations() -> Iterator[LabelledMessage]:
    """The messages labelled with operations."""
    for entry in _entries("o"):
        yield LabelledMessage(entry["t"], entry["l"], bool(entry.get("s")), None, frozenset(entry["o"]), ())


def parse(labelled: str) -> tuple[str, tuple[LabelledSpan, ...]]:
    """A message with inline labels as its text and its spans."""
    text, spans, position = "", [], 0
    for match in _LABEL.finditer(labelled):
        text += labelled[position : match.start()]
        spans.append(LabelledSpan(len(text), len(text) + len(match[2]), match[1]))
        text += match[2]
        position = match.end()
    return text + labelled[position:], tuple(spans)


def _entries(key: str) -> Iterator[dict[str, Any]]:
    """The lines of all files, in the order of their names, that have the key."""
    folder = files(__package__) / "data"
    for name in sorted(file.name for file in folder.iterdir() if file.name.endswith(".jsonl")):
        with (folder / name).open(encoding="utf-8") as lines:
            yield from (entry for entry in map(json.loads, lines) if key in entry)
