"""Which items a message points at, and which of them a superlative picks: "und das billigste davon?", "哪个最轻"."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assistant.agent.reading.referring import Pointed
from assistant.agent.reading.utterance import ClassifiedUtterance
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

OTHER_ITEM_OPERATIONS: Final = ("cheaper", "dearer", "similar", "likes", "rejects")
"""Operations that ask for other items than the one that is named."""

_ABOUT_ITEMS = ("item", "compare", "cart")


def items_pointed_at(
    utterance: ClassifiedUtterance, records: Callable[[Sequence[Recommendation]], dict[str, Item]]
) -> Pointed:
    """What the utterance points at: by its pointers, or in a question about an item by the thing that it names.

    Of several items it is the one that a superlative picks: "the lightest of these".
    """
    act, referring, memory = utterance.act, utterance.referring, utterance.memory
    pointers = utterance.words_of("item", *(["not"] if utterance.asks("rejects") else []))  # "not the second one"
    if not pointers and act == "item":
        pointers = utterance.words_of("thing")
    titles = utterance.text if act in _ABOUT_ITEMS else ""
    pointed = referring.resolve(pointers, titles, memory, alone=act == "item")
    among = pointed.items if len(pointed.items) > 1 else memory.shown
    one_meant = len(pointed.items) == 1 and not any(map(referring.means_all, utterance.words_of("item")))
    can_pick = act in _ABOUT_ITEMS or (act in ("refine", "find") and not utterance.asks(*OTHER_ITEM_OPERATIONS))
    if pointed.picked or one_meant or len(among) < 2 or not can_pick or utterance.spans_of("thing"):
        return pointed
    choice = pick_item(utterance.clauses(), among, records(among), referring.encoder)
    is_about_items = act in _ABOUT_ITEMS or pointed.items
    if choice is None or not (is_about_items or is_about_shown(utterance.text, referring.encoder)):
        return pointed
    return pointed._replace(items=[choice[0]], picked=True, by=choice[1])


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
