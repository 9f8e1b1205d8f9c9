"""What an item is offered as: itself and each of its variants, with price, stock and attribute values to compare by.

A variant is an object in the item's attribute ``variants``: ``{"size": "43", "color": "red", "price": 99.9, "in_stock":
true}``. What it does not state (price, stock, an attribute that other variants state) is the item's. An attribute that
any variant states is decided by the variants alone; so is the stock when every variant states it.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from tools.bounds import finite
from tools.records import Filters, Item, Variant
from tools.store import counters
from tools.store.records import read_item
from tools.store.schema import ITEM_INDEXES, OFFER_TABLES, SCHEMA_VERSION, SOUND_TABLE
from tools.store.values import attribute_key, value_key

VARIANTS: Final = "variants"
MAX_ATTRIBUTE_DEPTH: Final = 6
TERMS_OF_SALE: Final = frozenset({"price", "list_price", "currency", "in_stock", "quantity"})
PICTURE_WORDS: Final = "picture_words"
"""The attribute that holds the lines read in an item's pictures: searched by keyword, and no property of the item."""
SPOKEN_WORDS: Final = "spoken_words"
"""Likewise, what is said in an item's recordings and videos: a list of objects with the fields of `Said`."""
MEDIA_WORDS: Final = frozenset({PICTURE_WORDS, SPOKEN_WORDS})
NOT_PROPERTIES: Final = MEDIA_WORDS | {
    VARIANTS, "facets", "sku", "slug", "price_max", "list_price", "availability",
}  # fmt: skip
"""Attributes that the product itself writes, or that name nothing that a customer asks for."""
NOT_OPTIONS: Final = TERMS_OF_SALE | {"sku", "id", "url", "image", "images"}
"""Keys of a variant that are no attributes that somebody chooses by."""

Keys = Mapping[str, frozenset[str]]
"""Attribute name to values, both in comparable form."""


@dataclass(frozen=True)
class Offer:
    """One way to buy the item: as itself (ordinal 0), or as one of its variants.

    ``values`` are attributes as (name, value); those of a variant leave out what holds for the item whatever the
    variant.
    """

    ordinal: int
    price: float | None
    in_stock: bool | None
    options: Mapping[str, str]
    values: frozenset[tuple[str, str]]

    @property
    def keys(self) -> Keys:
        """The values in comparable form."""
        keys_by_name: dict[str, set[str]] = {}
        for name, value in self.values:
            keys_by_name.setdefault(attribute_key(name), set()).add(value_key(value, name))
        return {name: frozenset(keys) for name, keys in keys_by_name.items()}


def offers(item: Item) -> list[Offer]:
    """The item itself, then its variants in order of preference: in stock, then the cheapest, then the first."""
    lines = _variant_lines(item)
    option_sets = [frozenset(_options(line)) for line in lines]
    option_names = [{attribute_key(name) for name, _ in values} for values in option_sets]
    stocks = [_stock(line) for line in lines]
    by_variants = frozenset[str]().union(*option_names)
    item_values = frozenset(own_values(item))
    inherited = (
        frozenset(pair for pair in item_values if attribute_key(pair[0]) in by_variants) if lines else frozenset()
    )
    item_offer = Offer(
        0, item.price, None if lines and None not in stocks else item.in_stock, {}, item_values - inherited
    )
    variants = [
        Offer(
            ordinal,
            price if (price := finite(line.get("price"))) is not None else item.price,
            item.in_stock if stock is None else stock,
            dict(_options(line)),
            values | {pair for pair in inherited if attribute_key(pair[0]) not in names},
        )
        for ordinal, (line, values, names, stock) in enumerate(
            zip(lines, option_sets, option_names, stocks, strict=True), start=1
        )
    ]
    variants.sort(key=_preference)
    return [item_offer, *(replace(variant, ordinal=ordinal) for ordinal, variant in enumerate(variants, start=1))]


def offered(item: Item, filters: Filters) -> Offer | None:
    """As what the item passes the filter's price, stock and attributes: as itself, or as the first variant that does.

    None: it does not pass.
    """
    every = offers(item)
    required_keys = {attribute_key(name): wanted_keys(name, values) for name, values in filters.attributes.items()}
    item_keys = every[0].keys if required_keys else {}
    return next((offer for offer in every if _fits(offer, item_keys, filters, required_keys)), None)


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
    match = next((offer for offer in offers(item)[1:] if offer.options == options), None)
    return Variant(options=dict(match.options), price=match.price, in_stock=match.in_stock) if match else None


