"""Which shown items, and which constraints, the words of a message point at."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assistant.records import Constraint, Memory, Recommendation
from tools.engines.text import TextEncoder
from tools.records import Vocabulary
from tools.variants.meaning import nearest

FORMS: Final = {
    "first": ("the first one", "number one"),
    "second": ("the second one", "number two"),
    "third": ("the third one", "number three"),
    "fourth": ("the fourth one", "number four"),
    "fifth": ("the fifth one", "number five"),
    "last": ("the last one", "the one at the bottom of the list"),
    "cheapest": ("the cheaper one", "the cheapest of them", "the less expensive one"),
    "dearest": ("the more expensive one", "the most expensive of them"),
    "other": ("the other one",),
    "all": ("both", "all of them", "the two of them"),
    "this": ("this one", "it", "that one", "this item"),
}
"""Ways to point at an item of a list; the encoder compares a pointer in any language with them."""

MOST_NAMES, LONGEST_NAME = 500, 24
"""A catalogue of more names, and words of more characters, are not compared by the encoder.

Names cost it about 10 ms each, once in a process.
"""

NAME_DEVIATIONS: Final = 2.5
_RANKS: Final = {"first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4}
_WORD = re.compile(r"\d+|[^\W\d_]{3,}|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2}")
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


class Referring:
    """Resolves pointers with the encoder where names and numbers do not."""

    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder = encoder
        self._vectors: dict[str, NDArray[np.float32]] = {}

    def prepare(self, words: Sequence[str]) -> None:
        """Encode together what will be compared: one pass costs less than one for each."""
        new = [one for one in dict.fromkeys(words) if one not in self._vectors]
        self._vectors |= zip(new, self._encoder.encode(new, purpose="query"), strict=True)

    def _vector(self, words: str) -> NDArray[np.float32]:
        self.prepare([words])
        return self._vectors[words]

    def resolve(self, pointers: Sequence[str], text: str, memory: Memory) -> list[Recommendation]:
        """The shown items that the pointers name, each once, in their order."""
        shown = memory.shown
        if not shown:
            return []
        found: list[Recommendation] = []
        for pointer in pointers:
            found += self._one(pointer, shown, found)
        one = next((p for p in pointers if self._form(p) in ("cheapest", "dearest")), None)
        if one and len(found) > 1:  # "the cheaper of the two"
            found = self._one(one, shown, [])
        if not pointers:
            found = _by_title(text, shown, least=2)
        return list({item.item_id: item for item in found}.values())

    def _one(self, pointer: str, shown: list[Recommendation], before: list[Recommendation]) -> list[Recommendation]:
        if named := _by_title(pointer, shown):
            return named
        if ranked := _by_rank(pointer, shown):
            return ranked
        form = self._form(pointer)
        if form in _RANKS:
            return shown[_RANKS[form] : _RANKS[form] + 1]
        priced = sorted((item for item in shown if item.price is not None), key=lambda item: item.price or 0.0)
        return {
            "last": shown[-1:],
            "cheapest": priced[:1],
            "dearest": priced[-1:],
            "other": [item for item in shown if item not in (before or shown[:1])][:1],
            "all": shown[:4],
            "this": shown[:1],
        }[form]

    def _form(self, pointer: str) -> str:
        names, vectors = _forms(self._encoder)
        return names[int(np.argmax(vectors @ self._vector(pointer)))]

    def brand(self, words: str, vocabulary: Vocabulary) -> str | None:
        """The brand written in another script or with an ending ("ナイキ", "Nikes"); None where none is near."""
        return self._name(words, vocabulary.brands)

    def category(self, words: str, vocabulary: Vocabulary) -> str | None:
        """The category that the words name in another language; None where none is near."""
        return self._name(words, vocabulary.categories)

    def attribute(self, words: str, vocabulary: Vocabulary) -> list[tuple[str, str]]:
        """The attributes and values that the words mean, in another language or in other words than the catalogue's."""
        values = vocabulary.attribute_values
        if len(words) > LONGEST_NAME or sum(map(len, values.values())) > MOST_NAMES:
            return []
        return [(name, value) for name, own in nearest(values, words, self._encoder).items() for value in own]

    def _name(self, words: str, names: Sequence[str]) -> str | None:
        """A name is meant when it lies far nearer to the words than names of its kind usually do, and than the next."""
        if not 2 < len(names) <= MOST_NAMES or len(words) > LONGEST_NAME:
            return None
        near = _name_vectors(self._encoder, tuple(names)) @ self._vector(words)
        best, second = np.argsort(-near)[:2]
        spread = max(float(near.std()), 1e-6)
        clear = near[best] - near.mean() >= NAME_DEVIATIONS * spread and near[best] - near[second] >= spread
        return names[int(best)] if clear else None

    def taken_back(self, phrases: Sequence[str], constraints: Sequence[Constraint]) -> list[Constraint]:
        """The constraints in force that the phrases take back; the latest where nothing is named."""
        held = [one for one in constraints if one.field != "exclude_ids"]
        if not held or not phrases:
            return held[-1:]
        vectors = self._encoder.encode([_described(one) for one in held], purpose="query")
        found: dict[int, Constraint] = {}
        for phrase in phrases:
            folded = phrase.casefold()
            named = [
                place
                for place, one in enumerate(held)
                if str(one.value).casefold() in folded or folded in one.words.casefold()
            ]
            if not named:
                named = [int(np.argmax(vectors @ self._vector(phrase)))]
            found |= {place: held[place] for place in named}
        fields = {one.field for one in found.values() if one.field in ("min_price", "max_price")}
        return [*found.values(), *(one for one in held if fields and one.field in ("min_price", "max_price"))]


@lru_cache(maxsize=4)
def _forms(encoder: TextEncoder) -> tuple[list[str], NDArray[np.float32]]:
    pairs = [(form, phrase) for form, phrases in FORMS.items() for phrase in phrases]
    return [form for form, _ in pairs], encoder.encode([phrase for _, phrase in pairs], purpose="query")


@lru_cache(maxsize=8)
def _name_vectors(encoder: TextEncoder, names: tuple[str, ...]) -> NDArray[np.float32]:
    return encoder.encode(names, purpose="query")


def _described(constraint: Constraint) -> str:
    return _FIELDS[constraint.field].format(constraint.value, constraint.value)


def _by_title(text: str, shown: list[Recommendation], *, least: int = 1) -> list[Recommendation]:
    """The item whose title shares most words with the text, where it is one alone."""
    words = set(_WORD.findall(text.casefold()))
    shared = [len(words & set(_WORD.findall(item.title.casefold()))) for item in shown]
    most = max(shared)
    if most < least or shared.count(most) != 1:
        return []
    return [shown[shared.index(most)]]


def _by_rank(pointer: str, shown: list[Recommendation]) -> list[Recommendation]:
    """The items whose numbers in the list the pointer names, in digits."""
    folded = pointer.casefold()
    ranks = [int(match.group()) for match in _DIGITS.finditer(folded)]
    return [shown[rank - 1] for rank in ranks if 1 <= rank <= len(shown)]
