"""What a text of the reply may rest on: the items it speaks of, the evidence it cites, and what the user said."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from assistant.records import CitedEvidence, Reply
from eval.measures.claim_words import Amount, Spellings, amounts, pattern, plain, spelt_out, words_in
from tools.records import Item

TASTE = frozenset({"session", "profile", "collaborative", "popular"})
"""Evidence that names other items that the user liked, and counts people; titles stand in it between “ and ”."""

ECHOES = frozenset({"dense", "picture", "picture_text", "text_picture", "keyword"}) | TASTE
"""Evidence that repeats the user's words or compares with them; it says nothing of the item's own properties."""

_HAN_COLOUR = "色"
_NAMED = re.compile(r"“([^”]+)”")
_COUNTED = re.compile(r"(\d+) people")


class Shelf:
    """What is known of the whole catalogue, gathered once for many answers."""

    def __init__(self, items: Mapping[str, Item]) -> None:
        self.items = items
        lower = Counter(word for item in items.values() for word in f"{item.title} {item.description}".split())
        brands = sorted({item.brand for item in items.values() if item.brand})
        self.brands = {brand: lower[brand.casefold()] == 0 for brand in brands}
        """Brand -> whether its name in lower case means the brand too: not where the texts use it as a word."""
        self.categories = "\n".join(sorted({plain(item.category) for item in items.values() if item.category}))
        self.titles = {plain(item.title): item for item in items.values() if _is_a_name(item.title)}


def _is_a_name(title: str) -> bool:
    """A title of one common word ("Laptop") is no name of another item."""
    return len(title.split()) > 1 or (not title.isascii() and len(title) > 3)


@dataclass(frozen=True)
class Ground:
    """What one text may rest on.

    ``lenient`` marks the message's own part, which may repeat the user's words without saying whose they are.
    """

    reply: Reply
    shelf: Shelf
    items: Sequence[Item]
    language: str
    catalogue_language: str = "en"
    evidence: Sequence[CitedEvidence] = ()
    lenient: bool = False

    @cached_property
    def own_raw(self) -> str:
        """The items' data and the cited facts, as they are written."""
        facts = [entry.detail for entry in self.evidence if entry.source not in ECHOES]
        return "\n".join([*(line for item in self.items for line in _lines(item)), *facts])

    @cached_property
    def own(self) -> str:
        """The same in the form for comparing, number words also as digits."""
        return _both(self.own_raw, self.catalogue_language)

    @cached_property
    def named(self) -> list[str]:
        """Titles of other items that the cited evidence names, the longest first."""
        told = [title for entry in self.evidence if entry.source in TASTE for title in _NAMED.findall(entry.detail)]
        return sorted(set(told), key=len, reverse=True)

    @cached_property
    def people(self) -> list[float]:
        """How many people the cited evidence counts."""
        told = [count for entry in self.evidence if entry.source in TASTE for count in _COUNTED.findall(entry.detail)]
        return [float(count) for count in told]

    def without_named(self, text: str) -> str:
        """The text without the titles that the cited evidence names: what they say is said of other items."""
        for title in self.named:
            text = re.sub(re.escape(title), " ", text, flags=re.IGNORECASE)
        return text

    @cached_property
    def wish(self) -> str:
        """What the user said and showed, in the form for comparing."""
        return _both("\n".join(_wish_lines(self.reply)), self.reply.language)

    @cached_property
    def shown(self) -> list[Item]:
        """The catalogue's items that the reply recommends."""
        ids = [entry.item_id for entry in self.reply.recommendations]
        return [self.shelf.items[item_id] for item_id in ids if item_id in self.shelf.items]

    @cached_property
    def prices(self) -> list[float]:
        """Every price of the items: their own and those of their variants."""
        return [price for item in self.items for price in _prices(item)]

    @cached_property
    def own_amounts(self) -> list[Amount]:
        """Numbers with their units in the items' data."""
        return amounts(self.own)

    @cached_property
    def own_numbers(self) -> list[float]:
        """Numbers in the items' data, and the cited scores as they are told."""
        scores = [entry.score for entry in self.evidence if entry.score is not None]
        told = [round(score, 2) for score in scores] + [float(round(score * 100)) for score in scores]
        return [value for amount in self.own_amounts for value in amount.values] + self.prices + told

    @cached_property
    def wish_numbers(self) -> list[float]:
        """Numbers that the user said, bounds in force, and how far they were moved."""
        moved = [
            abs(change.used - change.wanted)
            for change in self.reply.relaxed
            if isinstance(change.used, float) and isinstance(change.wanted, float)
        ]
        return [value for amount in amounts(self.wish) for value in amount.values] + moved

    @cached_property
    def limits(self) -> list[float]:
        """The user's highest price: what he asked for, not what it was moved to."""
        asked = [float(c.wanted) for c in self.reply.relaxed if c.field == "max_price"]
        told = self.reply.constraints.get("max_price")
        return asked or ([float(told)] if told is not None else [])

    def owns(self, spellings: Spellings) -> bool:
        """True when the items' data hold one of the spellings."""
        return _mentions(self.own, spellings, self.catalogue_language, self.language)

    def wishes(self, spellings: Spellings) -> bool:
        """True when the user's words hold one of the spellings."""
        return _mentions(self.wish, spellings, self.catalogue_language, self.language, self.reply.language)


def _mentions(text: str, spellings: Spellings, *languages: str) -> bool:
    words = words_in(spellings, *dict.fromkeys(languages))
    short = tuple(word.removesuffix(_HAN_COLOUR) for word in words if word.endswith(_HAN_COLOUR))
    return bool(pattern(words + short).search(text))


def _both(text: str, language: str) -> str:
    return plain(text) + "\n" + plain(spelt_out(text, language))


def _lines(item: Item) -> Iterator[str]:
    yield from (item.title, item.description, item.category or "", item.brand or "")
    if item.price is not None:
        yield f"{item.price:.2f} {item.currency or ''}"
    yield from _attribute_lines(item.attributes)


def _attribute_lines(value: object, name: str = "") -> Iterator[str]:
    """ "color black" for each value; a unit in a name ("length_cm") also stands behind its number."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _attribute_lines(inner, str(key))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _attribute_lines(inner, name)
    else:
        words = name.replace("_", " ").split()
        yield f"{name} {value}"
        if isinstance(value, int | float) and words:
            yield f"{value} {words[-1]}"


def _prices(item: Item) -> Iterator[float]:
    if item.price is not None:
        yield item.price
    yield from _attribute_prices(item.attributes)


def _attribute_prices(value: object, name: str = "") -> Iterator[float]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _attribute_prices(inner, str(key))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _attribute_prices(inner, name)
    elif "price" in name.casefold() and isinstance(value, int | float):
        yield float(value)


def _wish_lines(reply: Reply) -> Iterator[str]:
    yield reply.query.text
    yield from (heard.text for heard in reply.query.transcripts)
    yield from (label.label for seen in reply.query.pictures for label in seen.labels)
    yield from _attribute_lines(reply.constraints)
    for change in reply.relaxed:
        yield from (change.words, str(change.wanted), str(change.used))
    for step in reply.steps:
        yield from (str(value) for value in step.arguments.values() if isinstance(value, str))


def named_in(detail: str) -> list[str]:
    """The titles that an entry of the sources of taste names."""
    return _NAMED.findall(detail)
