"""How far ingestion is: a bar on a terminal, a line every few seconds elsewhere."""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Lock
from typing import Literal, Protocol, TextIO, get_args

PLAIN_SECONDS = 5.0
Work = Literal["fetching", "decoding", "encoding", "reading", "transcribing", "writing"]
"""What ingestion does with an item; several go on at the same time."""


class Advance(Protocol):
    """Takes the number done so far, and what else is to be said."""

    def __call__(self, amount: int, note: str = "", /) -> None: ...


class Progress(Protocol):
    """Where a long step says how far it is."""

    def say(self, text: str) -> None:
        """One line of plain text."""

    def stage(self, text: str, total: int, unit: str) -> AbstractContextManager[Advance]:
        """A step of ``total`` units, 0 where nobody knows; what it yields takes the number done so far."""


class SilentProgress:
    """Says nothing."""

    def say(self, text: str) -> None:
        """Nothing."""

    @contextmanager
    def stage(self, text: str, total: int, unit: str) -> Iterator[Advance]:
        """Nothing."""
        yield lambda *_: None


class Steps:
    """Tells a stage how much of each kind of work is done; may be called by several threads."""

    def __init__(self, done: Advance) -> None:
        self._done = done
        self._lock = Lock()
        self._amount = 0
        self._counts: Counter[Work] = Counter()

    def add(self, work: Work, count: int = 1) -> None:
        """So many more files, vectors or items."""
        with self._lock:
            self._counts[work] += count
            self._tell()

    def reach(self, amount: int) -> None:
        """So much of the whole is done."""
        with self._lock:
            self._amount = amount
            self._tell()

    def _tell(self) -> None:
        self._done(self._amount, ", ".join(f"{name} {n:,}" for name in get_args(Work) if (n := self._counts[name])))


class PlainProgress:
    """A line every few seconds; a step that is shorter says nothing."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr

    def say(self, text: str) -> None:
        """One line."""
        print(text, file=self._stream, flush=True)

    @contextmanager
    def stage(self, text: str, total: int, unit: str) -> Iterator[Advance]:
        """Lines with the number done, the total and the speed."""
        start = last = time.monotonic()

        def done(amount: int, note: str = "") -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= PLAIN_SECONDS:
                last = now
                of = f" of {total:,}" if total else ""
                more = f"; {note}" if note else ""
                self.say(f"{text}: {amount:,}{of} {unit}, {_speed(amount / (now - start))}{more}")

        yield done


def _speed(per_second: float) -> str:
    """In the unit in which it is no small fraction."""
    return f"{per_second:,.0f} a second" if per_second >= 1 else f"{per_second * 60:,.0f} a minute"


class RichProgress:
    """A bar on standard error."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)

    def say(self, text: str) -> None:
        """One line above the bar."""
        self._console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def stage(self, text: str, total: int, unit: str) -> Iterator[Advance]:
        """A bar that goes away when it is full."""
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        columns = (TextColumn(text), BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeRemainingColumn())
        with Bars(*columns, TextColumn("{task.description}"), console=self._console, transient=True) as bars:
            task = bars.add_task("", total=total or None)
            yield lambda amount, note="": bars.update(
                task, completed=min(amount, total) if total else amount, description=note
            )


def progress_for_terminal() -> Progress:
    """A bar when standard error is a terminal, else plain lines."""
    return RichProgress() if sys.stderr.isatty() else PlainProgress()
