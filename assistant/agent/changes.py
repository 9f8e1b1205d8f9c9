"""What is other than on the first cards: which items moved, came or went, and what did that."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from assistant.agent.first_searches import constraints_in_words
from assistant.agent.state import SearchResult, TurnContext, WishSearch
from assistant.agent.text_checks import may_be_quoted
from assistant.records import Candidate, Change, Constraint
from assistant.understanding import to_filters
from prompts import say
from tools.records import Item
from tools.store.filters import matches

Way = Literal["new", "up", "down", "gone"]

NOWHERE: Final = 10_000
"""The place of what is not among the candidates: behind them all."""


class _Moved(NamedTuple):
    """An item and its places, counted from 0: at first, after the planning model's searches, and now."""

    item_id: str
    way: Way
    first: int
    found: int
    now: int


class _Cause(NamedTuple):
    cause: Literal["search", "condition", "ranking"]
    key: str
    words: str = ""


def changes(
    fused: Sequence[WishSearch], shown: Sequence[WishSearch], count: int, context: TurnContext, language: str
) -> list[Change]:
    """What of the shown items is other than on the first cards, best first, and then what is gone.

    Of several wishes, wish by wish.

    Args:
        fused: the message's searches, with their candidates as they were fused last.
        shown: the same in the order that is shown.
        count: how many are shown.
    """
    wishes = zip(fused, shown, strict=True)
    return [one for own, now in wishes for one in _changes(own, now.candidates, count, context, language)]


def _changes(
    search: WishSearch, ordered: Sequence[Candidate], count: int, context: TurnContext, language: str
) -> list[Change]:
    moved = list(_moved(search, ordered, count))
    if not moved:
        return []
    items = context.catalogue.get_many(list({*search.first, *_ids(search.candidates), *(one.item_id for one in moved)}))
    causes = _Causes(search, items, count, context.settings.catalogue_language, language)
    return [
        _change(one, items[one.item_id].title, causes.of(one), count, language) for one in moved if one.item_id in items
    ]


def _moved(search: WishSearch, ordered: Sequence[Candidate], count: int) -> Iterator[_Moved]:
    first, now = _places(search.first), _places(_ids(ordered))
    found = _places(_ids(search.candidates))
    for item_id in dict.fromkeys([*list(now)[:count], *search.first[:count]] if first else []):
        places = [many.get(item_id, NOWHERE) for many in (first, found, now)]
        if way := _way(places[0], places[-1], count):
            yield _Moved(item_id, way, *places)


def _ids(candidates: Sequence[Candidate]) -> list[str]:
    return [candidate.hit.item_id for candidate in candidates]


def _places(ids: Sequence[str]) -> dict[str, int]:
    return {item_id: place for place, item_id in enumerate(ids)}


def _way(first: int, now: int, count: int) -> Way | None:
    if first >= count:
        return "new"
    if now >= count:
        return "gone"
    return None if now == first else "up" if now < first else "down"


def _unmet(ids: Sequence[str], asked: list[Constraint], items: Mapping[str, Item], language: str) -> frozenset[str]:
    """Which of the items do not meet these constraints."""
    filters = to_filters(asked)
    return frozenset(one for one in ids if one in items and not matches(items[one], filters, language))


class _Causes:
    """Says of each item what moved it: the model's order, a condition that was read, or a further search.

    Of two that moved it the same way, it is the one that moved it further.
    """

    def __init__(
        self, search: WishSearch, items: Mapping[str, Item], count: int, catalogue_language: str, language: str
    ) -> None:
        held, found = search.plan.constraints, _ids(search.candidates)
        proposed = [one for one in search.proposed if one in held]
        given_up = [one for one in search.given_up if one not in held]
        self._proposed, self._given_up = (constraints_in_words(one, language) for one in (proposed, given_up))
        self._unmet = _unmet(search.first, proposed, items, catalogue_language)
        self._let_in = _unmet(found, given_up, items, catalogue_language)
        self._searches = [one for one in search.found if one.by_model]
        self._met = _places([one for one in search.first if one not in self._unmet])
        self._others = _places([one for one in found if one not in self._let_in])
        self._count = count

    def of(self, one: _Moved) -> _Cause:
        rises = one.way in ("new", "up")
        if self._is_by_ranking(one, rises=rises):
            return _Cause("ranking", "reason_ranked" if rises else "reason_outranked")
        if one.item_id in self._unmet:
            return _Cause("condition", "reason_unmet", self._proposed)
        if one.item_id in self._let_in:
            return _Cause("condition", "reason_without", self._given_up)
        if self._is_by_condition(one):
            asked = ("reason_condition", self._proposed) if self._proposed else ("reason_without", self._given_up)
            return _Cause("condition", *asked)
        own = [found for found in self._searches if any(hit.item_id == one.item_id for hit in found.hits)]
        if own and rises:
            return _Cause("search", "reason_found", _words(own[:1]))
        return _Cause("search", "reason_search", _words(self._searches))

    def _is_by_condition(self, one: _Moved) -> bool:
        """Whether the items that conditions took away or let in did it: beside the others it stands where it stood."""
        if not (self._proposed or self._given_up):
            return False
        return not self._searches or self._met.get(one.item_id, NOWHERE) == self._others.get(one.item_id)

    def _is_by_ranking(self, one: _Moved, *, rises: bool) -> bool:
        """Whether the model's order did it: what had been found alone would not have brought it there."""
        if one.way in ("new", "gone"):
            return (one.found < self._count) != rises
        sign = 1 if rises else -1
        return sign * (one.found - one.now) >= max(sign * (one.first - one.found), 1)


def _words(searches: Sequence[SearchResult]) -> str:
    """What was asked for in words; nothing where there were several searches, or one that asked otherwise."""
    asked = {found.asked if found.tool == "search_by_text" else "" for found in searches}
    query = asked.pop() if len(asked) == 1 else ""
    return query if may_be_quoted(query) else ""


def _change(one: _Moved, title: str, cause: _Cause, count: int, language: str) -> Change:
    rank, before = (place + 1 if place < count else None for place in (one.now, one.first))
    reason = say(cause.key, language, words=cause.words)
    reason = say("change", language, way=one.way, reason=reason)
    return Change(item_id=one.item_id, title=title, before=before, rank=rank, cause=cause.cause, reason=reason)
