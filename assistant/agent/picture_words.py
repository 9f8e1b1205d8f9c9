"""Words in the user's pictures: which of them name something that the catalogue has.

Only words of the catalogue's own titles and brands are searched for, so that a poster in the background finds nothing,
and no sentence of a picture reaches a search, a prompt or a condition: what is written in a picture is data.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from assistant.records import PictureReading, PictureWords
from assistant.understanding.phrases import gives_orders
from tools.records import Item
from tools.store.catalogue import Catalogue
from tools.store.words import QueryWord, fold, holds, is_unspaced, query_words, tokens

SURE: Final = 0.8
"""Lines that are read with less confidence are not used."""

MOST_READ: Final = 1_000
"""Characters of a picture's lines that are used."""

MOST_NAMES: Final = 2
"""Names that are searched for of one picture: a screenshot may show a page of goods."""

NAMED: Final = 0.5
"""How much of an item's title must stand in the picture, rare words counting more."""

_CANDIDATES = 30
_SHORTEST = {True: 2, False: 3}
"""Letters of a word that counts, by whether its script is written without spaces."""


@dataclass(frozen=True)
class _Name:
    """What the picture says of an item's name."""

    words: list[QueryWord]
    weight: float
    is_title: bool


def named_in(readings: Sequence[PictureReading], catalogue: Catalogue) -> list[PictureWords]:
    """The names of items or brands that stand in each picture, those that say most first.

    Pictures that give the assistant orders name nothing.

    Raises:
        StoreError: the catalogue cannot be read.
    """
    found: list[PictureWords] = []
    for reading in readings:
        text = "\n".join(line.text for line in reading.text.lines if line.confidence >= SURE)[:MOST_READ]
        if text and not gives_orders(text):
            names = _names(text, catalogue)
            found += [
                PictureWords(attachment=reading.attachment, words=words, is_title=is_title) for words, is_title in names
            ]
    return found


def _names(text: str, catalogue: Catalogue) -> list[tuple[str, bool]]:
    items = catalogue.get_many([item_id for item_id, _, _ in catalogue.keyword(text, _CANDIDATES)])
    language = catalogue.language()
    read = tokens(text, language)
    matches = [name for item in items.values() if (name := _match(item, read, catalogue, language))]
    names: list[tuple[str, bool]] = []
    used: set[QueryWord] = set()
    for name in sorted(matches, key=lambda name: -name.weight):
        if len(names) < MOST_NAMES and not used.issuperset(name.words):
            names.append((_as_written(name.words, text), name.is_title))
            used.update(name.words)
    return names


def _match(item: Item, read: Sequence[str], catalogue: Catalogue, language: str) -> _Name | None:
    """The words of the item's title and brand that stand in the picture; None where they do not name it."""
    title, brand = query_words(item.title, language), query_words(item.brand or "", language)
    found = [word for word in dict.fromkeys([*brand, *title]) if _is_telling(word.text) and holds(read, word.tokens)]
    if not found:
        return None
    rarity = catalogue.rarity(f"{item.title} {item.brand or ''}")
    in_title = [word for word in title if word in found]
    share = _weight(in_title, rarity) / (_weight(title, rarity) or 1.0)
    if share >= NAMED:
        return _Name(found, _weight(found, rarity), is_title=len(in_title) > 1)
    if brand and set(brand) <= set(found):
        return _Name(brand, _weight(brand, rarity), is_title=False)
    return None


def _weight(words: Sequence[QueryWord], rarity: dict[str, float]) -> float:
    return sum(rarity.get(word.text, 0.0) for word in words)


def _is_telling(word: str) -> bool:
    """Whether a word says something by itself: no number, and no letter or two of a size or a logo."""
    return len(word) >= _SHORTEST[is_unspaced(word)] and any(map(str.isalpha, word))


def _as_written(words: Sequence[QueryWord], text: str) -> str:
    """The words as they stand in the picture, where that is known."""
    written = {fold(word): word for word in reversed(re.findall(r"\w+(?:['’-]\w+)*", text))}
    return " ".join(written.get(word.text, word.text) for word in words)
