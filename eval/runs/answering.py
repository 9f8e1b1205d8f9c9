"""Who answers: the interface between the run and the assistant or a baseline."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from eval.runs.records import TurnAnswer
from eval.suite.records import Turn


@dataclass(frozen=True)
class ReadyTurn:
    """A turn with its attachments made: what is really sent."""

    turn: Turn
    text: str
    images: list[Path] = field(default_factory=list)
    audio: list[Path] = field(default_factory=list)
    video: list[Path] = field(default_factory=list)


class Conversation(Protocol):
    """One conversation; it remembers what was said, where its answerer remembers anything."""

    async def say(self, turn: ReadyTurn) -> TurnAnswer:
        """Answer one turn; what goes wrong is in the answer's ``error``."""
        ...


class Answerer(Protocol):
    """Answers conversations; several may run side by side."""

    def conversation(self) -> AbstractAsyncContextManager[Conversation]:
        """Begin a conversation."""
        ...


OpenAnswerer = AbstractAsyncContextManager[Answerer]
"""What the functions that open an answerer give: models and stores stay open inside."""

__all__ = ["Answerer", "Conversation", "OpenAnswerer", "ReadyTurn"]
