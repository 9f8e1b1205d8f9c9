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
    """The name of the file, in the catalogue's folder ``media``, that a picture fetched from a URL is kept in."""
    return hashlib.blake2b(url.encode("utf-8", "replace"), digest_size=16).hexdigest()


FRAMES = "frames"
"""Within the folder ``media``: what was taken of videos."""
_SECOND = "#t="
"""Between a video's path and the second of a frame, as in https://www.w3.org/TR/media-frags/."""


@dataclass(frozen=True)
class Picture:
    """One picture, recording or video with sound that an item refers to.

    It is ready (readable, with the hash of its bytes), remote (a URL, not fetched) or lost. ``size`` and ``mtime_ns``
    are the file's when it was last looked at; None when there was none. A frame of a video refers to the video and its
    second, ``/shop/tent.mp4#t=14.2``, with the video's size and time.
    """

    reference: str
    state: Literal["ready", "remote", "lost"]
    reason: str | None = None
    size: int | None = None
    mtime_ns: int | None = None
    hash: bytes | None = None


def frame_reference(video: str, second: float) -> str:
    """What a frame of a video is referred to by."""
    return f"{video}{_SECOND}{second:g}"


def frame_of(picture: Picture) -> tuple[str, float] | None:
    """The video and the second that a picture is a frame of; None where it is none."""
    video, mark, second = picture.reference.rpartition(_SECOND)
    is_frame = mark and "://" not in video and second.replace(".", "", 1).isdigit()
    return (video, float(second)) if is_frame else None


def picture_file(picture: Picture, media: Path) -> Path:
    """Where a ready picture's bytes lie; ``media`` holds what was fetched and what was taken of videos."""
    if picture.reference.lower().startswith(("http://", "https://")):
        return media / fetched_name(picture.reference)
    if frame_of(picture):
        return media / FRAMES / f"{fetched_name(f'{picture.reference} {picture.size} {picture.mtime_ns}')}.jpg"
    return Path(picture.reference)


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
