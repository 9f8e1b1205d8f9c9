"""What gives when nothing fits: as little as possible, and it is said.

Single constraints are tried first, the least binding kind before the others; a price bound moves just far enough to let
something in. Only when no single one helps do several go, in the same order. What the user ruled out ("no leather")
goes last.
"""

from collections.abc import Callable, Sequence
from typing import Literal

from assistant.records import Constraint, Relaxation
from assistant.understanding import to_filters
from tools.records import Filters

_ORDER = (
    "include_terms", "max_price", "min_price", "attributes", "brands", "categories", "in_stock",
    "exclude_categories", "exclude_brands", "exclude_terms", "exclude_ids",
)  # fmt: skip

Fits = Callable[[Filters], int]
"""How many items pass a filter."""

PriceNear = Callable[[Filters, Literal["price", "-price"]], float | None]
"""The lowest (``"price"``) or highest (``"-price"``) price among the items that pass a filter."""


def relax(
    constraints: list[Constraint], fits: Fits, price_near: PriceNear, *, firm: Sequence[Constraint] = ()
) -> tuple[list[Constraint], list[Relaxation]]:
    """The constraints loosened until something fits, and what was loosened; unchanged when something fits already.

    Nothing is loosened where that cannot help: the catalogue is empty, or nothing meets what is ``firm``.
    """
    if not constraints or fits(to_filters(constraints)) or not fits(to_filters([*firm])):
        return constraints, []
    ordered = sorted((c for c in constraints if c not in firm), key=lambda c: _ORDER.index(c.field))
    for constraint in ordered:
        if loosened := _without(constraints, [constraint], fits, price_near):
            return loosened
    for count in range(2, len(ordered) + 1):
        if loosened := _without(constraints, ordered[:count], fits, price_near):
            return loosened
    return [*firm], [_relaxation(constraint) for constraint in ordered]


def _without(
    constraints: list[Constraint], given_up: list[Constraint], fits: Fits, price_near: PriceNear
) -> tuple[list[Constraint], list[Relaxation]] | None:
    remaining = [constraint for constraint in constraints if constraint not in given_up]
    if not fits(to_filters(remaining)):
        return None
    relaxed = [_loosened(constraint, to_filters(remaining), price_near) for constraint in given_up]
    moved = [
        constraint.model_copy(update={"value": change.used, "exclusive": False})
        for constraint, change in zip(given_up, relaxed, strict=True)
        if change.used is not None
    ]
    if moved and not fits(to_filters([*remaining, *moved])):  # two bounds that move apart: drop them
        return remaining, [_relaxation(constraint) for constraint in given_up]
    return [*remaining, *moved], relaxed


def _loosened(constraint: Constraint, filters: Filters, price_near: PriceNear) -> Relaxation:
    nearest = None
    if constraint.field in ("max_price", "min_price"):
        nearest = price_near(filters, "price" if constraint.field == "max_price" else "-price")
    return _relaxation(constraint).model_copy(update={"used": nearest})


def _relaxation(constraint: Constraint) -> Relaxation:
    return Relaxation(
        field=constraint.field,
        wanted=constraint.value,
        attribute=constraint.attribute,
        used=None,
        words=constraint.words,
        exclusive=constraint.exclusive,
        currency=constraint.currency,
    )
