"""The shop's own rules: words that customers say, items that go first, items that are never shown.

They stand in the catalogue's file: ingestion keeps them, and every process that has it open follows at once. Hidden
items are left out where SQL reads items for people (`SHOWN`), words are replaced where a query or a term comes in, and
pins are applied to search results (`tools.search`).
"""

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Final, NamedTuple

from pydantic import Field

from tools.records import Filters, Record
from tools.store.words import ENGLISH, fold, token_spans, tokens

NAME: Final = "rules"
"""In the table ``meta``."""
HIDDEN: Final = "SELECT value FROM json_each((SELECT value FROM meta WHERE name = 'rules'), '$.hidden')"
"""Ids of hidden items, for a subquery."""
HIDDEN_KEYS: Final = f"SELECT key FROM items WHERE id IN ({HIDDEN})"  # noqa: S608 - constants
SHOWN: Final = f"(SELECT * FROM items WHERE key NOT IN ({HIDDEN_KEYS}))"  # noqa: S608
"""The table ``items`` without hidden ones, for a FROM clause."""
MOST_SYNONYMS: Final = 2_000
MOST_PINS: Final = 200
MOST_HIDDEN: Final = 10_000

Words = Annotated[str, Field(min_length=1, max_length=100, pattern=r"\w")]
ItemId = Annotated[str, Field(min_length=1, max_length=500)]


class Pin(Record):
    """An item that goes first: for messages that hold the words of ``wish``, or wherever it fits what was asked."""

    item_id: ItemId
    wish: str = Field("", max_length=100, description="empty: for every wish that it fits")


class ShopRules(Record):
    """Everything that the shop has set."""

    synonyms: dict[Words, Words] = Field(
        {}, max_length=MOST_SYNONYMS, description="what customers say, to the catalogue's words for it"
    )
    pinned: list[Pin] = Field([], max_length=MOST_PINS, description="the first goes before the others")
    hidden: list[ItemId] = Field([], max_length=MOST_HIDDEN, description="ids of items that are shown nowhere")


class _Span(NamedTuple):
    start: int
    end: int
    means: str


@dataclass(frozen=True)
class RulesInForce:
    """The rules as searches use them; words are compared as the catalogue's language stems them."""

    rules: ShopRules = field(default_factory=ShopRules)
    language: str = ENGLISH
    _synonyms: dict[tuple[str, ...], str] = field(default_factory=dict)
    _longest: int = 0

    @classmethod
    def of(cls, rules: ShopRules, language: str) -> "RulesInForce":
        """The rules of a catalogue in this language."""
        phrases = {tuple(tokens(word, language)): means for word, means in rules.synonyms.items()}
        phrases.pop((), None)
        return cls(rules, language, phrases, max(map(len, phrases), default=0))

    def replaced(self, text: str) -> str:
        """The text with the catalogue's words in the place of the customers'; of two that overlap the longer counts.

        What was put in is not looked at again.
        """
        if not self._synonyms:
            return text
        source = text if len(fold(text)) == len(text) else fold(text)
        parts, offset = [], 0
        for span in self._said(source):
            parts += [source[offset : span.start], span.means]
            offset = span.end
        return "".join([*parts, source[offset:]]) if parts else text

    def _said(self, text: str) -> Iterator[_Span]:
        found = token_spans(text, self.language)
        place = 0
        while place < len(found):
            for length in range(min(self._longest, len(found) - place), 0, -1):
                phrase = found[place : place + length]
                if means := self._synonyms.get(tuple(token for token, _, _ in phrase)):
                    yield _Span(phrase[0][1], phrase[-1][2], means)
                    place += length
                    break
            else:
                place += 1

    def filters(self, filters: Filters) -> Filters:
        """The same with terms in the catalogue's words; what is excluded is so in both."""
        if not self._synonyms or not (filters.include_terms or filters.exclude_terms):
            return filters
        excluded = [*filters.exclude_terms, *map(self.replaced, filters.exclude_terms)]
        update = {
            "include_terms": [self.replaced(term) for term in filters.include_terms],
            "exclude_terms": list(dict.fromkeys(excluded)),
        }
        return filters.model_copy(update=update)

    def pinned_for(self, query: str) -> list[str]:
        """Ids of the items that are pinned for a wish whose words all stand in the query, before it was replaced."""
        said = set(tokens(query, self.language)) | set(tokens(self.replaced(query), self.language))
        wishes = [(pin.item_id, tokens(pin.wish, self.language)) for pin in self.rules.pinned]
        return list(dict.fromkeys(item_id for item_id, wish in wishes if wish and said.issuperset(wish)))

    @property
    def pinned_anywhere(self) -> list[str]:
        """Ids of the items that are pinned for every wish."""
        return [pin.item_id for pin in self.rules.pinned if not re.search(r"\w", pin.wish)]


def rules_of(connection: sqlite3.Connection, language: str) -> RulesInForce:
    """The rules of a catalogue."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (NAME,)).fetchone()
    return _in_force(row[0], language) if row else RulesInForce(language=language)


@lru_cache(maxsize=8)
def _in_force(text: str, language: str) -> RulesInForce:
    return RulesInForce.of(ShopRules.model_validate_json(text), language)


def write_rules(connection: sqlite3.Connection, rules: ShopRules) -> None:
    """Put the rules in the place of those from before."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (NAME, rules.model_dump_json()))
