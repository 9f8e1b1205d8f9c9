"""Running turns: one at a time in a session, their events kept so that a broken stream can go on where it broke.

Workers that share a Redis server share their turns (`assistant.service.runs.registry`): one begun on a worker is
followed, resumed and stopped from any, and limits hold over all.
"""

import asyncio
import contextlib
import logging
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from assistant.agent.state import Request
from assistant.front import Assistant
from assistant.records import ONLY_KEPT, Accepted, AttachmentNote, Done, Reply, TurnEvent
from assistant.service.context import REQUEST_ID, User
from assistant.service.http.problems import Refused, problem_of
from assistant.service.keys import Role
from assistant.service.runs.running import Running, ServedEvent, in_work, stopped, too_many_turns
from assistant.service.telemetry.observers import Observer
from assistant.settings import ServiceSettings

if TYPE_CHECKING:
    from assistant.service.runs.registry import TurnRegistry

logger = logging.getLogger(__name__)

NO_LIMIT = -1
LISTENERS_SECONDS = 3.0
"""How long listeners on other workers are given to say that they are there."""


class Turns:
    """All turns of a service, or of one of its workers.

    Args:
        redis: URL of the Redis server that the workers share; empty: there is one worker.
    """

    def __init__(
        self, assistant: Assistant, settings: ServiceSettings, observer: Observer | None = None, redis: str = ""
    ) -> None:
        self._assistant = assistant
        self._observer = observer or Observer()
        self._settings = settings
        self._active: dict[str, tuple[User, Running]] = {}
        self._recent: OrderedDict[tuple[str, str], Running] = OrderedDict()
        self._closing = False
        self._checks: set[asyncio.Task[None]] = set()
        self._starting: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        self._registry = self._shared(redis) if redis else None

    def _shared(self, redis: str) -> "TurnRegistry":
        from assistant.service.runs.registry import TurnRegistry  # Redis' client is installed where it is used

        return TurnRegistry(redis, self._stored_reply, self._stop_here)

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Share turns with other workers meanwhile, if there are any."""
        async with self._registry.connected() if self._registry else contextlib.nullcontext():
            yield

    @property
    def active(self) -> int:
        """How many turns run here."""
        return len(self._active)

    @property
    def streams(self) -> int:
        """How many listeners follow turns that run here."""
        return sum(running.listeners for _, running in self._active.values())

    async def running_in(self, session_id: str) -> Running | None:
        """The turn that runs in a session, on whichever worker.

        Raises:
            Refused: 503, the server that the workers share does not answer.
        """
        if active := self._active.get(session_id):
            return active[1]
        if self._registry is None or (message_id := await self._registry.message_in(session_id)) is None:
            return None
        mirror = await self._registry.mirror(session_id, message_id)
        return mirror if mirror and not mirror.ended else None

    async def stop_all(self, user_id: str) -> None:
        """Stop every turn that runs for a user. Errors as of `running_in`."""
        sessions = {running.session_id for owner, running in self._active.values() if owner.id == user_id}
        if self._registry:
            sessions |= set(await self._registry.sessions_of(user_id))
        for session_id in sessions:
            if running := await self.running_in(session_id):
                await self.stop(running)

    async def find(self, session_id: str, message_id: str) -> Running | None:
        """A message's turn: running, kept, or rebuilt from its stored reply; None when there was no such message.

        Raises:
            Refused: 503, the server that the workers share does not answer.
        """
        earlier = self._recent.get((session_id, message_id))
        if earlier and not (self._registry and earlier.failed):  # which may have been sent again to another worker
            return earlier
        if self._registry and (mirror := await self._registry.mirror(session_id, message_id)):
            return mirror
        return await asyncio.to_thread(self._stored, session_id, message_id) or earlier

    def _stored(self, session_id: str, message_id: str) -> Running | None:
        stored = self._assistant.log.turn_of(session_id, message_id)
        if stored is None:
            return None
        turn, reply = stored
        running = Running(session_id, message_id)
        events = self._assistant.log.events(session_id, turn)
        for event in events or [Accepted(attachments=reply.query.attachments)]:
            if not isinstance(event, ONLY_KEPT):
                _tell(running, event)
        running.finish(reply=reply)
        return running

    def _stored_reply(self, session_id: str, message_id: str) -> Reply | None:
        stored = self._assistant.log.turn_of(session_id, message_id)
        return stored[1] if stored else None

    async def start(self, user: User, session_id: str, request: Request) -> Running:
        """Begin a turn, or find the one that this message's id began earlier; its files are the turn's to delete.

        Raises:
            Refused: 409, a turn runs in this session; 429, too many run; 503, the service is stopping, or the server
                that the workers share does not answer.
        """
        message_id = request.message_id or uuid.uuid4().hex[:16]
        keep = self._settings.bounds.grace_seconds if request.keep_seconds is None else request.keep_seconds
        running = Running(session_id, message_id, keep_seconds=keep)
        try:
            async with self._starting.setdefault((session_id, message_id), asyncio.Lock()):
                earlier = await self.find(session_id, message_id)
                if earlier is None or earlier.failed:
                    earlier = await self._claim(user, running)
        except BaseException:
            discard(request)
            raise
        if earlier:
            discard(request)
            return earlier
        fields = {"session_id": session_id, "owner": user.id, "message_id": message_id}
        running.task = asyncio.create_task(self._run(running, request.model_copy(update=fields)))
        return running

    async def _claim(self, user: User, running: Running) -> Running | None:
        """Have the session for this turn; another worker's turn of the same message, if that was quicker."""
        self._check_room(user, running.session_id)
        self._active[running.session_id] = user, running
        try:
            earlier = await self._claim_everywhere(user, running) if self._registry else None
        except BaseException:
            del self._active[running.session_id]
            raise
        if earlier:
            del self._active[running.session_id]
        else:
            self._keep(running)
        return earlier

    async def _claim_everywhere(self, user: User, running: Running) -> Running | None:
        assert self._registry is not None  # noqa: S101 - the caller has looked
        of_user = self._settings.bounds.visitor_turns if user.role is Role.VISITOR else NO_LIMIT
        holder = await self._registry.claim(user, running, of_key=self._settings.turns_at_once, of_user=of_user)
        if holder == running.message_id and (mirror := await self._registry.mirror(running.session_id, holder)):
            return mirror
        if holder is not None:
            raise in_work()
        answered = await asyncio.to_thread(self._stored, running.session_id, running.message_id)
        if answered:  # by a worker that was quicker
            await self._registry.give_back(running)
        return answered

    def _check_room(self, user: User, session_id: str) -> None:
        if self._closing:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "The service is stopping.", {"Retry-After": "5"})
        if session_id in self._active:
            raise in_work()
        bounds = self._settings.bounds
        counted = [owner.id for owner, _ in self._active.values() if owner.key == user.key]
        many = user.role is Role.VISITOR and counted.count(user.id) >= bounds.visitor_turns
        if many or len(counted) >= self._settings.turns_at_once or len(self._active) >= bounds.turns_in_all:
            raise too_many_turns(len(counted))

    async def listen(self, running: Running, after: int = 0) -> AsyncIterator[ServedEvent]:
        """Follow a turn; it is cancelled when its last listener leaves early and none comes back in time."""
        running.listeners += 1
        try:
            async for event in running.follow(after):
                yield event
        finally:
            running.listeners -= 1
            self._wait_for_listeners(running)

    def _wait_for_listeners(self, running: Running) -> None:
        if not running.listeners and not running.ended:
            seconds = max(running.keep_seconds, LISTENERS_SECONDS if self._registry else 0)
            asyncio.get_running_loop().call_later(seconds, self._check_listeners, running)

    async def stop(self, running: Running) -> None:
        """Cancel a turn and wait until it has ended; the session stays as it was before it. Errors as of `find`."""
        active = self._active.get(running.session_id)
        if self._registry and not running.ended and (active is None or active[1] is not running):
            await self._registry.stop(running)
        elif running.task is not None and not running.task.done():
            running.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([running.task])

    def _stop_here(self, session_id: str, message_id: str) -> None:
        """Stop a turn for another worker, if it runs here."""
        active = self._active.get(session_id)
        if active and active[1].message_id == message_id and active[1].task:
            active[1].task.cancel()

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

    async def forget(self, session_id: str) -> None:
        """Drop what is kept of a session's turns. Errors as of `find`."""
        for key in [key for key in self._recent if key[0] == session_id]:
            del self._recent[key]
        if self._registry:
            await self._registry.forget(session_id)

    async def _run(self, running: Running, request: Request) -> None:
        self._observer.turn_started(running)
        try:
            async for event in self._assistant.answer(request):
                self._pass_on(running, event)
        except asyncio.CancelledError:
            running.problem = stopped(REQUEST_ID.get())
        except Exception as exc:  # whatever it is, the listeners are told and the service goes on
            running.problem = problem_of(exc, REQUEST_ID.get())
        try:
            if self._registry:  # before it is told here: a next message may come to any worker then
                await self._registry.end(running)
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
        if self._registry:
            self._registry.publish(running, running.events[-1])

    def _finish(self, running: Running, request: Request) -> None:
        discard(request)
        self._active.pop(running.session_id, None)
        running.finish(reply=running.reply, problem=running.problem)
        self._observer.turn_ended(running)

    def _check_listeners(self, running: Running) -> None:
        check = asyncio.create_task(self._cancel_unheard(running))
        self._checks.add(check)
        check.add_done_callback(self._checks.discard)

    async def _cancel_unheard(self, running: Running) -> None:
        active = self._active.get(running.session_id)
        if active is None or active[1] is not running or running.task is None:
            return
        if self._registry and await self._registry.heard_elsewhere(running):
            self._wait_for_listeners(running)
        elif not running.listeners and not running.ended:
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
