"""Pages of items in order, by the plan that is quick for the filter; docs/retrieval.md says which.

In a catalogue of few items, all that pass are sorted. In a larger one they are where they are few; otherwise the items
are walked in the order asked for, and each is looked at, until the page is full. A walk that finds too little in
`reading.WALK_SECONDS` is given up for the first plan.
"""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from tools.records import Filters, Item
from tools.store import reading
from tools.store.filters import without_offers
from tools.store.offers import Fitting, fitting
from tools.store.reading import count, few, for_so_many, items_by_id, language, meta, rules, where, within
from tools.store.rules import SHOWN

WALKED = 1_000
"""So many items a walk usually looks at."""
ORDERS = {
    "price": "offered IS NULL, offered, i.title_key, i.id",
    "-price": "offered IS NULL, offered DESC, i.title_key, i.id",
    "title": "i.title_key, i.id",
    "newest": "i.key DESC",
}
ORDERED = {
    "price": ("i.price, i.title_key, i.id", "i.price DESC, i.title_key DESC, i.id DESC"),
    "-price": ("i.price DESC, i.title_key, i.id", "i.price, i.title_key DESC, i.id DESC"),
    "title": ("i.title_key, i.id", "i.title_key DESC, i.id DESC"),
    "newest": ("i.key DESC", "i.key"),
}
"""The same where every item, or none, has a price; and backwards."""


def browse(connection: sqlite3.Connection, filters: Filters | None, sort: str, k: int, offset: int) -> list[Item]:
    """Items that pass, in the order asked for; items without a price come last in both price orders."""
    filters = rules(connection).filters(filters) if filters else None
    if filters and where(connection, filters).parts:
        ids = _passing(connection, filters, sort, k, offset)
    else:
        ids = _page(connection, sort, k, offset)
    items = items_by_id(connection, ids)  # records are long: only those of the page are read
    return [items[item_id] for item_id in ids]


def _passing(connection: sqlite3.Connection, filters: Filters, sort: str, k: int, offset: int) -> list[str]:
    offers = fitting(filters) if sort in ("price", "-price") else None
    if int(meta(connection, "items")) <= reading.FEW:
        return _of_all(connection, filters, offers, sort, k, offset)
    keys = few(connection, where(connection, filters))
    if keys is not None:
        return _of_few(connection, keys, offers, sort, k, offset)
    walked = _walked(connection, filters, offers, sort, k, offset)
    return _of_all(connection, filters, offers, sort, k, offset) if walked is None else walked


def _of_all(
    connection: sqlite3.Connection, filters: Filters, offers: Fitting | None, sort: str, k: int, offset: int
) -> list[str]:
    """All that pass are listed and sorted."""
    condition = without_offers(filters, language(connection)) if offers else where(connection, filters)
    price, chosen = "i.price", ""
    if offers:  # a bare column stands for the row of the smallest ordinal
        price, chosen = (
            "c.price",
            f"(SELECT f.item, f.price, min(f.ordinal) {offers.sql} GROUP BY f.item) c CROSS JOIN ",
        )
        condition.add("i.key = c.item")
    rows = connection.execute(
        f"SELECT i.id, {price} AS offered FROM {chosen}{SHOWN} i WHERE {condition.sql} "  # noqa: S608
        f"ORDER BY {ORDERS[sort]} LIMIT ? OFFSET ?",
        (*(offers.parameters if offers else []), *condition.parameters, k, offset),
    )
    return [row[0] for row in rows]


def _of_few(
    connection: sqlite3.Connection, keys: Sequence[int], offers: Fitting | None, sort: str, k: int, offset: int
) -> list[str]:
    """Those that pass, by their keys, are looked up and sorted."""
    price = f"(SELECT f.price {offers.of('i.key')} ORDER BY f.ordinal LIMIT 1)" if offers else "i.price"
    rows = connection.execute(
        f"SELECT i.id, {price} AS offered FROM json_each(?) w CROSS JOIN {SHOWN} i ON i.key = w.value "  # noqa: S608
        f"ORDER BY {ORDERS[sort]} LIMIT ? OFFSET ?",
        (*(offers.parameters if offers else []), json.dumps(list(keys)), k, offset),
    )
    return [row[0] for row in rows]


