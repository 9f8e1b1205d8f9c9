"""Pictures, recordings and videos at web addresses: fetched only when whoever ingests allows it, and kept in the
catalogue's folder.

A catalogue file may come from somebody who may not see what this machine sees, so files are fetched through
`PublicOnly` unless private networks and plain http are allowed as well.
"""

import ipaddress
import logging
import math
import socket
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import httpx

from tools.media import MediaLimits, sniff
from tools.objects import SharedFiles
from tools.store import fetched_name, is_web_address

logger = logging.getLogger(__name__)

Kind = Literal["picture", "recording", "video"]

CONNECTIONS = 4
SECONDS = 20.0
WHOLE_SECONDS: dict[Kind, float] = {"picture": 30.0, "recording": 300.0, "video": 300.0}
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
    too_large = httpx.HTTPError(f"larger than {most_bytes:,} bytes")
    length = response.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most_bytes:
        raise too_large
    with path.open("wb") as file:
        for block in response.iter_bytes():  # of any size, so that a slow server is noticed
            file.write(block)
            if file.tell() > most_bytes:
                raise too_large
            if time.monotonic() > end or stopped():
                raise httpx.HTTPError("given up before its end")
            done(file.tell())


class Fetcher:
    """Fetches what isn't there yet. What can't be fetched is tried again by the next ingestion.

    Attributes:
        refused: why an address was not fetched, as the end of a sentence.
    """

    def __init__(
        self,
        folder: Path,
        limits: MediaLimits,
        *,
        public_only: bool = True,
        stopped: Callable[[], bool] = lambda: False,
        fetched: Callable[[], None] = lambda: None,
        files: SharedFiles | None = None,
    ) -> None:
        """``public_only`` bars private networks and plain http; once ``stopped`` is true nothing more is fetched.

        ``files``: of the folder, where they also lie in object storage; what lies there is not fetched again.
        """
        self.refused: dict[str, str] = {}
        self.folder = folder
        self._most_bytes: dict[Kind, int] = {
            "picture": limits.image_bytes, "recording": limits.audio_bytes, "video": limits.video_bytes,
        }  # fmt: skip
        self._public_only = public_only
        self._stopped = stopped
        self._fetched = fetched
        self._files = files or SharedFiles(folder)

    def __call__(self, references: Mapping[str, Kind]) -> None:
        """Fetch every web address among the references, each once.

        Raises:
            StoreError: the object storage does not answer.
        """
        urls = sorted(url for url in references if is_web_address(url) and url not in self.refused)
        missing = [url for url in urls if not (self.folder / fetched_name(url)).is_file()]
        if not missing:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        transport = PublicOnly() if self._public_only else None
        with (
            httpx.Client(follow_redirects=True, max_redirects=5, timeout=SECONDS, transport=transport) as client,
            ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="fetch") as pool,
        ):
            list(pool.map(lambda url: self._fetch(client, url, references[url]), missing))

    def _fetch(self, client: httpx.Client, url: str, kind: Kind) -> None:
        if self._stopped():
            return
        target = self.folder / fetched_name(url)
        if self._files.fetch(target):  # from the object storage
            return
        part = target.with_suffix(".part")
        try:
            with client.stream("GET", url) as response:
                seconds = WHOLE_SECONDS[kind]
                save(response, part, self._most_bytes[kind], seconds=seconds, stopped=self._stopped)
            if reason := _not_media(part, kind):
                raise httpx.HTTPError(reason)
            self._files.put(target, part)
            part.replace(target)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as exc:  # some are not names
            self.refused[url] = f"it could not be fetched: {_reason(exc)}"
            logger.info("The %s %s could not be fetched: %s", kind, url, exc)
        else:
            self._fetched()
        finally:
            part.unlink(missing_ok=True)


def _not_media(path: Path, kind: Kind) -> str | None:
    """What the file is instead, such as the page of an error; it is not kept, since the server may mend it."""
    with path.open("rb") as file:
        found = sniff(file.read(4096)) if path.stat().st_size else "an empty file"
    is_other = found is not None and found.endswith(("text file", "document", "archive", "empty file"))
    return f"it is {found}, not a {kind}" if is_other else None


def _reason(exc: Exception) -> str:
    """In one line: httpx's own texts of answers have several."""
    if isinstance(exc, httpx.HTTPStatusError):
        return f"the server answered {exc.response.status_code} {exc.response.reason_phrase}".strip()
    if isinstance(exc, httpx.TimeoutException):
        return "the server did not answer in time"
    if isinstance(exc, OSError):
        return exc.strerror or str(exc)
    return " ".join(str(exc).split()) or type(exc).__name__
