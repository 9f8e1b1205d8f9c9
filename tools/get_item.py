"""Everything the catalogue says about one item."""

from pydantic import BaseModel, ConfigDict, Field

from tools.browse import as_hit
from tools.errors import UnknownItem
from tools.records import Hit, Item, Record
from tools.toolbox import Engines, Resolve, ToolSpec


class Arguments(BaseModel):
    """Which item."""

    model_config = ConfigDict(extra="forbid")

    item_id: str = Field(min_length=1, max_length=512, description="the item's id")


class ItemResult(Record):
    """The item in full, and as a result carries it."""

    items: list[Hit]
    item: Item


def run(engines: Engines, resolve: Resolve, arguments: Arguments) -> ItemResult:
    """The item.

    Raises:
        UnknownItem: the catalogue does not hold it.
    """
    item = find(engines, arguments.item_id)
    return ItemResult(items=[as_hit(item)], item=item)


def find(engines: Engines, item_id: str) -> Item:
    """The item, or a clear error.

    Raises:
        UnknownItem: the catalogue does not hold it.
    """
    item = engines.catalogue.get(item_id)
    if item is None:
        raise UnknownItem(f"There is no item {item_id!r} in the catalogue.")
    return item


SPEC = ToolSpec("get_item", "Look up one item with all its details.", Arguments, run)
