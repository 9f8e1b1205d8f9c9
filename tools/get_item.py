"""get_item: everything that the catalogue says about one item."""

from pathlib import Path

from pydantic import Field

from tools.errors import UnknownItem
from tools.records import Hit, Item, Record
from tools.search import hit
from tools.tool import Arguments, Context, Tool


class GetItem(Arguments):
    """Arguments of get_item."""

    item_id: str = Field(min_length=1, max_length=500, description="the item's id")


class ItemDetails(Record):
    """One item, as a hit like every tool's and in full."""

    items: list[Hit]
    item: Item


def get_item(context: Context, arguments: GetItem) -> ItemDetails:
    """Read everything that the catalogue says about one item: description, attributes, price, stock."""
    item = context.engines.catalogue.get(arguments.item_id)
    if item is None:
        raise UnknownItem(f"The catalogue has no item {arguments.item_id!r}.")
    media = {"images": item.images, "audio": item.audio, "video": item.video}
    named = {name: list(map(_named, references)) for name, references in media.items()}
    return ItemDetails(items=[hit(item)], item=item.model_copy(update=named))


def _named(reference: str) -> str:
    """A web address as it is, a file by its name: not where it lies here."""
    return reference if "://" in reference else Path(reference).name


TOOL = Tool(GetItem, get_item)
