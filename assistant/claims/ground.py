"""What an explanation may rest on: the evidence of one item, read into words, numbers and names with their polarity."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from assistant.claims.dictionary import gloss_keys, glosses
from assistant.claims.lexicon import load
from assistant.claims.numerals import digits_for_words
from assistant.claims.quantities import Quantity, quantities
from assistant.claims.reading import Span, read
from assistant.claims.tokens import plain, word_keys
from assistant.records import Evidence
from assistant.understanding.lexicon import has_cjk

ECHOES = frozenset({"dense", "picture_text", "text_picture"})
"""Sources whose entries hold the user's words, not the item's."""

LONGEST_COMPOUND = 24
"""Characters of the longest word that is taken for a compound of words of the evidence."""

TASTE = frozenset({"session", "profile", "collaborative", "imported"})
_TRUE, _FALSE = frozenset({"yes", "true", "是", "ja", "oui", "sí"}), frozenset({"no", "false", "否", "nein", "non"})


@dataclass(slots=True, eq=False)
class Occurrence:
    """A word of the evidence."""

    span: Span
    source: str
    attribute: str
    position: tuple[int, int]
    """Entry and segment: words of one segment belong together."""


@dataclass
class Grounding:
    """The facts of one item's evidence."""

    language: str
    price: float | None = None
    currency: str | None = None
    within: bool = False
    sources: set[str] = field(default_factory=set)
    weak_likeness: bool = False
    people: set[int] = field(default_factory=set)
    liked: list[str] = field(default_factory=list)
    in_stock: bool = False
    attributes: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    numbers: list[tuple[Quantity, str]] = field(default_factory=list)
    """Each with the attribute that it stands in; "" in a sentence or the title."""
    words: dict[str, list[Occurrence]] = field(default_factory=dict)
    occurrences: list[Occurrence] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    """How many values an attribute has."""
    scores: list[float] = field(default_factory=list)
    title: set[str] = field(default_factory=set)

    def find(self, span: Span) -> list[Occurrence]:
        """Where the evidence says the word or an entry of the same meaning, whatever the polarity."""
        hits = [hit for name in span.concepts for hit in self.words.get(f"c:{name}", [])]
        for name in span.of("noun"):
            hits += self._english(name)
        for key in span.keys:
            hits += self.words.get(key, [])
            hits += self.words.get(f"g:{key}", [])
        if not hits and has_cjk(span.text):
            hits = self._chinese(span.text)
        if not hits and len(span.text) > 7 and span.kind == "word" and not has_cjk(span.text):
            hits = self._compound(span.text)
        if not hits and len(span.parts) > 1:
            hits = self._all_parts(span)
        return hits

    def _english(self, noun: str) -> list[Occurrence]:
        """Where the evidence has all words of a noun's English name."""
        matches = [
            [
                hit
                for key in word_keys(word, "en")
                for hit in [*self.words.get(key, []), *self.words.get(f"g:{key}", [])]
            ]
            for word in re.findall("[a-z]+", noun)
        ]
        return matches[-1] if matches and all(matches) else []

    def _compound(self, word: str) -> list[Occurrence]:
        """A German compound whose two words the evidence has: "Vollkornhafer"."""
        for cut in range(4, len(word) - 3):
            pieces = [read(piece, "de") for piece in (word[:cut], word[cut:])]
            if all(len(piece) == 1 and piece[0].concepts for piece in pieces):
                matches = [self.find(piece[0]) for piece in pieces]
                if all(matches):
                    return matches[1]
        return []

    def _all_parts(self, span: Span) -> list[Occurrence]:
        matches = [
            [hit for key in keys for hit in [*self.words.get(key, []), *self.words.get(f"g:{key}", [])]]
            for keys in span.parts
        ]
        return matches[-1] if all(matches) else []

    def _chinese(self, word: str) -> list[Occurrence]:
        """A Chinese word inside a longer one or the other way round, by a shared meaning, or by its English meaning."""
        return self._of_parts(word, {})

    def _of_parts(self, word: str, cache: dict[str, list[Occurrence]]) -> list[Occurrence]:
        """The same; ``cache`` holds the occurrences of each part of the whole word that was looked up."""
        if word not in cache:
            cache[word] = self._inside(word) or self._pieces(word, cache)
        return cache[word]

    def _inside(self, word: str) -> list[Occurrence]:
        if len(word) >= 2:
            inside = [hit for hit in self.occurrences if has_cjk(hit.span.text) and word in hit.span.text]
            if inside:
                return inside
        for gloss in glosses(word):
            if same := self.words.get(f"m:{gloss}"):
                return same
        for parts in gloss_keys(word):
            matches = [[hit for key in keys for hit in self.words.get(key, [])] for keys in parts]
            if matches and all(matches):
                return matches[-1]
        return []

    def _pieces(self, word: str, cache: dict[str, list[Occurrence]]) -> list[Occurrence]:
        """A compound of two words that the evidence both has."""
        if not 3 <= len(word) <= LONGEST_COMPOUND:
            return []
        for cut in range(1, len(word)):
            left, right = word[:cut], word[cut:]
            if (before := self._piece(left, cache)) and (after := self._piece(right, cache)):
                return before + after
        return []

    def _piece(self, piece: str, cache: dict[str, list[Occurrence]]) -> list[Occurrence]:
        inside = [hit for hit in self.occurrences if has_cjk(hit.span.text) and piece in hit.span.text]
        if inside or len(piece) == 1:
            return inside
        return self._of_parts(piece, cache)

    def add_text(self, text: str, source: str, attribute: str = "", *, negative: bool = False) -> list[Span]:
        """Read one text of the evidence in."""
        language = "zh" if has_cjk(text) else self.language if self.language != "zh" else "en"
        spans = read(text, language)
        entry = len(self.texts)
        self.texts.append(" ".join(digits_for_words(plain(text, language), language).split()))
        for span in spans:
            if span.kind not in ("word", "code"):
                continue
            span.negative = span.negative != negative
            self._index(Occurrence(span, source, attribute, (entry, span.segment)))
        numbers = quantities(spans, language)
        if attribute:
            _measured_by(numbers, attribute, self.language)
        self.numbers += [(quantity, attribute) for quantity in numbers]
        return spans

    def _index(self, hit: Occurrence) -> None:
        span = hit.span
        self.occurrences.append(hit)
        concepts = set(span.concepts)
        for name in span.concepts:
            concepts |= load().implied.get(name, frozenset())
        keys = {f"c:{name}" for name in concepts}
        if len(span.parts) == 1:
            keys |= span.parts[0]
        elif span.has("noun", "quality") or not span.concepts:
            for part in span.parts:
                keys |= part
        if has_cjk(span.text) and span.is_content:
            keys |= {f"g:{key}" for name in span.of("noun") for word in name.split() for key in word_keys(word, "en")}
            keys |= {f"m:{gloss}" for gloss in glosses(span.text)}
            keys |= {f"g:{key}" for parts in gloss_keys(span.text) for part in parts for key in part}
        for key in keys:
            self.words.setdefault(key, []).append(hit)


