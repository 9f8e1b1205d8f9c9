"""Items by what they must be alone."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from tools.records import Filters, Hit, Item, ItemsResult
from tools.toolbox import Engines, Resolve, ToolSpec


class Arguments(BaseModel):
    """Filters, order and number."""

    model_config = ConfigDict(extra="forbid")

    filters: Filters | None = Field(None, description="what the items must be; leave out for all")
    sort: Literal["price", "-price", "title", "newest"] = Field("title", description="-price: dearest first")
    k: int = Field(10, ge=1, le=100, description="how many items")


def run(engines: Engines, resolve: Resolve, arguments: Arguments) -> ItemsResult:
    """The items that pass, in the order asked for, and how many pass in all."""
    filters = arguments.filters or Filters()
    found = engines.catalogue.browse(filters, arguments.sort, arguments.k, 0)
    return ItemsResult(items=[as_hit(item) for item in found], total=engines.catalogue.count_eligible(filters))


def as_hit(item: Item) -> Hit:
    """An item as results carry it, without a score."""
    shared = ("title", "price", "currency", "category", "brand", "in_stock")
    return Hit(item_id=item.id, **{name: getattr(item, name) for name in shared})


SPEC = ToolSpec("browse", "List items that pass filters, without a search.", Arguments, run)