def wanted_keys(name: str, values: list[str]) -> frozenset[str]:
    """The values that a filter names, in comparable form."""
    return frozenset(value_key(value, name) for value in values)


def _fits(offer: Offer, item_keys: Keys, filters: Filters, required_keys: Keys) -> bool:
    """Whether the offer passes; ``item_keys`` hold for every offer of the item."""
    low, high = filters.min_price, filters.max_price
    keys = {**item_keys, **offer.keys} if required_keys else {}
    return (
        ((low is None and high is None) or offer.price is not None)
        and (low is None or (offer.price or 0.0) >= low)
        and (high is None or (offer.price or 0.0) <= high)
        and (not filters.in_stock or offer.in_stock is True)
        and all(keys.get(name, frozenset()) & values for name, values in required_keys.items())
    )


def own_values(item: Item) -> Iterator[tuple[str, str]]:
    """The item's own attributes as (name, value), without its variants and the words of its media."""
    own = {name: value for name, value in item.attributes.items() if name not in {VARIANTS, *MEDIA_WORDS}}
    return _texts(scalars(own))


def variant_values(item: Item) -> Iterator[tuple[str, str]]:
    """The options of the item's variants as (name, value)."""
    return (option for line in _variant_lines(item) for option in _options(line))


def without_terms_of_sale(attributes: dict[str, Any]) -> dict[str, Any]:
    """The attributes, and the variants without price and stock: these are no words that describe the item."""
    lines = attributes.get(VARIANTS)
    if not isinstance(lines, list):
        return attributes
    variant_lines = [
        {name: value for name, value in line.items() if name not in TERMS_OF_SALE} if isinstance(line, dict) else line
        for line in lines
    ]
    return {**attributes, VARIANTS: variant_lines}


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


class Said(NamedTuple):
    """A stretch of speech: where it is said, as in `tools.records.Moment`, the second, and the text."""

    video: str
    second: float
    text: str


def said_in(attributes: Mapping[str, Any]) -> list[Said]:
    """What is said in the item's recordings and videos; what has another form, from a catalogue line, is left out."""
    lines = attributes.get(SPOKEN_WORDS)
    return [
        Said(line["video"], line["second"], line["text"])
        for line in (lines if isinstance(lines, list) else ())
        if isinstance(line, dict)
        and isinstance(line.get("video"), str)
        and isinstance(line.get("text"), str)
        and isinstance(line.get("second"), int | float)
        and 0 <= line["second"] < 1e6
    ]


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


def put(connection: sqlite3.Connection, items: Sequence[tuple[int, Item]], known: Sequence[int]) -> None:
    """Write what the items, given with their keys, are offered as; of ``known`` keys something was written before."""
    remove(connection, known)
    every = [(key, offer) for key, item in items for offer in offers(item)]
    connection.executemany(
        "INSERT INTO offers VALUES (?, ?, ?, ?)",
        [(key, offer.ordinal, offer.price, offer.in_stock) for key, offer in every],
    )
    values = frozenset[tuple[str, str]]().union(*(offer.values for _, offer in every))
    connection.executemany(
        "INSERT OR IGNORE INTO attributes (name, value, name_key, value_key) VALUES (?, ?, ?, ?)",
        [(name, value, attribute_key(name), value_key(value, name)) for name, value in values],
    )
    connection.executemany(
        "INSERT INTO options SELECT key, ?, ? FROM attributes WHERE name = ? AND value = ?",
        [(key, offer.ordinal, name, value) for key, offer in every for name, value in offer.values],
    )


def remove(connection: sqlite3.Connection, keys: Sequence[int]) -> None:
    """Delete what was written of these items."""
    for table in ("offers", "options"):
        connection.executemany(f"DELETE FROM {table} WHERE item = ?", [(key,) for key in keys])  # noqa: S608


def tidy(connection: sqlite3.Connection) -> None:
    """Delete attribute values that no item has any more."""
    connection.execute("DELETE FROM attributes WHERE NOT EXISTS (SELECT 1 FROM options o WHERE o.attribute = key)")


