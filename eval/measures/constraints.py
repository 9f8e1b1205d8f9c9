"""What a constraint means, and when the constraints in force are the ones that were expected.

Plain on purpose: it shares no code with the store that applies the constraints.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

import snowballstemmer

from assistant.records import Relaxation
from assistant.understanding.lexicon import has_cjk, load_lexicon
from tools.records import Item

BELOW_FIRST = "below the first"
"""An expected ``max_price``: less than the first item of the answer before it costs."""

CENT = 0.011
""""Under 60" may be stored as 59.99 or as 60; an item is held to the bound itself (half a cent for rounding)."""

_ROUNDING = 0.005
_UPPER, _LOWER = "max_price", "min_price"
_OF_SALE = frozenset({_UPPER, _LOWER, "in_stock", "attributes"})
_TOKEN = re.compile(r"[^\W\d_]+|\d+")


def breaks(item: Item, constraints: Mapping[str, Any]) -> bool:
    """True when an item is not what the constraints ask for."""
    return bool(broken(item, constraints))


def broken(item: Item, constraints: Mapping[str, Any]) -> list[str]:
    """The constraints that an item breaks, each as its field and value; fields are those of `tools.records.Filters`."""
    sold = _sold(item, constraints.get("attributes", {}))
    return [
        f"{field} {value}"
        for field, limit in constraints.items()
        for value in (_broken_sale(sold, field, limit) if field in _OF_SALE else _broken_values(item, field, limit))
    ]  # fmt: skip


def _sold(item: Item, attributes: Mapping[str, Sequence[str]]) -> list[tuple[float | None, bool | None]]:
    """Price and stock of the item, or of each of its variants, that has one of the values of every attribute."""
    lines = [{}, *variants_of(item)]
    choosable = {_folded(name) for line in lines for name in line}
    return [
        (line.get("price", item.price), line.get("in_stock", item.in_stock))
        for line in lines
        if all(
            (line or _folded(name) not in choosable) and _has({**item.attributes, **line}, name, values)
            for name, values in attributes.items()
        )
    ]


def variants_of(item: Item) -> list[dict[str, Any]]:
    """The item's variants as its line has them."""
    variants = item.attributes.get("variants")
    return [variant for variant in variants if isinstance(variant, dict)] if isinstance(variants, list) else []


def _has(attributes: Mapping[str, Any], name: str, values: Sequence[str]) -> bool:
    own = [value for key, value in attributes.items() if _folded(key) == _folded(name)]
    texts = [str(text) for value in own for text in (value if isinstance(value, list) else [value])]
    return any(_joined(text).removeprefix(_joined(name)) == _joined(value) for text in texts for value in values)


def _joined(text: str) -> str:
    return re.sub(r"\s", "", text.casefold()).replace(",", ".")


def _broken_sale(sold: Sequence[tuple[float | None, bool | None]], field: str, required: Any) -> list[Any]:  # noqa: ANN401
    prices = [price for price, _ in sold if price is not None]
    if field == _UPPER:
        return [] if any(price <= required + _ROUNDING for price in prices) else [required]
    if field == _LOWER:
        return [] if any(price >= required - _ROUNDING for price in prices) else [required]
    if field == "in_stock":
        return [required] if required and not any(stock is True for _, stock in sold) else []
    return [] if sold else [required]


def _broken_values(item: Item, field: str, required: Any) -> list[Any]:  # noqa: ANN401 - a filter's value is any JSON
    if field in ("brands", "categories"):
        return [] if any(_is(item, field, name) for name in required) else list(required)
    if field == "include_terms":
        return [term for term in required if not _mentions(item, term)]
    if field == "exclude_terms":
        return [term for term in required if _mentions(item, term)]
    if field == "exclude_ids":
        return [item_id for item_id in required if item_id == item.id]
    return [name for name in required if _is(item, field.removeprefix("exclude_"), name)]


def _is(item: Item, field: str, name: str) -> bool:
    """The item is of the brand, or in the category: its whole path, a leading part of it, or one of its levels."""
    if field == "brands":
        return _folded(item.brand or "") == _folded(name)
    levels = [_folded(level) for level in (item.category or "").split(">")]
    leading = {">".join(levels[:count]) for count in range(1, len(levels) + 1)}
    return ">".join(_folded(level) for level in name.split(">")) in leading | set(levels)


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


