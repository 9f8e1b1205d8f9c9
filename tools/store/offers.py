"""What an item is offered as: itself and each of its variants, with price, stock and attribute values to compare by.

A variant is an object in the item's attribute ``variants``: ``{"size": "43", "color": "red", "price": 99.9, "in_stock":
true}``. What it does not state (price, stock, an attribute that other variants state) is the item's. An attribute that
any variant states is decided by the variants alone; so is the stock when every variant states it.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tools.bounds import finite
from tools.records import Filters, Item, Variant
from tools.store.records import read_item
from tools.store.schema import OFFER_TABLES
from tools.store.values import attribute_key, value_key

VARIANTS: Final = "variants"
MAX_ATTRIBUTE_DEPTH: Final = 6
TERMS_OF_SALE: Final = frozenset({"price", "currency", "in_stock", "quantity"})
NOT_OPTIONS: Final = TERMS_OF_SALE | {"sku", "id", "url", "image", "images"}
"""Keys of a variant that are no attributes that somebody chooses by."""

Keys = Mapping[str, frozenset[str]]
"""Attribute name to values, both in comparable form."""


@dataclass(frozen=True)
class Offer:
    """One way to buy the item. ``keys`` of a variant leave out those that hold for the item whatever the variant."""

    ordinal: int
    price: float | None
    in_stock: bool | None
    options: Mapping[str, str]
    keys: Keys


def offers(item: Item) -> list[Offer]:
    """The item itself (ordinal 0), then its variants (1, 2, ...)."""
    lines = _variant_lines(item)
    stated = [_by_key(_options(line)) for line in lines]
    named = frozenset(name for keys in stated for name in keys)
    whole = _by_key(own_values(item))
    known = [_stock(line) for line in lines]
    own = Offer(
        0,
        item.price,
        None if lines and None not in known else item.in_stock,
        {},
        {name: values for name, values in whole.items() if name not in named},
    )
    inherited = {name: values for name, values in whole.items() if name in named}
    return [own] + [
        Offer(
            ordinal,
            price if (price := finite(line.get("price"))) is not None else item.price,
            item.in_stock if stock is None else stock,
            dict(_options(line)),
            {**inherited, **keys},
        )
        for ordinal, (line, keys, stock) in enumerate(zip(lines, stated, known, strict=True), start=1)
    ]


def offered(item: Item, filters: Filters) -> Offer | None:
    """As what the item passes the filter's price, stock and attributes: as itself, or as the variant that suits best.

    The best variant is in stock, then the cheapest, then the first. None: it does not pass.
    """
    own, *variants = offers(item)
    asked = {attribute_key(name): wanted_keys(name, values) for name, values in filters.attributes.items()}
    if _fits(own, own.keys, filters, asked):
        return own
    fitting = [variant for variant in variants if _fits(variant, {**own.keys, **variant.keys}, filters, asked)]
    return min(fitting, key=_preference, default=None)


def _preference(offer: Offer) -> tuple[bool, bool, float, int]:
    return offer.in_stock is not True, offer.price is None, offer.price or 0.0, offer.ordinal


def variant_for(item: Item, filters: Filters | None) -> Variant | None:
    """The variant by which the item passes; None where it passes as itself."""
    offer = offered(item, filters) if filters else None
    if offer is None or offer.ordinal == 0:
        return None
    return Variant(options=dict(offer.options), price=offer.price, in_stock=offer.in_stock)


def variant_with(item: Item, options: Mapping[str, str]) -> Variant | None:
    """The item's variant with these options, as it is now."""
    found = next((offer for offer in offers(item)[1:] if offer.options == options), None)
    return Variant(options=dict(found.options), price=found.price, in_stock=found.in_stock) if found else None


def wanted_keys(name: str, values: list[str]) -> frozenset[str]:
    """The values that a filter names, in comparable form."""
    return frozenset(value_key(value, name) for value in values)


def _fits(offer: Offer, keys: Keys, filters: Filters, asked: Keys) -> bool:
    low, high = filters.min_price, filters.max_price
    return (
        ((low is None and high is None) or offer.price is not None)
        and (low is None or (offer.price or 0.0) >= low)
        and (high is None or (offer.price or 0.0) <= high)
        and (not filters.in_stock or offer.in_stock is True)
        and all(keys.get(name, frozenset()) & values for name, values in asked.items())
    )


def own_values(item: Item) -> Iterator[tuple[str, str]]:
    """The item's own attributes as (name, value), those of its variants left out."""
    own = {name: value for name, value in item.attributes.items() if name != VARIANTS}
    return _texts(scalars(own))


def variant_values(item: Item) -> Iterator[tuple[str, str]]:
    """The options of the item's variants as (name, value)."""
    return (option for line in _variant_lines(item) for option in _options(line))


def without_terms_of_sale(attributes: dict[str, Any]) -> dict[str, Any]:
    """The attributes, and the variants without price and stock: these are no words that describe the item."""
    lines = attributes.get(VARIANTS)
    if not isinstance(lines, list):
        return attributes
    kept = [
        {name: value for name, value in line.items() if name not in TERMS_OF_SALE} if isinstance(line, dict) else line
        for line in lines
    ]
    return {**attributes, VARIANTS: kept}


def _variant_lines(item: Item) -> list[dict[str, Any]]:
    """The variants that state something of an option; others say no more than the item does."""
    value = item.attributes.get(VARIANTS)
    lines = value if isinstance(value, list) else []
    return [line for line in lines if isinstance(line, dict) and any(True for _ in _options(line))]


