"""browse: items that meet conditions, in order."""

from typing import Literal

from pydantic import Field

from tools.records import Filters, ItemsResult
from tools.search import hit
from tools.tool import Arguments, Context, Count, Tool


class Browse(Arguments):
    """Arguments of browse."""

    filters: Filters | None = Field(None, description="conditions that every item must meet")
    sort: Literal["price", "-price", "title", "newest"] = Field("title", description="-price: the dearest first")
    k: Count = 10


def browse(context: Context, arguments: Browse) -> ItemsResult:
    """List items that meet conditions, by price, title or age, without looking for anything in particular."""
    catalogue = context.engines.catalogue
    items = catalogue.browse(arguments.filters, arguments.sort, arguments.k)
    total = catalogue.total(arguments.filters, shown=len(items))
    return ItemsResult(
        items=[hit(item, filters=arguments.filters) for item in items],
        total=total.items,
        has_more=total.has_more,
    )


TOOL = Tool(Browse, browse, candidates="list", proposes_filters=True)
