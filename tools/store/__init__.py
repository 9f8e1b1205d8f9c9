"""The catalogue store: SQLite holds the items, filters, words and vectors, Chroma a vector index derived from them."""

from tools.records import Vocabulary
from tools.store.catalogue import Catalogue, drop
from tools.store.entries import (
    BoundedCount,
    CatalogueEntry,
    CatalogueStats,
    ChangeMark,
    NewVector,
    Picture,
    Sort,
    Space,
    SpaceStats,
    StoredItem,
    Vector,
    fetched_name,
    frame_of,
    frame_reference,
    is_web_address,
    picture_file,
    source_file,
)
from tools.store.filters import matches
from tools.store.writing import Writer

__all__ = [
    "BoundedCount",
    "Catalogue",
    "CatalogueEntry",
    "CatalogueStats",
    "ChangeMark",
    "NewVector",
    "Picture",
    "Sort",
    "Space",
    "SpaceStats",
    "StoredItem",
    "Vector",
    "Vocabulary",
    "Writer",
    "drop",
    "fetched_name",
    "frame_of",
    "frame_reference",
    "is_web_address",
    "matches",
    "picture_file",
    "source_file",
]
