"""What the numbers of a text measure: a price, a size, a similarity, people, a measure with its unit, or a count."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import isclose
from typing import Literal

from eval.measures.claim_tokens import ClaimToken, counter_forms, forms, tokens
from eval.measures.claim_words import ClaimAmount, Spellings, amounts, load_claim_words, pattern, words_in

NumberKind = Literal["price", "size", "similarity", "people", "measure", "count"]

_CLAUSE_END = re.compile(r"[.,;:!?](?=\s|$|[\u3400-\u9fff])|[，。；：！？、\n]")
_LISTED = re.compile(r"\s*(?:,|、|/|–|-|to|bis|à|a|到|至|and|und|et|y|or|oder|ou|o|和|或|x|×|by)\s*")
_CENTS = re.compile(r"\d[.,]\d\d$")
_OF = re.compile(r"\b(?:of|von|de)\s$")
_SIZE_AFTER = re.compile(r"\s?(?:码|号)")
_COUNTER = re.compile(r"\s?([章节层页位名起罐碗袋瓶杯盒集卷间座门档])")  # measure words that say what is counted
_MORE = re.compile(r"\s?多")
_CONVERTED = 0.001
"""How far a converted measure may be off, as a share."""

_FOLLOWING, _FOLLOWING_IN_CHINESE = -3, 20
"""How much farther a word behind the number counts than one before it, in characters: "8 cm thick", but 厚 8 厘米."""

_ROUNDED = 0.05
"""How far "about 45" may be from the number, as a share."""


@dataclass(frozen=True)
class MeasuredNumber:
    """A number of a text with what it measures.

    Args:
        aspect: of a measure, what of the thing it is: height, weight ...
        nouns: forms of the words beside the number, which say what is counted.
        has_noun: whether such a word follows.
        before: the clause up to the number; ``after`` the text behind it.
    """

    amount: ClaimAmount
    kind: NumberKind
    aspect: str | None
    nouns: frozenset[str]
    has_noun: bool
    before: str
    after: str

    @property
    def dimension(self) -> tuple[str, float]:
        """What the unit measures, and its factor to the base unit."""
        unit = self.amount.unit or ""
        kind, factor = load_claim_words().scales.get(unit, (unit, 1.0))
        return kind, float(factor)

    @property
    def scaled(self) -> list[float]:
        """The values in the base unit."""
        return [value * self.dimension[1] for value in self.amount.values]


def near(table: Spellings, before: str, language: str, room: int) -> bool:
    """True when one of the words ends at most ``room`` characters before the end of the text."""
    words = pattern(words_in(table, language))
    return any(match.end() >= len(before) - room for match in words.finditer(before))


def follows(table: Spellings, after: str, language: str, room: int) -> bool:
    """True when one of the words begins at most ``room`` characters after the start of the text."""
    match = pattern(words_in(table, language)).search(after)
    return match is not None and match.start() <= room


def clause_before(low: str, start: int) -> str:
    """The clause up to a place."""
    ends = [match.end() for match in _CLAUSE_END.finditer(low, 0, start)]
    return low[ends[-1] if ends else 0 : start]


def clause_after(low: str, end: int) -> str:
    """The rest of the clause from a place on."""
    match = _CLAUSE_END.search(low, end)
    return low[end : match.start() if match else len(low)]


@lru_cache(maxsize=8192)
def quantities(low: str, language: str) -> tuple[MeasuredNumber, ...]:
    """The numbers of a text that went through `plain` and `spelt_out`."""
    words = tokens(low, language)
    numbers = [_quantity(amount, low, words, language) for amount in amounts(low)]
    return tuple(_listed(numbers, low))


def _quantity(amount: ClaimAmount, low: str, words: Sequence[ClaimToken], language: str) -> MeasuredNumber:
    before, after = clause_before(low, amount.start), low[amount.end :]
    kind = _number_kind(amount, before, after, language)
    clause = clause_after(low, amount.end)
    dimension, _ = load_claim_words().scales.get(amount.unit or "", (amount.unit or "", 1.0))
    aspect = _aspect(dimension, before, clause, language) if kind == "measure" else None
    nouns, has_noun = _nouns(amount, words, low)
    return MeasuredNumber(amount, kind, aspect, nouns, has_noun, before, after)


def _number_kind(amount: ClaimAmount, before: str, after: str, language: str) -> NumberKind:
    words = load_claim_words()
    if amount.unit in words.currencies:
        return "price"
    if near(words.similarity, before, language, 6) and amount.unit in (None, "percent"):
        return "similarity"
    if amount.unit is not None and amount.unit not in ("k", "x"):
        return "measure"
    if follows(words.people, after, language, 2):
        return "people"
    if near(words.sizes, before, language, 4) or _SIZE_AFTER.match(after):
        return "size"
    if near(words.costs, before, language, 8) or _CENTS.search(amount.words):
        return "price"
    return "count"


def _aspect(dimension: str, before: str, after: str, language: str) -> str | None:
    """The nearest word that says what is measured; in Chinese the one before the number."""
    candidates: list[tuple[int, str]] = []
    for name, spellings in load_claim_words().aspects.get(dimension, {}).items():
        words = pattern(words_in(spellings, language))
        candidates += [(len(before) - match.end(), name) for match in words.finditer(before)]
        follow = _FOLLOWING_IN_CHINESE if language == "zh" else _FOLLOWING
        candidates += [(match.start() + follow, name) for match in words.finditer(after[:14])]
    return min(candidates)[1] if candidates else None


def _nouns(amount: ClaimAmount, words: Sequence[ClaimToken], low: str) -> tuple[frozenset[str], bool]:
    """Forms of up to three words that follow in the clause, or of the two before; and whether one follows."""
    begin, end = amount.start - len(clause_before(low, amount.start)), amount.end + len(clause_after(low, amount.end))
    following = [word for word in words if amount.end <= word.start < end and not _is_function(word)][:3]
    preceding = [word for word in words if begin <= word.start < amount.start and not _is_function(word)][-2:]
    counter = _COUNTER.match(low, amount.end) if amount.unit is None else None
    beside = following or preceding
    if _OF.search(low[begin : amount.start]):  # a set of four
        beside = [*following, *preceding]
    keys = [key for word in beside for key in forms(word)]
    counted = counter_forms(counter[1]) if counter else frozenset()
    return frozenset(keys) | counted, bool(following or counter)


def _is_function(word: ClaimToken) -> bool:
    listed = load_claim_words().function
    return (len(word.text) < 2 and word.bare) or any(word.text in row.split() for row in listed.values())


def _listed(numbers: list[MeasuredNumber], low: str) -> list[MeasuredNumber]:
    """In "40, 41 and 42" and "10 by 8 cm" the bare numbers measure what their neighbour does."""
    for step in (range(1, len(numbers)), range(len(numbers) - 2, -1, -1)):
        for at in step:
            other = at - 1 if step.step > 0 else at + 1
            first, second = sorted((at, other))
            between = low[numbers[first].amount.end : numbers[second].amount.start]
            bare = numbers[at].kind == "count" and numbers[other].kind in ("size", "measure", "price")
            if bare and _LISTED.fullmatch(between):
                amount = replace(numbers[at].amount, unit=numbers[other].amount.unit)
                numbers[at] = replace(
                    numbers[at], amount=amount, kind=numbers[other].kind, aspect=numbers[other].aspect
                )
    return numbers


def meets(quantity: MeasuredNumber, facts: Iterable[float], language: str) -> bool:
    """True when one of the facts is what the number says: equal, at most, at least or about.

    Args:
        quantity: as it was read.
        facts: in the quantity's base unit.
        language: of the text.
    """
    words, before, after = load_claim_words(), quantity.before, quantity.after
    fact_values = list(facts)
    if _MORE.match(after) or _MORE.search(quantity.amount.words):  # 六十多: sixty and some
        return any(value < fact < value + 10 for fact in fact_values for value in quantity.scaled)
    if near(words.approximate, before, language, 4) or follows(words.approximate, after, language, 1):
        return any(abs(fact - value) <= _ROUNDED * abs(fact) for fact in fact_values for value in quantity.scaled)
    exact = 0.005 if quantity.kind == "price" else 0.0
    same = any(
        isclose(fact, value, rel_tol=_CONVERTED, abs_tol=exact) for fact in fact_values for value in quantity.scaled
    )
    if near(words.upper, before, language, 8) or follows(words.upper, after, language, 1):
        return any(fact <= value + 0.004 for fact in fact_values for value in quantity.scaled)
    if near(words.lower, before, language, 8) or follows(words.lower, after, language, 1):
        strict = near(
            {language: ["more than", "over", "above", "mehr als", "über", "plus de", "más de", "高于", "超过"]},
            before,
            language,
            8,
        )
        return any(
            fact > value + 0.004 if strict else fact >= value for fact in fact_values for value in quantity.scaled
        )
    return same
