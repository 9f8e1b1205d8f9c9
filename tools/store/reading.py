"""The questions that SQLite answers; each takes an open connection and gives plain values."""

import io
import json
import math
import sqlite3
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tools.records import EncoderIdentity, Filters, Item, Moment, Vocabulary
from tools.store import counters
from tools.store.entries import (
    BoundedCount,
    CatalogueStats,
    ChangeMark,
    Picture,
    SpaceStats,
    StoredItem,
    Vector,
    frame_of,
)
from tools.store.filters import SqlCondition, category_key, quoted
from tools.store.filters import where as condition
from tools.store.records import read_item
from tools.store.rules import HIDDEN, HIDDEN_KEYS, SHOWN, RulesInForce, rules_of
from tools.store.schema import SPACES, WORD_WEIGHTS
from tools.store.values import attribute_key
from tools.store.words import ENGLISH, QueryWord, holds, query_words

Key = TypeVar("Key", int, str)

FEW = 8_000
"""Up to so many items a search takes up one by one; docs/retrieval.md says how filtered searches are planned."""
SCORED_WHOLE = 25_000
"""Up to so many items a search for words scores every item that holds any of them."""
CANDIDATES = 2_000
"""How many items it scores in a larger catalogue."""
SAMPLED_WHOLE = 50_000
"""From how many items on a sample is drawn by probing instead of from the whole space in order."""
SIZED = 50_000
"""Up to how many rows the parts of a condition are compared."""
LISTED = 20_000
"""Up to so many are looked up rather than ten thousand of those nearest."""
LISTED_FOR_ONE = 5
"""To look at one item's words takes as long as to list so many that hold a phrase, if few of those may deny it."""
SAMPLE = 1_000
"""How many items are looked at to estimate how many pass."""
WALK_SECONDS = 0.1
"""So long items are looked at one after another; then all that pass are listed, which takes the same for any filter."""
COUNT_SECONDS = 0.03
"""So long items are counted that nobody has to know the number of."""
WALK_STEPS = 10_000
"""Of SQLite's machine, between two looks at the clock."""
MAX_ATTRIBUTE_VALUES = 200
MOST_FREQUENT = 100
MAX_VALUE_LENGTH = 60
MAX_NAME_LENGTH = 100
"""Of a category or brand; a filter may not name a longer one (`tools.records.Term`)."""


def where(connection: sqlite3.Connection, filters: Filters | None) -> SqlCondition:
    """The condition on ``items i``; always true without filters. Terms are those of the shop's own words."""
    return condition(rules(connection).filters(filters), language(connection)) if filters else SqlCondition()


def rules(connection: sqlite3.Connection) -> RulesInForce:
    """The shop's own rules."""
    return rules_of(connection, language(connection))


def meta(connection: sqlite3.Connection, name: str) -> str | int:
    """One of the catalogue's own facts (schema, catalogue, version, seq)."""
    value: str | int = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()[0]
    return value


def analyser(connection: sqlite3.Connection) -> tuple[str, str]:
    """What made the stored tokens: the analyser's version and the language; the first ones where none is noted."""
    row = connection.execute("SELECT value FROM meta WHERE name = 'analyser'").fetchone()
    version, language_name = str(row[0]).split(" ", 1) if row else ("1", ENGLISH)
    return version, language_name


def language(connection: sqlite3.Connection) -> str:
    """The language that the catalogue's words are analysed in."""
    return analyser(connection)[1]


def tidied(connection: sqlite3.Connection) -> int:
    """The version at which what nothing uses was last dropped; 0 where that never was."""
    row = connection.execute("SELECT value FROM meta WHERE name = 'tidied'").fetchone()
    return int(row[0]) if row else 0


def items_by_id(connection: sqlite3.Connection, ids: Sequence[str], *, also_hidden: bool = False) -> dict[str, Item]:
    """The items among these ids that exist."""
    rows = connection.execute(
        f"SELECT id, record FROM {'items' if also_hidden else SHOWN} WHERE id IN (SELECT value FROM json_each(?))",  # noqa: S608
        (json.dumps(list(ids)),),
    )
    return {item_id: read_item(item_id, record) for item_id, record in rows}


def eligible(connection: sqlite3.Connection, filters: Filters) -> list[str]:
    """Ids of the items that pass, in the order they came in."""
    condition = where(connection, filters)
    rows = connection.execute(f"SELECT i.id FROM {SHOWN} i WHERE {condition.sql} ORDER BY i.key", condition.parameters)  # noqa: S608
    return [row[0] for row in rows]


def changed(connection: sqlite3.Connection, since: ChangeMark | None) -> tuple[list[str], ChangeMark]:
    """Ids of the items that came in or got another vector since a mark, in the order they came in; and the mark of now.

    All of them without a mark, or with one of another catalogue.
    """
    last = connection.execute("SELECT coalesce(max(key), 0) FROM items").fetchone()[0]
    now = ChangeMark(str(meta(connection, "catalogue")), int(last), int(meta(connection, "seq")))
    if since is None or since.catalogue != now.catalogue:
        return eligible(connection, Filters()), now
    keys = {row[0] for row in connection.execute("SELECT key FROM items WHERE key > ?", (since.key,))}
    for space in SPACES:
        moved = "SELECT item FROM places WHERE space = ? AND seq > ?"
        keys |= {row[0] for row in connection.execute(moved, (space, since.seq))}
    rows = connection.execute(
        "SELECT i.id FROM json_each(?) w CROSS JOIN items i ON i.key = w.value ORDER BY i.key",
        (json.dumps(sorted(keys)),),
    )
    return [row[0] for row in rows], now


