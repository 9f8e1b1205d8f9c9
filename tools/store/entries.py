"""What goes into the store and what it reports."""

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tools.records import EncoderIdentity, Item, Record

Space = Literal["text", "visual", "joint", "joint_text"]
Sort = Literal["price", "-price", "title", "newest"]
Vector = NDArray[np.float32]


def fetched_name(url: str) -> str:
    """The name of the file, in the catalogue's folder ``media``, that a picture fetched from a URL is kept in."""
    return hashlib.blake2b(url.encode("utf-8", "replace"), digest_size=16).hexdigest()


@dataclass(frozen=True)
class Picture:
    """One picture an item refers to: ready (readable, with the hash of its bytes), remote (a URL, not fetched) or lost.

    ``size`` and ``mtime_ns`` are the file's when it was last looked at; None when there was none.
    """

    reference: str
    state: Literal["ready", "remote", "lost"]
    reason: str | None = None
    size: int | None = None
    mtime_ns: int | None = None
    hash: bytes | None = None


@dataclass(frozen=True)
class CatalogueEntry:
    """One item with the hashes that tell next time what has changed."""

    item: Item
    content_hash: bytes
    text_hash: bytes | None
    pictures: tuple[Picture, ...] = ()

    def places(self) -> dict[tuple[str, int], bytes]:
        """The hash of what stands for the item, by (space, position), in every space there is."""
        digests: dict[tuple[str, int], bytes] = {}
        if self.text_hash:
            digests |= {("text", 0): self.text_hash, ("joint_text", 0): self.text_hash}
        hashes = [picture.hash for picture in self.pictures if picture.state != "lost"]
        for position, digest in enumerate(hashes):
            if digest:
                digests |= {("visual", position): digest, ("joint", position): digest}
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
