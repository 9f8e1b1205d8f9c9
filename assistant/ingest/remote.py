"""Pictures at web addresses: fetched only when whoever ingests allows it, and kept in the catalogue's folder.

A catalogue file may come from somebody who may not see what this machine sees, so pictures are fetched through
`PublicOnly` unless private networks and plain http are allowed as well.
"""

import ipaddress
import logging
import math
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tools.store import fetched_name

logger = logging.getLogger(__name__)

CONNECTIONS = 4
SECONDS = 20.0
WHOLE_SECONDS = 30.0
"""A server that sends a little now and then is given up after so long."""


class PublicOnly(httpx.HTTPTransport):
    """Https to addresses of the public internet alone, each redirection checked again.

    The address that was checked is the one that is connected to, so that a name cannot mean another one meanwhile.
    """

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """As of httpx.

        Raises:
            httpx.UnsupportedProtocol: it is not https.
            httpx.ConnectError: the name leads into a private network, or nowhere.
        """
        if request.url.scheme != "https":
            raise httpx.UnsupportedProtocol("only https addresses are fetched", request=request)
        host = request.url.host
        pinned = httpx.Request(
            request.method,
            request.url.copy_with(host=public_address(host, request.url.port or 443)),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": host},
        )
        return super().handle_request(pinned)


def public_address(host: str, port: int) -> str:
    """The numeric address that a name stands for.

    Raises:
        httpx.ConnectError: one of its addresses is not of the public internet, or it has none.
    """
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in entries]
    except (OSError, ValueError) as exc:
        raise httpx.ConnectError(f"{host} cannot be found ({exc})") from exc
    if not addresses or not all(address.is_global and not address.is_multicast for address in addresses):
        raise httpx.ConnectError(f"{host} is not an address of the public internet")
    return str(addresses[0])


def save(
    response: httpx.Response,
    path: Path,
    most_bytes: int,
    *,
    seconds: float = math.inf,
    stopped: Callable[[], bool] = lambda: False,
    done: Callable[[int], None] = lambda _: None,
) -> None:
    """Write what a server answers to a file, as it comes.

    Args:
        seconds: for the whole; the client's timeout is for each part.
        done: told how many bytes there are.

    Raises:
        httpx.HTTPError: it is a refusal, too large, takes too long, or is no longer wanted.
        OSError: as the file system says.
    """
    end = time.monotonic() + seconds
    response.raise_for_status()
    with path.open("wb") as file:
        for block in response.iter_bytes():  # of any size, so that a slow server is noticed
            file.write(block)
            if file.tell() > most_bytes:
                raise httpx.HTTPError(f"larger than {most_bytes:,} bytes")
            if time.monotonic() > end or stopped():
                raise httpx.HTTPError("given up before its end")
            done(file.tell())


class Fetcher:
    """Fetches what isn't there yet. What can't be fetched stays a remote picture, and is tried again next time."""

    def __init__(
        self, folder: Path, most_bytes: int, *, public_only: bool = True, stopped: Callable[[], bool] = lambda: False
    ) -> None:
        """``public_only`` bars private networks and plain http; once ``stopped`` is true nothing more is fetched."""
        self._folder = folder
        self._most_bytes = most_bytes
        self._schemes = ("https://",) if public_only else ("http://", "https://")
        self._public_only = public_only
        self._stopped = stopped
        self._refused: set[str] = set()

    def __call__(self, references: Sequence[str]) -> None:
        """Fetch every web address among the references."""
        urls = {reference for reference in references if reference.lower().startswith(self._schemes)}
        missing = [url for url in sorted(urls - self._refused) if not (self._folder / fetched_name(url)).is_file()]
        if not missing:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        transport = PublicOnly() if self._public_only else None
        with (
            httpx.Client(follow_redirects=True, max_redirects=5, timeout=SECONDS, transport=transport) as client,
            ThreadPoolExecutor(CONNECTIONS) as pool,
        ):
            list(pool.map(lambda url: self._fetch(client, url), missing))

    def _fetch(self, client: httpx.Client, url: str) -> None:
        if self._stopped():
            return
        target = self._folder / fetched_name(url)
        part = target.with_suffix(".part")
        try:
            with client.stream("GET", url) as response:
                save(response, part, self._most_bytes, seconds=WHOLE_SECONDS, stopped=self._stopped)
            part.replace(target)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as exc:
            logger.warning("The picture %s could not be fetched: %s", url, exc)
            self._refused.add(url)
        finally:
            part.unlink(missing_ok=True)
