"""Asking work in another thread to stop: a thread cannot be ended from outside, so long loops look now and then.

stop = threading.Event()
with stopped_by(stop):
    await asyncio.to_thread(work)      # the thread inherits the context
...
stop.set()                             # the next check_stopped() in it raises
"""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

from tools.errors import ToolFailure

P = ParamSpec("P")
T = TypeVar("T")

_STOP: ContextVar[threading.Event | None] = ContextVar("stop", default=None)


@contextmanager
def stopped_by(stop: threading.Event) -> Iterator[None]:
    """Work that begins in this block stops soon after the event is set."""
    token = _STOP.set(stop)
    try:
        yield
    finally:
        _STOP.reset(token)


def check_stopped() -> None:
    """Go on, unless somebody asked this work to stop.

    Raises:
        ToolFailure: somebody did.
    """
    stop = _STOP.get()
    if stop is not None and stop.is_set():
        raise ToolFailure("The work was stopped.")


async def to_its_end(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Work in a thread that is waited for also when the caller is cancelled: when the cancelling arrives, it has ended
    and changes nothing more."""
    working = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait([working])
        raise


def stoppable(values: Iterable[T]) -> Iterator[T]:
    """The same values, with a look before each.

    Raises:
        ToolFailure: somebody asked this work to stop.
    """
    for value in values:
        check_stopped()
        yield value
