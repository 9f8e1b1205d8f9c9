"""What reading a message gives, and which constraints are in force after it."""

import math
from collections import Counter
from typing import Final, Literal

from pydantic import Field

from assistant.records import Constraint, Intent, ItemFeedback, Memory, Recommendation
from assistant.understanding.lexicon import load_lexicon
from tools.records import Filters, Record

CENT: Final = 0.01
"""What separates "under 60" from "up to 60": bounds are stored inclusive."""

LONGEST_WORD: Final = 100
"""Letters of the longest word that can be excluded, as `tools.records.Filters` has it."""


class Utterance(Record):
    """One stretch of what the user said: the typed text, or a transcript."""

    source: str
    text: str


class Wish(Record):
    """One of several wishes of a message."""

    topic: str
    head: str = Field("", description="as in `Understanding`")
    sentence: str = Field("", description="as in `Understanding`")
    kind: str = Field("", description="as in `Understanding`")
    clauses: list[str] = Field([], description="as in `Understanding`")
    constraints: list[Constraint] = Field([], description="those of this wish alone")


class Understanding(Record):
    """What the words settle."""

    language: str
    intent: Intent | None
    constraints: list[Constraint]
    currency: str | None
    references: list[Recommendation]
    topic: str
    head: str = Field("", description="the topic without what it is for")
    sentence: str = Field("", description="the wish as it was said, without what is held as constraints")
    kind: str = Field("", description="the words for the kind of thing that is wanted")
    clauses: list[str] = Field([], description="what is wanted beside the kind of thing: what a superlative stands in")
    unread: str = Field("", description="the part of the message that was too long to be read")
    vague: bool = Field(False, description="no kind of thing is named")
    refines: bool
    steers: bool = Field(False, description="only what to do with the list is said, and nothing to search for")
    sort: Literal["price", "-price"] | None = Field(None, description="cheapest or dearest first, where that is asked")
    accompanies: bool = Field(False, description="what is wished is to go with what the picture shows")
    refused: bool = Field(False, description="a wish that no shop helps with: it is declined, and nothing is searched")
    liked: list[Recommendation] = Field([], description="earlier recommendations that the user speaks well of")
    rejected: list[Recommendation] = Field([], description="earlier recommendations that the user does not want")
    recalled: list[str] = Field([], description="ids of items rejected before that are asked for by name")
    recipient: str | None = Field(None, description='for whom: "for my father"; "": for the user; None: not said')
    open_wish: bool = Field(False, description="what to recommend is left to the assistant")
    wishes: list[Wish] = Field([], description="several wishes, each with its own; ``constraints`` hold for all")
    preferences: list[Constraint] = Field([], description="what is likely wanted: it moves the ranking, hides nothing")
    dropped: list[Constraint] = Field([], description="earlier constraints and preferences that are taken back")
    assortment: bool = Field(False, description="the question is what there is at all: which brands, kinds and prices")
    asks_item: bool = Field(False, description="the question is about an item that is yet to be found")
    properties: str = Field("", description="the words that say which variant is meant: a color, a size, 16 GB")
    question: str = Field("", description="the text with the titles of items that it names; empty where it names none")
    other_things: list[str] = Field([], description="what is only mentioned, not wanted, or what the wish is for")
    unshown: list[str] = Field([], description="what is asked about though it was not shown: several items")
    each_picture: bool = Field(False, description="each of the pictures asks for an item of its own")


MOST_CONSTRAINTS = 50
"""How many constraints of one kind can be in force; of more, the latest are."""

_MOST = {"attributes": 20}


def to_filters(constraints: list[Constraint]) -> Filters:
    """The constraints as one filter: bounds take the tightest value, lists gather theirs, exclusions every spelling.

    A constraint that no filter can hold (`usable`) costs itself and nothing else.
    """
    values: dict[str, list[Constraint]] = {}
    for constraint in filter(usable, constraints):
        values.setdefault(constraint.field, []).append(constraint)
    merged: dict[str, object] = {}
    for field, entries in values.items():
        if field == "max_price":
            merged[field] = min(float(entry.value) for entry in entries)
        elif field == "min_price":
            merged[field] = max(float(entry.value) for entry in entries)
        elif field == "in_stock":
            merged[field] = True
        elif field == "attributes":
            merged[field] = _by_attribute(entries)
        elif field == "exclude_ids":
            merged[field] = list(dict.fromkeys(str(entry.value) for entry in entries))
        else:
            merged[field] = _values_in_all_spellings(field, entries)
    return Filters.model_validate(merged)


