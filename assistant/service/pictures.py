"""The catalogue's pictures over HTTP: as they are, or made smaller and kept by the hash of what they were made from."""

import asyncio
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Self

from assistant.errors import StoreError
from assistant.ingest.pictures import digest
from assistant.service.http.problems import Refused
from assistant.settings import Settings
from tools.engines.parts import Engines
from tools.errors import MediaError, UnknownItem
from tools.media import load_picture, sniff
from tools.records import Item

WIDTHS = (96, 160, 320, 640, 1280)
"""Pixels; a width between two of them gets the wider one."""
SHOWN_WIDTH = 320
"""Of the pictures in answers for other programs."""
AT_ONCE = 2
"""Pictures that are decoded at one time: each may hold 50 million pixels."""
QUALITY = 85
KEPT_BYTES = 2**30
"""Of small pictures; the ones made first go when a service starts with more."""
TALLEST = 4
"""A small picture is at most this many times as high as wide; a higher one is made narrower."""

BROWSER_TYPES = {
    "a JPEG picture": "image/jpeg",
    "a PNG picture": "image/png",
    "a GIF picture": "image/gif",
    "a WebP picture": "image/webp",
    "an AVIF picture": "image/avif",
}


VIDEO_TYPES = {"an MP4 file": "video/mp4", "a WebM or Matroska file": "video/webm", "an Ogg recording": "video/ogg"}
AUDIO_TYPES = {
    "an MP4 file": "audio/mp4", "a WebM or Matroska file": "audio/webm", "an Ogg recording": "audio/ogg",
    "an MP3 recording": "audio/mpeg", "a WAV recording": "audio/wav", "a FLAC recording": "audio/flac",
}  # fmt: skip


@dataclass(frozen=True)
class PictureFile:
    """A file to be sent: where it lies, what it is, and a tag that changes with its content."""

    path: Path
    media_type: str
    tag: str


class Pictures:
    """Gives items' pictures; keeps the small ones in a folder."""

    def __init__(self, engines: Engines, folder: Path) -> None:
        self._engines = engines
        self._folder = folder
        self._places = asyncio.Semaphore(AT_ONCE)

    @classmethod
    def of(cls, engines: Engines, settings: Settings) -> Self:
        """Those of the settings' data folder."""
        return cls(engines, settings.data_folder / "thumbnails")

    def tidy(self) -> None:
        """Delete what was left half written, and the oldest small pictures while there are too many."""
        for part in self._folder.glob("*.part"):
            part.unlink(missing_ok=True)
        files = sorted((status.st_mtime, status.st_size, path) for path, status in _files(self._folder))
        size = sum(file_size for _, file_size, _ in files)
        for _, file_size, path in files:
            if size <= KEPT_BYTES:
                return
            path.unlink(missing_ok=True)
            size -= file_size

    async def show(self, item_id: str, n: int, width: int | None) -> PictureFile:
        """An item's n-th picture, counted from 0; without a width as it is, if a browser can show that.

        Raises:
            UnknownItem: there is no such item.
            Refused: 404, there is no such picture, or it can't be read any more.
        """
        path, content = await asyncio.to_thread(self._find, item_id, n)
        kind = await asyncio.to_thread(_browser_type, path)
        if width is None and kind:
            return PictureFile(path, kind, content)
        pixels = next((candidate for candidate in WIDTHS if candidate >= (width or WIDTHS[-1])), WIDTHS[-1])
        small = self._folder / f"{content}-{pixels}.jpg"
        if not small.is_file():
            async with self._places:
                await asyncio.to_thread(self._make, path, pixels, small)
        return PictureFile(small, "image/jpeg", f"{content}-{pixels}")

    def video(self, item_id: str, n: int) -> tuple[Path, str]:
        """The file of an item's n-th video, counted from 0, and its media type.

        Raises:
            UnknownItem: there is no such item.
            Refused: 404, there is no such video here.
        """
        item = self._item(item_id)
        path = self._engines.catalogue.video_path(item, n)
        if path is None:
            raise Refused(HTTPStatus.NOT_FOUND, f"{item.title} has no video {n} here.")
        return path, _type_of(path, VIDEO_TYPES)

    def audio(self, item_id: str, n: int) -> tuple[Path, str]:
        """The same of an item's n-th recording."""
        item = self._item(item_id)
        path = self._engines.catalogue.audio_path(item, n)
        if path is None:
            raise Refused(HTTPStatus.NOT_FOUND, f"{item.title} has no recording {n} here.")
        return path, _type_of(path, AUDIO_TYPES)

    def _item(self, item_id: str) -> Item:
        item = self._engines.catalogue.get(item_id)
        if item is None:
            raise UnknownItem(f"The catalogue has no item {item_id!r}.")
        return item

    def _find(self, item_id: str, n: int) -> tuple[Path, str]:
        """The picture's file and the hash of its content."""
        item = self._item(item_id)
        path = self._engines.catalogue.image_path(item, n)
        if path is None:
            reason = f"there are {len(item.images)}" if n >= len(item.images) else "its file is not here"
            raise Refused(HTTPStatus.NOT_FOUND, f"{item.title} has no picture {n}: {reason}.")
        return path, self._content(item, n, path)

    def _content(self, item: Item, n: int, path: Path) -> str:
        """The hash that ingestion noted, unless the file has changed since."""
        pictures = [picture for picture in self._engines.catalogue.pictures(item.id) if picture.state != "lost"]
        stored = pictures[n] if n < len(pictures) else None
        try:
            status = path.stat()
            if stored and stored.hash and (stored.size, stored.mtime_ns) == (status.st_size, status.st_mtime_ns):
                return stored.hash.hex()
            return digest(path, self._engines.limits.image_bytes).hex()
        except (OSError, MediaError) as exc:
            raise _unreadable(item.title) from exc

    def _make(self, path: Path, width: int, small: Path) -> None:
        if small.is_file():
            return
        try:
            picture = load_picture(path, self._engines.limits)
        except MediaError as exc:
            raise _unreadable(path.name) from exc
        picture.thumbnail((width, TALLEST * width))
        part = small.with_name(f"{uuid.uuid4().hex}.part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            picture.save(part, "JPEG", quality=QUALITY, optimize=True)
            part.replace(small)
        except OSError as exc:
            raise StoreError(f"A small picture cannot be written: {exc.strerror or exc}.") from exc
        finally:
            part.unlink(missing_ok=True)


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for path in folder.glob("*.jpg"):
        with suppress(OSError):
            yield path, path.stat()


def _unreadable(name: str) -> Refused:
    return Refused(HTTPStatus.NOT_FOUND, f"The picture of {name} cannot be read any more.")


def _type_of(path: Path, types: Mapping[str, str]) -> str:
    with path.open("rb") as file:
        return types.get(sniff(file.read(512)) or "", "application/octet-stream")


def _browser_type(path: Path) -> str | None:
    """The media type, of those that every browser shows; None for others, and for what is no picture."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            return BROWSER_TYPES.get(sniff(file.read(512)) or "")
    except OSError:
        return None
