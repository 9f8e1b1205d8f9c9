"""What a text of the reply may rest on: the items it speaks of, the evidence it cites, and what the user said."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from assistant.records import CitedEvidence, Reply
from eval.measures.claim_numbers import MeasuredNumber, quantities
from eval.measures.claim_tokens import ClaimToken, forms, split_compound, tokens
from eval.measures.claim_words import amounts, load_claim_words, plain, spelt_out
from tools.records import Item

TASTE = frozenset({"session", "profile", "collaborative", "popular", "imported"})
"""Evidence that names other items that the user liked, and counts people; titles stand in it between “ and ”."""

ECHOES = frozenset({"dense", "picture", "picture_text", "text_picture", "picture_words", "sound", "keyword"}) | TASTE
"""Evidence that repeats the user's words or compares with them; it says nothing of the item's own properties."""

_BOUNDS = ("max_price", "min_price")
_COLOUR = re.compile(r"colou?r|farbe|couleur|颜色", re.IGNORECASE)
_QUOTED_TITLE = re.compile(r"“([^”]+)”")
_COUNTED = re.compile(r"(\d+) people")


class CatalogueIndex:
    """What is known of the whole catalogue, gathered once for many answers."""

    def __init__(self, items: Mapping[str, Item]) -> None:
        self.items = items
        lower = Counter(word for item in items.values() for word in f"{item.title} {item.description}".split())
        brands = sorted({item.brand for item in items.values() if item.brand})
        self.brands = {brand: lower[brand.casefold()] == 0 for brand in brands}
        """Brand -> whether its name in lower case means the brand too: not where the texts use it as a word."""
        self.categories = "\n".join(sorted({plain(item.category) for item in items.values() if item.category}))
        self.titles = {plain(item.title): item for item in items.values() if _is_a_name(item.title)}


def brand_name(brand: str, *, in_lower_case: bool) -> re.Pattern[str]:
    """Where the brand is named."""
    return re.compile(rf"(?<!\w){re.escape(brand)}(?!\w)", re.IGNORECASE if in_lower_case else 0)


def _is_a_name(title: str) -> bool:
    """A title of one common word ("Laptop") is no name of another item."""
    return len(title.split()) > 1 or (not title.isascii() and len(title) > 3)


@dataclass(frozen=True)
class AnswerGrounding:
    """What one text may rest on.

    ``lenient`` marks the message's own part, which may repeat the user's words without saying whose they are.
    """

    reply: Reply
    shelf: CatalogueIndex
    items: Sequence[Item]
    language: str
    catalogue_language: str = "en"
    evidence: Sequence[CitedEvidence] = ()
    lenient: bool = False

    @cached_property
    def lines(self) -> list[tuple[str, str]]:
        """The items' data and the cited facts as they are written, each with its language."""
        facts = [(entry.detail, "en") for entry in self.evidence if entry.source not in ECHOES]
        return [*((line, self._language_of(line)) for item in self.items for line in _lines(item)), *facts]

    def _language_of(self, line: str) -> str:
        """Chinese catalogues name attributes in English too; Chinese values are read as Chinese anyway."""
        return "en" if self.catalogue_language == "zh" and line[:1].isascii() else self.catalogue_language

    @cached_property
    def own_raw(self) -> str:
        """The lines as one text."""
        return "\n".join(line for line, _ in self.lines)

    @cached_property
    def own(self) -> str:
        """The same in the form for comparing, number words also as digits."""
        return "\n".join(_comparable_text(line, language) for line, language in self.lines)

    @cached_property
    def own_tokens(self) -> list[ClaimToken]:
        """The words of the lines; those of texts in another language by their concepts and glosses too."""
        return [token for low, language in self._low_lines for token in tokens(low, language)]

    @cached_property
    def own_quantities(self) -> list[MeasuredNumber]:
        """The numbers of the lines with what they measure."""
        return [quantity for low, language in self._low_lines for quantity in quantities(low, language)]

    @cached_property
    def _low_lines(self) -> list[tuple[str, str]]:
        return [(plain(spelt_out(line, language)), language) for line, language in self.lines]

    @cached_property
    def _stated_keys(self) -> frozenset[str]:
        return frozenset(key for token in self.own_tokens if not token.denied for key in _general(forms(token)))

    @cached_property
    def _denied_keys(self) -> frozenset[str]:
        return frozenset(key for token in self.own_tokens if token.denied for key in _general(forms(token)))

    @cached_property
    def _wish_tokens(self) -> list[ClaimToken]:
        lines = [(line, language) for line in _wish_lines(self.reply) for language in {self.reply.language, "en"}]
        return [token for line, language in lines for token in tokens(plain(spelt_out(line, language)), language)]

    def says(self, token: ClaimToken) -> bool:
        """True when the lines say what the word says."""
        return _among(token, self._stated_keys) or self._is_compound_of_own(token) or self._is_written(token)

    def _is_written(self, token: ClaimToken) -> bool:
        """As it stands, like "seventh", which is read as 7th in the lines."""
        return not self.denies(token) and bool(re.search(rf"(?<!\w){re.escape(token.text)}(?!\w)", self.own))

    def _is_compound_of_own(self, token: ClaimToken) -> bool:
        """A compound whose two parts are said, or present the item and claim nothing."""
        han = token.text[:1] >= "\u3400"
        if (han and token.concepts) or (not han and self.language != "de"):
            return False
        return (han and token.text in self.own) or any(
            all(part.bare or _among(part, self._stated_keys) or (han and part.text in self.own) for part in pair)
            and not all(part.bare for part in pair)
            for pair in split_compound(token.text, "zh" if han else "de")
        )

    def mentions(self, token: ClaimToken) -> bool:
        """True when the lines name it, said or denied."""
        return self.says(token) or self.denies(token)

    def denies(self, token: ClaimToken) -> bool:
        """True when the lines deny what the word says."""
        return _among(token, self._denied_keys)

    def wished(self, token: ClaimToken) -> bool:
        """True when the user's words hold the word, denied or not as it is."""
        keys = frozenset(
            key
            for wish_token in self._wish_tokens
            if wish_token.denied == token.denied
            for key in _general(forms(wish_token))
        )
        return _among(token, keys)

    @cached_property
    def colours(self) -> int:
        """How many colours the items come in."""
        values = [
            colour
            for item in self.items
            for name, value in item.attributes.items()
            if _COLOUR.search(name)
            for colour in _listed(value)
        ]
        return max(len(values), len(self.of_kind("colour")))

    def of_kind(self, kind: str) -> set[str]:
        """The concepts of a kind ("colour") that the lines name."""
        return {key for key in self._stated_keys if key.startswith(f"{kind}:")}

    @cached_property
    def cited_titles(self) -> list[str]:
        """Titles of other items that the cited evidence names, the longest first."""
        titles = [
            title for entry in self.evidence if entry.source in TASTE for title in _QUOTED_TITLE.findall(entry.detail)
        ]
        return sorted(set(titles), key=len, reverse=True)

    @cached_property
    def people_counts(self) -> list[float]:
        """How many people the cited evidence counts."""
        counts = [count for entry in self.evidence if entry.source in TASTE for count in _COUNTED.findall(entry.detail)]
        return [float(count) for count in counts]

    @cached_property
    def other_titles(self) -> list[str]:
        """Titles of other items, those that the cited evidence names too, in lower case, the longest first."""
        titles = {*self.shelf.titles, *map(plain, self.cited_titles)}
        return sorted((title for title in titles if title and title not in self.own_titles), key=len, reverse=True)

    @cached_property
    def own_titles(self) -> str:
        """The titles of the items spoken of, and what the user said: no names of others."""
        user_words = [self.wish] if self.lenient else []
        return "\n".join([*(plain(item.title) for item in self.items), *user_words])

    def without_others(self, text: str) -> str:
        """The text with the titles of other items blanked, of the same length: what they say is said of other items."""
        for title in self.other_titles:
            text = re.sub(re.escape(title), lambda match: " " * len(match[0]), text, flags=re.IGNORECASE)
        return text

    def without_brands(self, text: str) -> str:
        """The text with the brands of the catalogue blanked, of the same length: they are judged as brands."""
        low = text.casefold()
        for brand, in_lower_case in self.shelf.brands.items():
            if brand.casefold() in low:
                name = brand_name(brand, in_lower_case=in_lower_case)
                text = name.sub(lambda match: " " * len(match[0]), text)
        return text

    def quantities_in(self, low: str) -> list[MeasuredNumber]:
        """The numbers of a text, those in other items' titles left out."""
        bare = self.without_others(low)
        return [
            quantity
            for quantity in quantities(bare, self.language)
            if bare[quantity.amount.start : quantity.amount.end].strip()
        ]

    @property
    def comparable(self) -> bool:
        """Whether words that no table knows can be compared with the catalogue's: its language, Chinese and English."""
        return self.language == self.catalogue_language or {self.language, self.catalogue_language} <= {"en", "zh"}

    @cached_property
    def wish(self) -> str:
        """What the user said and showed, in the form for comparing."""
        return _comparable_text("\n".join(_wish_lines(self.reply)), self.reply.language)

    @cached_property
    def recommended_items(self) -> list[Item]:
        """The catalogue's items that the reply recommends."""
        ids = [entry.item_id for entry in self.reply.recommendations]
        return [self.shelf.items[item_id] for item_id in ids if item_id in self.shelf.items]

    @cached_property
    def prices(self) -> list[float]:
        """Every price of the items: their own and those of their variants."""
        return [price for item in self.items for price in _prices(item)]

    @cached_property
    def scores(self) -> list[float]:
        """The cited similarities as they are told: 0.84, and 84 of a hundred."""
        scores = [entry.score for entry in self.evidence if entry.score is not None]
        return [*scores, *(round(score, 2) for score in scores), *(float(round(score * 100)) for score in scores)]

    @cached_property
    def seconds(self) -> frozenset[int]:
        """The whole seconds that the cited evidence names, of the user's video and of the item's."""
        places = (place for entry in self.evidence for place in (entry.shown, entry.moment))
        return frozenset(int(place.second) for place in places if place)

    @cached_property
    def wish_numbers(self) -> list[float]:
        """Numbers that the user said, bounds in force, and how far they were moved.

        A bound such as "under 50" is kept as 49.99: it, and how far it was moved, may be told from either.
        """
        moved = [
            abs(change.used - change.wanted)
            for change in self.reply.relaxed
            if isinstance(change.used, float) and isinstance(change.wanted, float)
        ]
        bounds = [
            float(self.reply.constraints[name]) for name in _BOUNDS if self.reply.constraints.get(name) is not None
        ] + [float(preference.value) for preference in self.reply.preferences if preference.field in _BOUNDS]
        numbers = [value for amount in amounts(self.wish) for value in amount.values]
        return numbers + [value + cent for value in [*moved, *bounds] for cent in (-0.01, 0.0, 0.01)]

    @cached_property
    def limits(self) -> list[float]:
        """The user's highest price: what he asked for, not what it was moved to."""
        requested = [float(c.wanted) for c in self.reply.relaxed if c.field == "max_price"]
        limit = self.reply.constraints.get("max_price")
        return requested or ([float(limit)] if limit is not None else [])


