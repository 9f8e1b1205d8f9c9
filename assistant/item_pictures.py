"""Where the pictures of catalogue items can be read."""

from urllib.parse import quote

from tools.records import Item


def picture_path(item_id: str, n: int) -> str:
    """The service's address of an item's n-th picture, counted from 0."""
    return f"/api/catalogue/items/{quote(item_id, safe='')}/images/{n}"


def image_url(item: Item) -> str | None:
    """The item's first picture: the web address that the catalogue names, or the service's for a file of its own."""
    first = next(iter(item.images), None)
    is_web_address = first is not None and first.lower().startswith(("https://", "http://"))
    return first if first is None or is_web_address else picture_path(item.id, 0)