def _options(line: dict[str, Any]) -> Iterator[tuple[str, str]]:
    return _texts(scalars({name: value for name, value in line.items() if name not in NOT_OPTIONS}))


def _stock(line: dict[str, Any]) -> bool | None:
    value = line.get("in_stock")
    return value if isinstance(value, bool) else None


def _texts(values: Iterator[tuple[str, object]]) -> Iterator[tuple[str, str]]:
    for name, value in values:
        if value is not None and value is not False:
            yield name, "true" if value is True else str(value)


def _by_key(values: Iterator[tuple[str, str]]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for name, text in values:
        found.setdefault(attribute_key(name), set()).add(value_key(text, name))
    return {name: frozenset(keys) for name, keys in found.items()}


def scalars(attributes: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """Each scalar among the attributes by its own key: {"specs": {"material": "oak"}} gives ("material", "oak")."""
    for name, value in attributes.items():
        yield from _scalars(name, value, MAX_ATTRIBUTE_DEPTH)


def _scalars(name: str, value: object, depth: int) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = [(name, child) for child in value]
    else:
        yield name, value
        return
    for key, child in children if depth else ():
        yield from _scalars(str(key), child, depth - 1)


# In SQL --------------------------------------------------------------------------------------------------------------


def put(connection: sqlite3.Connection, key: int, item: Item) -> None:
    """Write the item's attributes and variants, in place of those of an earlier line."""
    remove(connection, key)
    own, *variants = offers(item)
    connection.execute("UPDATE items SET in_stock = ? WHERE key = ?", (own.in_stock, key))
    connection.executemany(
        "INSERT OR IGNORE INTO attributes (item, name, value) VALUES (?, ?, ?)",
        [(key, name, value) for name, value in (*own_values(item), *variant_values(item))],
    )
    connection.executemany(
        "INSERT INTO variants VALUES (?, ?, ?, ?)",
        [(key, each.ordinal, each.price, each.in_stock) for each in variants],
    )
    rows = [
        (name, value, key, each.ordinal)
        for each in [own, *variants]
        for name, values in each.keys.items()
        for value in values
    ]
    connection.executemany("INSERT INTO options VALUES (?, ?, ?, ?)", rows)


def upgrade(connection: sqlite3.Connection) -> None:
    """Bring a catalogue of version 1, which had no table of variants, up to version 2: all is made from the records."""
    for statement in OFFER_TABLES.split(";\n"):
        connection.execute(statement)
    for key, item_id, record in connection.execute("SELECT key, id, record FROM items ORDER BY key").fetchall():
        put(connection, key, read_item(item_id, record))
    connection.execute("UPDATE meta SET value = 2 WHERE name = 'schema'")


def remove(connection: sqlite3.Connection, key: int) -> None:
    """Delete the item's attributes and variants."""
    for table in ("attributes", "variants", "options"):
        connection.execute(f"DELETE FROM {table} WHERE item = ?", (key,))  # noqa: S608


HAVING: Final = "SELECT o.item FROM options o WHERE o.name = ? AND o.value IN (SELECT value FROM json_each(?))"
"""Items that have any of some values of an attribute, by themselves or as a variant."""


def having(name: str, values: list[str]) -> tuple[str, str]:
    """The parameters of `HAVING`."""
    return attribute_key(name), json.dumps(sorted(wanted_keys(name, values)))


@dataclass(frozen=True)
class Condition:
    """A filter's price, stock and attributes in SQL, over the table ``items`` (named i).

    ``own``: the item passes as itself. ``variant``: a row of the table ``variants`` (named v) passes. Both take the
    same ``parameters``.
    """

    own: str
    variant: str
    parameters: list[Any]

    @property
    def either(self) -> str:
        """The item passes as itself or as one of its variants; takes the parameters twice."""
        return f"(({self.own}) OR i.key IN (SELECT v.item FROM variants v WHERE {self.variant}))"  # noqa: S608

    @property
    def price(self) -> str:
        """The price of what `offered` chooses; takes the parameters twice."""
        best = "ORDER BY v.in_stock IS NOT 1, v.price IS NULL, v.price, v.ordinal LIMIT 1"
        chosen = f"SELECT v.price FROM variants v WHERE v.item = i.key AND {self.variant} {best}"  # noqa: S608
        return f"CASE WHEN {self.own} THEN i.price ELSE ({chosen}) END"


def condition(filters: Filters) -> Condition | None:
    """The filter's price, stock and attributes as SQL; None when nothing of these is asked."""
    own, variant, parameters = list[str](), list[str](), list[Any]()
    for comparison, bound in ((">=", filters.min_price), ("<=", filters.max_price)):
        if bound is not None:
            own.append(f"i.price {comparison} ?")
            variant.append(f"v.price {comparison} ?")
            parameters.append(bound)
    if filters.in_stock:
        own.append("i.in_stock = 1")
        variant.append("v.in_stock = 1")
    for name, values in filters.attributes.items():
        own.append(f"i.key IN ({HAVING} AND o.ordinal = 0)")
        variant.append(f"EXISTS ({HAVING} AND o.item = v.item AND o.ordinal IN (0, v.ordinal))")
        parameters += having(name, values)
    if not own:
        return None
    return Condition(" AND ".join(own), " AND ".join(variant), parameters)
