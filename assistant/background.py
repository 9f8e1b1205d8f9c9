"""Work in threads that the end of the process does not wait for. Imports nothing, to be there at once."""

import asyncio
import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, Final

THREAD: Final = "background"
"""The threads' name."""


async def in_thread(work: Callable[[], Any]) -> None:
    """Run in a thread of its own and wait; cancelled, it works on, and holds up the end of neither loop nor process."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def end(error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def run() -> None:
        error: BaseException | None = None
        try:
            work()
        except BaseException as exc:  # handed on to who waits
            error = exc
        if not loop.is_closed():
            loop.call_soon_threadsafe(end, error)

    threading.Thread(target=copy_context().run, args=(run,), name=THREAD, daemon=True).start()
    await done


def is_under_way() -> bool:
    """Whether such a thread runs."""
    return any(thread.name == THREAD for thread in threading.enumerate())