def _by_attribute(constraints: list[Constraint]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for constraint in constraints:
        values.setdefault(str(constraint.attribute), []).append(str(constraint.value))
    return values


def _values_in_all_spellings(field: str, constraints: list[Constraint]) -> list[str]:
    """The last `MOST_CONSTRAINTS` values of a field, an excluded one in every spelling."""
    by_value = {str(constraint.value): constraint for constraint in constraints}
    latest = list(by_value.values())[-MOST_CONSTRAINTS:]
    if field != "exclude_terms":
        return [str(constraint.value) for constraint in latest]
    return list(dict.fromkeys(spelling for constraint in latest for spelling in _excluded_spellings(constraint)))


def _excluded_spellings(constraint: Constraint) -> list[str]:
    """A colour in every language; a noun in English and as the user said it ("keine Stiefel")."""
    word, words = str(constraint.value), constraint.words.casefold()
    mentioned = [foreign for foreign in load_lexicon().glossary.get(word, []) if foreign in words]
    return [*_spellings(word), *mentioned]


def usable(constraint: Constraint) -> bool:
    """Whether a filter can hold the constraint: prices are finite and not below zero, words neither blank nor long."""
    value = constraint.value
    if constraint.field in ("min_price", "max_price"):
        return isinstance(value, int | float) and math.isfinite(value) and value >= 0
    if constraint.field in ("in_stock", "exclude_ids"):
        return True
    if constraint.field == "attributes" and not (constraint.attribute and len(constraint.attribute) <= LONGEST_WORD):
        return False
    return isinstance(value, str) and bool(value.strip()) and len(value) <= LONGEST_WORD


def within_limits(constraints: list[Constraint]) -> tuple[list[Constraint], list[Constraint]]:
    """The constraints that can be in force together, each once, and those that cannot."""
    unique = {(constraint.field, constraint.attribute, str(constraint.value)): constraint for constraint in constraints}
    accepted: list[Constraint] = []
    rejected: list[Constraint] = [constraint for constraint in unique.values() if not usable(constraint)]
    counts: Counter[str] = Counter()
    for constraint in reversed([constraint for constraint in unique.values() if usable(constraint)]):
        counts[constraint.field] += 1
        within = constraint.field == "exclude_ids" or counts[constraint.field] <= _MOST.get(
            constraint.field, MOST_CONSTRAINTS
        )
        (accepted if within else rejected).append(constraint)
    return accepted[::-1], rejected


def carry_over(memory: Memory, understanding: Understanding) -> list[Constraint]:
    """The constraints in force: earlier ones that still hold, then this turn's.

    A refinement keeps what was said before; a new topic keeps only what the user ruled out. A newer bound or choice
    replaces the older one of its kind, and a thing asked for now is no longer ruled out by an earlier turn.
    """
    current = understanding.constraints
    rejected = {feedback.item_id for feedback in memory.rejected}
    carried = [c for c in memory.constraints if understanding.refines or _lasts(c) or c.value in rejected]
    carried = [c for c in carried if c not in understanding.dropped]
    carried += [
        _not_again(feedback) for feedback in memory.rejected if not _excludes(feedback.item_id, [*carried, *current])
    ]
    wanted_again = {*understanding.recalled, *(item.item_id for item in understanding.liked)} - {
        item.item_id for item in understanding.rejected
    }
    carried = [c for c in carried if not (c.field == "exclude_ids" and c.value in wanted_again)]
    replaced = {_replaces(constraint) for constraint in current if constraint.field not in GATHERED}
    requested = {
        str(constraint.value).casefold() for constraint in current if not constraint.field.startswith("exclude")
    }
    carried = [
        c
        for c in carried
        if _replaces(c) not in replaced and not (c.field in _LASTING and str(c.value).casefold() in requested)
    ]
    if {("min_price", None), ("max_price", None)} & replaced:
        carried = _without_contradiction(carried, current)
    return list({(c.field, c.attribute, str(c.value), c.words): c for c in [*carried, *current]}.values())


def _replaces(constraint: Constraint) -> tuple[str, str | None]:
    """What a constraint takes the place of: all of its field, or all of its attribute."""
    return constraint.field, constraint.attribute


_LASTING = frozenset({"exclude_terms", "exclude_brands", "exclude_categories"})
GATHERED = _LASTING | {"exclude_ids"}
"""Fields whose newer values stand beside the older ones."""


def _not_again(feedback: ItemFeedback) -> Constraint:
    return Constraint(field="exclude_ids", value=feedback.item_id, source=feedback.source, words=feedback.title)


def _excludes(item_id: str, constraints: list[Constraint]) -> bool:
    return any(c.field == "exclude_ids" and c.value == item_id for c in constraints)


def _lasts(constraint: Constraint) -> bool:
    """A brand, colour or material that was ruled out stays so for the next topic; "no cactus" was about plants."""
    return constraint.field == "exclude_brands" or (
        constraint.field == "exclude_terms" and constraint.value in load_lexicon().canonical
    )


def _without_contradiction(earlier: list[Constraint], current: list[Constraint]) -> list[Constraint]:
    filters = to_filters(current)
    return [
        c
        for c in earlier
        if not (c.field == "min_price" and filters.max_price is not None and float(c.value) > filters.max_price)
        and not (c.field == "max_price" and filters.min_price is not None and float(c.value) < filters.min_price)
    ]


def _spellings(word: str) -> list[str]:
    lexicon = load_lexicon()
    canonical = lexicon.canonical.get(word)
    return list(dict.fromkeys([canonical, *lexicon.terms[canonical]])) if canonical else [word]


def is_untranslated(word: str) -> bool:
    """True for a word that is neither a colour or material nor the English of a noun of the glossary."""
    return word not in load_lexicon().canonical and word not in load_lexicon().glossary
