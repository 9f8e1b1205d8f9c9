"""Pictures at web addresses: fetched only when whoever ingests allows it, and kept in the catalogue's folder."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tools.store import fetched_name

logger = logging.getLogger(__name__)

CONNECTIONS = 4
SECONDS = 20.0


class Fetcher:
    """Fetches what isn't there yet. What can't be fetched stays a remote picture, and is tried again next time."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._refused: set[str] = set()

    def __call__(self, references: Sequence[str]) -> None:
        """Fetch every web address among the references."""
        urls = {reference for reference in references if reference.lower().startswith(("http://", "https://"))}
        missing = [url for url in sorted(urls - self._refused) if not (self._folder / fetched_name(url)).is_file()]
        if not missing:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        with (
            httpx.Client(follow_redirects=True, max_redirects=5, timeout=SECONDS) as client,
            ThreadPoolExecutor(CONNECTIONS) as pool,
        ):
            list(pool.map(lambda url: self._fetch(client, url), missing))

    def _fetch(self, client: httpx.Client, url: str) -> None:
        target = self._folder / fetched_name(url)
        part = target.with_suffix(".part")
        try:
            with client.stream("GET", url) as response, part.open("wb") as file:
                response.raise_for_status()
                for block in response.iter_bytes(2**16):
                    if file.tell() + len(block) > self._most_bytes:
                        raise httpx.HTTPError(f"larger than {self._most_bytes:,} bytes")
                    file.write(block)
            part.replace(target)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as exc:
            logger.warning("The picture %s could not be fetched: %s", url, exc)
            self._refused.add(url)
        finally:
            part.unlink(missing_ok=True)
