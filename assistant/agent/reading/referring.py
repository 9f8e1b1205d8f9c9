"""Which items, and which constraints, the words of a message point at."""

import re
from collections.abc import Callable, Iterable, Sequence
from difflib import SequenceMatcher, get_close_matches
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from anyascii import anyascii
from numpy.typing import NDArray

from assistant.agent.relevance import RELEVANT, SAME_KIND, best_scores, is_same_kind, strength
from assistant.records import Constraint, Memory, Recommendation
from assistant.understanding.lexicon import has_cjk
from tools.engines.text import TextEncoder
from tools.records import Filters, Hit, Vocabulary
from tools.store.words import holds, query_words, tokens
from tools.variants.meaning import nearest

FORMS: Final = {
    "first": ("the first one", "number one"),
    "second": ("the second one", "number two"),
    "third": ("the third one", "number three"),
    "fourth": ("the fourth one", "number four"),
    "fifth": ("the fifth one", "number five"),
    "last": ("the last one", "the one at the bottom of the list"),
    "cheapest": ("the cheapest one", "the cheapest of them all"),
    "cheaper": ("the cheaper of the two", "the less expensive of those two"),
    "dearest": ("the most expensive one", "the most expensive of them all"),
    "dearer": ("the more expensive of the two", "the pricier of those two"),
    "other": ("the other one",),
    "both": ("both", "the two of them"),
    "all": ("all of them", "all of these"),
    "this": ("this one", "it", "that one", "this item", "she", "he"),
}
"""Ways to point at an item of a list; the encoder compares a pointer in any language with them."""

CERTAIN_FORM, CLEAR_FORM = 0.65, 0.08
"""Cosine from which a pointer has a form whatever else it says, and how far it must be from every other form.

"The blue one" is as near to "this one" as to "the first one": it points by what it says.
"""

NEARLY: Final = 0.1
"""How far from the best form a pointer may be that has the form nearly as well."""

SUPERLATIVES: Final = {"cheaper": "cheapest", "dearer": "dearest", "cheapest": "cheapest", "dearest": "dearest"}
"""Forms that pick an item by its price; the comparatives pick one of two."""

CLEARLY_OF_TWO: Final = 0.03
"""By how much more a pointer must look like the comparative than like the superlative to be about two items alone."""

NAMED_SCORE: Final = 8.0
"""z-score from which words name something that the catalogue has.

Over three catalogues names, brands and words of titles in any language reach 8.5 to 14, pronouns and ordinals up to
7.6; so do words that are in many items.
"""

NAMED_ALONE, NEXT = 6.5, 0.45
"""z-score from which they also name an item that every other one is far behind, and up to which share of it.

A name with an article ("la Pegasus") has 7.7 and the next item a third of it; behind pronouns and ordinals the next has
at least half.
"""

HAS_PART: Final = 0.5
"""From which share of the best z-score a shown item has what is pointed at ("the battery"), and is meant itself."""

CALLED_SO: Final = 0.3
"""Up to which share of a category's titles may hold its name, where the name is that of a group of things."""

MOST_FOUND: Final = 50
"""How many items are looked at for a name."""

MOST_POINTERS: Final = 8
"""How many pointers of a message are resolved; one that is looked up costs as much as a search."""

MOST_NAMES, LONGEST_NAME = 500, 24
"""A catalogue of more names, and words of more characters, are not compared by the encoder.

Names cost it about 10 ms each, once in a process.
"""

SAME_NAME: Final = 0.87
"""Cosine from which words mean what a category's name says, for EmbeddingGemma: narrower words reach .82."""

NAME_DEVIATIONS, NAME_LEAD = 4.0, 1.0
"""How far nearer to the words than the other names the best one must lie, and than the second, in their deviations."""

SPELT_ALIKE: Final = 0.4
"""Ratio of equal letters (Ratcliff and Obershelp 1988) from which words may be a brand in Latin letters.

"Найки" has 0.44 of Nike, "адидас" 1.0 of Adidas; words that merely lie near one, such as
"antiadhésive", at most 0.33.
"""

