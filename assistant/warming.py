"""What the first turn would load, loaded before it: beside other work, off the event loop, named meanwhile."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NoReturn

from assistant.errors import LLMUnavailable, ProductError
from assistant.llm.client import ChatClient

logger = logging.getLogger(__name__)

LONGEST_SECONDS = 300.0
"""After which a warm-up that still goes on is no reason to wait."""
TICK_SECONDS = 1.0
SAMPLES = (
    "waterproof black shoes under 100 dollars",
    "一百美元以下的黑色鞋子",
    "schwarze Schuhe unter hundert Euro",
    "czarne buty",
)
"""Messages that are answered in a rehearsal: each language takes a path of its own through the reading. The last makes
the encoder read the values of the catalogue's attributes."""

Load = Callable[[], Awaitable[None]]


class WarmUp:
    """Runs steps and knows which have not ended. A step that fails counts as ended: what it misses is reported when a
    turn needs it."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._ended = asyncio.Event()
        self._ended.set()

    @property
    def waiting_for(self) -> list[str]:
        """The steps that have not ended; empty before the beginning and after the end."""
        return [] if self._ended.is_set() else list(self._names)

    async def run(self, stages: Sequence[Mapping[str, Load]]) -> None:
        """Run the stages one after the other, the steps of each side by side."""
        self._names = [name for stage in stages for name in stage]
        self._ended.clear()
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                for stage in stages:
                    await asyncio.gather(*(self._run(name, step) for name, step in stage.items()))
        except TimeoutError:
            logger.warning("the warm-up took more than %.0f s; still missing: %s", LONGEST_SECONDS, self._names)
        finally:
            self._ended.set()

    async def wait(self, tell: Callable[[list[str]], Awaitable[None]]) -> None:
        """Wait for the end of a warm-up that is under way; every second, ``tell`` is called with what is missing."""
        while not self._ended.is_set():
            try:
                await asyncio.wait_for(self._ended.wait(), TICK_SECONDS)
            except TimeoutError:
                await tell(self.waiting_for)

    async def _run(self, name: str, step: Load) -> None:
        try:
            await step()
        except ProductError as exc:
            logger.info("not loaded: %s", exc)
        except Exception:  # whatever it is, the turn that needs the part says so
            logger.warning("the warm-up of %s failed", name, exc_info=True)
        finally:
            self._names.remove(name)


class RehearsalModel(ChatClient):
    """A language model that never answers, for a rehearsal."""

    async def _call(self, *_: Any, **__: Any) -> NoReturn:  # noqa: ANN401 - as of ChatClient
        raise LLMUnavailable("A rehearsal asks no language model.")
