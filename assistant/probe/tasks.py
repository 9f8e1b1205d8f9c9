"""The tasks of the probe as records."""

import hashlib
from functools import cache
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import Field

from tools.records import Item, Record

Language = Literal["en", "de", "zh"]


class ExpectedCall(Record):
    """What one call of a right answer is; what is not named may be anything."""

    tool: str = Field(description="a tool's name; end: no call, small_talk and ask_customer as the tools of that name")
    words: list[str] = Field([], description="one of these stands in the query")
    item: str = ""
    items: list[str] = []
    most: float | None = Field(None, description="the highest price that the call's filters name")


class PlanningTask(Record):
    """A turn after its first search, and what a planner does next."""

    part: Literal["tools", "arguments", "two_steps"]
    language: Language
    message: str
    topic: str = Field(description="what was searched for; empty: the catalogue was listed")
    found: list[str]
    right: list[ExpectedCall]
    then: list[str] = Field([], description="what the planner's search finds, after which it ends")


class RoleTask(Record):
    """What the words in brackets are to the customer."""

    language: Language
    message: str
    right: str


class OrderTask(Record):
    """Candidates of which one fits the wish best."""

    language: Language
    message: str
    candidates: list[str]
    first: str


class EvidenceTask(Record):
    """An item to recommend in one sentence that its evidence holds."""

    language: Language
    message: str
    item: str
    most: float | None = None


class Tasks(Record):
    """All tasks and the catalogue that they are about."""

    items: list[Item]
    planning: list[PlanningTask]
    roles: list[RoleTask]
    order: list[OrderTask]
    evidence: list[EvidenceTask]
    digest: str

    @property
    def count(self) -> int:
        """How many tasks there are."""
        return len(self.planning) + len(self.roles) + len(self.order) + len(self.evidence)


@cache
def load_tasks() -> Tasks:
    """The built-in tasks."""
    text = (files("assistant.probe") / "tasks.yaml").read_bytes()
    return Tasks.model_validate({**yaml.safe_load(text), "digest": hashlib.sha256(text).hexdigest()[:12]})
