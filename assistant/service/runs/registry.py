"""The turns of all workers of a service, in Redis: which run, their events, and orders to stop.

The worker that runs a turn holds a lease on its session and renews it; a lease that ends says that the worker died.
Any worker can follow a turn of another one by a mirror: a `Running` that is filled from the turn's stream.

Keys, all of which end by themselves:

- ``lease:SESSION``: the id of the message in work.
- ``running:key:KEY``, ``running:user:USER``: their sessions by the time that the lease ends, to be counted.
- ``events:SESSION:MESSAGE``: a stream of the turn's events.
- ``messages:SESSION``: the messages with a stream, so that a session can be forgotten.
- ``listeners:SESSION:MESSAGE``: followers on other workers, by the time of their last sign.
"""

import asyncio
import contextlib
import json
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import RedisError

from assistant.records import Accepted, Reply
from assistant.service.context import User
from assistant.service.http.problems import SHARED_SECONDS, Problem, Refused, shared_server_away
from assistant.service.runs.running import Running, ServedEvent, too_many_turns

logger = logging.getLogger(__name__)

PREFIX: Final = "assistant:"
LEASE_SECONDS: Final = 15
RENEW_SECONDS: Final = 3.0
BLOCK_SECONDS: Final = 2.0
KEPT_SECONDS: Final = 600
"""How long the events of a turn can be followed; afterwards its stored reply stands for them."""
STOP_SECONDS: Final = 10.0
RETRY_SECONDS: Final = 1.0
_STOP: Final = f"{PREFIX}stop"

_CLAIM: Final = """
local now = tonumber(redis.call('TIME')[1])
local holder = redis.call('GET', KEYS[1])
if holder then return {'session', holder} end
for n = 2, 3 do
    redis.call('ZREMRANGEBYSCORE', KEYS[n], '-inf', now)
    local count, limit = redis.call('ZCARD', KEYS[n]), tonumber(ARGV[n + 2])
    if limit >= 0 and count >= limit then return {'many', tostring(count)} end
end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
redis.call('DEL', KEYS[4])
for n = 2, 3 do
    redis.call('ZADD', KEYS[n], now + ARGV[3], ARGV[1])
    redis.call('EXPIRE', KEYS[n], 3600)
end
return {'ok', ''}
"""
"""Keys: lease, the turns of the key and of the user, events. Arguments: session, message, seconds, and the limits of
key and user, below zero for none."""

_RENEW: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[2] then return 0 end
redis.call('EXPIRE', KEYS[1], ARGV[3])
for n = 2, 3 do redis.call('ZADD', KEYS[n], redis.call('TIME')[1] + ARGV[3], ARGV[1]) end
return 1
"""

_RELEASE: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[1])
for n = 2, 3 do redis.call('ZREM', KEYS[n], ARGV[1]) end
return 1
"""


class _Claimed(NamedTuple):
    user: User
    running: Running


