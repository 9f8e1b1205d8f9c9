"""What a filter means, twice: as SQL over the catalogue's tables and as a Python predicate over one item.

A property test holds the two equal. The rules:

- Price bounds, ``in_stock`` and attributes must hold together, for the item itself or for one of its variants
  (`tools.store.offers`). Bounds are inclusive; what has no price fails every price bound.
- An attribute has any of the values named for it; names and values compare in one form (`tools.store.values`).
- Categories and brands compare with case, accents and spaces folded. A category may be a path ("Home > Chairs"); a
  filter names the whole path, a leading part of it, or any one level ("chairs").
- ``in_stock`` true wants items known to be in stock; false asks for nothing (nobody looks for what is sold out).
- A term is a phrase: its words, stemmed, one after another within the title, the description, the category or brand,
  or one attribute ("name value"). A term without any letter or digit asks for nothing.
- An item passes a filter against a term if it says that it does not have it (`tools.store.denials`).
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from sqlite3 import Connection
from typing import Any

from tools.records import Filters, Item
from tools.store.denials import all_denied, denial_near, near
from tools.store.offers import PICTURE_WORDS, SPOKEN_WORDS, fitting, offered, said_in, scalars, without_terms_of_sale
from tools.store.words import BREAK, ENGLISH, holds, name_key, tokens


@dataclass(frozen=True)
class SqlPart:
    """One thing asked of ``items i``, in two forms.

    ``whole`` is quick over the whole catalogue, as it makes a list once; ``each`` for a few items, as it looks each up.
    ``phrases``: of which phrases, as FTS5 writes them, ``whole`` lists the items.
    """

    whole: str
    each: str
    parameters: list[Any]
    each_parameters: list[Any]
    phrases: tuple[str, ...] = ()


@dataclass
class SqlCondition:
    """A condition on the table ``items`` (named i) and its parameters.

    ``drivers`` are queries for keys of items, (SQL, parameters): what passes is among those of every one.
    """

    parts: list[SqlPart] = field(default_factory=list)
    drivers: list[tuple[str, list[Any]]] = field(default_factory=list)

    def add(
        self,
        whole: str,
        *parameters: object,
        each: str | None = None,
        each_parameters: Sequence[object] | None = None,
        phrases: Sequence[str] = (),
    ) -> None:
        """Ask for one thing more; without ``each_parameters`` both forms have the same."""
        of_each = parameters if each_parameters is None else each_parameters
        self.parts.append(SqlPart(whole, each or whole, [*parameters], [*of_each], tuple(phrases)))

    def listing_words(self) -> "SqlCondition":
        """The same, but that what it asks of words makes its list for each item, too: quick where they are rare."""
        parts = [
            replace(part, each=part.whole, each_parameters=part.parameters) if part.phrases else part
            for part in self.parts
        ]
        return SqlCondition(parts, self.drivers)

    @property
    def phrases(self) -> list[str]:
        """Those of all parts."""
        return [phrase for part in self.parts for phrase in part.phrases]

    @property
    def sql(self) -> str:
        """The condition; "1" when nothing is asked."""
        return " AND ".join(part.whole for part in self.parts) or "1"

    @property
    def each(self) -> str:
        """The same for a few items."""
        return " AND ".join(part.each for part in self.parts) or "1"

    @property
    def is_of_keys(self) -> bool:
        """Whether items can be tested without their rows."""
        return all(map(_is_of_key, (part.each for part in self.parts)))

    @property
    def each_candidate(self) -> str:
        """The same where ``i.key = c.key``, an item's key known before its row, which is long, has to be read."""
        return " AND ".join(_OF_KEY.sub("c.key", p.each) if _is_of_key(p.each) else p.each for p in self.parts) or "1"

    @property
    def parameters(self) -> list[Any]:
        """Of `sql`."""
        return [parameter for part in self.parts for parameter in part.parameters]

    @property
    def each_parameters(self) -> list[Any]:
        """Of `each`."""
        return [parameter for part in self.parts for parameter in part.each_parameters]


_OF_KEY = re.compile(r"\bi\.key\b")
_OF_ITEM = re.compile(r"\bi\.(?!key\b)")


def _is_of_key(sql: str) -> bool:
    return not _OF_ITEM.search(sql)