SPELT_SAME: Final = 0.85
"""The same ratio from which words are the brand, whatever the encoder makes of them."""

FEW_NAMES: Final = 12
"""Among fewer names the deviation of the others says too little: of Coffee, Tea and Gifts one is always far nearer."""

Find = Callable[[str, Filters | None], list[Hit]]
"""Items of the catalogue for words, best first, with their signals."""

_RANKS: Final = {"first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4}
_DIGITS = re.compile(r"(?<![\d.,])\d{1,2}(?![\d.,])")
_FIELDS: Final = {
    "max_price": "price limit, budget, at most {}",
    "min_price": "lowest price, at least {}",
    "brands": "brand {}",
    "exclude_brands": "not the brand {}",
    "categories": "category {}",
    "exclude_categories": "no {}",
    "exclude_terms": "no {}, without {}",
    "include_terms": "{}",
    "in_stock": "in stock, available now",
    "attributes": "{}",
    "exclude_ids": "not the item {}",
}


class Pointed(NamedTuple):
    """What the pointers of a message point at."""

    items: list[Recommendation] = []
    picked: bool = False
    """Whether one was picked out of several, by its price or an attribute."""

    titles: list[tuple[str, str]] = []
    """The pointers that name an item which was not shown, and its title."""

    unshown: list[str] = []
    """Pointers at something that the catalogue has, that was not shown, and that several items are."""

    by: str = ""
    """The attribute by which a superlative of the message picked it."""


class Referring:
    """Resolves pointers with the encoder and the catalogue's search where titles and numbers do not."""

    def __init__(self, encoder: TextEncoder, find: Find) -> None:
        self.encoder = encoder
        self._find = find
        self._vectors: dict[str, NDArray[np.float32]] = {}

    def prepare(self, words: Iterable[str]) -> None:
        """Encode together what will be compared: one pass costs less than one for each."""
        missing = [word for word in dict.fromkeys(words) if word not in self._vectors]
        self._vectors |= zip(missing, self.encoder.encode(missing, purpose="query"), strict=True)

    def _vector(self, words: str) -> NDArray[np.float32]:
        self.prepare([words])
        return self._vectors[words]

    def resolve(self, pointers: Sequence[str], text: str, memory: Memory, *, alone: bool = False) -> Pointed:
        """The items that the pointers name, each once, in their order: of those shown, or else of the catalogue.

        Args:
            pointers: words that point at items.
            text: where there are no pointers, a shown title is looked for here.
            memory: the session so far.
            alone: one item is asked about: "the one about the bear" points once.
        """
        shown_items = memory.shown
        if not pointers:
            return Pointed(_by_title(text, shown_items, least=2))
        pointers = list(dict.fromkeys(pointers))[:MOST_POINTERS]
        self.prepare(pointers)
        by_price = [pointer for pointer in pointers if self._is_by_price(pointer)]
        items: list[Recommendation] = []
        titles: list[tuple[str, str]] = []
        unshown: list[str] = []
        for pointer in sorted(pointers, key=self._is_bare) if alone else pointers:
            if alone and items and self._is_bare(pointer):
                continue
            matches = [] if pointer in by_price else self._resolve_one(pointer, shown_items, items)
            items += matches or []
            titles += [(pointer, item.title) for item in matches or [] if item not in shown_items]
            unshown += [pointer] if matches is None else []
        among = _unique(items) if len(_unique(items)) > 1 else shown_items
        picked_items = _unique(item for pointer in by_price for item in self._by_price(pointer, among))
        return Pointed(picked_items or _unique(items), len(picked_items) == 1, titles, unshown)

    def _resolve_one(
        self, pointer: str, shown_items: list[Recommendation], earlier: list[Recommendation]
    ) -> list[Recommendation] | None:
        """What one pointer names; None where that was not shown and it is not clear which item it is."""
        if shown_items and (form := self.form(pointer)):
            return _by_form(form, shown_items, earlier)
        if items := _by_title(pointer, shown_items) or _by_rank(pointer, shown_items):
            return items
        named_in_catalogue = self._by_name(pointer, shown_items)
        scores = self._scores(pointer)
        likeliest = max(scores, key=scores.__getitem__)
        return _by_form(likeliest, shown_items, earlier) if named_in_catalogue == [] else named_in_catalogue

    def form(self, pointer: str) -> str | None:
        """The form that the pointer certainly has; None where it points by what it says of the item."""
        scores = self._scores(pointer)
        form, runner_up = sorted(scores, key=lambda name: -scores[name])[:2]
        return form if scores[form] >= CERTAIN_FORM and scores[form] - scores[runner_up] >= CLEAR_FORM else None

    def _by_name(self, pointer: str, shown_items: list[Recommendation]) -> list[Recommendation] | None:
        """The item that the words name in any language; none where they name nothing, None where several not shown."""
        hits = self._find(pointer, None)
        scores = {hit.item_id: strength((pointer, signal) for signal in hit.signals).get("text", 0.0) for hit in hits}
        best = max(scores.values(), default=0.0)
        by_score = sorted(shown_items, key=lambda item: -scores.get(item.item_id, 0.0))
        shown_scores = [scores.get(item.item_id, 0.0) for item in by_score]
        other_scores = sorted(scores.values())[:-1]
        is_alone = best >= NAMED_ALONE and max(other_scores, default=0.0) <= NEXT * best
        if best >= NAMED_SCORE or is_alone:
            alike = [hit for hit in hits if scores[hit.item_id] >= SAME_KIND * best]
            matches = [item for item in shown_items if any(item.item_id == hit.item_id for hit in alike)]
            if matches or (shown_scores and shown_scores[0] >= HAS_PART * best):
                return (matches or by_score)[:1]
            return [_recommendation(alike[0])] if len(alike) == 1 else None
        is_clear = shown_scores[:1] >= [RELEVANT["text"]] and SAME_KIND * shown_scores[0] > max(
            shown_scores[1:], default=0.0
        )
        return by_score[:1] if is_clear else []

    def _is_bare(self, pointer: str) -> bool:
        """Whether the pointer says nothing of the item: "it", "the one"."""
        scores = self._scores(pointer)
        return scores["this"] >= max(CERTAIN_FORM, max(scores.values()) - NEARLY)

    def means_all(self, pointer: str) -> bool:
        """Whether the pointer may be one at everything that was shown: "these" is nearly "this"."""
        scores = self._scores(pointer)
        return max(scores["all"], scores["both"]) >= max(scores.values()) - NEARLY

    def _is_by_price(self, pointer: str) -> bool:
        """Whether the pointer picks an item by its price."""
        scores = self._scores(pointer)
        other_score = max(score for form, score in scores.items() if form not in SUPERLATIVES)
        return max(scores[form] for form in SUPERLATIVES) - other_score >= CLEAR_FORM

    def _by_price(self, pointer: str, among: list[Recommendation]) -> list[Recommendation]:
        """The cheapest or dearest of these items, or of the first two of them: "the cheaper of the two"."""
        scores = self._scores(pointer)
        form = max(SUPERLATIVES, key=lambda name: scores[name])
        superlative = SUPERLATIVES[form]
        of_two = scores[form] - scores[superlative] >= CLEARLY_OF_TWO
        priced = [item for item in (among[:2] if of_two else among) if item.price is not None]
        priced.sort(key=lambda item: item.price or 0.0)
        return priced[:1] if superlative == "cheapest" else priced[-1:]

    def _scores(self, pointer: str) -> dict[str, float]:
        """How near the pointer is to each form."""
        scores: dict[str, float] = {}
        for form, score in zip(_forms(self.encoder)[0], _forms(self.encoder)[1] @ self._vector(pointer), strict=True):
            scores[form] = max(scores.get(form, -1.0), float(score))
        return scores

    def alone(self, words: str, *, among: str) -> Hit | None:
        """The one item that the words name, where it is also what ``among`` names, with others or alone."""
        hits = self.of_kind(words)
        of_them = {hit.item_id for hit in self.of_kind(among, least=NAMED_SCORE)} if len(hits) == 1 else set()
        return hits[0] if hits and hits[0].item_id in of_them else None

    def of_kind(self, words: str, filters: Filters | None = None, *, least: float = 0.0) -> list[Hit]:
        """The items of the very kind that the words name; none where the catalogue has nothing like it.

        Args:
            least: the z-score that the best of them must have.
        """
        hits = self._find(words, filters)
        best = best_scores((words, hit) for hit in hits)
        if best.get("text", 0.0) < least:
            return []
        return [hit for hit in hits if is_same_kind(((words, signal) for signal in hit.signals), best)]

    def is_group(self, category: str) -> bool:
        """Whether a category holds things that are called otherwise: footwear is boots and sandals."""
        word = category.split(">")[-1]
        titles = [tokens(hit.title) for hit in self._find(word, Filters(categories=[category]))]
        contains_name = [all(holds(title, query_word.tokens) for query_word in query_words(word)) for title in titles]
        return bool(titles) and sum(contains_name) <= CALLED_SO * len(titles)

    def brand(self, words: str, vocabulary: Vocabulary) -> str | None:
        """The brand in another script, with an ending or a slip ("ナイキ", "Nikes", "Addidas"); None where none is."""
        latin, is_cjk = anyascii(words), has_cjk(words)
        if match := self._by_spelling(latin, vocabulary.brands):
            return match
        is_translated = is_cjk and len(vocabulary.brands) >= FEW_NAMES  # "苹果" sounds like nothing in "Apple"
        spellings = [words] if is_cjk or latin == words else [words, latin]
        candidates = (brand for spelling in spellings if (brand := self._name(spelling, vocabulary.brands)))
        return next(
            (
                candidate
                for candidate in candidates
                if is_translated or _alike(latin, anyascii(candidate)) >= SPELT_ALIKE
            ),
            None,
        )

    def _by_spelling(self, latin: str, brands: Sequence[str]) -> str | None:
        """The brand that is written nearly so; a large catalogue's are not compared."""
        if len(brands) > MOST_NAMES or len(latin) > LONGEST_NAME:
            return None
        brand_of = _transliterated(tuple(brands))
        return next(
            (brand_of[spelling] for spelling in get_close_matches(latin.casefold(), brand_of, n=1, cutoff=SPELT_SAME)),
            None,
        )

    def category(self, words: str, vocabulary: Vocabulary) -> str | None:
        """The category that the words name in another language; None where none is near, or it is a wider one.

        "Zapatos" are the shoes and "muebles" the furniture, while heels are only some of the shoes.
        """
        category = self._name(words, vocabulary.categories)
        if category is None:
            return None
        if self._vector(category) @ self._vector(words) >= SAME_NAME:
            return category
        if len(vocabulary.categories) < FEW_NAMES:
            return None
        items = self._find(words, Filters(categories=[category]))
        hits = self.of_kind(words, Filters(categories=[category]))
        return category if hits and 2 * len(hits) >= len(items) else None

    def attribute(self, words: str, vocabulary: Vocabulary) -> list[tuple[str, str]]:
        """The attributes and values that the words mean, in another language or in other words than the catalogue's."""
        values = vocabulary.attribute_values
        if len(words) > LONGEST_NAME or sum(map(len, values.values())) > MOST_NAMES:
            return []
        return [
            (name, value)
            for name, attribute_values in nearest(values, words, self.encoder).items()
            for value in attribute_values
        ]

    def _name(self, words: str, names: Sequence[str]) -> str | None:
        """A name is meant when it lies far nearer to the words than the others do."""
        if not 2 < len(names) <= MOST_NAMES or len(words) > LONGEST_NAME:
            return None
        cosines = _name_vectors(self.encoder, tuple(names)) @ self._vector(words)
        best = int(np.argmax(cosines))
        other_cosines = np.delete(cosines, best)
        deviation = max(float(other_cosines.std()), 1e-6)
        clear = (
            cosines[best] - other_cosines.mean() >= NAME_DEVIATIONS * deviation
            and cosines[best] - other_cosines.max() >= NAME_LEAD * deviation
        )
        return names[best] if clear else None

    def taken_back(self, phrases: Sequence[str], constraints: Sequence[Constraint]) -> list[Constraint]:
        """The constraints in force that the phrases take back; the latest where nothing is named."""
        candidates = [constraint for constraint in constraints if constraint.field != "exclude_ids"]
        if not candidates or not phrases:
            return candidates[-1:]
        vectors = self.encoder.encode([_described(constraint) for constraint in candidates], purpose="query")
        matches: dict[int, Constraint] = {}
        for phrase in phrases:
            folded = phrase.casefold()
            indexes = [
                index
                for index, constraint in enumerate(candidates)
                if str(constraint.value).casefold() in folded or folded in constraint.words.casefold()
            ]
            if not indexes:
                indexes = [int(np.argmax(vectors @ self._vector(phrase)))]
            matches |= {index: candidates[index] for index in indexes}
        fields = {constraint.field for constraint in matches.values() if constraint.field in ("min_price", "max_price")}
        return [
            *matches.values(),
            *(constraint for constraint in candidates if fields and constraint.field in ("min_price", "max_price")),
        ]


@lru_cache(maxsize=4)
def _forms(encoder: TextEncoder) -> tuple[list[str], NDArray[np.float32]]:
    pairs = [(form, phrase) for form, phrases in FORMS.items() for phrase in phrases]
    return [form for form, _ in pairs], encoder.encode_once([phrase for _, phrase in pairs], purpose="query")


@lru_cache(maxsize=8)
def _name_vectors(encoder: TextEncoder, names: tuple[str, ...]) -> NDArray[np.float32]:
    return encoder.encode_once(names, purpose="query")


@lru_cache(maxsize=8)
def _transliterated(brands: tuple[str, ...]) -> dict[str, str]:
    """The brands by how they are written in small Latin letters."""
    return {anyascii(brand).casefold(): brand for brand in brands}


def _alike(first: str, second: str) -> float:
    return SequenceMatcher(None, first.casefold(), second.casefold(), autojunk=False).ratio()


def _described(constraint: Constraint) -> str:
    return _FIELDS[constraint.field].format(constraint.value, constraint.value)


def _unique(items: Iterable[Recommendation]) -> list[Recommendation]:
    return list({item.item_id: item for item in items}.values())


def _by_form(form: str, shown_items: list[Recommendation], earlier: list[Recommendation]) -> list[Recommendation]:
    """The shown items that a pointer of this form names, after those that earlier pointers of the message name."""
    if form in _RANKS:
        return shown_items[_RANKS[form] : _RANKS[form] + 1]
    return {
        "last": shown_items[-1:],
        "other": [item for item in shown_items if item not in (earlier or shown_items[:1])][:1],
        "both": shown_items[:2],
        "all": shown_items[:4],
    }.get(form, (earlier or shown_items)[:1])


def _by_title(text: str, shown_items: list[Recommendation], *, least: int = 1) -> list[Recommendation]:
    """The item whose title holds most words of the text, where it is one alone."""
    words = [word.tokens for word in query_words(text)]
    titles = [tokens(item.title) for item in shown_items]
    counts = [sum(holds(title, word) for word in words) for title in titles]
    most = max(counts, default=0)
    if most < least or counts.count(most) != 1:
        return []
    return [shown_items[counts.index(most)]]


def _by_rank(pointer: str, shown_items: list[Recommendation]) -> list[Recommendation]:
    """The items whose numbers in the list the pointer names, in digits."""
    ranks = [int(match.group()) for match in _DIGITS.finditer(pointer.casefold())]
    return [shown_items[rank - 1] for rank in ranks if 1 <= rank <= len(shown_items)]


def _recommendation(hit: Hit) -> Recommendation:
    """An item of the catalogue as if it had been shown."""
    return Recommendation(
        rank=1,
        item_id=hit.item_id,
        title=hit.title,
        price=hit.price,
        currency=hit.currency,
        score=hit.score,
        explanation="",
        evidence=[],
    )
