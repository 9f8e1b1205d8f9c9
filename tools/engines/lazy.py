"""Things made on first use, once, whichever thread asks first."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Generic, TypeVar

from tools.errors import ProductError, ServiceMissing

T = TypeVar("T")

_IMPORTS = RLock()


@contextmanager
def importing() -> Iterator[None]:
    """Import a large library: one thread at a time, since two that import overlapping packages can see half-made ones.

    Threads that wait for each other then sleep instead of spinning (read by OpenMP when torch is loaded): beside
    a language model on the same two cores, spinning made one recording take 31 s in place of 7.
    """
    with _IMPORTS:
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        yield


class Lazy(Generic[T]):
    """Call it to get the value; a maker that raises is asked again next time."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = RLock()
        self._values: list[T] = []

    def __call__(self) -> T:
        if not self._values:
            with self._lock:
                if not self._values:
                    self._values.append(self._make())
        return self._values[0]

    @property
    def is_made(self) -> bool:
        """True once the value is there."""
        return bool(self._values)


def lazily(value: T | Callable[[], T]) -> Lazy[T]:
    """Wrap a ready value, or a function that makes it."""
    return Lazy(value) if callable(value) else Lazy(lambda: value)


@contextmanager
def loading(model: str) -> Iterator[None]:
    """Translate whatever a library raises on absent or damaged model files: there is no common type between them.

    Raises:
        ServiceMissing: naming the model and the library's reason.
    """
    try:
        yield
    except ProductError:
        raise
    except ImportError as exc:
        raise ServiceMissing(f"The Python package {exc.name} is missing; install the product again.") from exc
    except Exception as exc:
        reason = " ".join(str(exc).split())[:200] or type(exc).__name__
        raise ServiceMissing(f"The model {model} cannot be loaded: {reason}") from exc
