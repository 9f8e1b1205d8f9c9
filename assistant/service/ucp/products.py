"""Items of the catalogue as products of the protocol.

A variant's id is its item's id and its options, ``trail?color=red&size=43``; an item without variants is its own one.
Only what has a price in a currency can be said in the protocol.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from urllib.parse import parse_qsl, urlencode

from babel.numbers import get_currency_precision

from assistant.service.item_links import ItemLinks
from assistant.service.ucp.records import (
    MOST_AMOUNT,
    UcpAvailability,
    UcpCategory,
    UcpDescription,
    UcpInput,
    UcpMedia,
    UcpOption,
    UcpOptionValue,
    UcpPrice,
    UcpPriceRange,
    UcpProduct,
    UcpSelectedOption,
    UcpVariant,
)
from tools.records import Item
from tools.store import Catalogue
from tools.store.offers import Offer, offers

MOST_PICTURES: Final = 10
Options = Mapping[str, str]


def minor_units(price: float, currency: str) -> int:
    """A price as the protocol counts it: 12.5 USD is 1250."""
    return int((Decimal(str(price)).scaleb(get_currency_precision(currency))).quantize(Decimal(1)))


def major_units(amount: int, currency: str) -> float:
    """An amount of the protocol as the catalogue counts it."""
    return float(Decimal(amount).scaleb(-get_currency_precision(currency)))


@dataclass(frozen=True)
class Sale:
    """An item with what it is sold as, best first.

    Attributes:
        variants: never empty; each has a price in the item's currency.
    """

    item: Item
    variants: Sequence[Offer]

    @classmethod
    def of(cls, item: Item) -> "Sale | None":
        """None where nothing of the item has a price that the protocol can say."""
        itself, *variants = offers(item)
        priced = [offer for offer in variants or [itself] if _can_be_said(offer.price, item.currency)]
        return cls(item, priced) if priced else None

    def variant_id(self, offer: Offer) -> str:
        """The id of one of the variants."""
        return f"{self.item.id}?{urlencode(sorted(offer.options.items()))}" if offer.options else self.item.id

    def variant(self, options: Options) -> Offer | None:
        """The variant with these options."""
        return next((offer for offer in self.variants if offer.options == options), None)

    def within(self, low: float | None, high: float | None) -> "Sale | None":
        """The same with those variants alone whose price is within the bounds; None where there is none."""
        lowest, highest = low or 0.0, math.inf if high is None else high
        fitting = [offer for offer in self.variants if lowest <= (offer.price or 0.0) <= highest]
        return Sale(self.item, fitting) if fitting else None


def _can_be_said(price: float | None, currency: str | None) -> bool:
    if price is None or currency is None or not (len(currency) == 3 and currency.isascii() and currency.isupper()):
        return False
    return price >= 0 and minor_units(price, currency) <= MOST_AMOUNT


def resolved(catalogue: Catalogue, ids: Iterable[str]) -> dict[str, tuple[Item, Options | None]]:
    """By id of a request: its item and, of a variant's id, the variant's options; unknown ids are left out."""
    named = {name: (name.rpartition("?")[0], dict(parse_qsl(name.rpartition("?")[2]))) for name in ids if "?" in name}
    items = catalogue.get_many([*ids, *(item_id for item_id, _ in named.values())])
    found: dict[str, tuple[Item, Options | None]] = {}
    for name in ids:
        item_id, options = named.get(name, ("", {}))
        if name in items:
            found[name] = (items[name], None)
        elif options and item_id in items and any(offer.options == options for offer in offers(items[item_id])[1:]):
            found[name] = (items[item_id], options)
    return found


def product(sale: Sale, links: ItemLinks) -> UcpProduct:
    """An item as lists show it: with the best of its variants."""
    return _product(sale, links, [_variant(sale, sale.variants[0])], _options(sale.variants))


def looked_up(sale: Sale, links: ItemLinks, inputs: Mapping[str, Options | None]) -> UcpProduct | None:
    """An item with the variants that ids of a request lead to: the best one for the item's own id.

    Args:
        inputs: the ids, those of variants with their options.

    Returns:
        None where none of the variants is left.
    """
    matches: dict[int, list[UcpInput]] = {}
    for name, options in inputs.items():
        offer = sale.variants[0] if options is None else sale.variant(options)
        if offer is not None:
            is_exact = options is not None or not offer.options
            match = UcpInput(id=name, match="exact" if is_exact else "featured")
            matches.setdefault(offer.ordinal, []).append(match)
    shown = [_variant(sale, offer, matches[offer.ordinal]) for offer in sale.variants if offer.ordinal in matches]
    return _product(sale, links, shown, _options(sale.variants)) if shown else None


def detailed(
    sale: Sale, links: ItemLinks, options: Options | None, asked: Options, preferences: Sequence[str]
) -> UcpProduct:
    """An item in full: the variants of a selection, and which other values there are.

    Args:
        options: of the variant that was asked for by its id; it decides.
        asked: values by option; where no variant has all of them, options are given up, the least preferred first.
    """
    selection = options if options is not None else _selection(sale.variants, asked, preferences)
    matching = sorted(
        (offer for offer in sale.variants if _has(offer, selection)), key=lambda offer: offer.options != options
    )
    values = [_with_signals(option, sale.variants, selection) for option in _options(sale.variants) or []]
    shown = _product(sale, links, [_variant(sale, offer) for offer in matching], values or None)
    return shown.model_copy(update={"selected": _selected(selection) if values else None})


def _selection(variants: Sequence[Offer], asked: Options, preferences: Sequence[str]) -> Options:
    """The asked values as the catalogue spells them, as far as a variant has all of them; else those of the best."""
    spelled = {
        (name.casefold(), value.casefold()): (name, value)
        for offer in variants
        for name, value in offer.options.items()
    }
    pairs = [(name.casefold(), value.casefold()) for name, value in asked.items()]
    selection = dict(spelled[pair] for pair in pairs if pair in spelled)
    ranks = {name.casefold(): rank for rank, name in enumerate(preferences)}
    given_up = sorted(selection, key=lambda name: ranks.get(name.casefold(), len(ranks)))
    while selection and not any(_has(offer, selection) for offer in variants):
        del selection[given_up.pop()]
    return selection or variants[0].options


def _has(offer: Offer, selection: Options) -> bool:
    return selection.items() <= offer.options.items()


def _with_signals(option: UcpOption, variants: Sequence[Offer], selection: Options) -> UcpOption:
    """An option whose values say whether a variant has them beside the rest of the selection, and can be bought."""
    values = []
    for value in option.values:
        matching = [offer for offer in variants if _has(offer, {**selection, option.name: value.label})]
        available = any(offer.in_stock is not False for offer in matching)
        values.append(UcpOptionValue(label=value.label, available=available, exists=bool(matching)))
    return UcpOption(name=option.name, values=values)


def _options(variants: Sequence[Offer]) -> list[UcpOption] | None:
    labels: dict[str, dict[str, None]] = {}
    for offer in variants:
        for name, value in offer.options.items():
            labels.setdefault(name, {})[value] = None
    return [
        UcpOption(name=name, values=[UcpOptionValue(label=v) for v in values]) for name, values in labels.items()
    ] or None


def _selected(options: Options) -> list[UcpSelectedOption]:
    return [UcpSelectedOption(name=name, label=value) for name, value in options.items()]


def _product(sale: Sale, links: ItemLinks, variants: list[UcpVariant], options: list[UcpOption] | None) -> UcpProduct:
    item = sale.item
    prices = sorted((_price(offer, item) for offer in sale.variants), key=lambda price: price.amount)
    return UcpProduct(
        id=item.id,
        title=item.title,
        description=UcpDescription(plain=item.description or item.title),
        price_range=UcpPriceRange(min=prices[0], max=prices[-1]),
        variants=variants,
        url=item.url,
        categories=[UcpCategory(value=item.category)] if item.category else None,
        media=[UcpMedia(url=url, alt_text=item.title) for url in links.pictures(item)[:MOST_PICTURES]] or None,
        options=options,
        metadata={"brand": item.brand} if item.brand else None,
    )


def _variant(sale: Sale, offer: Offer, inputs: list[UcpInput] | None = None) -> UcpVariant:
    item, stock = sale.item, offer.in_stock
    title = ", ".join(offer.options.values()) or item.title
    status = "in_stock" if stock else "out_of_stock"
    return UcpVariant(
        id=sale.variant_id(offer),
        title=title,
        description=UcpDescription(plain=", ".join(f"{name}: {v}" for name, v in offer.options.items()) or item.title),
        price=_price(offer, item),
        url=item.url,
        availability=None if stock is None else UcpAvailability(available=stock, status=status),
        options=_selected(offer.options) or None,
        inputs=inputs or None,
    )


def _price(offer: Offer, item: Item) -> UcpPrice:
    currency = item.currency or ""
    return UcpPrice(amount=minor_units(offer.price or 0.0, currency), currency=currency)