def _mentions(item: Item, term: str) -> bool:
    """The term's words, stemmed, one after another; in scripts without spaces its characters."""
    parts = [item.title, item.description, item.category or "", item.brand or "", str(item.attributes)]
    if has_cjk(term):
        return any(term.casefold() in part.casefold() for part in parts)
    phrase = _stems(term)
    return any(_follows(phrase, _stems(part)) for part in parts)


def _follows(phrase: Sequence[str], words: Sequence[str]) -> bool:
    size = len(phrase)
    return size == 0 or any(words[start : start + size] == phrase for start in range(len(words) - size + 1))


def _stems(text: str) -> list[str]:
    return [str(word) for word in _stemmer().stemWords(_TOKEN.findall(text.casefold()))]


@cache
def _stemmer() -> Any:  # noqa: ANN401 - the library has no types
    return snowballstemmer.stemmer("english")


# The constraints in force --------------------------------------------------------------------------------------------


def resolved(constraints: Mapping[str, Any], first: Item | None) -> dict[str, Any]:
    """The constraints with a price bound relative to the first item shown before as a number.

    The bound is left out when there is nothing that it relates to.
    """
    result = dict(constraints)
    if result.get(_UPPER) == BELOW_FIRST:
        del result[_UPPER]
        if first is not None and first.price is not None:
            result[_UPPER] = round(first.price - 0.01, 2)
    return result


def differences(expected: Mapping[str, Any], actual: Mapping[str, Any], allowed: Collection[str] = ()) -> list[str]:
    """How the constraints of a reply differ from the expected ones; empty when they are the same.

    ``allowed`` names fields that are neither required nor wrong. A colour may be an expected word or the value of an
    attribute.
    """
    expected, actual = _with_values_as_terms(expected), _with_values_as_terms(actual)
    mismatches = [
        f"{field} is {actual.get(field)!r} instead of {value!r}"
        for field, value in expected.items()
        if not same(value, actual.get(field))
    ]
    extra = [
        f"{field} {value!r} was not asked for" for field, value in actual.items() if field not in {*expected, *allowed}
    ]
    return mismatches + extra


def _with_values_as_terms(constraints: Mapping[str, Any]) -> dict[str, Any]:
    """The constraints with the values of attributes among the wanted words."""
    values = [value for choices in constraints.get("attributes", {}).values() for value in choices]
    terms = [*constraints.get("include_terms", []), *values]
    others = {field: value for field, value in constraints.items() if field not in ("attributes", "include_terms")}
    return {**others, **({"include_terms": terms} if terms else {})}


def same(expected: object, actual: object) -> bool:
    """Numbers to the cent; lists with the same words, where other spellings of a wanted word do no harm."""
    if isinstance(expected, bool) or actual is None:
        return expected == actual
    if isinstance(expected, int | float) and isinstance(actual, int | float):
        return abs(expected - actual) < CENT
    if isinstance(expected, list) and isinstance(actual, list):
        return _same_words({str(word).casefold() for word in expected}, {str(word).casefold() for word in actual})
    if isinstance(expected, str) and isinstance(actual, str):
        return _folded(expected) == _folded(actual)
    return expected == actual


def _same_words(expected: set[str], actual: set[str]) -> bool:
    canonical = load_lexicon().canonical
    concepts = {canonical[word] for word in expected if word in canonical}
    return expected <= actual and all(canonical.get(word) in concepts for word in actual - expected)


def without_relaxed(
    constraints: Mapping[str, Any], relaxed: Sequence[Relaxation], may: Collection[str]
) -> dict[str, Any]:
    """The constraints less what a reply says it relaxed, where the field is one of those that may be."""
    remaining = dict(constraints)
    for change in relaxed:
        value = remaining.get(change.field)
        if change.field not in may or value is None:
            continue
        values = [entry for entry in value if not _one_word(change.wanted, entry)] if isinstance(value, list) else []
        remaining.pop(change.field)
        if values:
            remaining[change.field] = values
    return remaining


def _one_word(word: object, other: object) -> bool:
    return _same_words({str(word).casefold()}, {str(word).casefold(), str(other).casefold()})
