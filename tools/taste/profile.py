"""A user's taste as content: where it lies in text and picture space, and which values of attributes it holds.

A profile follows from the user's weighted events and from nothing else. An event counts by its strength
(`tools.taste.records.STRENGTHS`), halved every ``half_life_days``; what the user corrected by hand counts in full.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tools.records import Item
from tools.store.entries import Space, Vector
from tools.store.offers import MEDIA_WORDS
from tools.taste.records import Interaction, Preference

if TYPE_CHECKING:
    from tools.store import Catalogue

DAY = 86_400.0
MOST_TELLING = 200
"""How many items, those with the greatest weights, a profile is made of."""

SURE_FROM = 2.0
"""So much weight stands beside what was liked: an attribute of one liked item counts a third, of ten five sixths."""

LEAST_WEIGHT = 0.1
"""Preferences weaker than this are not told."""

PRICE_BAND = (0.1, 0.9)
"""Weighted quantiles of the prices of what was liked, between which the user's prices lie."""

HIDDEN = frozenset({"variants", "facets", "sku", "slug", "price_max", "list_price", *MEDIA_WORDS})
LONGEST_VALUE = 60


@dataclass(frozen=True)
class TasteProfile:
    """What is known of one user's taste.

    Attributes:
        text: unit vector (d,) of the weighted texts of the items; None where nothing speaks.
        visual: the same of their pictures.
        attributes: name to value to weight, -1 (never) to 1 (always); the user's corrections are in it.
        price: lowest and highest usual price.
        events: how many events it rests on.
    """

    text: Vector | None = None
    visual: Vector | None = None
    attributes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    price: tuple[float, float] | None = None
    events: int = 0

    @property
    def is_empty(self) -> bool:
        """True where nothing is known."""
        return not (self.events or self.attributes)


def decayed(events: Iterable[Interaction], *, now: float, half_life_days: float) -> dict[str, float]:
    """Item to the sum of its events' strengths, each halved every ``half_life_days``, the strongest first.

    An event from the future (a clock that went back) counts as one of now. What sums up to nothing is left out.
    """
    weights: defaultdict[str, float] = defaultdict(float)
    for event in events:
        age = max(0.0, now - event.at) / DAY
        weights[event.item_id] += event.strength * 0.5 ** (age / half_life_days)
    totals = [(item_id, weight) for item_id, weight in weights.items() if weight]
    return dict(sorted(totals, key=lambda pair: (-abs(pair[1]), pair[0])))


def build_profile(
    events: Sequence[Interaction],
    preferences: Sequence[Preference],
    catalogue: "Catalogue",
    *,
    now: float,
    half_life_days: float,
) -> TasteProfile:
    """The profile that follows from a user's events; items that the catalogue does not hold say nothing.

    Args:
        events: the user's own, in any order.
        preferences: the user's corrections.
        catalogue: where the items' vectors, attributes and prices stand.
        now: seconds since 1970.
        half_life_days: after how many days an event counts half.
    """
    history = decayed(events, now=now, half_life_days=half_life_days)
    weights = dict(list(history.items())[:MOST_TELLING])
    items = catalogue.get_many(list(weights))
    attributes = _attributes({item_id: weights[item_id] for item_id in items}, items)
    for preference in preferences:
        attributes.setdefault(preference.attribute, {})[preference.value] = preference.weight
    return TasteProfile(
        text=_mean(catalogue, "text", weights),
        visual=_mean(catalogue, "visual", weights),
        attributes=attributes,
        price=_price_band(weights, items),
        events=len(events),
    )


def attribute_values(item: Item) -> dict[str, list[str]]:
    """An item's comparable attributes: brand, category, and its own short ones, lists value by value."""
    values_by_name = {"brand": [item.brand] if item.brand else [], "category": [item.category] if item.category else []}
    for name, value in item.attributes.items():
        if name not in HIDDEN:
            elements = value if isinstance(value, list) else [value]
            values_by_name[name] = [
                str(element) for element in elements if isinstance(element, str) and 0 < len(element) <= LONGEST_VALUE
            ]
    return {name: values for name, values in values_by_name.items() if values}


def _attributes(weights: Mapping[str, float], items: Mapping[str, Item]) -> dict[str, dict[str, float]]:
    """Each value's share of what was liked, less its share of what was disliked: between -1 and 1, less for few."""
    liked = sum(weight for weight in weights.values() if weight > 0) + SURE_FROM
    disliked = -sum(weight for weight in weights.values() if weight < 0) + SURE_FROM
    sums: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    for item_id, weight in weights.items():
        fraction = weight / (liked if weight > 0 else max(disliked, liked))
        for name, values in attribute_values(items[item_id]).items():
            for value in values:
                sums[name][value] += fraction
    return {
        name: {
            value: round(weight, 4)
            for value, weight in sorted(values.items(), key=lambda pair: -abs(pair[1]))
            if abs(weight) >= LEAST_WEIGHT
        }
        for name, values in sums.items()
    }


def _mean(catalogue: "Catalogue", space: Space, weights: Mapping[str, float]) -> Vector | None:
    """The weighted mean (d,) of the items' vectors, of length 1; each item counts once, whatever pictures it has."""
    vectors = catalogue.vectors_of(space, list(weights))
    if not vectors:
        return None
    rows = np.stack([np.mean(vectors[item_id], axis=0) for item_id in vectors])
    mean: Vector = np.array([weights[item_id] for item_id in vectors], np.float32) @ rows
    length = float(np.linalg.norm(mean))
    return mean / length if length > 1e-6 else None


def _price_band(weights: Mapping[str, float], items: Mapping[str, Item]) -> tuple[float, float] | None:
    """Between which prices most of what was liked lies."""
    paid = sorted(
        (item.price, weights[item_id])
        for item_id, item in items.items()
        if item.price is not None and weights[item_id] > 0
    )
    if not paid:
        return None
    prices = np.array([price for price, _ in paid])
    until = np.cumsum([weight for _, weight in paid])
    low, high = (prices[int(np.searchsorted(until, fraction * until[-1]))] for fraction in PRICE_BAND)
    return float(low), float(high)