def _general(keys: frozenset[str]) -> Iterator[str]:
    """The keys, and what a concept is a kind of under its own name: "is:shoe" grounds "thing:shoe"."""
    for key in keys:
        yield key
        if key.startswith("is:"):
            yield from (f"{kind}:{key[3:]}" for kind in load_claim_words().concepts)


def _among(token: ClaimToken, keys: frozenset[str]) -> bool:
    own = frozenset(key for key in token.keys if not key.startswith("is:"))
    return bool(own & keys) or any(set(gloss) <= keys for gloss in token.glosses)


def _comparable_text(text: str, language: str) -> str:
    return plain(text) + "\n" + plain(spelt_out(text, language))


def _lines(item: Item) -> Iterator[str]:
    yield from (item.title, item.description, item.category or "", item.brand or "")
    if item.price is not None:
        yield f"price {item.price:.2f} {item.currency or ''}"
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
        yield f"{' '.join(words)} {value}"
        if words and _is_number(value):
            yield f"{value} {words[-1]}"


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else re.split(r"[,，、/]", str(value))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) or (isinstance(value, str) and value.strip().replace(".", "", 1).isdigit())


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
    yield from (transcript.text for transcript in reply.query.transcripts)
    yield from (label.label for picture in reply.query.pictures for label in picture.labels)
    yield from _attribute_lines(reply.constraints)
    yield from _ruled_out(reply.constraints)
    for preference in reply.preferences:
        yield from _attribute_lines(preference.value, preference.attribute or preference.field)
    for change in reply.relaxed:
        yield from (change.words, str(change.wanted), str(change.used))
    for step in reply.steps:
        yield from (str(value) for value in step.arguments.values() if isinstance(value, str))


def _ruled_out(constraints: Mapping[str, object]) -> Iterator[str]:
    """The exclusions as denials, as the message names them."""
    for field, values in constraints.items():
        if field.startswith("exclude_") and isinstance(values, list):
            yield from (f"no {value}" for value in values)


def named_in(detail: str) -> list[str]:
    """The titles that an entry of the sources of taste names."""
    return _QUOTED_TITLE.findall(detail)
