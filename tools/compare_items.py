"""compare_items: items side by side."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from tools.errors import BadInput, UnknownItem
from tools.records import Hit, Item, Record
from tools.search import hit
from tools.store.offers import SPOKEN_WORDS
from tools.tool import Arguments, Context, Tool

ItemId = Annotated[str, Field(min_length=1, max_length=500)]


class CompareItems(Arguments):
    """Arguments of compare_items."""

    item_ids: list[ItemId] = Field(min_length=2, max_length=10, description="the items' ids")


class Row(Record):
    """One attribute across the items; an item that lacks it has null."""

    attribute: str
    values: dict[str, Any] = Field(description="value by item id")
    same: bool = Field(description="true when every item has this very value")


class PriceSpread(Record):
    """The priced items among those compared, all in one currency."""

    cheapest: str = Field(description="id of the item with the lowest price")
    dearest: str
    difference: float = Field(description="dearest minus cheapest")
    currency: str | None


class Comparison(Record):
    """Items side by side. ``price`` is null when fewer than two are priced, or in different currencies."""

    items: list[Hit]
    rows: list[Row]
    price: PriceSpread | None


def compare_items(context: Context, arguments: CompareItems) -> Comparison:
    """Put two or more items side by side: every attribute, what they share, which is cheapest and by how much."""
    ids = list(dict.fromkeys(arguments.item_ids))
    if len(ids) < 2:
        raise BadInput("compare_items needs two different items.")
    items_by_id = context.engines.catalogue.get_many(ids)
    missing = [repr(item_id) for item_id in ids if item_id not in items_by_id]
    if missing:
        raise UnknownItem(f"The catalogue has no item{'s' * (len(missing) > 1)} {', '.join(missing)}.")
    items = [items_by_id[item_id] for item_id in ids]
    return Comparison(items=[hit(item) for item in items], rows=_rows(items), price=_price_spread(items))


def _rows(items: Sequence[Item]) -> list[Row]:
    """What the catalogue says of any of them: its own fields first, then attributes in the order they occur."""
    tables = {item.id: _attributes(item) for item in items}
    names = dict.fromkeys(name for table in tables.values() for name in table)
    rows = []
    for name in names:
        values = {item_id: table.get(name) for item_id, table in tables.items()}
        first, *others = values.values()
        rows.append(Row(attribute=name, values=values, same=all(value == first for value in others)))
    return rows


def _attributes(item: Item) -> dict[str, Any]:
    fields = ("price", "currency", "category", "brand", "in_stock")
    values = {name: getattr(item, name) for name in fields if getattr(item, name) is not None}
    return values | {name: value for name, value in item.attributes.items() if name not in {*values, SPOKEN_WORDS}}


def _price_spread(items: Sequence[Item]) -> PriceSpread | None:
    priced = sorted((item.price, position, item) for position, item in enumerate(items) if item.price is not None)
    if len(priced) < 2 or len({item.currency for _, _, item in priced}) > 1:
        return None
    (lowest, _, cheapest), (highest, _, dearest) = priced[0], priced[-1]
    return PriceSpread(
        cheapest=cheapest.id, dearest=dearest.id, difference=round(highest - lowest, 2), currency=cheapest.currency
    )


TOOL = Tool(CompareItems, compare_items)
