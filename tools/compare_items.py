"""Items side by side."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from tools.browse import as_hit
from tools.get_item import find
from tools.records import Hit, Item, Record
from tools.toolbox import Engines, Resolve, ToolSpec

_SCALARS = (str, int, float, bool)


class Arguments(BaseModel):
    """Which items."""

    model_config = ConfigDict(extra="forbid")

    item_ids: Annotated[list[str], Field(min_length=2, max_length=10)] = Field(description="ids of 2 to 10 items")


class Row(Record):
    """One attribute of every item, in the items' order; None where an item has none."""

    attribute: str
    values: list[Any]
    same: bool


class Comparison(Record):
    """The items, their attributes as a table, and which costs least and most."""

    items: list[Hit]
    rows: list[Row]
    cheapest: str | None
    dearest: str | None


def run(engines: Engines, resolve: Resolve, arguments: Arguments) -> Comparison:
    """The comparison; items are named once each.

    Raises:
        UnknownItem: the catalogue does not hold one of them.
    """
    found = [find(engines, item_id) for item_id in dict.fromkeys(arguments.item_ids)]
    priced = sorted((item for item in found if item.price is not None), key=lambda item: item.price or 0.0)
    return Comparison(
        items=[as_hit(item) for item in found],
        rows=_rows(found),
        cheapest=priced[0].id if priced else None,
        dearest=priced[-1].id if priced else None,
    )


def _rows(items: list[Item]) -> list[Row]:
    tables = [_attributes(item) for item in items]
    names = dict.fromkeys(name for table in tables for name in table)
    rows = []
    for name in names:
        values = [table.get(name) for table in tables]
        rows.append(Row(attribute=name, values=values, same=all(value == values[0] for value in values)))
    return rows


def _attributes(item: Item) -> dict[str, Any]:
    own = {"price": item.price, "brand": item.brand, "category": item.category, "in_stock": item.in_stock}
    named = {**own, **item.attributes}
    return {name: _plain(value) for name, value in named.items() if value is not None and _plain(value) is not None}


def _plain(value: object) -> object:
    if isinstance(value, list) and all(isinstance(entry, _SCALARS) for entry in value):
        return ", ".join(str(entry) for entry in value)
    return value if isinstance(value, _SCALARS) else None


SPEC = ToolSpec("compare_items", "Put items side by side: prices, attributes, which costs least.", Arguments, run)