def ground_of(title: str, evidence: Iterable[Evidence], language: str) -> Grounding:
    """Everything that an item's title and evidence say."""
    ground = Grounding(language)
    spans = ground.add_text(title, "title")
    ground.title = {key for span in spans for key in _identity(span)}
    for entry in evidence:
        ground.sources.add(entry.source)
        _READERS.get(entry.key, _read_other)(ground, entry)
    return ground


def _measured_by(numbers: list[Quantity], attribute: str, language: str) -> None:
    """What an attribute's name says of the numbers of its value: "weight", "battery hours"."""
    name = read(attribute, "zh" if has_cjk(attribute) else "en")
    measures = frozenset(measure for span in name for measure in span.of("measures"))
    units = tuple(load().units[unit] for span in name for unit in span.of("unit"))
    count_units = [unit for span in name for unit in span.of("units")]
    for quantity in numbers:
        quantity.measures = measures or quantity.measures
        if not quantity.units and not quantity.money:
            quantity.units = units if len(name) > 1 else ()
            quantity.counted = quantity.counted or (count_units[0] if count_units else "")


def _identity(span: Span) -> set[str]:
    return {f"c:{name}" for name in span.concepts} | {key for part in span.parts for key in part}


def _read_attribute(ground: Grounding, entry: Evidence) -> None:
    name, value = str(entry.facts["name"]), str(entry.facts["value"])
    attribute = re.sub(r"[_-]+", " ", name)
    folded = value.casefold()
    if folded in _TRUE or folded in _FALSE:
        ground.add_text(attribute, "attribute", attribute, negative=folded in _FALSE)
        return
    ground.counts[attribute] = len([part for part in re.split(r"[,、，;]", value) if part.strip()])
    ground.add_text(f"{attribute}: {value}", "attribute", attribute)
    ground.attributes.append(ground.texts[-1])
    if attribute == "category":
        ground.title |= {
            key for hit in ground.occurrences if hit.attribute == "category" for key in _identity(hit.span)
        }


def _read_variant(ground: Grounding, entry: Evidence) -> None:
    for name, value in entry.facts["options"].items():
        ground.add_text(f"{name}: {value}", "attribute", re.sub(r"[_-]+", " ", name))
        ground.attributes.append(ground.texts[-1])
    ground.in_stock = ground.in_stock or entry.facts["in_stock"] is True
    if entry.facts["price"] is not None:
        ground.price, ground.currency = float(entry.facts["price"]), entry.facts.get("currency")


def _read_quote(ground: Grounding, entry: Evidence) -> None:
    ground.add_text(str(entry.facts["quote"]), "quote")


def _read_keyword(ground: Grounding, entry: Evidence) -> None:
    for word in str(entry.facts["words"]).split(","):
        ground.add_text(word.strip(), "keyword")


def _read_price(ground: Grounding, entry: Evidence) -> None:
    ground.price, ground.currency = float(entry.facts["price"]), entry.facts.get("currency")
    ground.within = ground.within or entry.key == "evidence_price_within"


def _read_stock(ground: Grounding, _: Evidence) -> None:
    ground.in_stock = True


def _read_other(ground: Grounding, entry: Evidence) -> None:
    """What is said of the user, of other people and of photos."""
    ground.weak_likeness = ground.weak_likeness or entry.key == "evidence_picture_somewhat"
    ground.liked += [str(title) for title in entry.facts.get("titles", [])]
    ground.liked += [str(entry.facts["catalogue"])] if entry.key == "evidence_imported" else []
    counts: list[Any] = [entry.facts.get("people"), *entry.facts.get("each", [])]
    ground.people |= {int(count) for count in counts if count}
    if entry.score is not None:
        ground.scores.append(entry.score)


_READERS: dict[str, Callable[[Grounding, Evidence], None]] = {
    "evidence_attribute": _read_attribute,
    "evidence_variant": _read_variant,
    "evidence_quote": _read_quote,
    "evidence_said": _read_quote,
    "evidence_keyword": _read_keyword,
    "evidence_picture_words": _read_keyword,
    "evidence_price": _read_price,
    "evidence_price_within": _read_price,
    "evidence_stock": _read_stock,
}
