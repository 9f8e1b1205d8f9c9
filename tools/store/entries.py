"""What goes into the store and what it reports."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tools.records import EncoderIdentity, Item, Record

Space = Literal["text", "visual", "joint", "joint_text", "sound"]
Sort = Literal["price", "-price", "title", "newest"]
Vector = NDArray[np.float32]


def fetched_name(url: str) -> str:
    """The name of the file, in the catalogue's folder ``media``, that is fetched from a URL."""
    return hashlib.blake2b(url.encode("utf-8", "replace"), digest_size=16).hexdigest()


def is_web_address(reference: str) -> bool:
    """Whether a reference is fetched, and is no path."""
    return reference.lower().startswith(("http://", "https://"))


FRAMES = "frames"
"""Within the folder ``media``: what was taken of videos."""
_SECOND, _WEB_SECOND = "#t=", "##t="
"""Between a video's path or address and the second of a frame, as in https://www.w3.org/TR/media-frags/; no address
of a picture holds two number signs."""


@dataclass(frozen=True)
class Picture:
    """One picture, recording or video with sound that an item refers to.

    It is ready (readable, with the hash of its bytes), remote (a URL, not fetched) or lost. ``size`` and ``mtime_ns``
    are the file's when it was last looked at; None when there was none. A frame of a video refers to the video and its
    second, ``/shop/tent.mp4#t=14.2`` or ``https://shop.example/tent.mp4##t=14.2``, with the video's size and time.
    """

    reference: str
    state: Literal["ready", "remote", "lost"]
    reason: str | None = None
    size: int | None = None
    mtime_ns: int | None = None
    hash: bytes | None = None


def frame_reference(video: str, second: float) -> str:
    """What a frame of a video is referred to by."""
    return f"{video}{_mark(video)}{second:g}"


def frame_of(picture: Picture) -> tuple[str, float] | None:
    """The video and the second that a picture is a frame of; None where it is none."""
    video, mark, second = picture.reference.rpartition(_mark(picture.reference))
    return (video, float(second)) if mark and second.replace(".", "", 1).isdecimal() else None


def _mark(reference: str) -> str:
    return _WEB_SECOND if is_web_address(reference) else _SECOND


def picture_file(picture: Picture, media: Path) -> Path:
    """Where the bytes of a ready picture lie; ``media`` holds what was fetched and what was taken of videos."""
    if frame_of(picture):
        return media / FRAMES / f"{fetched_name(f'{picture.reference} {picture.size} {picture.mtime_ns}')}.jpg"
    return source_file(picture.reference, media)


def source_file(reference: str, media: Path) -> Path:
    """Where a file lies, or would lie once it is fetched, that an item's line refers to."""
    return media / fetched_name(reference) if is_web_address(reference) else Path(reference)


@dataclass(frozen=True)
class CatalogueEntry:
    """One item with the hashes that tell next time what has changed."""

    item: Item
    content_hash: bytes
    text_hash: bytes | None
    pictures: tuple[Picture, ...] = ()
    sounds: tuple[Picture, ...] = ()

    def places(self) -> dict[tuple[str, int], bytes]:
        """The hash of what stands for the item, by (space, position), in every space there is."""
        digests: dict[tuple[str, int], bytes] = {}
        if self.text_hash:
            digests |= {("text", 0): self.text_hash, ("joint_text", 0): self.text_hash}
        for spaces, files in ((("visual", "joint"), self.pictures), (("sound",), self.sounds)):
            for position, digest in enumerate(file.hash for file in files if file.state != "lost"):
                digests |= {(space, position): digest for space in spaces if digest}
        return digests


@dataclass(frozen=True)
class NewVector:
    """A vector made just now, of shape (d,), and the hash of what it was made from."""

    space: Space
    hash: bytes
    vector: Vector


@dataclass(frozen=True)
class StoredItem:
    """What the catalogue holds of an item, as far as ingestion needs it."""

    key: int
    content_hash: bytes
    text_hash: bytes | None
    pictures: tuple[Picture, ...]
    sounds: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class BoundedCount:
    """How many items pass; ``has_more``: more do, and they were not counted."""

    items: int
    has_more: bool = False


@dataclass(frozen=True)
class ChangeMark:
    """A state of a catalogue, to ask for what changed since: its identity, last item and last change of a vector."""

    catalogue: str
    key: int
    seq: int


class SpaceStats(Record):
    """The vectors of one space; ``missing`` ones are to be made by a re-embedding that was interrupted."""

    vectors: int
    missing: int
    encoder: EncoderIdentity | None


class CatalogueStats(Record):
    """What a catalogue holds."""

    folder: str
    items: int
    pictures: int
    pictures_lost: int
    categories: dict[str, int]
    brands: dict[str, int]
    currencies: list[str]
    min_price: float | None
    max_price: float | None
    in_stock: int
    spaces: dict[str, SpaceStats]
    bytes_on_disk: int
    version: int
