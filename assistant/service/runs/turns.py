"""Running turns: one at a time in a session, their events kept so that a broken stream can go on where it broke."""

import asyncio
import contextlib
import json
import logging
import time
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from assistant.agent.state import Request
from assistant.front import Assistant
from assistant.records import ONLY_KEPT, Accepted, AttachmentNote, Done, Reply, TurnEvent
from assistant.service.context import CLIENT_GONE, REQUEST_ID, User
from assistant.service.http.problems import Problem, Refused, problem_of
from assistant.service.keys import Role
from assistant.service.telemetry.observers import Observer
from assistant.settings import ServiceSettings

logger = logging.getLogger(__name__)


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
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def seconds(self) -> float:
        """How long ago it began."""
        return time.monotonic() - self.began

    def tell(self, name: str, data: dict[str, Any]) -> None:
        """Add an event and wake the listeners."""
        self.events.append(ServedEvent(len(self.events) + 1, name, {"type": name, **data}))
        self._wake()

    def end(self) -> None:
        """No more events come."""
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


class Turns:
    """All turns of a service."""

    def __init__(self, assistant: Assistant, settings: ServiceSettings, observer: Observer | None = None) -> None:
        self._assistant = assistant
        self._observer = observer or Observer()
        self._settings = settings
        self._active: dict[str, tuple[User, Running]] = {}
        self._recent: OrderedDict[tuple[str, str], Running] = OrderedDict()
        self._closing = False

    @property
    def active(self) -> int:
        """How many turns run."""
        return len(self._active)

    @property
    def streams(self) -> int:
        """How many listeners follow turns that run."""
        return sum(running.listeners for _, running in self._active.values())

    def running_in(self, session_id: str) -> Running | None:
        """The turn that runs in a session."""
        active = self._active.get(session_id)
        return active[1] if active else None

    async def stop_all(self, user_id: str) -> None:
        """Stop every turn that runs for a user."""
        for running in [running for owner, running in self._active.values() if owner.id == user_id]:
            await self.stop(running)

    def find(self, session_id: str, message_id: str) -> Running | None:
        """A message's turn: running, kept, or rebuilt from its stored reply; None when there was no such message."""
        if earlier := self._recent.get((session_id, message_id)):
            return earlier
        stored = self._assistant.log.turn_of(session_id, message_id)
        if stored is None:
            return None
        turn, reply = stored
        running = Running(session_id, message_id, reply=reply)
        events = self._assistant.log.events(session_id, turn)
        for event in events or [Accepted(attachments=reply.query.attachments)]:
            if not isinstance(event, ONLY_KEPT):
                _tell(running, event)
        running.tell("done", {"reply": reply.model_dump(mode="json")})
        running.end()
        return running

    def start(self, user: User, session_id: str, request: Request) -> Running:
        """Begin a turn, or find the one that this message's id began earlier; its files are the turn's to delete.

        Raises:
            Refused: 409, a turn runs in this session; 429, too many run; 503, the service is stopping.
        """
        message_id = request.message_id or uuid.uuid4().hex[:16]
        if earlier := self.find(session_id, message_id):
            if earlier.reply is not None or not earlier.ended:  # one that failed may be sent again
                discard(request)
                return earlier
            del self._recent[session_id, message_id]
        try:
            self._check_room(user, session_id)
        except Refused:
            discard(request)
            raise
        keep = self._settings.bounds.grace_seconds if request.keep_seconds is None else request.keep_seconds
        running = Running(session_id, message_id, keep_seconds=keep)
        self._active[session_id] = user, running
        self._keep(running)
        fields = {"session_id": session_id, "owner": user.id, "message_id": message_id}
        running.task = asyncio.create_task(self._run(running, request.model_copy(update=fields)))
        return running

    def _check_room(self, user: User, session_id: str) -> None:
        if self._closing:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "The service is stopping.", {"Retry-After": "5"})
        if session_id in self._active:
            raise Refused(HTTPStatus.CONFLICT, "A turn is running in this session; wait for its end or stop it.")
        bounds = self._settings.bounds
        counted = [owner.id for owner, _ in self._active.values() if owner.key == user.key]
        many = user.role is Role.VISITOR and counted.count(user.id) >= bounds.visitor_turns
        if many or len(counted) >= self._settings.turns_at_once or len(self._active) >= bounds.turns_in_all:
            detail = f"{len(counted)} turns of yours are running; try again soon."
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, detail, {"Retry-After": "5"})

    async def listen(self, running: Running, after: int = 0) -> AsyncIterator[ServedEvent]:
        """Follow a turn; it is cancelled when its last listener leaves early and none comes back in time."""
        running.listeners += 1
        try:
            async for event in running.follow(after):
                yield event
        finally:
            running.listeners -= 1
            if not running.listeners and not running.ended:
                loop = asyncio.get_running_loop()
                loop.call_later(running.keep_seconds, self._cancel_unheard, running)

    async def stop(self, running: Running) -> None:
        """Cancel a turn and wait until it has ended; the session stays as it was before it."""
        if running.task is not None and not running.task.done():
            running.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([running.task])

    async def close(self) -> None:
        """Take no more turns; give those that run some time to finish, then cancel them."""
        self._closing = True
        tasks = [running.task for _, running in self._active.values() if running.task]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self._settings.bounds.stop_seconds)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    def forget(self, session_id: str) -> None:
        """Drop what is kept of a session's turns."""
        for key in [key for key in self._recent if key[0] == session_id]:
            del self._recent[key]

    async def _run(self, running: Running, request: Request) -> None:
        self._observer.turn_started(running)
        try:
            async for event in self._assistant.answer(request):
                self._pass_on(running, event)
        except asyncio.CancelledError:
            running.problem = Problem(
                title="Stopped", status=CLIENT_GONE, detail="The turn was stopped.", request_id=REQUEST_ID.get()
            )
        except Exception as exc:  # whatever it is, the listeners are told and the service goes on
            running.problem = problem_of(exc, REQUEST_ID.get())
        finally:
            self._finish(running, request)

    def _pass_on(self, running: Running, event: TurnEvent) -> None:
        self._observer.turn_event(running, event)
        match event:
            case Accepted():
                running.accepted, running.said = event, event.said
            case Done():  # told when the session's memory is written, so that a next turn may follow at once
                running.reply = event.reply
                return
        _tell(running, event)

    def _finish(self, running: Running, request: Request) -> None:
        discard(request)
        self._active.pop(running.session_id, None)
        if running.reply is not None:
            running.problem = None
            running.tell("done", {"reply": running.reply.model_dump(mode="json")})
        elif running.problem is not None:
            running.tell("error", {"problem": running.problem.model_dump()})
        running.end()
        self._observer.turn_ended(running)

    def _cancel_unheard(self, running: Running) -> None:
        if not running.listeners and not running.ended and running.task is not None:
            logger.info("nobody listens to turn %s of session %s: cancelled", running.message_id, running.session_id)
            running.task.cancel()

    def _keep(self, running: Running) -> None:
        self._recent[running.session_id, running.message_id] = running
        for key in list(self._recent):
            if len(self._recent) <= self._settings.bounds.kept_turns:
                break
            if self._recent[key].ended:
                del self._recent[key]


def discard(request: Request) -> None:
    """Delete the files that came with a message; a turn has its own copies."""
    for path in request.files:
        path.unlink(missing_ok=True)


def _tell(running: Running, event: TurnEvent) -> None:
    data = event.model_dump(mode="json", exclude={"type"})
    running.tell(event.type, _accepted(running, event) if isinstance(event, Accepted) else data)


def _accepted(running: Running, event: Accepted) -> dict[str, Any]:
    attachments = [note.model_dump() for note in with_urls(running.session_id, event.attachments)]
    return {"message_id": running.message_id, "session_id": running.session_id, "attachments": attachments}


class AttachmentOut(AttachmentNote):
    """An attachment and where it can be read."""

    url: str


def with_urls(session_id: str, attachments: list[AttachmentNote]) -> list[AttachmentOut]:
    """Attachments as clients are told of them."""
    return [AttachmentOut(**note.model_dump(), url=attachment_url(session_id, note.id)) for note in attachments]


def attachment_url(session_id: str, attachment_id: str) -> str:
    """Where an attachment can be read."""
    return f"/api/sessions/{session_id}/attachments/{attachment_id}"
