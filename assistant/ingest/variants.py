"""Variants of one product: the options that tell them apart, and what they say of the product together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from assistant.ingest.prices import Convention, PriceError, read_price
from assistant.ingest.stock import StockError, read_stock
from assistant.ingest.validate import CONTRACT
from tools.store.offers import NOT_OPTIONS, VARIANTS

Cells = dict[str, Any]
"""The cells of a row that have a value, a text or any value of JSON, by the keys of their columns."""
_BETWEEN: Final = " .,;:([/|-–—"
"""What stands between a title and the options of a variant."""


@dataclass
class VariantRow:
    """A row that is a variant.

    Attributes:
        options: what tells it from the others, by name.
        terms: what it is sold as: id, price, list_price, in_stock, sku, url, image; as written, None where unknown.
        row: all its cells.
    """

    options: dict[str, str]
    terms: Cells
    row: Cells


def choose(variants: Sequence[VariantRow], columns: Iterable[str]) -> None:
    """Give variants that state no options the columns in which they differ."""
    if any(variant.options for variant in variants):
        return
    for key in columns:
        if len(different(variant.row.get(key) for variant in variants)) > 1:
            for variant in variants:
                value = variant.row.get(key)
                variant.options |= {key: str(value)} if isinstance(value, str | int | float) else {}


def rename(variants: Sequence[VariantRow], labels: Mapping[str, str]) -> None:
    """Call options by their labels; one that would be read as a price or an address begins with a capital."""
    for variant in variants:
        named = {labels.get(name, name): value for name, value in variant.options.items()}
        variant.options = {name.capitalize() if name in NOT_OPTIONS else name: value for name, value in named.items()}


def summed_up(variants: Sequence[VariantRow], convention: Convention | None) -> dict[str, Any]:
    """What variants say of their product: price and stock of those that can be bought, and the attributes.

    The price is a list; what is sold out counts only where nothing else is. Only differing variants are listed.
    """
    stocks = [_truth(variant.terms["in_stock"]) for variant in variants]
    best = next(stock for stock in (True, None, False) if stock in stocks)
    offered = [variant for variant, stock in zip(variants, stocks, strict=True) if stock is best]
    values: dict[str, Any] = {"in_stock": None if best is None else offered[0].terms["in_stock"]}
    if priced := [variant for variant in offered if variant.terms["price"] is not None]:
        by_price = {_order(variant.terms["price"], convention): variant for variant in reversed(priced)}
        values["price"] = different(variant.terms["price"] for variant in priced)
        values["list_price"] = by_price[min(by_price)].terms["list_price"]
    names = dict.fromkeys(name for variant in variants for name in variant.options)
    attributes: dict[str, Any] = {name: different(variant.options.get(name) for variant in variants) for name in names}
    if len(variants) > 1 and names:
        attributes[VARIANTS] = [_line(variant) for variant in variants]
    return {**values, "attributes": attributes}


def shared(
    variants: Sequence[VariantRow], of_variants: Iterable[str], fields: Iterable[str], titles: Iterable[str]
) -> Cells:
    """What the rows of variants say of their product: different values side by side, of a field the first.

    Args:
        of_variants: columns that say nothing of the product.
        fields: columns that fill a field of the contract.
        titles: those of the title, of which what all have in common is taken.
    """
    passed_over, single, named = set(of_variants), {*fields, *CONTRACT}, set(titles)
    cells = Cells()
    for key in dict.fromkeys(key for variant in variants for key in variant.row):
        if key in passed_over:
            continue
        values = different(variant.row.get(key) for variant in variants)
        if key in named:
            cells[key] = common_title(values, [value for variant in variants for value in variant.options.values()])
        else:
            cells[key] = values[0] if len(values) == 1 or key in single else values
    return cells


def common_title(titles: Sequence[Any], options: Sequence[str]) -> Any:  # noqa: ANN401 - as the feed has it
    """What the titles of variants have in common, without their options: "Shoes — red, 42", "Shoes — red, 43"."""
    words = [title.split() for title in titles if isinstance(title, str)]
    if len(words) < 2:
        return titles[0]
    same = next((n for n, column in enumerate(zip(*words, strict=False)) if len(set(column)) > 1), min(map(len, words)))
    common = words[0][:same]
    known = {_bare(word) for option in options for word in option.split()} | {"size", ""}
    while common and _bare(common[-1]) in known:
        common.pop()
    return " ".join(common).rstrip(_BETWEEN) or titles[0]


def amount(value: object, convention: Convention | None) -> float | None:
    """The price as a number; None where it cannot be read."""
    try:
        return read_price(value, None, convention).amount
    except PriceError:
        return None


def is_less(value: object, other: object, convention: Convention | None) -> bool:
    """Whether a price is positive and less than the other; true where there is no other, or one cannot be read."""
    number, limit = amount(value, convention), amount(other, convention)
    return number is None or (number > 0 and (limit is None or number < limit))


def different(values: Iterable[Any]) -> list[Any]:
    """The values without None, and without those that are equal to an earlier one."""
    first_by_text: dict[str, Any] = {}
    for value in values:
        if value is not None:
            first_by_text.setdefault(repr(value), value)
    return list(first_by_text.values())


def _line(variant: VariantRow) -> dict[str, Any]:
    """The variant as a line of the catalogue holds it."""
    return {**variant.options, **{name: value for name, value in variant.terms.items() if value is not None}}


def _truth(stock: object) -> bool | None:
    try:
        return read_stock(stock).in_stock
    except StockError:
        return None


def _order(value: object, convention: Convention | None) -> float:
    number = amount(value, convention)
    return float("inf") if number is None else number


def _bare(word: str) -> str:
    return word.casefold().strip(_BETWEEN + ")]")