def count(
    connection: sqlite3.Connection, filters: Filters | None, at_most: int | None = None, at_least: int | None = None
) -> BoundedCount:
    """How many items pass; those above ``at_most`` need not be counted.

    Nor those above ``at_least`` once `COUNT_SECONDS` are over; without it time does not end the count.
    """
    condition = where(connection, filters)
    if not condition.parts:
        counted: int | None = int(meta(connection, "items"))
    else:
        counted = _counted(connection, filters) if filters else None
    if counted is not None:
        return BoundedCount(counted - _hidden(connection, condition))
    if (keys := few(connection, condition)) is not None:
        return BoundedCount(len(keys))
    if at_most is not None:
        form = for_so_many(connection, condition, at_most)
        sql, parameters = f"SELECT 1 FROM {SHOWN} i WHERE {form.each}", form.each_parameters  # noqa: S608
        if condition.drivers:
            sql, parameters = _by_driver(_smallest(connection, condition), form)
        rows, is_complete = _rows_within(connection, f"{sql} LIMIT ?", (*parameters, at_most + 1), COUNT_SECONDS)
        found = min(len(rows), at_most)
        if is_complete or (at_least is not None and found >= at_least):
            return BoundedCount(found, has_more=not is_complete or len(rows) > at_most)
    row = connection.execute(f"SELECT count(*) FROM {SHOWN} i WHERE {condition.sql}", condition.parameters).fetchone()  # noqa: S608
    return BoundedCount(int(row[0]))


def _smallest(connection: sqlite3.Connection, condition: SqlCondition) -> tuple[str, list[Any]]:
    """The driver with fewest rows."""
    if len(condition.drivers) == 1:
        return condition.drivers[0]
    return min(condition.drivers, key=lambda driver: _size(connection, driver, SIZED))


def _size(connection: sqlite3.Connection, driver: tuple[str, list[Any]], at_most: int) -> int:
    """How many rows a driver has, counted up to ``at_most``."""
    sql, parameters = driver
    return int(connection.execute(f"SELECT count(*) FROM ({sql} LIMIT {at_most})", parameters).fetchone()[0])  # noqa: S608


def _looked_up(candidates: str, condition: SqlCondition) -> str:
    """A query for the keys of those that are shown and pass; ``candidates``: keys of items that exist, each looked up.

    The rows of items are long, and not read where nothing in them is asked for.
    """
    if condition.is_of_keys:
        shown = f"c.key NOT IN ({HIDDEN_KEYS})"
        return f"SELECT DISTINCT c.key FROM {candidates} c WHERE {condition.each_candidate} AND {shown}"  # noqa: S608
    return (
        f"SELECT DISTINCT i.key FROM {candidates} c CROSS JOIN {SHOWN} i ON i.key = c.key "  # noqa: S608 - constants
        f"WHERE {condition.each_candidate}"
    )


def _by_driver(driver: tuple[str, list[Any]], condition: SqlCondition) -> tuple[str, list[Any]]:
    """The same for what a driver gives; LIMIT keeps SQLite from going through a whole table in the order of its key."""
    sql, parameters = driver
    candidates = f"(WITH driver(key) AS ({sql} LIMIT -1) SELECT key FROM driver)"  # noqa: S608
    return _looked_up(candidates, condition), [*parameters, *condition.each_parameters]


def for_so_many(connection: sqlite3.Connection, condition: SqlCondition, items: int) -> SqlCondition:
    """The condition in its quicker form for so many items: an item's words are read, or the items of words listed."""
    if not condition.phrases:
        return condition
    listed = sum(document_frequency(connection, phrase) for phrase in condition.phrases)
    return condition.listing_words() if listed < LISTED_FOR_ONE * items else condition


