"""A turn in work, or one that has ended and whose events can still be read."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from assistant.records import Accepted, Reply
from assistant.service.context import CLIENT_GONE
from assistant.service.http.problems import Problem, Refused


@dataclass(frozen=True)
class ServedEvent:
    """One event as clients get it; ``number`` counts from 1 within a turn."""

    number: int
    name: str
    data: dict[str, Any]

    def as_json(self) -> str:
        """The data as one line."""
        return json.dumps(self.data, ensure_ascii=False)


@dataclass(eq=False)
class Running:
    """A turn in work, or one that has ended and whose events can still be read."""

    session_id: str
    message_id: str
    said: str = ""
    accepted: Accepted = field(default_factory=Accepted)
    events: list[ServedEvent] = field(default_factory=list)
    reply: Reply | None = None
    problem: Problem | None = None
    ended: bool = False
    listeners: int = 0
    keep_seconds: float = 0.0
    task: "asyncio.Task[None] | None" = None
    began: float = field(default_factory=time.monotonic)
    publishing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Of `assistant.service.runs.registry`: its events are told to other workers one after another."""
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def seconds(self) -> float:
        """How long ago it began."""
        return time.monotonic() - self.began

    @property
    def failed(self) -> bool:
        """It has ended without a reply; its message may be sent again."""
        return self.ended and self.reply is None

    def tell(self, name: str, data: dict[str, Any]) -> None:
        """Add an event and wake the listeners."""
        self.events.append(ServedEvent(len(self.events) + 1, name, {"type": name, **data}))
        self._wake()

    def last_event(self) -> ServedEvent:
        """How it ended: its reply, or the problem."""
        if self.reply is not None:
            name, data = "done", {"reply": self.reply.model_dump(mode="json")}
        else:
            name, data = "error", {"problem": (self.problem or stopped()).model_dump()}
        return ServedEvent(len(self.events) + 1, name, {"type": name, **data})

    def finish(self, *, reply: Reply | None = None, problem: Problem | None = None) -> None:
        """Tell how it ended; no more events come."""
        self.reply, self.problem = reply, None if reply else problem or stopped()
        self.events.append(self.last_event())
        self.ended = True
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def follow(self, after: int = 0) -> AsyncIterator[ServedEvent]:
        """Every event with a number above ``after``, those to come included."""
        while True:
            news = self._news
            for event in self.events[after:]:
                after = event.number
                yield event
            if self.ended and after >= len(self.events):
                return
            if after >= len(self.events):
                await news.wait()


def stopped(request_id: str | None = None) -> Problem:
    """Of a turn that was stopped."""
    return Problem(title="Stopped", status=CLIENT_GONE, detail="The turn was stopped.", request_id=request_id)


def in_work() -> Refused:
    """For a message to a session in which a turn runs."""
    return Refused(HTTPStatus.CONFLICT, "A turn is running in this session; wait for its end or stop it.")


def too_many_turns(running: int) -> Refused:
    """For a turn more than may run at once."""
    detail = f"{running} turns of yours are running; try again soon."
    return Refused(HTTPStatus.TOO_MANY_REQUESTS, detail, {"Retry-After": "5"})
