"""Which of the shown items a superlative picks: "the lightest of these", "und das billigste davon?", "哪个最轻"."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assistant.records import Recommendation
from assistant.understanding.superlatives import PRICE, in_order, measures, superlative
from tools.engines.text import TextEncoder
from tools.records import Item

OF_SHOWN: Final = ("the cheapest of these", "the lightest of them", "which of these is the largest?")
OF_ALL: Final = ("the cheapest that you have", "the lightest in the shop", "the largest first")
"""What a superlative says when it is about the shown items, and when it is about everything."""

ABOUT_SHOWN: Final = 0.02
"""How much nearer to the first in the mean a message about the shown items is.

Over eight languages those lie 0.015 to 0.14 nearer, "the cheapest you have", "cheapest first" at most 0.017.
"""


def pick_item(
    clauses: Sequence[str], among: Sequence[Recommendation], items: Mapping[str, Item], encoder: TextEncoder
) -> tuple[Recommendation, str] | None:
    """The item that a superlative of the message picks among these, and by which attribute; None where none does.

    Args:
        clauses: what the message says, clause by clause.
        items: the catalogue's record of each.
    """
    values_by_attribute = measures(items.values())
    order = superlative(clauses, [*values_by_attribute], encoder) if len(among) > 1 else None
    if order is None:
        return None
    values = values_by_attribute.get(order.attribute, {})
    if order.attribute == PRICE:
        values = {item.item_id: (item.price, item.price) for item in among if item.price is not None}
    best_ids = in_order([item.item_id for item in among], values, descending=order.descending)[:1]
    return next(((item, order.attribute) for item in among if [item.item_id] == best_ids), None)


def is_about_shown(text: str, encoder: TextEncoder) -> bool:
    """Whether a superlative is one among the shown items, and not among all that there is."""
    of_shown, of_all = _prototypes(encoder)
    [row] = encoder.encode([text], purpose="query")
    return bool((of_shown @ row).mean() - (of_all @ row).mean() >= ABOUT_SHOWN)


@lru_cache(maxsize=4)
def _prototypes(encoder: TextEncoder) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return encoder.encode_once(OF_SHOWN, purpose="query"), encoder.encode_once(OF_ALL, purpose="query")