class TurnRegistry:
    """One worker's view of the turns of all workers.

    Args:
        url: of the Redis server.
        stored: the reply to a session's message, if there is one already.
        stop: stops a turn that this worker runs, if it does.
    """

    def __init__(
        self,
        url: str,
        stored: Callable[[str, str], Reply | None],
        stop: Callable[[str, str], object],
    ) -> None:
        self._redis: Redis = Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=SHARED_SECONDS,
            socket_connect_timeout=SHARED_SECONDS,
            health_check_interval=30,
        )
        self._claim = self._redis.register_script(_CLAIM)
        self._renew = self._redis.register_script(_RENEW)
        self._release = self._redis.register_script(_RELEASE)
        self._stored = stored
        self._stop_here = stop
        self._claimed: dict[str, _Claimed] = {}
        self._unpublished: dict[str, list[tuple[int, dict[str, str]]]] = {}
        self._news = asyncio.Event()
        self._mirrors: dict[tuple[str, str], Running] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Renew leases, publish events and take orders to stop meanwhile."""
        self._tasks = [asyncio.create_task(work) for work in (self._renewing(), self._publishing(), self._obeying())]
        try:
            yield
        finally:
            mirrors = [mirror.task for mirror in self._mirrors.values() if mirror.task]
            for task in (*self._tasks, *mirrors):
                task.cancel()
            await asyncio.gather(*self._tasks, *mirrors, return_exceptions=True)
            await self._redis.aclose()

    # Turns of this worker --------------------------------------------------------------------------------------------

    async def claim(self, user: User, running: Running, *, of_key: int, of_user: int) -> str | None:
        """Have a session for a turn of this worker, if no turn runs in it.

        Args:
            of_key: how many turns of the user's key may run.
            of_user: how many of the user; both: below zero for no limit.

        Returns:
            The message in work there, if the session is another turn's.

        Raises:
            Refused: 429, too many turns run; 503, Redis does not answer.
        """
        session, message = running.session_id, running.message_id
        keys = [_lease(session), *_turns_of(user), _stream(session, message)]
        with _answering():
            outcome, detail = await self._claim(keys=keys, args=[session, message, LEASE_SECONDS, of_key, of_user])
        if outcome == "session":
            return str(detail)
        if outcome == "many":
            raise too_many_turns(int(detail))
        self._claimed[session] = _Claimed(user, running)
        return None

    async def give_back(self, running: Running) -> None:
        """Give a session back.

        Raises:
            Refused: 503, Redis does not answer; it is tried again.
        """
        claimed = self._claimed.get(running.session_id)
        if claimed is None or claimed.running is not running:  # given back already; the session is the next turn's
            return
        with _answering():
            await self._do(self._release, claimed)
        if self._claimed.get(running.session_id) is claimed:
            del self._claimed[running.session_id]

    def publish(self, running: Running, event: ServedEvent) -> None:
        """Have an event of a turn of this worker told to those who follow it elsewhere."""
        entry = {"name": event.name, "data": event.as_json()}
        if event.name == "accepted":
            entry |= {"accepted": running.accepted.model_dump_json(), "said": running.said}
        self._unpublished.setdefault(running.session_id, []).append((event.number, entry))
        self._news.set()

    async def end(self, running: Running) -> None:
        """Tell how a turn of this worker ended, and give its session back; later, if Redis does not answer."""
        self.publish(running, running.last_event())
        try:
            await self._flush(running.session_id)
            await self.give_back(running)
        except Refused as exc:
            logger.warning("the end of a turn cannot be told to other workers now: %s", exc)

    async def heard_elsewhere(self, running: Running) -> bool:
        """Whether anybody follows a turn on another worker, or Redis does not say."""
        key = _listeners(running.session_id, running.message_id)
        try:
            with _answering():
                return bool(await self._redis.zcount(key, time.time() - 3 * BLOCK_SECONDS, "+inf"))
        except Refused:
            return True

    # Turns of other workers -------------------------------------------------------------------------------------------

    async def mirror(self, session_id: str, message_id: str) -> Running | None:
        """A turn that another worker runs or ran lately; None if there is none.

        Raises:
            Refused: 503, Redis does not answer.
        """
        if mirror := self._mirrors.get((session_id, message_id)):
            return mirror
        with _answering():
            # before reading: a turn gives its session back after its last event
            held = await self._redis.get(_lease(session_id)) == message_id
            entries = await self._redis.xrange(_stream(session_id, message_id))
        if not entries and not held:
            return None
        if mirror := self._mirrors.get((session_id, message_id)):  # made meanwhile
            return mirror
        mirror = Running(session_id, message_id)
        last = _fill(mirror, entries)
        if not mirror.ended and not held:
            await self._end_unfinished(mirror)
        if not mirror.ended:
            self._mirrors[session_id, message_id] = mirror
            mirror.task = asyncio.create_task(self._follow(mirror, last))
        return mirror

    async def message_in(self, session_id: str) -> str | None:
        """The message in work in a session, on whichever worker.

        Raises:
            Refused: 503, Redis does not answer.
        """
        with _answering():
            holder = await self._redis.get(_lease(session_id))
        return str(holder) if holder else None

    async def sessions_of(self, user_id: str) -> list[str]:
        """The sessions in which a turn of a user runs.

        Raises:
            Refused: 503, Redis does not answer.
        """
        with _answering():
            return [str(one) for one in await self._redis.zrange(_of_user(user_id), 0, -1)]

    async def stop(self, mirror: Running) -> None:
        """Have the worker that runs a turn stop it, and wait until it has ended.

        Raises:
            Refused: 503, Redis or the worker does not answer.
        """
        with _answering():
            await self._redis.publish(_STOP, json.dumps([mirror.session_id, mirror.message_id]))
        try:
            async with asyncio.timeout(STOP_SECONDS + LEASE_SECONDS):
                async for _ in mirror.follow(len(mirror.events)):
                    pass
        except TimeoutError:
            detail = "The worker that runs this turn does not answer; try again soon."
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": "5"}) from None

    async def forget(self, session_id: str) -> None:
        """Delete the events of a session's turns.

        Raises:
            Refused: 503, Redis does not answer.
        """
        with _answering():
            messages = [str(one) for one in await self._redis.smembers(_messages(session_id))]
            await self._redis.delete(_messages(session_id), *(_stream(session_id, one) for one in messages))

    # Beside ----------------------------------------------------------------------------------------------------------

    async def _follow(self, mirror: Running, last: str) -> None:
        """Fill a mirror until its turn ends, or the worker that runs it."""
        session, message, listener = mirror.session_id, mirror.message_id, uuid.uuid4().hex
        stream, listeners = _stream(session, message), _listeners(session, message)
        try:
            while not mirror.ended:
                try:
                    if mirror.listeners:
                        await self._redis.zadd(listeners, {listener: time.time()})
                        await self._redis.expire(listeners, KEPT_SECONDS)
                    # before reading: a turn gives its session back after its last event
                    held = await self._redis.get(_lease(session)) == message
                    if held:
                        await self._redis.xread({stream: last}, block=round(BLOCK_SECONDS * 1000))
                    entries = await self._redis.xrange(stream, min=f"({last}")
                    last = _fill(mirror, entries, last)
                    if not entries and not held:
                        await self._end_unfinished(mirror)
                except RedisError as exc:
                    logger.warning("the events of a turn cannot be followed now: %s", type(exc).__name__)
                    await asyncio.sleep(RETRY_SECONDS)
        finally:
            self._mirrors.pop((session, message), None)
            with contextlib.suppress(RedisError):
                await self._redis.zrem(listeners, listener)

    async def _end_unfinished(self, mirror: Running) -> None:
        """The worker died: before it had kept the reply, or before it could tell."""
        reply = await asyncio.to_thread(self._stored, mirror.session_id, mirror.message_id)
        if reply is not None:
            mirror.finish(reply=reply)
        else:
            mirror.finish(problem=_died())

    async def _renewing(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            for session, claimed in list(self._claimed.items()):
                if self._claimed.get(session) is not claimed:  # it has ended while others were renewed
                    continue
                try:
                    with _answering():
                        if claimed.running.ended:  # Redis did not answer when it ended
                            await self._flush(session)
                            await self.give_back(claimed.running)
                        elif not await self._do(self._renew, claimed):
                            await self._claim_again(claimed)
                except Refused as exc:
                    logger.warning("the lease of a turn cannot be renewed now: %s", exc)

    async def _claim_again(self, claimed: _Claimed) -> None:
        """Redis has lost what it held; a session that is another turn's by now stays that one's."""
        with contextlib.suppress(Refused):
            await self.claim(claimed.user, claimed.running, of_key=-1, of_user=-1)

    async def _do(self, script: Any, claimed: _Claimed) -> int:  # noqa: ANN401 - redis-py has no name for it
        running = claimed.running
        keys = [_lease(running.session_id), *_turns_of(claimed.user)]
        return int(await script(keys=keys, args=[running.session_id, running.message_id, LEASE_SECONDS]))

    async def _publishing(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                for session in list(self._unpublished):
                    await self._flush(session)
            except Refused:
                await asyncio.sleep(RETRY_SECONDS)
                self._news.set()

    async def _flush(self, session: str) -> None:
        """Append to the stream what waits, in order; an entry that is there already, as an answer got lost, is once."""
        claimed = self._claimed.get(session)
        if claimed is None:
            self._unpublished.pop(session, None)
            return
        running = claimed.running
        stream, messages = _stream(session, running.message_id), _messages(session)
        async with running.publishing:
            entries = list(self._unpublished.get(session, []))
            if not entries:
                return
            with _answering():
                pipeline = self._redis.pipeline()
                for number, entry in entries:
                    pipeline.xadd(stream, entry, id=f"{number}-0")  # type: ignore[arg-type]  # str to str
                pipeline.expire(stream, KEPT_SECONDS)
                pipeline.sadd(messages, running.message_id)
                pipeline.expire(messages, KEPT_SECONDS)
                for result in await pipeline.execute(raise_on_error=False):
                    if isinstance(result, RedisError) and "equal or smaller" not in str(result):
                        raise result
            del self._unpublished[session][: len(entries)]
            if not self._unpublished[session]:
                del self._unpublished[session]

    async def _obeying(self) -> None:
        """Stop the turns of this worker that others ask to stop."""
        while True:
            try:
                async with self._redis.pubsub() as orders:
                    await orders.subscribe(_STOP)
                    while True:
                        order = await orders.get_message(ignore_subscribe_messages=True, timeout=BLOCK_SECONDS)
                        if order is not None:
                            self._stop_here(*json.loads(order["data"]))
            except RedisError as exc:
                logger.warning("orders to stop a turn cannot be heard now: %s", type(exc).__name__)
                await asyncio.sleep(RETRY_SECONDS)


@contextlib.contextmanager
def _answering() -> Iterator[None]:
    """Turn Redis' errors into a refusal; whatever they say, addresses and passwords may be in it."""
    try:
        yield
    except RedisError as exc:
        logger.info("Redis failed: %s", type(exc).__name__)
        raise shared_server_away() from exc


