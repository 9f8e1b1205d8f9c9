"""What a run counts: cases, the slowest of them, and every distinct failure with the smallest input that showed it."""

import logging
import re
import signal
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Literal, TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

T = TypeVar("T")

Sort = Literal["5xx", "traceback", "hang", "lost", "output", "growth"]
"""``lost``: what was accepted cannot be read again, or is another thing then. ``output``: on standard error.
``growth``: of memory.
"""
HANG_SECONDS = 10.0
MAX_CHARACTERS = 500
_REPEATED = re.compile(r"(.{1,12}?)\1{15,}", re.DOTALL)
PRODUCT_PACKAGES = ("assistant", "tools", "prompts")


class CaseHang(BaseException):
    """A case took too long; no handler of the product's catches it."""


class ServiceGone(Exception):
    """The service answers nothing any more; what is left of the cases cannot be tried."""


@dataclass
class Failure:
    """One distinct failure.

    Attributes:
        description: the error and the place where it was raised; failures with the same one count as one.
        reproducer: the smallest input that showed it.
    """

    sort: Sort
    description: str
    reproducer: str
    count: int = 1


@dataclass
class Tally:
    """What is counted of one kind of cases; milliseconds of processor time."""

    kind: str
    cases: int = 0
    seconds: float = 0.0
    slowest_ms: float = 0.0
    slowest: str = ""
    notes: Counter[str] = field(default_factory=Counter)
    failures: dict[tuple[str, str], Failure] = field(default_factory=dict)

    def fail(self, sort: Sort, description: str, reproducer: object) -> None:
        """Note a failure; of equal ones the smallest reproducer stays."""
        text = reproducer if isinstance(reproducer, str) else repr(reproducer)
        failure = self.failures.setdefault((sort, description), Failure(sort, description, text, 0))
        failure.count += 1
        if len(text) < len(failure.reproducer):
            failure.reproducer = text

    def fail_by(self, error: BaseException, reproducer: object) -> None:
        """Note what was raised where nothing should be."""
        self.fail("traceback", origin_of(error), reproducer)

    def count(self, sort: Sort) -> int:
        """How many cases failed in this way."""
        return sum(failure.count for failure in self.failures.values() if failure.sort == sort)

    @contextmanager
    def timed(self, case: object, seconds: float = HANG_SECONDS) -> Iterator[None]:
        """Count a case, with the processor time of the whole process; one that takes too long is ended, and noted."""
        began = time.process_time()
        try:
            with _ended_in_time(seconds):
                yield
        except CaseHang:
            self.fail("hang", f"over {seconds:g} s", case)
        finally:
            self.cases += 1
            used = 1000 * (time.process_time() - began)
            if used > self.slowest_ms:
                self.slowest_ms, self.slowest = used, shortened(case)


@contextmanager
def _ended_in_time(seconds: float) -> Iterator[None]:
    def end(number: int, frame: FrameType | None) -> None:
        raise CaseHang

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds + 2)  # a client of HTTP gives up before that, and says so itself
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def shortened(case: object) -> str:
    """A case as Python would write it, repetitions as a count, at most `MAX_CHARACTERS` characters."""
    text = case if isinstance(case, str) else repr(case)
    text = text[:200_000].encode("utf-8", "backslashreplace").decode()  # lone surrogates cannot be printed
    text = _REPEATED.sub(lambda match: f"…{match[1]}×{len(match[0]) // len(match[1])}…", text)
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}…"


def origin_of(error: BaseException) -> str:
    """An error's name and where in the product's code it came from."""
    frames = list(traceback.extract_tb(error.__traceback__))
    root = Path(__file__).resolve().parents[2]
    own_frames = [
        frame for frame in frames if any(Path(frame.filename).is_relative_to(root / name) for name in PRODUCT_PACKAGES)
    ]
    if not frames:
        return type(error).__name__
    last = (own_frames or frames)[-1]
    file = Path(last.filename)
    where = f"{file.relative_to(root) if own_frames else file.name}:{last.name}"
    return f"{type(error).__name__} in {where}"


def run(cases: st.SearchStrategy[T], check: Callable[[T], None], *, count: int, start: int) -> None:
    """Give ``count`` generated cases to ``check``, the same ones for the same ``start``; it must not raise."""

    @seed(start)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases)
    def each(case: T) -> None:
        check(case)

    each()


class ErrorLog(logging.Handler):
    """Collects what the service logs as errors while it answers."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._records: list[str] = []
        self._guard = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the error's place, or the message where there is no error."""
        error = record.exc_info[1] if record.exc_info else None
        with self._guard:
            self._records.append(origin_of(error) if error else record.getMessage()[:200])

    def take(self) -> list[str]:
        """What was logged since the last call."""
        with self._guard:
            records, self._records = self._records, []
        return records

    @contextmanager
    def listening(self) -> Iterator[None]:
        """While entered, everything logged as an error arrives here, and the log is silent otherwise."""
        loggers = [logging.getLogger(name) for name in (None, "uvicorn.error", "uvicorn")]
        for logger in loggers:
            logger.addHandler(self)
        try:
            yield
        finally:
            for logger in loggers:
                logger.removeHandler(self)
