"""What model calls cost: tokens and seconds, for each call and in all."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class CallUsage:
    """One call. Token counts are the server's; zero where it did not report them or the call failed."""

    purpose: str
    seconds: float
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    """How many of the prompt's tokens came from the server's prefix cache, where it says so."""
    ok: bool = True


@dataclass
class Usage:
    """The calls of one client, in the order in which they ended."""

    records: list[CallUsage] = field(default_factory=list)
    _running: int = 0
    _since: float = 0.0
    _busy: float = 0.0

    @property
    def calls(self) -> int:
        """How many calls were made, failed ones included."""
        return len(self.records)

    @property
    def prompt_tokens(self) -> int:
        """Tokens read, cached ones included."""
        return sum(record.prompt_tokens for record in self.records)

    @property
    def completion_tokens(self) -> int:
        """Tokens written."""
        return sum(record.completion_tokens for record in self.records)

    @property
    def cached_tokens(self) -> int:
        """Prompt tokens that the prefix cache served."""
        return sum(record.cached_tokens for record in self.records)

    @property
    def seconds(self) -> float:
        """The calls' durations added up; calls that ran side by side each count in full."""
        return sum(record.seconds for record in self.records)

    @property
    def busy_seconds(self) -> float:
        """How long at least one call was under way, up to now."""
        return self._busy + (time.monotonic() - self._since if self._running else 0.0)

    @property
    def purposes(self) -> list[str]:
        """What each call was for."""
        return [record.purpose for record in self.records]

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Counts the time of the block as busy."""
        if not self._running:
            self._since = time.monotonic()
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            if not self._running:
                self._busy += time.monotonic() - self._since