def _died() -> Problem:
    status = HTTPStatus.SERVICE_UNAVAILABLE
    detail = "The worker that answered this message has ended; send the message again."
    return Problem(title=status.phrase, status=status, detail=detail)


def _fill(mirror: Running, entries: Any, last: str = "0-0") -> str:  # noqa: ANN401 - redis-py names every form there is
    """Tell a mirror what stands in the stream, (id, fields) each; the id of the last entry."""
    for entry_id, entry in entries:
        last, data = entry_id, json.loads(entry["data"])
        if "accepted" in entry:
            mirror.accepted, mirror.said = Accepted.model_validate_json(entry["accepted"]), entry["said"]
        match entry["name"]:
            case "done":
                mirror.finish(reply=Reply.model_validate(data["reply"]))
            case "error":
                mirror.finish(problem=Problem.model_validate(data["problem"]))
            case name:
                mirror.tell(name, data)
    return last


def _turns_of(user: User) -> tuple[str, str]:
    return f"{PREFIX}running:key:{user.key}", _of_user(user.id)


def _of_user(user_id: str) -> str:
    return f"{PREFIX}running:user:{user_id}"


def _lease(session: str) -> str:
    return f"{PREFIX}lease:{session}"


def _stream(session: str, message: str) -> str:
    return f"{PREFIX}events:{session}:{message}"


def _messages(session: str) -> str:
    return f"{PREFIX}messages:{session}"


def _listeners(session: str, message: str) -> str:
    return f"{PREFIX}listeners:{session}:{message}"
