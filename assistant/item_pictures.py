"""Where the pictures, recordings and videos of catalogue items can be read."""

from typing import Literal
from urllib.parse import quote

from tools.records import Item
from tools.store import Catalogue


def picture_path(item_id: str, n: int) -> str:
    """The service's address of an item's n-th picture, counted from 0."""
    return f"/api/catalogue/items/{quote(item_id, safe='')}/images/{n}"


def media_path(item_id: str, kind: Literal["audio", "video"], n: int) -> str:
    """The service's address of an item's n-th recording or video, counted from 0."""
    return f"/api/catalogue/items/{quote(item_id, safe='')}/{kind}/{n}"


def image_url(item: Item, catalogue: Catalogue) -> str | None:
    """The item's first picture, or, without one, a frame of its video; None where neither can be shown.

    That is the web address that the catalogue names, or the service's for a file of its own.
    """
    first = next(iter(item.images), "")
    if first.lower().startswith(("https://", "http://")):
        return first
    return picture_path(item.id, 0) if catalogue.image_path(item, 0) else None