def share(connection: sqlite3.Connection, condition: SqlCondition) -> tuple[int, int]:
    """How many items pass of a sample, and how large it was: every nth key; of items that are gone, some pass, too."""
    last = int(connection.execute("SELECT max(key) FROM items").fetchone()[0] or 0)
    keys = range(1, last + 1, max(1, last // SAMPLE))
    return len(passing(connection, condition, keys)), len(keys)


def is_listed(connection: sqlite3.Connection, condition: SqlCondition) -> bool:
    """Whether at most `LISTED` items have to be looked up to list all that pass."""
    return any(_size(connection, driver, LISTED + 1) <= LISTED for driver in condition.drivers)


def all_passing(connection: sqlite3.Connection, condition: SqlCondition) -> list[int]:
    """Keys of all items that pass, ascending, however many."""
    sql, parameters = f"SELECT i.key FROM {SHOWN} i WHERE {condition.sql}", condition.parameters  # noqa: S608
    if condition.drivers:
        sql, parameters = _by_driver(_smallest(connection, condition), condition.listing_words())
    return sorted(row[0] for row in connection.execute(sql, parameters))


def _counted(connection: sqlite3.Connection, filters: Filters) -> int | None:
    """How many items pass a filter that asks for one thing that is counted, hidden ones too; else None."""
    asked = filters.model_dump(exclude_defaults=True)
    if len(asked) != 1:
        return None
    total = int(meta(connection, "items"))
    match filters:
        case Filters(in_stock=True):
            return counters.count(connection, "in stock", 1)
        case Filters(brands=[_, *_] as brands):
            return _of_names(connection, "brand key", brands)
        case Filters(exclude_brands=[_, *_] as brands):
            return total - _of_names(connection, "brand key", brands)
        case Filters(categories=[category]):
            return _of_names(connection, "level", [category])
        case Filters(exclude_categories=[category]):
            return total - _of_names(connection, "level", [category])
    return None


def _of_names(connection: sqlite3.Connection, kind: str, names: Sequence[str]) -> int:
    return sum(counters.count(connection, kind, key) for key in {category_key(name) for name in names} - {""})


def _hidden(connection: sqlite3.Connection, condition: SqlCondition) -> int:
    """How many hidden items pass."""
    row = connection.execute(
        f"SELECT count(*) FROM ({_HIDDEN_ITEMS}) i WHERE {condition.each}",  # noqa: S608
        condition.each_parameters,
    ).fetchone()
    return int(row[0])


def within(connection: sqlite3.Connection, sql: str, parameters: Sequence[object]) -> list[tuple[Any, ...]] | None:
    """The rows of a query that is quick for most filters; None where it took `WALK_SECONDS` of the processor's time."""
    rows, is_complete = _rows_within(connection, sql, parameters, WALK_SECONDS)
    return rows if is_complete else None


def _rows_within(
    connection: sqlite3.Connection, sql: str, parameters: Sequence[object], seconds: float
) -> tuple[list[tuple[Any, ...]], bool]:
    """The rows up to then, and whether they are all."""
    rows: list[tuple[Any, ...]] = []
    end = time.thread_time() + seconds
    connection.set_progress_handler(lambda: time.thread_time() > end, WALK_STEPS)
    try:
        for row in connection.execute(sql, parameters):
            rows.append(row)  # those so far are kept when the query is interrupted
    except sqlite3.OperationalError as exc:
        if exc.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return rows, False
    finally:
        connection.set_progress_handler(None, 0)
    return rows, True


def few(connection: sqlite3.Connection, condition: SqlCondition) -> list[int] | None:
    """Keys of the items that pass, ascending; None where no part of the condition leaves at most `FEW` to look at.

    In a catalogue of few items it is always all of them.
    """
    if int(meta(connection, "items")) <= FEW:
        rows = connection.execute(f"SELECT i.key FROM {SHOWN} i WHERE {condition.sql}", condition.parameters)  # noqa: S608
        return sorted(row[0] for row in rows)
    for driver in condition.drivers:
        size = _size(connection, driver, FEW + 1)
        if size <= FEW:
            sql, parameters = _by_driver(driver, for_so_many(connection, condition, size))
            return sorted(row[0] for row in connection.execute(sql, parameters))
    return None


def passing(connection: sqlite3.Connection, condition: SqlCondition, keys: Sequence[int]) -> set[int]:
    """Those of these items, which exist, that are shown and pass."""
    condition = for_so_many(connection, condition, len(keys))
    rows = connection.execute(
        _looked_up("(SELECT value AS key FROM json_each(?))", condition),
        (json.dumps(list(keys)), *condition.each_parameters),
    )
    return {row[0] for row in rows}


def passing_ids(connection: sqlite3.Connection, ids: Collection[str], filters: Filters | None) -> set[str]:
    """Those of these items that are shown and pass; each is looked up."""
    condition = where(connection, filters)
    rows = connection.execute(
        f"SELECT i.id FROM (SELECT DISTINCT value FROM json_each(?)) w CROSS JOIN {SHOWN} i ON i.id = w.value "  # noqa: S608
        f"WHERE {condition.each}",
        (json.dumps(list(ids)), *condition.each_parameters),
    )
    return {row[0] for row in rows}


def few_ids(connection: sqlite3.Connection, filters: Filters | None) -> list[str] | None:
    """Ids of the items that pass, in the order they came in; None where `few` says so."""
    keys = few(connection, where(connection, filters))
    if keys is None:
        return None
    rows = connection.execute(
        "SELECT i.id FROM json_each(?) w CROSS JOIN items i ON i.key = w.value ORDER BY i.key", (json.dumps(keys),)
    )
    return [row[0] for row in rows]


def count_having(
    connection: sqlite3.Connection, attribute: str, ids: Collection[str] | None, at_most: int | None = None
) -> int:
    """How many items, or how many of these, have any value of the attribute; ``at_most`` as of `count`."""
    among = "" if ids is None else "AND item IN (SELECT key FROM items WHERE id IN (SELECT value FROM json_each(?)))"
    row = connection.execute(
        "SELECT count(*) FROM (SELECT DISTINCT item FROM options "  # noqa: S608
        f"WHERE attribute IN (SELECT key FROM attributes WHERE name_key = ?) {among} LIMIT ?)",
        (
            attribute_key(attribute),
            *([] if ids is None else [json.dumps(list(ids))]),
            -1 if at_most is None else at_most + 1,
        ),
    ).fetchone()
    return int(row[0])


def keyword(
    connection: sqlite3.Connection, query: str, k: int, filters: Filters | None
) -> list[tuple[str, float, list[str]]]:
    """Items that hold any of the query's words: (id, BM25, the query's words that the item holds), best first."""
    words = query_words(query, language(connection))
    if not words:
        return []
    condition = where(connection, filters)
    frequencies: dict[QueryWord, float] = {}
    if int(meta(connection, "items")) > SCORED_WHOLE:
        frequencies = {word: document_frequency(connection, quoted(word.tokens)) for word in words}
        if sum(frequencies.values()) > FEW:
            return _keyword_among_many(connection, frequencies, k, condition)
    weights = ", ".join(map(str, WORD_WEIGHTS))
    # in a large catalogue few items hold a word, and the condition is asked of each
    asked, parameters = (
        (condition.each, condition.each_parameters) if frequencies else (condition.sql, condition.parameters)
    )
    rows = connection.execute(
        f"SELECT i.id, i.key, -bm25(words, {weights}) AS score FROM words CROSS JOIN {SHOWN} i "  # noqa: S608
        f"ON i.key = words.rowid WHERE words MATCH ? AND {asked} ORDER BY score DESC, i.key LIMIT ?",
        (" OR ".join(quoted(word.tokens) for word in words), *parameters, k),
    ).fetchall()
    return [(item_id, score, _matched(connection, key, words)) for item_id, key, score in rows]


def _keyword_among_many(
    connection: sqlite3.Connection, frequencies: dict[QueryWord, float], k: int, condition: SqlCondition
) -> list[tuple[str, float, list[str]]]:
    """The same with bounded work: at most `FEW` postings of a word are read, and `CANDIDATES` items scored.

    The candidates hold all words in the title, or all, or the rarest in the title, or the rarest, in this order; among
    equals the newest count. Common words only score them.
    """
    rarest = sorted(frequencies, key=lambda word: frequencies[word])
    keys = few(connection, condition) if condition.parts else None
    candidates: dict[int, None] = {}
    if keys is not None and len(keys) <= CANDIDATES:
        candidates = dict.fromkeys(keys)
    else:
        allowed = None if keys is None else set(keys)
        each = [quoted(word.tokens) for word in rarest]
        queries = [
            f"title : ({words}) " if place else words for words in (" AND ".join(each), *each) for place in (1, 0)
        ]
        for query in dict.fromkeys(queries):
            matching = "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid DESC LIMIT ?"
            found = [row[0] for row in connection.execute(matching, (query, CANDIDATES if allowed is None else FEW))]
            if allowed is not None:
                found = [key for key in found if key in allowed]
            elif condition.parts:
                found = sorted(passing(connection, condition, found), reverse=True)
            candidates |= dict.fromkeys(found)
            if len(candidates) >= CANDIDATES:
                break
    chosen = list(candidates)[:CANDIDATES]
    rows = connection.execute(
        "SELECT w.rowid, w.title, w.facts, w.attributes, w.description FROM json_each(?) c "  # noqa: S608 - constants
        f"CROSS JOIN words w ON w.rowid = c.value WHERE c.value NOT IN ({HIDDEN_KEYS})",
        (json.dumps(sorted(chosen)),),  # in the order they lie in the file
    )
    scoring = _Bm25.of(connection, frequencies)
    scored = [(key, *scoring.score(columns)) for key, *columns in rows]
    best = sorted((one for one in scored if one[2]), key=lambda one: (-one[1], one[0]))[:k]
    ids = _ids(connection, [key for key, _, _ in best])
    return [(ids[key], score, matched) for key, score, matched in best]


def _ids(connection: sqlite3.Connection, keys: Sequence[int]) -> dict[int, str]:
    """The ids of items, by their keys."""
    rows = connection.execute(
        "SELECT i.key, i.id FROM json_each(?) w CROSS JOIN items i ON i.key = w.value", (json.dumps(list(keys)),)
    )
    return dict(rows.fetchall())


def document_frequency(connection: sqlite3.Connection, phrase: str) -> float:
    """How many items hold a quoted phrase; above `FEW` estimated by how closely its oldest and newest items follow."""
    half = FEW // 2
    matching = f"SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid {{}} LIMIT 1 OFFSET {half - 1}"  # noqa: S608
    oldest, newest = (connection.execute(matching.format(order), (phrase,)).fetchone() for order in ("ASC", "DESC"))
    if not oldest or not newest or oldest[0] >= newest[0]:
        return int(connection.execute("SELECT count(*) FROM words WHERE words MATCH ?", (phrase,)).fetchone()[0])
    first, last = connection.execute("SELECT (SELECT min(key) FROM items), (SELECT max(key) FROM items)").fetchone()
    return float(2 * half * (last - first + 1) / (oldest[0] - first + 1 + last - newest[0] + 1))


@dataclass(frozen=True)
class _Bm25:
    """BM25 as FTS5 computes it (sqlite.org/fts5.html#the_bm25_function), for items read one by one."""

    words: tuple[tuple[str, str, float], ...]
    """As written, as a phrase of an item's spaced tokens, and the inverse document frequency."""
    mean_length: float

    @classmethod
    def of(cls, connection: sqlite3.Connection, frequencies: dict[QueryWord, float]) -> "_Bm25":
        """With the catalogue's counts."""
        items = int(meta(connection, "items"))
        words = tuple(
            (word.text, f" {'  '.join(word.tokens)} ", max(1e-6, math.log((max(items - n, 0) + 0.5) / (n + 0.5))))
            for word, n in frequencies.items()
        )
        return cls(words, _mean_length(connection))

    def score(self, columns: Sequence[str]) -> tuple[float, list[str]]:
        """The score, and the words that the item holds."""
        # two spaces between tokens, so that a token's spaces are its own
        spaced = " " + " \n ".join(columns).replace(" ", "  ") + " "
        length = spaced.count(" ") // 2 - 3 - [*columns].count("")
        title, facts, attributes, description = spaced.split("\n")
        norm = 1.2 * (0.25 + 0.75 * length / self.mean_length)
        score, matched = 0.0, list[str]()
        in_title, in_facts, in_attributes, in_description = WORD_WEIGHTS
        for text, phrase, idf in self.words:  # written out: thousands of items are scored
            frequency = (
                in_title * title.count(phrase)
                + in_facts * facts.count(phrase)
                + in_attributes * attributes.count(phrase)
                + in_description * description.count(phrase)
            )
            if frequency:
                score += idf * frequency * 2.2 / (frequency + norm)
                matched.append(text)
        return score, matched


def _mean_length(connection: sqlite3.Connection) -> float:
    """Mean count of an item's tokens, from FTS5's record of totals: varints of the rows and of each column's tokens."""
    block = connection.execute("SELECT block FROM words_data WHERE id = 1").fetchone()[0]
    numbers, number = list[int](), 0
    for byte in block:
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            numbers.append(number)
            number = 0
    rows, *totals = numbers
    return max(1.0, sum(totals) / max(rows, 1))


def rarity(connection: sqlite3.Connection, query: str) -> dict[str, float]:
    """The inverse document frequency of each of the query's words; 0 for a word that every item holds."""
    items = count(connection, None).items
    idf = {}
    for word in query_words(query, language(connection)):
        holding = document_frequency(connection, quoted(word.tokens))
        idf[word.text] = max(0.0, math.log((items + 1) / (holding + 0.5)))
    return idf


def _matched(connection: sqlite3.Connection, key: int, words: Iterable[QueryWord]) -> list[str]:
    row = connection.execute(
        "SELECT title, facts, attributes, description FROM words WHERE rowid = ?", (key,)
    ).fetchone()
    fields = [column.split(" ") for column in row]
    return [word.text for word in words if any(holds(field, word.tokens) for field in fields)]


# Vectors -------------------------------------------------------------------------------------------------------------


def encoder_key(connection: sqlite3.Connection, space: str) -> int | None:
    """The key of the encoder in use for the space."""
    row = connection.execute("SELECT encoder FROM spaces WHERE space = ?", (space,)).fetchone()
    return int(row[0]) if row else None


def identity(connection: sqlite3.Connection, space: str) -> EncoderIdentity | None:
    """The encoder in use for the space."""
    row = connection.execute(
        "SELECT e.identity FROM spaces s JOIN encoders e ON e.key = s.encoder WHERE s.space = ?", (space,)
    ).fetchone()
    return EncoderIdentity.model_validate_json(row[0]) if row else None


def missing(connection: sqlite3.Connection, space: str, encoder: int | None) -> int:
    """How many places of the space have no vector by the encoder; only those changed since `note_complete` are read."""
    noted = _complete(connection).get(space)
    row = connection.execute(
        "SELECT count(*) FROM places p WHERE p.space = ? AND p.seq > ? AND NOT EXISTS "
        "(SELECT 1 FROM vectors v WHERE v.encoder = ? AND v.hash = p.hash)",
        (space, noted[1] if noted and noted[0] == encoder else -1, encoder),
    ).fetchone()
    return int(row[0])


def _complete(connection: sqlite3.Connection) -> dict[str, tuple[int, int]]:
    """By space the encoder, and up to which ``seq`` every place has its vector."""
    row = connection.execute("SELECT value FROM meta WHERE name = 'complete'").fetchone()
    return json.loads(row[0]) if row else {}


def note_complete(connection: sqlite3.Connection) -> None:
    """Note the spaces of which every place has its vector: vectors that a place uses are never deleted."""
    encoders = dict(connection.execute("SELECT space, encoder FROM spaces").fetchall())
    last = int(meta(connection, "seq"))
    noted = {space: (key, last) for space, key in encoders.items() if not missing(connection, space, key)}
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('complete', ?)", (json.dumps(noted),))


def places(connection: sqlite3.Connection, space: str, keys: Sequence[int], applied: int) -> list[str]:
    """The places of items, by their keys, among those the index knows (``seq`` up to ``applied``)."""
    encoder = encoder_key(connection, space)
    made = " AND EXISTS (SELECT 1 FROM vectors v WHERE v.encoder = ? AND v.hash = p.hash)"
    all_made = not missing(connection, space, encoder)
    rows = connection.execute(
        "SELECT p.item || '.' || p.position FROM json_each(?) w CROSS JOIN places p ON p.space = ? "  # noqa: S608
        f"AND p.item = w.value AND +p.seq <= ?{'' if all_made else made}",
        (json.dumps(list(keys)), space, applied, *([] if all_made else [encoder])),
    )
    return [row[0] for row in rows]


def later(connection: sqlite3.Connection, space: str, applied: int) -> int:
    """How many places have changed since ``applied``."""
    row = connection.execute("SELECT count(*) FROM places WHERE space = ? AND seq > ?", (space, applied)).fetchone()
    return int(row[0])


def score_later(
    connection: sqlite3.Connection, space: str, encoder: int, condition: SqlCondition, applied: int, query: Vector
) -> dict[str, float]:
    """Exact cosines of the places that the index doesn't know yet: the best of each item."""
    rows = connection.execute(
        f"SELECT i.id, v.vector FROM places p CROSS JOIN {SHOWN} i ON i.key = p.item "  # noqa: S608
        "CROSS JOIN vectors v ON v.encoder = ? AND v.hash = p.hash "
        f"WHERE p.space = ? AND p.seq > ? AND {condition.each}",
        (encoder, space, applied, *condition.each_parameters),
    )
    return _scored(rows, query)


def score(
    connection: sqlite3.Connection, space: str, encoder: int, keys: Sequence[int], query: Vector, k: int
) -> dict[str, float]:
    """Exact cosines of the best k of shown items, given by their keys: the best of each."""
    rows = connection.execute(
        "SELECT p.item, v.vector FROM json_each(?) w CROSS JOIN places p ON p.space = ? AND p.item = w.value "
        "CROSS JOIN vectors v ON v.encoder = ? AND v.hash = p.hash",
        (json.dumps(list(keys)), space, encoder),
    )
    scores = _scored(rows, query)
    best = sorted(scores, key=lambda key: -scores[key])
    last = scores[best[min(k, len(best)) - 1]] if best else 0.0
    best = [key for key in best if scores[key] >= last]  # which of equal scores come first is decided by the id
    return {item_id: scores[key] for key, item_id in _ids(connection, best).items()}


def _scored(rows: Iterable[tuple[Key, bytes]], query: Vector) -> dict[Key, float]:
    pairs = list(rows)
    if not pairs:
        return {}
    cosines = np.frombuffer(b"".join(blob for _, blob in pairs), np.float32).reshape(len(pairs), -1) @ query
    scores: dict[Key, float] = {}
    for (key, _), cosine in zip(pairs, cosines.tolist(), strict=True):
        scores[key] = max(cosine, scores.get(key, -2.0))
    return scores


def owners(
    connection: sqlite3.Connection, space: str, place_ids: Sequence[str], condition: SqlCondition, applied: int
) -> dict[str, str]:
    """Which item that passes each place belongs to; places that are gone or have changed since are left out."""
    keys = json.dumps(sorted({int(place.partition(".")[0]) for place in place_ids}))
    condition = for_so_many(connection, condition, len(place_ids))
    rows = connection.execute(
        f"SELECT p.item || '.' || p.position, i.id FROM (SELECT value AS key FROM json_each(?)) c "  # noqa: S608
        f"CROSS JOIN {SHOWN} i ON i.key = c.key "
        f"CROSS JOIN places p ON p.space = ? AND p.item = i.key AND +p.seq <= ? WHERE {condition.each_candidate}",
        (keys, space, applied, *condition.each_parameters),
    )
    return dict(rows.fetchall())


def vectors_of(connection: sqlite3.Connection, space: str, ids: Sequence[str]) -> dict[str, list[Vector]]:
    """All vectors of these items in the space, in the order of their pictures."""
    rows = connection.execute(
        # CROSS JOIN keeps this order: SQLite would go through the whole space, not knowing how few ids there are
        f"SELECT i.id, v.vector FROM (SELECT DISTINCT value FROM json_each(?2)) w CROSS JOIN {SHOWN} i "  # noqa: S608
        "ON i.id = w.value "
        "CROSS JOIN spaces s ON s.space = ?1 CROSS JOIN places p ON p.space = ?1 AND p.item = i.key "
        "CROSS JOIN vectors v ON v.encoder = s.encoder AND v.hash = p.hash ORDER BY p.item, p.position",
        (space, json.dumps(list(ids))),
    )
    vectors: dict[str, list[Vector]] = {}
    for item_id, blob in rows:
        vectors.setdefault(item_id, []).append(np.frombuffer(blob, np.float32))
    return vectors


def frames(connection: sqlite3.Connection) -> list[Picture]:
    """Every frame of a video that stands for an item."""
    rows = connection.execute(
        "SELECT reference, state, reason, size, mtime_ns, hash FROM pictures WHERE reference LIKE '%#t=%'"
    )
    return [picture for row in rows if frame_of(picture := Picture(*row))]


def moments(connection: sqlite3.Connection, ids: Sequence[str]) -> dict[str, dict[int, Moment]]:
    """Which vectors of these items are frames of their videos, by place among an item's pictures with a vector."""
    rows = connection.execute(
        "SELECT i.id, json_extract(i.record, '$.video'), p.reference FROM "
        "(SELECT DISTINCT value FROM json_each(?1)) w CROSS JOIN items i ON i.id = w.value "
        "JOIN pictures p ON p.item = i.key WHERE p.state <> 'lost' AND p.hash IS NOT NULL "
        "AND json_array_length(i.record, '$.video') > 0 ORDER BY i.key, p.position",
        (json.dumps(list(ids)),),
    ).fetchall()
    found: dict[str, dict[int, Moment]] = {}
    counted: Counter[str] = Counter()
    for item_id, videos, reference in rows:
        frame = frame_of(Picture(reference, "ready"))
        own = json.loads(videos)
        if frame and frame[0] in own:
            moment = Moment(video=str(own.index(frame[0])), second=frame[1])
            found.setdefault(item_id, {})[counted[item_id]] = moment
        counted[item_id] += 1
    return found


def sample(connection: sqlite3.Connection, space: str, n: int) -> NDArray[np.float32]:
    """At most n vectors of the space, spread over it, the same ones each time; shape (m, d), (0, 0) when empty."""
    # A multiplicative hash of the item's key stands for a random order that needs no state (Knuth 6.4).
    chosen = "SELECT hash FROM places WHERE space = ?1 ORDER BY item * 2654435761 % 4294967296, position LIMIT ?2"
    last = connection.execute("SELECT max(item) FROM places WHERE space = ?", (space,)).fetchone()[0] or 0
    if last > SAMPLED_WHOLE:  # as many probes, of which few fall on the same item
        chosen = (
            "SELECT DISTINCT (SELECT hash FROM places WHERE space = ?1 AND item >= w.value ORDER BY item, position "
            "LIMIT 1) AS hash FROM json_each(?2) w"
        )
    rows = connection.execute(
        f"SELECT v.vector FROM ({chosen}) p JOIN spaces s ON s.space = ?1 "  # noqa: S608
        "JOIN vectors v ON v.encoder = s.encoder AND v.hash = p.hash",
        (space, json.dumps([place * 2654435761 % last for place in range(n)]) if last > SAMPLED_WHOLE else n),
    ).fetchall()
    if not rows:
        return np.zeros((0, 0), np.float32)
    return np.frombuffer(b"".join(row[0] for row in rows), np.float32).reshape(len(rows), -1)


def count_in(connection: sqlite3.Connection, space: str) -> int:
    """How many items have a place in the space."""
    return counters.count(connection, "space", space)


def spread(connection: sqlite3.Connection, space: str, n: int) -> tuple[list[str], NDArray[np.float32]]:
    """At most n items spread over the space, the same ones each time, and each one's first vector there (m, d)."""
    chosen = (
        "SELECT item, hash, min(position) FROM places WHERE space = ?1 GROUP BY item "
        "ORDER BY item * 2654435761 % 4294967296 LIMIT ?2"
    )
    rows = connection.execute(
        f"SELECT i.id, v.vector FROM ({chosen}) p JOIN {SHOWN} i ON i.key = p.item JOIN spaces s ON s.space = ?1 "  # noqa: S608
        "JOIN vectors v ON v.encoder = s.encoder AND v.hash = p.hash ORDER BY i.key",
        (space, n),
    ).fetchall()
    if not rows:
        return [], np.zeros((0, 0), np.float32)
    return [row[0] for row in rows], np.frombuffer(b"".join(row[1] for row in rows), np.float32).reshape(len(rows), -1)


def noted_vectors(connection: sqlite3.Connection, name: str) -> NDArray[np.float32] | None:
    """Vectors (n, d) kept under a name."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return np.load(io.BytesIO(row[0]), allow_pickle=False) if row else None


# For ingestion and for people ----------------------------------------------------------------------------------------


def stored(connection: sqlite3.Connection, ids: Sequence[str]) -> dict[str, StoredItem]:
    """What the catalogue holds of these ids, as far as ingestion needs it."""
    ids_json = json.dumps(list(ids))
    pictures, sounds = (_files(connection, table, ids_json) for table in ("pictures", "sounds"))
    rows = connection.execute(
        "SELECT id, key, content_hash, text_hash FROM items WHERE id IN (SELECT value FROM json_each(?))", (ids_json,)
    )
    return {
        item_id: StoredItem(key, content, text, tuple(pictures.get(key, ())), tuple(sounds.get(key, ())))
        for item_id, key, content, text in rows
    }


def _files(connection: sqlite3.Connection, table: str, ids_json: str) -> dict[int, list[Picture]]:
    """The rows of ``pictures`` or ``sounds`` by the items' keys, in order."""
    files: dict[int, list[Picture]] = {}
    for key, *columns in connection.execute(
        f"SELECT p.item, p.reference, p.state, p.reason, p.size, p.mtime_ns, p.hash FROM items i JOIN {table} p "  # noqa: S608
        "ON p.item = i.key WHERE i.id IN (SELECT value FROM json_each(?)) ORDER BY p.item, p.position",
        (ids_json,),
    ):
        files.setdefault(key, []).append(Picture(*columns))
    return files


def references(connection: sqlite3.Connection, beginning: str) -> list[str]:
    """What pictures and sounds refer to, where it begins like this."""
    rows = connection.execute(
        "SELECT reference FROM (SELECT reference FROM pictures UNION SELECT reference FROM sounds) "
        "WHERE substr(reference, 1, length(?1)) = ?1",
        (beginning,),
    )
    return [row[0] for row in rows]


def vocabulary(connection: sqlite3.Connection) -> Vocabulary:
    """The words the catalogue itself uses."""
    low, high = (_outermost_price(connection, order) for order in ("", "DESC"))
    paths, brands = _counts(connection, "category"), _counts(connection, "brand")
    return Vocabulary(
        categories=_sayable(sorted({level.strip() for path in paths for level in path.split(">")})),
        brands=_sayable(sorted(brands)),
        frequent_categories=_sayable(_frequent_levels(paths))[:MOST_FREQUENT],
        frequent_brands=_sayable(brands)[:MOST_FREQUENT],
        attribute_values=_attribute_values(connection),
        currencies=sorted(_counts(connection, "currency")),
        min_price=low,
        max_price=high,
    )


def _outermost_price(connection: sqlite3.Connection, order: str) -> float | None:
    row = connection.execute(
        f"SELECT price FROM {SHOWN} WHERE price IS NOT NULL ORDER BY price {order} LIMIT 1"  # noqa: S608 - constants
    ).fetchone()
    return row[0] if row else None


def _frequent_levels(paths: dict[str, int]) -> list[str]:
    counts: Counter[str] = Counter()
    for path, count in paths.items():
        counts.update(dict.fromkeys({part.strip() for part in path.split(">")} - {""}, count))
    return sorted(counts, key=lambda level: (-counts[level], level))


def _sayable(names: Iterable[str]) -> list[str]:
    """Those that a filter may name."""
    return [name for name in names if 0 < len(name) <= MAX_NAME_LENGTH]


def _attribute_values(connection: sqlite3.Connection) -> dict[str, list[str]]:
    """Names and values by their comparable forms, each as the catalogue spells it first.

    A name with more than `MAX_ATTRIBUTE_VALUES` values is left out, and its values are not all read.
    """
    found: list[tuple[str, str, str, str]] = []
    for name_key in _attribute_names(connection):
        values = connection.execute(
            f"SELECT DISTINCT value_key FROM attributes a WHERE name_key = ? AND {_USED} "  # noqa: S608 - constants
            f"LIMIT {MAX_ATTRIBUTE_VALUES + 1}",
            (name_key,),
        ).fetchall()
        if len(values) <= MAX_ATTRIBUTE_VALUES:
            found += connection.execute(
                f"SELECT name, value, name_key, value_key FROM attributes a WHERE name_key = ? AND {_USED}",  # noqa: S608
                (name_key,),
            ).fetchall()
    names: dict[str, str] = {}
    spellings: dict[str, dict[str, str]] = {}
    for name, value, name_key, key in sorted(found):
        spellings.setdefault(names.setdefault(name_key, name), {}).setdefault(key, value)
    short_values = {
        name: [value for value in of.values() if len(value) <= MAX_VALUE_LENGTH] for name, of in spellings.items()
    }
    return {name: values for name, values in short_values.items() if values}


def _attribute_names(connection: sqlite3.Connection) -> Iterator[str]:
    """The comparable form of every name, each by one step in the index."""
    last = ""
    while row := connection.execute("SELECT min(name_key) FROM attributes WHERE name_key > ?", (last,)).fetchone():
        if row[0] is None:
            return
        yield (last := row[0])


_USED = "EXISTS (SELECT 1 FROM options o WHERE o.attribute = a.key)"


def stats(connection: sqlite3.Connection, folder: Path) -> CatalogueStats:
    """What the catalogue holds; sizes count every file of the catalogue in the folder."""
    words, states = vocabulary(connection), counters.counts(connection, "pictures")
    return CatalogueStats(
        folder=str(folder),
        items=count(connection, None).items,
        pictures=states.get("ready", 0),
        pictures_lost=states.get("lost", 0),
        categories=_counts(connection, "category"),
        brands=_counts(connection, "brand"),
        currencies=words.currencies,
        min_price=words.min_price,
        max_price=words.max_price,
        in_stock=count(connection, Filters(in_stock=True)).items,
        spaces={space: _space_stats(connection, space) for space in _spaces(connection)},
        bytes_on_disk=_bytes(folder),
        version=int(meta(connection, "version")),
    )


def _spaces(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT space FROM spaces ORDER BY space")]


def _space_stats(connection: sqlite3.Connection, space: str) -> SpaceStats:
    total = counters.count(connection, "places", space)
    lacking = missing(connection, space, encoder_key(connection, space))
    return SpaceStats(vectors=total - lacking, missing=lacking, encoder=identity(connection, space))


def _counts(connection: sqlite3.Connection, column: str) -> dict[str, int]:
    """The shown items' values of a column of ``items``, most frequent first."""
    found = counters.counts(connection, column)
    hidden = connection.execute(f"SELECT {column}, count(*) FROM ({_HIDDEN_ITEMS}) WHERE 1 GROUP BY 1").fetchall()  # noqa: S608
    for name, items in hidden:
        if name is not None:
            found[name] -= items
    if hidden:
        found = dict(sorted(((n, c) for n, c in found.items() if c), key=lambda pair: (-pair[1], pair[0])))
    return found


_HIDDEN_ITEMS = f"SELECT * FROM items WHERE id IN ({HIDDEN})"  # noqa: S608 - constants


def _bytes(folder: Path) -> int:
    files = [*folder.glob("catalogue.sqlite*"), *(folder / "chroma").rglob("*")]
    return sum(path.stat().st_size for path in files if path.is_file())
