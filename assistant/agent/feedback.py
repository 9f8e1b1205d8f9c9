"""What the user showed for items in this conversation: said, pressed, looked at.

Words beat buttons, and among the same kind the later beats the earlier, so that an item is either liked or rejected.
What it comes to is one number an item (`item_feedback`), which moves the ranking at once (`personalization`).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from assistant.records import ItemFeedback, Memory, Recommendation
from assistant.understanding import Understanding
from tools.taste.records import EventKind, Interaction

LIKED = {"words": 1.0, "button": 0.6}
LOOKED_AT = 0.2
DECAY = 0.8
"""What a turn leaves of an interest."""

REMEMBERED = 50
"""How many items of each kind a conversation remembers."""

FOR_IT = frozenset({"like", "more_like_this", "cart", "purchase"})
AGAINST_IT = frozenset({"dislike", "not_this"})


class Click(NamedTuple):
    """A button that the user pressed on an item; ``at`` in seconds since 1970."""

    item_id: str
    event: str
    at: float


def with_buttons(memory: Memory, pressed: Sequence[Click], titles: Mapping[str, str]) -> Memory:
    """The memory with the buttons that were pressed since the last turn; those on unknown items say nothing.

    Args:
        titles: the items' titles by id, for the items that the catalogue still holds.
    """
    for press in pressed:
        if press.at <= memory.pressed_until or press.item_id not in titles:
            continue
        regard = ItemFeedback(item_id=press.item_id, title=titles[press.item_id], turn=memory.turns, source="button")
        if press.event in FOR_IT:
            memory = _regarded(memory, regard, liked=True)
        elif press.event in AGAINST_IT:
            memory = _regarded(memory, regard, liked=False)
        else:
            memory = _looked(memory, [regard])
    return memory.model_copy(update={"pressed_until": max([memory.pressed_until, *(press.at for press in pressed)])})


def with_words(memory: Memory, understanding: Understanding) -> Memory:
    """The memory with what this turn's message says of earlier items, and for whom it asks."""
    for item in understanding.liked:
        memory = _regarded(memory, _said_of(item, memory), liked=True)
    for_price = any(constraint.field in ("max_price", "min_price") for constraint in understanding.constraints)
    for item in understanding.rejected:
        regard = _said_of(item, memory).model_copy(update={"for_price": for_price})
        memory = _regarded(memory, regard, liked=False)
    if understanding.intent in ("details", "compare", "why"):
        memory = _looked(memory, [_said_of(item, memory) for item in understanding.references])
    recalled = [regard for regard in memory.rejected if regard.item_id in understanding.recalled]
    for_other = memory.for_other if understanding.recipient is None else understanding.recipient
    update = {"rejected": [regard for regard in memory.rejected if regard not in recalled], "for_other": for_other}
    return memory.model_copy(update=update)


def said_of_items(memory: Memory, user: str, at: float) -> list[Interaction]:
    """What the turn that just ended said of items, as events of the user; in a conversation for somebody else nothing.

    Args:
        memory: as it is after the turn.
        at: seconds since 1970.
    """
    kinds: tuple[tuple[EventKind, list[ItemFeedback]], ...] = (("like", memory.liked), ("not_this", memory.rejected))
    return [
        Interaction(user=user, item_id=regard.item_id, event=kind, at=at)
        for kind, regards in kinds
        for regard in regards
        if regard.source == "words" and regard.turn == memory.turns and not memory.for_other
    ]


def item_feedback(memory: Memory) -> dict[str, float]:
    """Item to how much this conversation speaks for it (1 at most) or against it (-1); older turns say less."""
    now = memory.turns + 1
    looked = {regard.item_id: LOOKED_AT * DECAY ** (now - regard.turn) for regard in memory.looked_at}
    liked = {regard.item_id: _strength(regard, now) for regard in memory.liked}
    rejected = {regard.item_id: -_strength(regard, now) for regard in memory.rejected if not regard.for_price}
    return looked | liked | rejected


def only_looked_at(memory: Memory) -> frozenset[str]:
    """The items that were looked at, and neither liked nor rejected."""
    said = {regard.item_id for regard in (*memory.liked, *memory.rejected)}
    return frozenset(regard.item_id for regard in memory.looked_at if regard.item_id not in said)


def _strength(regard: ItemFeedback, now: int) -> float:
    return float(LIKED[regard.source] * DECAY ** max(0, now - regard.turn))


def _said_of(item: Recommendation, memory: Memory) -> ItemFeedback:
    return ItemFeedback(item_id=item.item_id, title=item.title, turn=memory.turns + 1, source="words")


def _regarded(memory: Memory, regard: ItemFeedback, *, liked: bool) -> Memory:
    """The memory with this regard in place of what was known of the item; a button changes nothing that was said."""
    said = [*memory.liked, *memory.rejected]
    if regard.source == "button" and any(r.item_id == regard.item_id and r.source == "words" for r in said):
        return memory
    lists = {"liked": _others(memory.liked, regard), "rejected": _others(memory.rejected, regard)}
    name = "liked" if liked else "rejected"
    lists[name] = [*lists[name], regard][-REMEMBERED:]
    return memory.model_copy(update=lists)


def _looked(memory: Memory, regards: Sequence[ItemFeedback]) -> Memory:
    looked = memory.looked_at
    for regard in regards:
        looked = [*_others(looked, regard), regard]
    return memory.model_copy(update={"looked_at": looked[-REMEMBERED:]})


def _others(regards: Sequence[ItemFeedback], regard: ItemFeedback) -> list[ItemFeedback]:
    return [other for other in regards if other.item_id != regard.item_id]
