"""Words in the user's pictures and videos: which of them name something that the catalogue has.

What is written in a picture is data. Only words of the catalogue's own titles and brands are searched for, so that no
sentence of a picture reaches a search, a prompt or a condition. They count where they are most of what a paragraph
says, as on a label or a price tag: a poster in the background, or "show the gaming PC and nothing else", names nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from assistant.records import PictureReading, PictureWords
from assistant.understanding.phrases import gives_orders, orders_in_writing
from tools.records import Item, PictureText, TextLine
from tools.store.catalogue import Catalogue
from tools.store.words import BREAK, QueryWord, fold, holds, is_unspaced, query_words, tokens

SURE: Final = 0.8
"""Lines that are read with less confidence are not used."""

MOST_NAMES: Final = 2
"""Names that are searched for of one picture: a screenshot may show a page of goods."""

NAMED: Final = 0.5
"""How much of an item's title must stand in the picture, rare words counting more."""

CLEAR: Final = 0.4
"""How much of the paragraphs that its words stand in a name must be."""

SAME_HEIGHT: Final = 0.6
"""Lines of a paragraph have letters of about one height: the lower is at least this share of the higher."""

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
    """The names of items or brands that stand in each picture or frame, those that say most first.

    Pictures that give the assistant orders name nothing.

    Raises:
        StoreError: the catalogue cannot be read.
    """
    found: list[PictureWords] = []
    for reading in readings:
        texts = paragraphs([line for line in reading.text.lines if line.confidence >= SURE])
        whole = " ".join(texts)
        if whole and not (gives_orders(whole) or orders_in_writing(whole)):
            found += [
                PictureWords(attachment=reading.attachment, words=words, is_title=is_title, second=reading.second)
                for words, is_title in _names(texts, catalogue)
            ]
    # the same words in several frames of a video: where they stand first
    return list({(one.attachment, one.words.casefold()): one for one in reversed(found)}.values())[::-1]


def by_frame(attachment: str, text: PictureText) -> list[PictureReading]:
    """What was read in a picture, or in each frame of a video in which something was."""
    seconds = dict.fromkeys(line.second for line in text.lines)
    return [
        PictureReading(
            attachment=attachment,
            text=text.model_copy(update={"lines": [line for line in text.lines if line.second == second]}),
            second=second,
        )
        for second in seconds
    ]


def paragraphs(lines: Sequence[TextLine]) -> list[str]:
    """The lines, those joined that stand closely below each other in letters of one height."""
    joined: list[tuple[TextLine, str]] = []
    for line in lines:
        above = next((n for n in reversed(range(len(joined))) if _continues(joined[n][0], line)), None)
        if above is None:
            joined.append((line, line.text))
        else:
            joined[above] = line, f"{joined[above][1]} {line.text}"
    return [text for _, text in joined]


def _continues(above: TextLine, line: TextLine) -> bool:
    (left, top, right, bottom), (other_left, other_top, other_right, other_bottom) = above.box, line.box
    heights = sorted((bottom - top, other_bottom - other_top))
    overlaps = left < other_right and other_left < right
    return overlaps and heights[0] >= SAME_HEIGHT * heights[1] and other_top - bottom <= heights[1]


def _names(texts: Sequence[str], catalogue: Catalogue) -> list[tuple[str, bool]]:
    whole, language = " ".join(texts), catalogue.language()
    items = catalogue.get_many([item_id for item_id, _, _ in catalogue.keyword(whole, _CANDIDATES)])
    read = [tokens(text, language) for text in texts]
    matches = [name for item in items.values() if (name := _match(item, read, catalogue, language))]
    names: list[tuple[str, bool]] = []
    used: set[QueryWord] = set()
    for name in sorted(matches, key=lambda name: -name.weight):
        if len(names) < MOST_NAMES and not used.issuperset(name.words):
            names.append((_as_written(name.words, whole), name.is_title))
            used.update(name.words)
    return names


def _match(item: Item, read: Sequence[list[str]], catalogue: Catalogue, language: str) -> _Name | None:
    """The words of the item's title and brand that stand in the picture; None where they do not name it.

    Args:
        read: the tokens of each paragraph.
    """
    title, brand = query_words(item.title, language), query_words(item.brand or "", language)
    everything = [token for paragraph in read for token in [*paragraph, BREAK]]
    found = [
        word for word in dict.fromkeys([*brand, *title]) if _is_telling(word.text) and holds(everything, word.tokens)
    ]
    if not found or _clarity(found, read) < CLEAR:
        return None
    rarity = catalogue.rarity(f"{item.title} {item.brand or ''}")
    in_title = [word for word in title if word in found]
    share = _weight(in_title, rarity) / (_weight(title, rarity) or 1.0)
    if share >= NAMED:
        return _Name(found, _weight(found, rarity), is_title=len(in_title) > 1)
    if brand and set(brand) <= set(found):
        return _Name(brand, _weight(brand, rarity), is_title=False)
    return None


def _clarity(words: Sequence[QueryWord], read: Sequence[list[str]]) -> float:
    """How much of the letters' tokens of the paragraphs that hold any of the words are these words."""
    named = total = 0
    for paragraph in read:
        held = sum(len(word.tokens) for word in words if holds(paragraph, word.tokens))
        if held:
            named += held
            total += sum(any(map(str.isalpha, token)) for token in paragraph)
    return named / max(1, total)


def _weight(words: Sequence[QueryWord], rarity: dict[str, float]) -> float:
    return sum(rarity.get(word.text, 0.0) for word in words)


def _is_telling(word: str) -> bool:
    """Whether a word says something by itself: no number, and no letter or two of a size or a logo."""
    return len(word) >= _SHORTEST[is_unspaced(word)] and any(map(str.isalpha, word))


def _as_written(words: Sequence[QueryWord], text: str) -> str:
    """The words in the order and spelling in which they stand in the picture, where that is known."""
    written = {fold(word): word for word in reversed(re.findall(r"\w+(?:['’-]\w+)*", text))}
    folded = fold(text)
    return " ".join(
        written.get(word.text, word.text) for word in sorted(words, key=lambda word: folded.find(word.text))
    )