def where(filters: Filters, language: str = ENGLISH) -> SqlCondition:
    """The filter as a SQL condition on ``items i``; terms are analysed in the catalogue's language."""
    condition = SqlCondition()
    _add_names(condition, filters)
    if offer_condition := fitting(filters):
        condition.add(
            f"i.key IN (SELECT f.item {offer_condition.sql})",
            *offer_condition.parameters,
            each=f"EXISTS (SELECT 1 {offer_condition.of('i.key')})",
        )
        condition.drivers += offer_condition.drivers
    _add_terms(condition, filters, language)  # last: they cost most
    return condition


def without_offers(filters: Filters, language: str = ENGLISH) -> SqlCondition:
    """The condition without price, stock and attributes (`tools.store.offers.fitting`)."""
    condition = SqlCondition()
    _add_names(condition, filters)
    _add_terms(condition, filters, language)
    return condition


def _add_names(condition: SqlCondition, filters: Filters) -> None:
    subquery = "SELECT item FROM categories WHERE name IN (SELECT value FROM json_each(?))"
    for names, negation in ((filters.categories, ""), (filters.exclude_categories, "NOT ")):
        if names:
            keys = _keys(names)
            each = f"{negation}EXISTS ({subquery} AND item = i.key)"
            condition.add(f"i.key {negation}IN ({subquery})", keys, each=each)
            if not negation:
                condition.drivers.append((subquery, [keys]))
    if filters.brands:
        keys, named = _keys(filters.brands), "brand_key IN (SELECT value FROM json_each(?))"
        condition.add(f"i.{named}", keys, each=f"+i.{named}")
        condition.drivers.append((f"SELECT key FROM items WHERE {named}", [keys]))  # noqa: S608 - constants
    if filters.exclude_brands:
        condition.add(
            "coalesce(i.brand_key, '') NOT IN (SELECT value FROM json_each(?))", _keys(filters.exclude_brands)
        )
    if filters.exclude_ids:
        excluded = "SELECT key FROM items WHERE id IN (SELECT value FROM json_each(?))"
        condition.add(f"i.key NOT IN ({excluded})", json.dumps(filters.exclude_ids))


def asks(filters: Filters) -> bool:
    """Whether the filter asks for anything."""
    return bool(where(filters).parts)


def _add_terms(condition: SqlCondition, filters: Filters, language: str) -> None:
    included, excluded = (_phrases(terms, language) for terms in (filters.include_terms, filters.exclude_terms))
    mentions = "SELECT rowid FROM words WHERE words MATCH ?"
    of_item = "FROM words w WHERE w.rowid = i.key"
    if included:
        match = " AND ".join(map(quoted, included))
        condition.add(
            f"i.key IN ({mentions})",
            match,
            each=" AND ".join([f"(SELECT mentions({_COLUMNS}, ?) {of_item})"] * len(included)),
            each_parameters=[" ".join(phrase) for phrase in included],
            phrases=[*map(quoted, included)],
        )
        condition.drivers.append((mentions, [match]))
    for phrase in excluded:
        denied = (
            "SELECT d.key FROM words JOIN items d ON d.key = words.rowid "
            "WHERE words MATCH ? AND all_denied(d.record, ?, ?)"
        )
        joined = " ".join(phrase)
        condition.add(
            f"i.key NOT IN ({mentions} EXCEPT {denied})",
            *(quoted(phrase), near(quoted(phrase), language), joined, language),
            # only what mentions the term and may deny it is read whole; OR and AND would evaluate both their sides
            each=f"(SELECT CASE WHEN NOT mentions({_COLUMNS}, ?) THEN 1 WHEN may_deny({_COLUMNS}, ?, ?) "  # noqa: S608
            f"THEN (SELECT all_denied(record, ?, ?) FROM items WHERE key = w.rowid) ELSE 0 END {of_item})",
            each_parameters=[joined, joined, language, joined, language],
            phrases=[quoted(phrase)],
        )


_COLUMNS = "w.title, w.facts, w.attributes, w.description"


def quoted(phrase: tuple[str, ...]) -> str:
    """A phrase as FTS5 writes it; tokens hold letters, marks and digits only."""
    return '"' + " ".join(phrase) + '"'


def _phrases(terms: list[str], language: str) -> list[tuple[str, ...]]:
    return [phrase for phrase in (tuple(tokens(term, language)) for term in terms) if phrase]


