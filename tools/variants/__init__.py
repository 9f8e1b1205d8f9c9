"""Which variant of an item a message means, in whatever words: "16 gigs", "M码", "la rouge"."""

from collections.abc import Mapping, Sequence
from typing import Final

from tools.records import Item
from tools.store.offers import Offer, offers, variant_values
from tools.store.pages import PassageEncoder
from tools.variants.meaning import nearest
from tools.variants.written import written

MOST_CHARACTERS: Final = 2_000
"""Of a message that are read."""


def option_values(item: Item) -> dict[str, list[str]]:
    """The names and different values of the options that the item's variants differ in."""
    values_by_option: dict[str, dict[str, None]] = {}
    for name, value in variant_values(item):
        if value.strip():
            values_by_option.setdefault(name, {})[value] = None
    return {name: [*values] for name, values in values_by_option.items()}


def meant_values(item: Item, text: str, encoder: PassageEncoder | None) -> dict[str, list[str]]:
    """The option values of the item's variants that the text means, by option.

    A value is meant where it stands in the text in any way to write it, or else, for what is called by words, where a
    word lies far nearer to it than to the option's other values.

    Args:
        encoder: None: written forms alone are compared.

    Raises:
        ServiceMissing: the encoder cannot be loaded.
    """
    options, text = option_values(item), text[:MOST_CHARACTERS]
    matches = written(options, text, item.title)
    open_options = {name: values for name, values in options.items() if name not in matches}
    if encoder is not None and open_options:
        matches |= nearest(open_options, text, encoder, item.title)
    return {name: matches[name] for name in options if name in matches}


def named_variants(item: Item, meant: Mapping[str, Sequence[str]]) -> list[Offer]:
    """The variants with most of the values that are meant, those in stock first; none where no value is."""
    counted = [
        (sum(offer.options.get(name) in values for name, values in meant.items()), offer) for offer in offers(item)[1:]
    ]
    most = max((count for count, _ in counted), default=0)
    return [offer for count, offer in counted if most and count == most]
