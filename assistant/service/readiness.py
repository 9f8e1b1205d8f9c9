"""Whether the service can answer: each thing that it depends on, looked at seldom however often it is asked."""

import asyncio
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import Field

from assistant.errors import ProductError
from assistant.llm import server
from assistant.llm.profiles import mending_command
from assistant.service.context import Service
from tools.records import Record
from tools.store.chroma_server import beats

FRESH_SECONDS = 2.0
FREE_BYTES = 256 * 2**20
HEARTBEAT_SECONDS = 3.0
OK = "ok"


@dataclass(frozen=True)
class Dependency:
    """Something that the service depends on.

    ``look`` is called in a thread and gives `OK` or a sentence for people, without addresses; it may raise
    `ProductError` or `OSError`. Without what ``is_needed`` nothing can be answered; without the rest, turns go on with
    less and say so.
    """

    name: str
    look: Callable[[], str]
    is_needed: bool = False


class Ready(Record):
    """Each thing that the service depends on: ``ok``, or a sentence saying what is wrong."""

    ready: bool = Field(
        description="whether what every turn needs is there and loaded: the catalogue, its vectors, the text encoder, "
        "the disk; without a server for vectors or one that encodes texts, turns go on with less"
    )
    parts: dict[str, str] = Field(examples=[{"catalogue": OK, "text": OK, "disk": OK, "llm": OK, "warm_up": OK}])


class Readiness:
    """Looks at the parts, and remembers for a moment what it saw."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._redis_url = service.settings.redis_url
        self._dependencies = [
            Dependency("catalogue", self._catalogue, is_needed=True),
            # without a server for vectors or one that encodes texts, words are still searched
            Dependency("vectors", self._vectors, is_needed=service.settings.chroma_url is None),
            Dependency("text", self._text, is_needed=service.settings.text.base_url is None),
            Dependency("pictures", lambda: self._engine("pictures")),
            Dependency("speech", lambda: self._engine("speech")),
            Dependency("disk", self._disk, is_needed=True),
            Dependency("warm_up", self._warm_up, is_needed=True),
        ]
        if service.settings.state.url:
            self.register(Dependency("state", self._state, is_needed=True))
        if self._redis_url:
            self.register(Dependency("redis", self._redis, is_needed=True))
        if service.settings.files.is_shared:  # without it turns go on, though not those with files
            self.register(Dependency("objects", self._objects))
        self._looking = asyncio.Lock()
        self._latest: Ready | None = None
        self._until = 0.0

    def register(self, dependency: Dependency) -> None:
        """Have another thing looked at from now on, such as a database that several machines share."""
        self._dependencies.append(dependency)

    async def look(self) -> Ready:
        """How the parts are; several who ask at once wait for one look."""
        async with self._looking:
            if self._latest is None or time.monotonic() > self._until:
                self._latest = await self._look()
                warming = self._latest.parts["warm_up"] != OK  # its end is told at once
                self._until = time.monotonic() + (0 if warming else FRESH_SECONDS)
            return self._latest

    async def _look(self) -> Ready:
        looks = [asyncio.to_thread(_guarded, dependency.look) for dependency in self._dependencies]
        llm, states = await asyncio.gather(asyncio.to_thread(self._llm), asyncio.gather(*looks))
        parts = {dependency.name: state for dependency, state in zip(self._dependencies, states, strict=True)}
        ready = all(parts[dependency.name] == OK for dependency in self._dependencies if dependency.is_needed)
        return Ready(ready=ready, parts=parts | llm)

    def _catalogue(self) -> str:
        self._service.assistant.count()
        return OK

    def _vectors(self) -> str:
        """Those in the process are opened, and mended, by a search; here only a server is asked for a sign of life."""
        url = self._service.settings.chroma_url
        if url is None or beats(url, HEARTBEAT_SECONDS):
            return OK
        return "The Chroma server does not answer; check chroma_url and that server."

    def _state(self) -> str:
        self._service.assistant.log.knows("")
        return OK

    def _redis(self) -> str:
        from redis import Redis, RedisError  # installed where it is used

        try:
            seconds = HEARTBEAT_SECONDS
            with Redis.from_url(self._redis_url, socket_timeout=seconds, socket_connect_timeout=seconds) as redis:
                redis.ping()
        except RedisError:
            return "The Redis server does not answer; check state.redis and that server."
        return OK

    def _objects(self) -> str:
        self._service.settings.files.check()
        return OK

    def _text(self) -> str:
        encoder = self._service.assistant.engines.text
        if self._service.settings.text.base_url:
            encoder.load()
        return OK

    def _engine(self, name: str) -> str:
        """Making an engine looks at its files; what is heavy is loaded in warming up."""
        getattr(self._service.assistant.engines, name)
        return OK

    def _llm(self) -> dict[str, str]:
        """Of the language model, and of each of its replicas by its number in the settings."""
        settings = self._service.settings
        status: list[server.ServerStatus] = []

        def look() -> str:
            status.append(server.status(settings))
            return OK if status[0].answers else f"The language model does not answer; {mending_command(settings)}."

        parts = {"llm": _guarded(look)}
        replicas = status[0].replicas if status else ()
        wrong = f"This server of the language model does not answer as wanted; {mending_command(settings)}."
        return parts | {f"llm {n}": OK if one.answers else wrong for n, one in enumerate(replicas, start=1)}

    def _warm_up(self) -> str:
        missing = self._service.assistant.warming.waiting_for
        return f"The first turn would wait, since these are being loaded: {', '.join(missing)}." if missing else OK

    def _disk(self) -> str:
        folder = self._service.settings.data_folder
        free = shutil.disk_usage(folder).free
        if free >= FREE_BYTES:
            return OK
        return f"{free / 2**20:.0f} MiB are free where {folder} lies; at least {FREE_BYTES / 2**20:.0f} are needed."


def _guarded(look: Callable[[], str]) -> str:
    try:
        return look()
    except ProductError as exc:
        return str(exc)
    except OSError as exc:
        return f"It cannot be looked at: {exc.strerror or exc}."
