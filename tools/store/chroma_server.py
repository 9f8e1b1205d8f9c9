"""What a Chroma server's silence means: which errors it is, and that it is not asked again for a moment."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from tools.errors import IndexAway

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS: Final = 2.0
"""How long a connection may take."""
SEARCH_SECONDS: Final = 10.0
"""How long an answer to a search may take."""
CHANGE_SECONDS: Final = 120.0
"""How long taking up a batch of vectors may take."""
PAUSE_SECONDS: Final = 3.0
"""For how long a server that did not answer is not asked for searches."""
AWAY: Final = "The Chroma server does not answer; start it and check chroma_url, or unset that to use the embedded one."
_NOT_THERE: Final = {502, 503, 504}
"""What a proxy says in the place of a server that is away."""


def is_away(error: BaseException) -> bool:
    """Whether an error of Chroma's client comes from a server that cannot be reached or does not answer in time."""
    import httpx  # brought by Chroma's client

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, httpx.TransportError):
            return True
        if isinstance(cause, httpx.HTTPStatusError) and cause.response.status_code in _NOT_THERE:
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def address(url: str) -> "httpx.URL":
    """The server's URL with the port that Chroma's client takes where none is named.

    Raises:
        httpx.InvalidURL: it is none.
    """
    import httpx  # see above

    parts = httpx.URL(url)
    return parts.copy_with(port=parts.port or (443 if parts.scheme == "https" else 8000))


def beats(url: str, seconds: float = CONNECT_SECONDS) -> bool:
    """Whether the server gives a sign of life."""
    import httpx  # see above

    try:
        return httpx.get(address(url).copy_with(path="/api/v2/heartbeat"), timeout=seconds).is_success
    except (httpx.HTTPError, httpx.InvalidURL):
        return False


class Pause:
    """Keeps searches from asking a server again right after it did not answer: each would wait for it in vain."""

    def __init__(self) -> None:
        self._until = 0.0

    def check(self) -> None:
        """Refuse during a pause.

        Raises:
            IndexAway: the server did not answer a moment ago.
        """
        if time.monotonic() < self._until:
            raise IndexAway(AWAY)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask the server, unless there is a pause; one begins where it does not answer. Errors as of `check`."""
        self.check()
        try:
            yield
        except IndexAway:
            self._until = time.monotonic() + PAUSE_SECONDS
            raise
