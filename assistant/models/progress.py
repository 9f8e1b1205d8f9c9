"""Saying how far a long step is: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TextIO

Done = Callable[[int], None]
PLAIN_SECONDS = 5.0


class Reporter(Protocol):
    """Where a long step says what it does. ``stage`` yields a function that takes the bytes done so far."""

    def say(self, text: str) -> None:
        """One line of plain text."""

    def stage(self, text: str, total: int) -> AbstractContextManager[Done]:
        """A step of ``total`` bytes."""


class SilentReporter:
    """Says nothing."""

    def say(self, text: str) -> None:
        """Nothing."""

    @contextmanager
    def stage(self, text: str, total: int) -> Iterator[Done]:
        """Nothing."""
        yield lambda _: None


class PlainReporter:
    """Lines on a stream: when a stage starts, every few seconds, and when it ends."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr

    def say(self, text: str) -> None:
        """One line."""
        print(text, file=self.stream, flush=True)

    @contextmanager
    def stage(self, text: str, total: int) -> Iterator[Done]:
        """Start line, a line every few seconds, end line with the time taken."""
        start = last = time.monotonic()
        self.say(f"{text} ({megabytes(total)})")

        def done(amount: int) -> None:
            nonlocal last
            if time.monotonic() - last >= PLAIN_SECONDS:
                last = time.monotonic()
                self.say(f"{text}: {megabytes(min(amount, total))} of {megabytes(total)}")

        yield done
        self.say(f"{text}: done in {time.monotonic() - start:.1f} s")


class RichReporter:
    """Bars on a terminal."""

    def __init__(self) -> None:
        from rich.console import Console

        self.console = Console(stderr=True, highlight=False)

    def say(self, text: str) -> None:
        """One line above the bars."""
        self.console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def stage(self, text: str, total: int) -> Iterator[Done]:
        """A bar with size and time left; it stays when it is full."""
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        text_column = TextColumn("{task.description}", markup=False)
        columns = (text_column, BarColumn(None), DownloadColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self.console, expand=True) as bars:
            task = bars.add_task(text, total=total)
            yield lambda amount: bars.update(task, completed=min(amount, total))
            bars.update(task, completed=total)


def running_total(done: Done) -> Done:
    """A function that takes the size of each piece and tells ``done`` their sum so far."""
    total = 0

    def add(count: int) -> None:
        nonlocal total
        total += count
        done(total)

    return add


def reporter_for_terminal() -> Reporter:
    """Bars when standard error is a terminal, else plain lines."""
    return RichReporter() if sys.stderr.isatty() else PlainReporter()


def megabytes(amount: int) -> str:
    """A size for people: 91.3 MB, 1.1 GB."""
    return f"{amount / 1e9:.1f} GB" if amount >= 1e9 else f"{amount / 1e6:.1f} MB"
