"""Several servers of one model: which of them a session asks, and which are left alone for a while.

The requests of a session go to one replica, chosen by rendezvous hashing, so that vLLM's prefix cache knows the
conversation and the loss of a replica moves no other session. A replica that cannot be reached, fails or is overloaded
is left alone for a growing time; then one request tries it again. The same request goes to the session's next replica
instead: an answer is handed over whole, so none has been seen in part.

A single server is asked whatever it answered before, unless it asked to be left alone (Retry-After).
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import blake2b
from typing import Final, Literal, TypeVar
from urllib.parse import urlsplit

from assistant.errors import LLMUnavailable
from assistant.llm.profiles import Endpoint

logger = logging.getLogger(__name__)

FIRST_REST_SECONDS: Final = 1.0
LONGEST_REST_SECONDS: Final = 60.0
LONGEST_WISHED_SECONDS: Final = 300.0
"""How long a replica is left alone at most because of its own Retry-After."""
PATIENT_SECONDS: Final = 10.0
"""A call without an answer speaks against the replica if it has waited so long; shorter deadlines are the caller's."""
CONNECT_SECONDS: Final = 5.0
"""How long one of several replicas may take to accept a connection."""
MOST_BROKEN: Final = 2
"""After so many replicas have failed on one request, it is tried on no other: it may be what breaks them."""

Outcome = Literal["answered", "refused", "unreachable", "overloaded", "failed", "late"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("answered", "refused", "unreachable", "overloaded", "failed", "late")
"""How a request ended; ``refused`` is the request's own fault, ``late`` has waited `PATIENT_SECONDS` in vain."""

T = TypeVar("T")


@dataclass(eq=False)
class Replica:
    """One server, and how it did so far."""

    endpoint: Endpoint
    running: int = 0
    """Requests that wait for its answer now."""
    outcomes: "Counter[Outcome]" = field(default_factory=Counter)
    failures: int = 0
    """How many times in a row it was left alone."""
    rests_since: float = 0.0
    rests_until: float = 0.0

    @property
    def name(self) -> str:
        """Its address without key and version, as a label."""
        parts = urlsplit(self.endpoint.base_url)
        return f"{parts.netloc.rpartition('@')[2]}{parts.path.removesuffix('/v1')}"


class Replicas:
    """The servers of one model, as one process sees them."""

    def __init__(self, endpoints: Sequence[Endpoint], *, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock``: in seconds; that of the event loop's deadlines."""
        self.all = [Replica(endpoint) for endpoint in endpoints]
        self._clock = clock

    def rests(self, replica: Replica) -> bool:
        """Whether it is left alone now."""
        return self._clock() < replica.rests_until

    def in_order(self, session: str) -> list[Replica]:
        """All replicas as a session asks them; the same order in every process, whatever order the settings have."""
        return sorted(self.all, key=lambda replica: _weight(session, replica.endpoint.base_url), reverse=True)

    async def ask(self, session: str, deadline: float, call: Callable[[Endpoint], Awaitable[T]]) -> T:
        """The answer of the first of the session's replicas that gives one.

        Args:
            deadline: when the caller gives up, on the clock.
            call: sends the request; may be called again for another replica.

        Raises:
            LLMUnavailable: every replica is left alone.
            Exception: what ``call`` raised last.
        """
        failure: Exception | None = None
        broken = 0
        for replica in self.in_order(session):
            if self.rests(replica):
                continue
            try:
                with self._observed(replica, deadline):
                    return await call(replica.endpoint)
            except Exception as exc:  # sorted by `outcome_of`
                outcome = outcome_of(exc)
                broken += outcome == "failed"
                if outcome == "refused" or broken == MOST_BROKEN:
                    raise
                failure = exc
        raise failure or LLMUnavailable(self._why_none())

    @contextmanager
    def _observed(self, replica: Replica, deadline: float) -> Iterator[None]:
        """Counts a request, and has the replica left alone where it failed."""
        began = self._clock()
        if replica.failures:  # one request tries it again; until it is answered, others leave it alone
            replica.rests_until = began + _rest_seconds(replica.failures)
        replica.running += 1
        outcome: Outcome | None = "answered"
        try:
            yield
        except Exception as exc:
            outcome = outcome_of(exc)
            if outcome != "refused":
                self._leave_alone(replica, began, outcome, _wished_seconds(exc))
            raise
        except asyncio.CancelledError:
            now = self._clock()
            outcome = "late" if now >= deadline and now - began >= PATIENT_SECONDS else None
            if outcome:
                waited = now - began if len(self.all) > 1 else None  # the next one to try it may wait as long
                self._leave_alone(replica, began, outcome, waited)
            raise
        finally:
            replica.running -= 1
            if outcome:
                replica.outcomes[outcome] += 1
            if outcome in ("answered", "refused"):
                replica.failures, replica.rests_until = 0, 0.0

    def _leave_alone(self, replica: Replica, began: float, outcome: Outcome, wished: float | None) -> None:
        """``wished``: for how many seconds at least."""
        now = self._clock()
        if len(self.all) == 1:
            replica.rests_until = now + (wished or 0.0)
            return
        if began >= replica.rests_since:  # several that fail together are one failure
            replica.failures += 1
            replica.rests_since = now
        seconds = max(wished or 0.0, _rest_seconds(replica.failures))
        replica.rests_until = max(replica.rests_until, now + seconds)
        logger.warning("the language model at %s is left alone for %.0f s: %s", replica.name, seconds, outcome)

    def _why_none(self) -> str:
        seconds = max(1.0, min(replica.rests_until for replica in self.all) - self._clock())
        if len(self.all) == 1:
            return f"The language model is overloaded and asked to be left alone for {seconds:.0f} s."
        return (
            f"None of the {len(self.all)} servers of the language model can be asked now: they failed or are "
            f"overloaded; the next one is tried again in {seconds:.0f} s."
        )


def outcome_of(exc: Exception) -> Outcome:
    """Whose fault a failed request is; what is neither the connection's nor the server's is the request's."""
    import httpx
    import openai

    match exc:
        case openai.APIStatusError():
            if exc.status_code in (429, 503):
                return "overloaded"
            # 404: it serves another model, or none yet
            return "failed" if exc.status_code >= 500 else "unreachable" if exc.status_code == 404 else "refused"
        case openai.APIConnectionError() | httpx.TransportError() | ConnectionError():
            return "failed" if was_reset(exc) else "unreachable"
    return "refused"


def was_reset(exc: BaseException | None) -> bool:
    """Whether a connection broke that had been there."""
    import httpx

    return caused_by(exc, httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)


def caused_by(exc: BaseException | None, *kinds: type[BaseException]) -> bool:
    """Whether the error, or one that led to it, is of such a kind."""
    while exc is not None and not isinstance(exc, kinds):
        exc = exc.__cause__ or exc.__context__
    return exc is not None


def _weight(session: str, base_url: str) -> bytes:
    return blake2b(f"{session}\n{base_url}".encode(errors="replace"), digest_size=8).digest()


def _rest_seconds(failures: int) -> float:
    return min(LONGEST_REST_SECONDS, FIRST_REST_SECONDS * 2.0 ** min(failures - 1, 10))


def _wished_seconds(exc: Exception) -> float | None:
    """The Retry-After of a server's answer, bounded; None without one that can be read."""
    headers: Mapping[str, str] = getattr(getattr(exc, "response", None), "headers", {})
    value = headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            when = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        seconds = (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(seconds, LONGEST_WISHED_SECONDS) if seconds > 0 else None  # also where it is no number
