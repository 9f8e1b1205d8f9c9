"""Labelled conversations: what a customer says, and the right next step, order and sentences.

Each file under ``data`` holds a catalogue and its conversations; ``data/README.md`` says who wrote them. Those under
``data/held_out`` are never trained on.
"""

from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Literal

import yaml
from pydantic import Field

from tools.records import Item, Record

Next = Literal["search", "ask", "look", "compare", "pages", "history", "take_back", "small_talk"]


class LabelledTurn(Record):
    """One message with what is right."""

    say: str
    next: Next
    query: str = Field("", description="what a good seller would search for; of pages: what is looked up there")
    filters: dict[str, Any] = Field({}, description="conditions in force by this and earlier messages, as of Filters")
    items: list[str] = Field([], description="what the message asks about, of look and compare")
    question: str = ""
    choices: list[str] = []
    answer: str = ""
    condition: str = Field("", description="of take_back: the field that is given up")
    words: str = Field("", description="of take_back: the customer's words that give it up")
    best: list[str] | None = Field(None, description="what fits, best first; empty: nothing does; null: no wish")


class LabelledConversation(Record):
    """Messages of one customer."""

    language: str
    turns: list[LabelledTurn]


class Conversations(Record):
    """A catalogue and what customers say about it."""

    name: str
    about: str
    language: str = Field(description="of the catalogue's texts")
    items: list[Item]
    conversations: list[LabelledConversation]


def load(*, held_out: bool = False) -> list[Conversations]:
    """The built-in conversations, or those that nothing is trained on."""
    folder = files(__package__) / "data"
    folder = folder / "held_out" if held_out else folder
    return [_read(file) for file in sorted(folder.iterdir(), key=lambda file: file.name) if file.name.endswith(".yaml")]


def _read(file: Traversable) -> Conversations:
    return Conversations.model_validate({**yaml.safe_load(file.read_text("utf-8")), "name": file.name[:-5]})
