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

Direction = Literal["new", "up", "down", "gone"]

NOWHERE: Final = 10_000
"""The place of what is not among the candidates: behind them all."""


class _Move(NamedTuple):
    """An item and its places, counted from 0: at first, after the planning model's searches, and now."""

    item_id: str
    direction: Direction
    first_position: int
    search_position: int
    position: int


class _Cause(NamedTuple):
    cause: Literal["search", "condition", "ranking"]
    key: str
    words: str = ""


def changes(
    fused: Sequence[WishSearch], ranked: Sequence[WishSearch], count: int, context: TurnContext, language: str
) -> list[Change]:
    """What of the shown items is other than on the first cards, best first, and then what is gone.

    Of several wishes, wish by wish.

    Args:
        fused: the message's searches, with their candidates as they were fused last.
        ranked: the same in the order that is shown.
        count: how many are shown.
    """
    wishes = zip(fused, ranked, strict=True)
    return [
        change
        for search, ranked_search in wishes
        for change in _changes(search, ranked_search.candidates, count, context, language)
    ]


def _changes(
    search: WishSearch, ordered: Sequence[Candidate], count: int, context: TurnContext, language: str
) -> list[Change]:
    moved = list(_moves(search, ordered, count))
    if not moved:
        return []
    items = context.catalogue.get_many(
        list({*search.first, *_ids(search.candidates), *(move.item_id for move in moved)})
    )
    causes = _Causes(search, items, count, context.settings.catalogue_language, language)
    return [
        _change(move, items[move.item_id].title, causes.of(move), count, language)
        for move in moved
        if move.item_id in items
    ]


def _moves(search: WishSearch, ordered: Sequence[Candidate], count: int) -> Iterator[_Move]:
    first_positions, final_positions = _positions(search.first), _positions(_ids(ordered))
    search_positions = _positions(_ids(search.candidates))
    for item_id in dict.fromkeys([*list(final_positions)[:count], *search.first[:count]] if first_positions else []):
        item_positions = [
            positions.get(item_id, NOWHERE) for positions in (first_positions, search_positions, final_positions)
        ]
        if direction := _direction(item_positions[0], item_positions[-1], count):
            yield _Move(item_id, direction, *item_positions)


def _ids(candidates: Sequence[Candidate]) -> list[str]:
    return [candidate.hit.item_id for candidate in candidates]


def _positions(ids: Sequence[str]) -> dict[str, int]:
    return {item_id: position for position, item_id in enumerate(ids)}


def _direction(first_position: int, position: int, count: int) -> Direction | None:
    if first_position >= count:
        return "new"
    if position >= count:
        return "gone"
    return None if position == first_position else "up" if position < first_position else "down"


def _unmet(
    ids: Sequence[str], constraints: list[Constraint], items: Mapping[str, Item], language: str
) -> frozenset[str]:
    """Which of the items do not meet these constraints."""
    filters = to_filters(constraints)
    return frozenset(item_id for item_id in ids if item_id in items and not matches(items[item_id], filters, language))


class _Causes:
    """Says of each item what moved it: the model's order, a condition that was read, or a further search.

    Of two that moved it the same way, it is the one that moved it further.
    """

    def __init__(
        self, search: WishSearch, items: Mapping[str, Item], count: int, catalogue_language: str, language: str
    ) -> None:
        in_force, candidate_ids = search.plan.constraints, _ids(search.candidates)
        proposed = [constraint for constraint in search.proposed if constraint in in_force]
        given_up = [constraint for constraint in search.given_up if constraint not in in_force]
        self._proposed, self._given_up = (
            constraints_in_words(constraints, language) for constraints in (proposed, given_up)
        )
        self._unmet = _unmet(search.first, proposed, items, catalogue_language)
        self._let_in = _unmet(candidate_ids, given_up, items, catalogue_language)
        self._searches = [result for result in search.found if result.by_model]
        self._met = _positions([item_id for item_id in search.first if item_id not in self._unmet])
        self._others = _positions([item_id for item_id in candidate_ids if item_id not in self._let_in])
        self._count = count

    def of(self, move: _Move) -> _Cause:
        rises = move.direction in ("new", "up")
        if self._is_by_ranking(move, rises=rises):
            return _Cause("ranking", "reason_ranked" if rises else "reason_outranked")
        if move.item_id in self._unmet:
            return _Cause("condition", "reason_unmet", self._proposed)
        if move.item_id in self._let_in:
            return _Cause("condition", "reason_without", self._given_up)
        if self._is_by_condition(move):
            key_and_words = (
                ("reason_condition", self._proposed) if self._proposed else ("reason_without", self._given_up)
            )
            return _Cause("condition", *key_and_words)
        results = [result for result in self._searches if any(hit.item_id == move.item_id for hit in result.hits)]
        if results and rises:
            return _Cause("search", "reason_found", _words(results[:1]))
        return _Cause("search", "reason_search", _words(self._searches))

    def _is_by_condition(self, move: _Move) -> bool:
        """Whether the items that conditions took away or let in did it: beside the others it stands where it stood."""
        if not (self._proposed or self._given_up):
            return False
        return not self._searches or self._met.get(move.item_id, NOWHERE) == self._others.get(move.item_id)

    def _is_by_ranking(self, move: _Move, *, rises: bool) -> bool:
        """Whether the model's order did it: what had been found alone would not have brought it there."""
        if move.direction in ("new", "gone"):
            return (move.search_position < self._count) != rises
        sign = 1 if rises else -1
        return sign * (move.search_position - move.position) >= max(
            sign * (move.first_position - move.search_position), 1
        )


def _words(searches: Sequence[SearchResult]) -> str:
    """What was asked for in words; nothing where there were several searches, or one that asked otherwise."""
    queries = {result.asked if result.tool == "search_by_text" else "" for result in searches}
    query = queries.pop() if len(queries) == 1 else ""
    return query if may_be_quoted(query) else ""


def _change(move: _Move, title: str, cause: _Cause, count: int, language: str) -> Change:
    rank, previous_rank = (
        position + 1 if position < count else None for position in (move.position, move.first_position)
    )
    reason = say(cause.key, language, words=cause.words)
    reason = say("change", language, way=move.direction, reason=reason)
    return Change(item_id=move.item_id, title=title, before=previous_rank, rank=rank, cause=cause.cause, reason=reason)
