"""What the customer wants done with a message, from its act and its operations."""

from collections.abc import Sequence
from typing import Final, Literal

from assistant.agent.reading.constraints import WHOLE_MESSAGE
from assistant.agent.reading.part import MessagePart
from assistant.agent.reading.picking import OTHER_ITEM_OPERATIONS
from assistant.agent.reading.search_text import SENTENCE_CHARACTERS
from assistant.agent.reading.utterance import WANTED_ROLES, ClassifiedUtterance
from assistant.privacy.masking import unmarked
from assistant.records import Intent, Recommendation
from assistant.understanding.phrases import asks_why
from assistant.understanding.superlatives import superlative

UNLIKELY: Final = 0.05
"""Probability below which an operation is not looked for by other means."""

NAMED_ITEM_FROM: Final = 6.0
"""z-score from which a message that seems to leave open what to recommend is about an item all the same.

"Surprise me", "推荐点东西" and their like reach 5.9 over three catalogues, needs that are told in a story 6.5 and more.
"""

_INTENTS: dict[str, Intent] = {
    "item": "details", "compare": "compare", "shop": "shop", "cart": "cart", "chat": "chat",
}  # fmt: skip

_LIST_OPERATIONS = ("cheapest", "dearest", "likes", "rejects", "free_limit")
"""Operations on the list that was shown, which need nothing but that list."""

_CONTENT_ROLES = (*WANTED_ROLES, "said", "max", "min", "near")
"""Roles of words that say more than what to do with the list."""


def intent_of(part: MessagePart, references: Sequence[Recommendation]) -> Intent | None:
    """The act as an intent; None for everything that searches.

    Args:
        references: the items that the whole message points at.
    """
    utterance, pointed = part.utterance, part.pointed
    act, has_shown = utterance.act, bool(utterance.memory.shown)
    if act == "item":
        if has_shown and not utterance.attached and asks_why(utterance.text.casefold()):
            return "why"
        return "details" if references or (has_shown and not pointed.unshown) else None
    if pointed.picked and (
        act == "compare" or (act in ("find", "refine") and not utterance.asks(*OTHER_ITEM_OPERATIONS))
    ):
        return "details"
    if act == "compare" and not (has_shown or len(references) > 1):
        return None
    if act == "chat" and (utterance.attached or part.names_thing):
        return None
    if act == "cart" and part.names_thing and not (has_shown or references):
        return None
    if act in ("find", "more", "undo", "refine") and utterance.asks("rejects", "open"):
        return "recommend"
    return _INTENTS.get(act)


def price_order(part: MessagePart) -> Literal["price", "-price"] | None:
    """The order of price that is asked for; where the classifiers are not sure the encoder says."""
    utterance = part.utterance
    if utterance.asks("cheapest", "dearest"):
        return "price" if utterance.asks("cheapest") else "-price"
    likely = max(utterance.classification.operations[operation] for operation in ("cheapest", "dearest"))
    if likely < UNLIKELY or utterance.asks("cheaper", "dearer") or part.conditions.is_bounded:
        return None
    order = superlative(utterance.clauses(), (), utterance.referring.encoder)
    return None if order is None else "-price" if order.descending else "price"


def is_open_wish(part: MessagePart) -> bool:
    """Whether the message leaves open what to recommend: "surprise me", "a gift for my father"."""
    utterance = part.utterance
    is_gift, says_what = utterance.asks("gift"), bool(utterance.spans_of(*WANTED_ROLES))
    if utterance.attached or not (utterance.asks("open") or (is_gift and not says_what)):
        return False
    if is_gift:
        return not part.search_text.kinds
    words = unmarked(utterance.text)[-SENTENCE_CHARACTERS:]
    return not (says_what or utterance.referring.of_kind(words, least=NAMED_ITEM_FROM))


def recipient(part: MessagePart) -> str | None:
    """For whom: "for my father"; empty for the user, None where it is not said."""
    utterance = part.utterance
    if utterance.asks("self"):
        return ""
    return next(iter(utterance.words_of("for")), utterance.text[:40]) if utterance.asks("gift") else None


def operates_on_list(utterance: ClassifiedUtterance) -> bool:
    """Whether something is asked of the list that was shown, and no word says what else is wanted or told about."""
    roles = {span.role for span in utterance.spans}
    is_operation = utterance.act in ("more", "undo") or "back" in roles or utterance.asks(*_LIST_OPERATIONS)
    return bool(utterance.memory.shown) and is_operation and roles.isdisjoint(_CONTENT_ROLES)


def only_operates_on_list(part: MessagePart) -> bool:
    """Whether only what to do with the list is said: not this one, cheapest first, more of the same.

    Where something is taken back and nothing shows what, there is more to understand than the classifiers do.
    """
    utterance, conditions = part.utterance, part.conditions
    operates = utterance.act == "more" or bool(part.taken_back) or utterance.asks(*_LIST_OPERATIONS)
    begins = (utterance.asks("similar") and bool(part.pointed.items)) or utterance.asks("gift", "open")
    has_constraint = any(place != WHOLE_MESSAGE for _, place in (*conditions.constraints, *conditions.preferences))
    return operates and operates_on_list(utterance) and not (begins or has_constraint)
