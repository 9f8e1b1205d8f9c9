"""What the user showed for items in this conversation: said, pressed, looked at.

Words beat buttons, and among the same kind the later beats the earlier, so that an item is either liked or rejected.
What it comes to is one number an item (`item_feedback`), which moves the ranking at once (`personalization`).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from assistant.records import ItemFeedback, Memory, Recommendation
from assistant.understanding import Understanding
from tools.taste.records import EventKind, Interaction

STRENGTHS = {"words": 1.0, "button": 0.6}
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
        feedback = ItemFeedback(item_id=press.item_id, title=titles[press.item_id], turn=memory.turns, source="button")
        if press.event in FOR_IT:
            memory = _with_feedback(memory, feedback, liked=True)
        elif press.event in AGAINST_IT:
            memory = _with_feedback(memory, feedback, liked=False)
        else:
            memory = _with_views(memory, [feedback])
    return memory.model_copy(update={"pressed_until": max([memory.pressed_until, *(press.at for press in pressed)])})


def with_words(memory: Memory, understanding: Understanding) -> Memory:
    """The memory with what this turn's message says of earlier items, and for whom it asks."""
    for item in understanding.liked:
        memory = _with_feedback(memory, _from_words(item, memory), liked=True)
    for_price = any(constraint.field in ("max_price", "min_price") for constraint in understanding.constraints)
    for item in understanding.rejected:
        feedback = _from_words(item, memory).model_copy(update={"for_price": for_price})
        memory = _with_feedback(memory, feedback, liked=False)
    if understanding.intent in ("details", "compare", "why"):
        memory = _with_views(memory, [_from_words(item, memory) for item in understanding.references])
    recalled = [feedback for feedback in memory.rejected if feedback.item_id in understanding.recalled]
    for_other = memory.for_other if understanding.recipient is None else understanding.recipient
    update = {
        "rejected": [feedback for feedback in memory.rejected if feedback not in recalled],
        "for_other": for_other,
    }
    return memory.model_copy(update=update)


def said_of_items(memory: Memory, user: str, at: float) -> list[Interaction]:
    """What the turn that just ended said of items, as events of the user; in a conversation for somebody else nothing.

    Args:
        memory: as it is after the turn.
        at: seconds since 1970.
    """
    kinds: tuple[tuple[EventKind, list[ItemFeedback]], ...] = (("like", memory.liked), ("not_this", memory.rejected))
    return [
        Interaction(user=user, item_id=feedback.item_id, event=kind, at=at)
        for kind, entries in kinds
        for feedback in entries
        if feedback.source == "words" and feedback.turn == memory.turns and not memory.for_other
    ]


def item_feedback(memory: Memory) -> dict[str, float]:
    """Item to how much this conversation speaks for it (1 at most) or against it (-1), the latest first.

    Older turns say less; what was rejected for its price alone says nothing.
    """
    turn = memory.turns + 1
    liked = {feedback.item_id: (feedback.turn, _strength(feedback, turn)) for feedback in memory.liked}
    rejected = {
        feedback.item_id: (feedback.turn, -_strength(feedback, turn))
        for feedback in memory.rejected
        if not feedback.for_price
    }
    viewed = {
        feedback.item_id: (feedback.turn, LOOKED_AT * DECAY ** (turn - feedback.turn)) for feedback in memory.looked_at
    }
    latest_first = sorted((viewed | liked | rejected).items(), key=lambda entry: entry[1][0])[::-1]
    return {item_id: strength for item_id, (_, strength) in latest_first}


def only_looked_at(memory: Memory) -> frozenset[str]:
    """The items that were looked at, and neither liked nor rejected."""
    rated_ids = {feedback.item_id for feedback in (*memory.liked, *memory.rejected)}
    return frozenset(feedback.item_id for feedback in memory.looked_at if feedback.item_id not in rated_ids)


def _strength(feedback: ItemFeedback, turn: int) -> float:
    return float(STRENGTHS[feedback.source] * DECAY ** max(0, turn - feedback.turn))


def _from_words(item: Recommendation, memory: Memory) -> ItemFeedback:
    return ItemFeedback(item_id=item.item_id, title=item.title, turn=memory.turns + 1, source="words")


def _with_feedback(memory: Memory, feedback: ItemFeedback, *, liked: bool) -> Memory:
    """The memory with this feedback in place of what was known of the item; a button changes nothing that was said."""
    earlier = [*memory.liked, *memory.rejected]
    if feedback.source == "button" and any(r.item_id == feedback.item_id and r.source == "words" for r in earlier):
        return memory
    update = {"liked": _without(memory.liked, feedback), "rejected": _without(memory.rejected, feedback)}
    name = "liked" if liked else "rejected"
    update[name] = [*update[name], feedback][-REMEMBERED:]
    return memory.model_copy(update=update)


def _with_views(memory: Memory, entries: Sequence[ItemFeedback]) -> Memory:
    looked = memory.looked_at
    for feedback in entries:
        looked = [*_without(looked, feedback), feedback]
    return memory.model_copy(update={"looked_at": looked[-REMEMBERED:]})


def _without(entries: Sequence[ItemFeedback], feedback: ItemFeedback) -> list[ItemFeedback]:
    return [entry for entry in entries if entry.item_id != feedback.item_id]
