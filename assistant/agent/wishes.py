"""Several wishes in one message: a plan for each, items shared out between them, and groups of the reply."""

from collections.abc import Sequence
from typing import Any, Final

from assistant.agent.first_searches import QUERY_CHARACTERS, constraints_in_words, first_plan
from assistant.agent.state import Plan, WishSearch
from assistant.records import Candidate, Constraint, Group, Memory
from assistant.understanding import Understanding, Wish, to_filters
from prompts import say

MOST_WISHES: Final = 4
"""How many wishes of one message are searched for."""


def searches_for(understanding: Understanding, memory: Memory, pictures: list[str]) -> list[WishSearch]:
    """A search to be made for each wish of the message, `MOST_WISHES` at most; a single one has no heading."""
    is_search = understanding.intent in (None, "recommend")
    language = understanding.language
    parts = [("", understanding, pictures)]
    alone = understanding.model_copy(update={"references": [], "refines": False, "open_wish": False})
    if is_search and understanding.each_picture and len(pictures) > 1:
        numbered = enumerate(pictures, start=1)
        parts = [(say("picture_wish", language, number=number), alone, [picture]) for number, picture in numbered]
    elif is_search and len(understanding.wishes) > 1:
        pictures_by_wish = _pictures_of(understanding.wishes, pictures)
        parts = [
            (_heading(wish, language), alone.model_copy(update=_wish_fields(wish, understanding)), wish_pictures)
            for wish, wish_pictures in zip(understanding.wishes, pictures_by_wish, strict=True)
        ]
    return [
        WishSearch(heading=heading, plan=first_plan(wish_understanding, memory, wish_pictures))
        for heading, wish_understanding, wish_pictures in parts[:MOST_WISHES]
    ]


def left_out(understanding: Understanding) -> list[str]:
    """Headings of the wishes that are too many to be searched for."""
    return [_heading(wish, understanding.language) for wish in understanding.wishes[MOST_WISHES:]]


def _heading(wish: Wish, language: str) -> str:
    return wish.topic or constraints_in_words(wish.constraints, language)


def _wish_fields(wish: Wish, understanding: Understanding) -> dict[str, Any]:
    constraints = [*understanding.constraints, *wish.constraints]
    fields = {"topic": wish.topic, "head": wish.head, "sentence": wish.sentence}
    return {**fields, "kind": wish.kind, "clauses": wish.clauses, "constraints": constraints}


def _pictures_of(wishes: Sequence[Wish], pictures: list[str]) -> list[list[str]]:
    """Each wish's pictures: one each where there are as many, else all of them are the first wish's."""
    if len(pictures) == len(wishes):
        return [[picture] for picture in pictures]
    return [pictures, *([] for _ in wishes[1:])]


def joined(searches: Sequence[WishSearch]) -> Plan:
    """The whole message's plan: a single wish's own; of several, what they have in common, and all their topics."""
    plans = [search.plan for search in searches]
    lead = plans[0]
    if len(plans) == 1:
        return lead
    common = [constraint for constraint in lead.constraints if all(constraint in plan.constraints for plan in plans)]
    return lead.model_copy(
        update={
            "topic": ", ".join(dict.fromkeys(plan.topic for plan in plans if plan.topic))[:QUERY_CHARACTERS],
            "pictures": list(dict.fromkeys(picture for plan in plans for picture in plan.pictures)),
            "constraints": common,
            "filters": to_filters(common),
            "preferences": _unique([constraint for plan in plans for constraint in plan.preferences]),
            "unused": _unique([constraint for plan in plans for constraint in plan.unused]),
            "unchecked": _unique([constraint for plan in plans for constraint in plan.unchecked]),
            "unknown": _unique([constraint for plan in plans for constraint in plan.unknown]),
            "relaxed": [change for plan in plans for change in plan.relaxed],
        }
    )


def _unique(constraints: list[Constraint]) -> list[Constraint]:
    return [constraint for index, constraint in enumerate(constraints) if constraint not in constraints[:index]]


def shared_out(searches: Sequence[WishSearch]) -> list[WishSearch]:
    """The searches with every candidate in one of them alone: where its place is best, else where there are fewer.

    A search that is left without any keeps all of its own: they are all that there is for that wish.
    """
    assigned: list[list[Candidate]] = [[] for _ in searches]
    assigned_ids: set[str] = set()
    for rank in range(max((len(search.candidates) for search in searches), default=0)):
        for number in sorted(range(len(searches)), key=lambda number: len(assigned[number])):
            for candidate in searches[number].candidates[rank : rank + 1]:
                if candidate.hit.item_id not in assigned_ids:
                    assigned_ids.add(candidate.hit.item_id)
                    assigned[number].append(candidate)
    return [
        search.model_copy(update={"candidates": candidates or search.candidates})
        for search, candidates in zip(searches, assigned, strict=True)
    ]


def shown(searches: Sequence[WishSearch], count: int) -> list[Candidate]:
    """The candidates that are shown, wish by wish, ``count`` of each at most; each item once."""
    candidates = [candidate for search in searches for candidate in search.candidates[:count]]
    return list({candidate.hit.item_id: candidate for candidate in reversed(candidates)}.values())[::-1]


def listing(searches: Sequence[WishSearch], count: int) -> dict[str, Any]:
    """What the events of a ranking tell: ``items``, ``further`` and ``groups``."""
    items = [candidate.hit for candidate in shown(searches, count)]
    ids = dict.fromkeys(candidate.hit.item_id for search in searches for candidate in search.candidates)
    further = [item_id for item_id in ids if item_id not in {hit.item_id for hit in items}]
    return {"items": items, "further": further, "groups": groups(searches, count)}


def groups(searches: Sequence[WishSearch], count: int) -> list[Group]:
    """The groups of several wishes, without messages; none of a single one."""
    if len(searches) < 2:
        return []
    return [
        Group(
            wish=search.heading,
            item_ids=[candidate.hit.item_id for candidate in search.candidates[:count]],
            constraints=search.plan.filters.model_dump(exclude_defaults=True),
        )
        for search in searches
    ]
