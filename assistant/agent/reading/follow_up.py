"""What one utterance changes of the conversation so far: cheaper than what was shown, other items, a limit dropped."""

from assistant.agent.reading.constraints import PRICES, WHOLE_MESSAGE, Conditions, only_currency
from assistant.agent.reading.utterance import ClassifiedUtterance
from assistant.records import Constraint, Recommendation
from assistant.understanding import CENT, to_filters

WELCOME = {"exclude_brands": "brands", "exclude_categories": "categories", "exclude_terms": "include_terms"}
"""What is preferred when an exclusion is taken back."""


def add_follow_up(utterance: ClassifiedUtterance, conditions: Conditions, references: list[Recommendation]) -> None:
    """Add constraints: cheaper or dearer than what was shown or is named, in stock, other items than before."""
    compares = utterance.asks("cheaper", "dearer") and not conditions.is_bounded
    if compares and not _is_other_kind(utterance, conditions, references):
        _add_bound(utterance, conditions, references)
    if utterance.asks("stock"):
        stock = utterance.constraint("in_stock", True, utterance.text[:60])
        conditions.constraints.append((stock, WHOLE_MESSAGE))
    if utterance.act == "more" and not (utterance.asks("rejects") and references):
        for item in utterance.memory.shown:
            conditions.exclude(item)


def _is_other_kind(utterance: ClassifiedUtterance, conditions: Conditions, references: list[Recommendation]) -> bool:
    """Whether the utterance names things of which nothing was shown: their prices compare with nothing."""
    words = [utterance.words(span) for span in conditions.remaining("thing")]
    if references or not words:
        return False
    ids = {hit.item_id for hit in utterance.referring.of_kind(" ".join(words))}
    return bool(ids) and not any(item.item_id in ids for item in utterance.memory.shown)


def _add_bound(utterance: ClassifiedUtterance, conditions: Conditions, references: list[Recommendation]) -> None:
    """A bound at the price of what is named; or of the shown items of the wish's kind, first the one furthest out.

    That one gives way to the next where nothing of the kind lies beyond it. Items that are not beyond it are excluded.
    """
    field, sign = ("max_price", 1) if utterance.asks("cheaper") else ("min_price", -1)
    memory = utterance.memory
    filters = to_filters([constraint for constraint in memory.constraints if constraint.field not in PRICES])
    kind = [] if references else utterance.referring.of_kind(memory.topic, filters)
    ids = {hit.item_id for hit in kind}
    items = references or [item for item in memory.shown if item.item_id in ids] or memory.shown
    prices = sorted(sign * item.price for item in items if item.price is not None)
    if not prices:
        return
    kind_prices = [sign * hit.price for hit in kind if hit.price is not None]
    price = sign * next((limit for limit in prices if any(other < limit for other in kind_prices)), prices[0])
    bound = utterance.constraint(
        field,
        max(round(price - sign * CENT, 2), 0.0),
        utterance.text[:60],
        currency=only_currency(utterance.vocabulary),
        exclusive=True,
    )
    conditions.constraints.append((bound, WHOLE_MESSAGE))
    for item in items:
        if item.price is None or sign * item.price >= sign * price:
            conditions.exclude(item)


def take_back(utterance: ClassifiedUtterance, conditions: Conditions) -> list[Constraint]:
    """Earlier constraints and preferences that the utterance takes back.

    What it names as no longer excluded is added to its preferences.
    """
    phrases = utterance.words_of("back")
    if conditions.readmitted and not phrases:
        constraints = conditions.readmitted
    elif phrases or utterance.act == "undo":
        constraints = utterance.referring.taken_back(phrases, utterance.memory.conditions)
    else:
        constraints = []
    if conditions.readmitted or phrases:
        conditions.preferences += [
            (constraint.model_copy(update={"field": WELCOME[constraint.field]}), WHOLE_MESSAGE)
            for constraint in constraints
            if constraint.field in WELCOME
        ]
    return constraints


def superseded(utterance: ClassifiedUtterance, conditions: Conditions) -> list[Constraint]:
    """Earlier price limits that no longer count, and what was wanted of another kind of thing."""
    fields = [*PRICES] if utterance.asks("free_limit") else []
    kinds = [utterance.words(span).casefold() for span in conditions.remaining("thing")]
    if kinds and not any(kind in utterance.memory.topic.casefold() for kind in kinds):
        fields += ["brands", "categories", "attributes"]
    return [constraint for constraint in utterance.memory.conditions if constraint.field in fields]
