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
        for field, wanted in constraints.items()
        for value in (_broken_sale(sold, field, wanted) if field in _OF_SALE else _broken_values(item, field, wanted))
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
    given = item.attributes.get("variants")
    return [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []


def _has(attributes: Mapping[str, Any], name: str, values: Sequence[str]) -> bool:
    own = [value for key, value in attributes.items() if _folded(key) == _folded(name)]
    each = [str(one) for value in own for one in (value if isinstance(value, list) else [value])]
    return any(_joined(one).removeprefix(_joined(name)) == _joined(value) for one in each for value in values)


def _joined(text: str) -> str:
    return re.sub(r"\s", "", text.casefold()).replace(",", ".")


def _broken_sale(sold: Sequence[tuple[float | None, bool | None]], field: str, wanted: Any) -> list[Any]:  # noqa: ANN401
    prices = [price for price, _ in sold if price is not None]
    if field == _UPPER:
        return [] if any(price <= wanted + _ROUNDING for price in prices) else [wanted]
    if field == _LOWER:
        return [] if any(price >= wanted - _ROUNDING for price in prices) else [wanted]
    if field == "in_stock":
        return [wanted] if wanted and not any(stock is True for _, stock in sold) else []
    return [] if sold else [wanted]


def _broken_values(item: Item, field: str, wanted: Any) -> list[Any]:  # noqa: ANN401 - a filter's value is any JSON
    if field in ("brands", "categories"):
        return [] if any(_is(item, field, name) for name in wanted) else list(wanted)
    if field == "include_terms":
        return [term for term in wanted if not _mentions(item, term)]
    if field == "exclude_terms":
        return [term for term in wanted if _mentions(item, term)]
    if field == "exclude_ids":
        return [item_id for item_id in wanted if item_id == item.id]
    return [name for name in wanted if _is(item, field.removeprefix("exclude_"), name)]


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
    found = dict(constraints)
    if found.get(_UPPER) == BELOW_FIRST:
        del found[_UPPER]
        if first is not None and first.price is not None:
            found[_UPPER] = round(first.price - 0.01, 2)
    return found


def differences(wanted: Mapping[str, Any], told: Mapping[str, Any], allowed: Collection[str] = ()) -> list[str]:
    """How the constraints that a reply tells differ from the wanted ones; empty when they are right.

    ``allowed`` names fields that are neither asked for nor wrong. A colour means the same as a wanted word and as the
    value of an attribute.
    """
    wanted, told = _with_values_as_terms(wanted), _with_values_as_terms(told)
    missing = [
        f"{field} is {told.get(field)!r} instead of {value!r}"
        for field, value in wanted.items()
        if not same(value, told.get(field))
    ]
    extra = [
        f"{field} {value!r} was not asked for" for field, value in told.items() if field not in {*wanted, *allowed}
    ]
    return missing + extra


def _with_values_as_terms(constraints: Mapping[str, Any]) -> dict[str, Any]:
    """The constraints with the values of attributes among the wanted words."""
    values = [value for given in constraints.get("attributes", {}).values() for value in given]
    terms = [*constraints.get("include_terms", []), *values]
    others = {field: value for field, value in constraints.items() if field not in ("attributes", "include_terms")}
    return {**others, **({"include_terms": terms} if terms else {})}


def same(wanted: object, told: object) -> bool:
    """Numbers to the cent; lists with the same words, where other spellings of a wanted word do no harm."""
    if isinstance(wanted, bool) or told is None:
        return wanted == told
    if isinstance(wanted, int | float) and isinstance(told, int | float):
        return abs(wanted - told) < CENT
    if isinstance(wanted, list) and isinstance(told, list):
        return _same_words({str(one).casefold() for one in wanted}, {str(one).casefold() for one in told})
    if isinstance(wanted, str) and isinstance(told, str):
        return _folded(wanted) == _folded(told)
    return wanted == told


def _same_words(wanted: set[str], told: set[str]) -> bool:
    canonical = load_lexicon().canonical
    meant = {canonical[word] for word in wanted if word in canonical}
    return wanted <= told and all(canonical.get(word) in meant for word in told - wanted)


def without_relaxed(
    constraints: Mapping[str, Any], relaxed: Sequence[Relaxation], may: Collection[str]
) -> dict[str, Any]:
    """The constraints less what a reply says it relaxed, where the field is one of those that may be."""
    left = dict(constraints)
    for change in relaxed:
        value = left.get(change.field)
        if change.field not in may or value is None:
            continue
        kept = [one for one in value if not _one_word(change.wanted, one)] if isinstance(value, list) else []
        left.pop(change.field)
        if kept:
            left[change.field] = kept
    return left


def _one_word(wanted: object, other: object) -> bool:
    return _same_words({str(wanted).casefold()}, {str(wanted).casefold(), str(other).casefold()})
