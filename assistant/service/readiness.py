"""Whether the service can answer: each thing that it depends on, looked at seldom however often it is asked."""

import asyncio
import shutil
import time
from collections.abc import Callable

from pydantic import Field

from assistant.errors import ProductError
from assistant.llm import server
from assistant.llm.profiles import mending_command
from assistant.service.context import Service
from tools.records import Record

FRESH_SECONDS = 2.0
FREE_BYTES = 256 * 2**20
NEEDED = frozenset({"catalogue", "state", "text", "disk", "warm_up"})
"""Without the others, turns go on with less and say so."""
OK = "ok"


class Ready(Record):
    """Each thing that the service depends on: ``ok``, or a sentence saying what is wrong."""

    ready: bool = Field(
        description="whether what every turn needs is there and loaded: the catalogue, the text encoder, the disk"
    )
    parts: dict[str, str] = Field(examples=[{"catalogue": OK, "text": OK, "disk": OK, "llm": OK, "warm_up": OK}])


class Readiness:
    """Looks at the parts, and remembers for a moment what it saw."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._looking = asyncio.Lock()
        self._latest: Ready | None = None
        self._until = 0.0

    async def look(self) -> Ready:
        """How the parts are; several who ask at once wait for one look."""
        async with self._looking:
            if self._latest is None or time.monotonic() > self._until:
                self._latest = await self._look()
                warming = self._latest.parts["warm_up"] != OK  # its end is told at once
                self._until = time.monotonic() + (0 if warming else FRESH_SECONDS)
            return self._latest

    async def _look(self) -> Ready:
        looks: dict[str, Callable[[], str]] = {
            "catalogue": self._catalogue,
            "text": lambda: self._engine("text"),
            "pictures": lambda: self._engine("pictures"),
            "speech": lambda: self._engine("speech"),
            "llm": self._llm,
            "disk": self._disk,
            "warm_up": self._warm_up,
        }
        if self._service.settings.state.url:
            looks["state"] = self._state
        states = await asyncio.gather(*(asyncio.to_thread(_guarded, look) for look in looks.values()))
        parts = dict(zip(looks, states, strict=True))
        return Ready(ready=all(parts[name] == OK for name in NEEDED & parts.keys()), parts=parts)

    def _catalogue(self) -> str:
        self._service.assistant.count()
        return OK

    def _state(self) -> str:
        self._service.assistant.log.knows("")
        return OK

    def _engine(self, name: str) -> str:
        """Making an engine looks at its files; what is heavy is loaded in warming up."""
        getattr(self._service.assistant.engines, name)
        return OK

    def _llm(self) -> str:
        settings = self._service.settings
        answers = server.status(settings).answers
        return OK if answers else f"The language model does not answer; {mending_command(settings)}."

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