def upgrade(connection: sqlite3.Connection, notify: Callable[[str], None]) -> None:
    """Bring a catalogue of an earlier version up to this one; offers and attributes are made from the records."""
    connection.execute(SOUND_TABLE)
    if connection.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()[0] < OFFERS_SINCE:
        _remake_offers(connection, notify)
    for index in ("items_title", "items_price"):
        connection.execute(f"DROP INDEX IF EXISTS {index}")
    for statement in ITEM_INDEXES.split(";\n"):
        connection.execute(statement)
    connection.execute("INSERT OR REPLACE INTO meta SELECT 'items', count(*) FROM items")
    counters.make(connection)
    connection.execute("UPDATE meta SET value = ? WHERE name = 'schema'", (SCHEMA_VERSION,))


def _remake_offers(connection: sqlite3.Connection, notify: Callable[[str], None]) -> None:
    for table in ("variants", "options", "attributes"):
        connection.execute(f"DROP TABLE IF EXISTS {table}")
    for statement in OFFER_TABLES.split(";\n"):
        connection.execute(statement)
    total, done, after = connection.execute("SELECT count(*) FROM items").fetchone()[0], 0, 0
    while rows := connection.execute(_RECORDS, (after, UPGRADE_BATCH)).fetchall():
        put(connection, [(key, read_item(item_id, record)) for key, item_id, record in rows], [])
        done, after = done + len(rows), rows[-1][0]
        if total > UPGRADE_BATCH:
            notify(f"Bringing the catalogue up to date with this version: {done:,} of {total:,} items")


OFFERS_SINCE: Final = 3
"""The version from which a catalogue has offers as they are now."""
UPGRADE_BATCH: Final = 5_000
_RECORDS: Final = "SELECT key, id, record FROM items WHERE key > ? ORDER BY key LIMIT ?"


@dataclass(frozen=True)
class Fitting:
    """The offers that pass a filter's price, stock and attributes, as ``FROM ... WHERE ...`` over ``offers f``.

    An offer can stand there more than once. ``drivers`` are as those of `tools.store.filters.SqlCondition`.
    """

    attributes: int
    parts: list[str]
    parameters: list[Any]
    drivers: list[tuple[str, list[Any]]]

    @property
    def sql(self) -> str:
        """Of every item."""
        tables = ", ".join(["offers f", *(f"options o{n}" for n in range(self.attributes))])
        return f"FROM {tables} WHERE {' AND '.join(self.parts)}"

    @property
    def first(self) -> str:
        """Whether the offer f passes and is the first of its item that does; takes the parameters twice."""
        options = "EXISTS (SELECT 1 FROM options {} WHERE {})"
        each = [options.format(part.partition(".")[0], part) if part[0] == "o" else part for part in self.parts]
        earlier = f"SELECT 1 {self.of('f.item', 'g')} AND g.ordinal < f.ordinal"
        return f"{' AND '.join(each)} AND NOT EXISTS ({earlier})"

    def of(self, key: str, offer: str = "f") -> str:
        """Of one item, looked up by its key; ``offer`` names the table's row."""
        # CROSS JOIN keeps this order: one item has few offers
        tables = " CROSS JOIN ".join([f"offers {offer}", *(f"options o{n}" for n in range(self.attributes))])
        return f"FROM {tables} WHERE {offer}.item = {key} AND {' AND '.join(self.parts).replace('f.', f'{offer}.')}"


def fitting(filters: Filters) -> Fitting | None:
    """None when the filter asks nothing of price, stock and attributes."""
    parts, parameters, drivers = list[str](), list[Any](), list[tuple[str, list[Any]]]()
    bounds = [
        (sign, bound) for sign, bound in ((">=", filters.min_price), ("<=", filters.max_price)) if bound is not None
    ]
    if bounds:
        of_price = [f"f.price {sign} ?" for sign, _ in bounds]
        parts += of_price
        parameters += [bound for _, bound in bounds]
        drivers.append((f"SELECT f.item FROM offers f WHERE {' AND '.join(of_price)}", [*parameters]))  # noqa: S608
    if filters.in_stock:
        parts.append("f.in_stock = 1")
    for n, (name, values) in enumerate(filters.attributes.items()):
        named = [attribute_key(name), json.dumps(sorted(wanted_keys(name, values)))]
        parts.append(f"o{n}.attribute IN ({_VALUES}) AND o{n}.item = f.item AND o{n}.ordinal IN (0, f.ordinal)")
        parameters += named
        drivers.append((f"SELECT item FROM options WHERE attribute IN ({_VALUES})", named))  # noqa: S608 - constants
    return Fitting(len(filters.attributes), parts, parameters, drivers) if parts else None


_VALUES: Final = "SELECT key FROM attributes WHERE name_key = ? AND value_key IN (SELECT value FROM json_each(?))"