def _walked(
    connection: sqlite3.Connection, filters: Filters, offers: Fitting | None, sort: str, k: int, offset: int
) -> list[str] | None:
    """Items are looked at in order until the page is full; None where that took too long."""
    condition = without_offers(filters, language(connection)) if offers else where(connection, filters)
    condition = for_so_many(connection, condition, WALKED)
    source, price = f"{SHOWN} i", "i.price"
    asked, parameters = condition.each, condition.each_parameters
    if offers:
        source, price = f"offers f INDEXED BY offers_price CROSS JOIN {SHOWN} i ON i.key = f.item", "f.price"
        asked, parameters = f"{offers.first} AND {asked}", [*offers.parameters, *offers.parameters, *parameters]
    if sort not in ("price", "-price"):
        return _stretch_of(connection, source, asked, parameters, ORDERED[sort][0], k, offset)
    order = f"{price} {'DESC' if sort == '-price' else ''}, i.title_key, i.id"
    priced = f"{price} IS NOT NULL AND {asked}"
    ids = _stretch_of(connection, source, priced, parameters, order, k, offset)
    if ids is None or len(ids) == k or filters.min_price is not None or filters.max_price is not None:
        return ids
    before = offset + len(ids)
    if not ids and offset:
        counted = within(connection, f"SELECT count(*) FROM {source} WHERE {priced}", parameters)  # noqa: S608
        if counted is None:
            return None
        before = counted[0][0]
    unpriced, start = f"{price} IS NULL AND {asked}", max(0, offset - before)
    more = _stretch_of(connection, source, unpriced, parameters, "i.title_key, i.id", k - len(ids), start)
    return None if more is None else ids + more


def _stretch_of(
    connection: sqlite3.Connection,
    source: str,
    condition: str,
    parameters: Sequence[Any],
    order: str,
    k: int,
    offset: int,
) -> list[str] | None:
    rows = within(
        connection,
        f"SELECT i.id FROM {source} WHERE {condition} ORDER BY {order} LIMIT ? OFFSET ?",  # noqa: S608
        (*parameters, k, offset),
    )
    return None if rows is None else [row[0] for row in rows]


def _page(connection: sqlite3.Connection, sort: str, k: int, offset: int) -> list[str]:
    """Ids of a page of all items, by an index from whichever end of the order is nearer."""
    total = count(connection, None).items
    k = max(0, min(k, total - offset))
    priced = total
    if sort in ("price", "-price"):
        priced -= int(connection.execute(f"SELECT count(*) FROM {SHOWN} WHERE price IS NULL").fetchone()[0])  # noqa: S608
    ids = _stretch(connection, ("i.price IS NOT NULL AND " if priced < total else "") + "1", sort, k, offset, priced)
    if len(ids) < k:
        start = max(0, offset - priced)
        ids += _stretch(connection, "i.price IS NULL", "title", k - len(ids), start, total - priced)
    return ids


def _stretch(connection: sqlite3.Connection, condition: str, sort: str, k: int, offset: int, total: int) -> list[str]:
    """Ids ``offset`` to ``offset + k`` of the ``total`` items that meet a condition on one column."""
    k = min(k, total - offset)
    if k <= 0:
        return []
    order, backwards = ORDERED[sort]
    from_end = total - offset - k
    is_nearer = from_end < offset
    rows = connection.execute(
        f"SELECT i.id FROM {SHOWN} i WHERE {condition} ORDER BY {backwards if is_nearer else order} LIMIT ? OFFSET ?",  # noqa: S608
        (k, from_end if is_nearer else offset),
    )
    ids = [row[0] for row in rows]
    return ids[::-1] if is_nearer else ids