def _keys(names: list[str]) -> str:
    """The keys of names as JSON; a blank name is none."""
    return json.dumps([key for name in names if (key := category_key(name))])


def category_key(name: str) -> str:
    """A category or brand as it is compared; levels are joined by " > "."""
    return " > ".join(level for level in (name_key(part) for part in name.split(">")) if level)


def category_keys(category: str | None) -> set[str]:
    """Every name by which a filter may ask for this category: each level, each leading part."""
    levels = category_key(category or "").split(" > ")
    return ({*levels} | {" > ".join(levels[: n + 1]) for n in range(len(levels))}) - {""}


def matches(item: Item, filters: Filters, language: str = ENGLISH) -> bool:
    """Whether the item passes; decides exactly as the stores do."""
    return (
        offered(item, filters) is not None
        and _names_fit(item, filters)
        and _terms_fit(item, filters, language)
        and item.id not in filters.exclude_ids
    )


def _names_fit(item: Item, filters: Filters) -> bool:
    names, brand = category_keys(item.category), category_key(item.brand or "")
    return (
        (not filters.categories or any(category_key(name) in names for name in filters.categories))
        and not any(category_key(name) in names for name in filters.exclude_categories)
        and (not filters.brands or (bool(brand) and brand in {category_key(name) for name in filters.brands}))
        and not (brand and brand in {category_key(name) for name in filters.exclude_brands})
    )


def _terms_fit(item: Item, filters: Filters, language: str) -> bool:
    included, excluded = (_phrases(terms, language) for terms in (filters.include_terms, filters.exclude_terms))
    if not included and not excluded:
        return True
    fields = list(item_words(item, language).values())
    return all(any(holds(words, phrase) for words in fields) for phrase in included) and all(
        all_denied(item_texts(item), phrase, language) for phrase in excluded
    )


def add_functions(connection: Connection) -> None:
    """Give a connection the functions that conditions use."""
    connection.create_function("all_denied", 3, _all_denied, deterministic=True)
    connection.create_function("mentions", 5, _mentions, deterministic=True)
    connection.create_function("may_deny", 6, _may_deny, deterministic=True)


def _mentions(*columns_and_phrase: str) -> bool:
    """Whether one of the columns of an item's tokens holds the phrase."""
    *columns, phrase = columns_and_phrase
    return any(f" {phrase} " in f" {column} " for column in columns)


def _may_deny(*columns_phrase_and_language: str) -> bool:
    *columns, phrase, language = columns_phrase_and_language
    words = [column.split(" ") for column in columns if f" {phrase} " in f" {column} "]
    return any(denial_near(column, phrase.split(" "), language) for column in words)


@lru_cache(maxsize=4_096)  # a turn searches several times with one filter
def _all_denied(record: str, phrase: str, language: str) -> bool:
    return all_denied(item_texts(Item.model_validate_json(record)), phrase.split(), language)


def item_texts(item: Item) -> list[str]:
    """The texts an item is searched by; no phrase spans two of them."""
    attributes = [text for _, text in attribute_texts(item.attributes)]
    return [item.title, item.description, item.category or "", item.brand or "", *attributes]


def item_words(item: Item, language: str = ENGLISH) -> dict[str, list[str]]:
    """The tokens an item is searched by, a list a column of the full-text table."""
    return {
        "title": tokens(item.title, language),
        "facts": _joined([item.category or "", item.brand or ""], language),
        "attributes": _joined([text for _, text in attribute_texts(item.attributes)], language),
        "description": tokens(item.description, language),
    }


def _joined(values: list[str], language: str) -> list[str]:
    joined_tokens: list[str] = []
    for value in values:
        joined_tokens += [*tokens(value, language), BREAK]
    return joined_tokens


def attribute_texts(attributes: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each scalar among the attributes as (name, searchable text); a true flag is searched by its name alone, words in
    pictures, recordings and videos without it.

    A value inside a nested object goes by its own key: {"specs": {"material": "oak"}} gives "material oak".
    """
    yield from ((SPOKEN_WORDS, line.text) for line in said_in(attributes))
    others = {name: value for name, value in attributes.items() if name != SPOKEN_WORDS}
    for key, scalar in scalars(without_terms_of_sale(others)):
        if scalar is True:
            yield key, key
        elif scalar is not None and scalar is not False:
            yield key, str(scalar) if key == PICTURE_WORDS else f"{key} {scalar}"
