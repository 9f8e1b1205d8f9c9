"""Fusion of every search's signals into one candidate list.

Weighted reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009): an item's score is the sum over its signals
of ``weight(source) / (k + rank)``. When several searches bring lists of one source (two pictures, two queries), they
share that source's weight, so that asking twice does not count twice.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tools.records import Hit, Signal


@dataclass(frozen=True)
class SearchOutcome:
    """What one search tool call found, and what it searched for (a query text or an attachment id)."""

    tool: str
    asked: str
    hits: list[Hit]


@dataclass(frozen=True)
class FusedHit:
    """An item with its fused score and every signal that spoke for it, with what was asked."""

    hit: Hit
    score: float
    signals: list[tuple[str, Signal]]


def fuse(outcomes: Sequence[SearchOutcome], weights: Mapping[str, float], *, k: float) -> list[FusedHit]:
    """All outcomes as one list, best first; ties go to the item found first.

    Items of tools without signals (browse) count with the weight ``browse`` (1.0 when unset) by their position.
    """
    lists = Counter(source for outcome in outcomes for source in _sources(outcome))
    scores: defaultdict[str, float] = defaultdict(float)
    signals: defaultdict[str, list[tuple[str, Signal]]] = defaultdict(list)
    hits: dict[str, Hit] = {}
    for outcome in outcomes:
        for position, hit in enumerate(outcome.hits, start=1):
            hits.setdefault(hit.item_id, hit)
            if not hit.signals:
                scores[hit.item_id] += weights.get("browse", 1.0) / lists["browse"] / (k + position)
            for signal in hit.signals:
                scores[hit.item_id] += weights.get(signal.source, 0.0) / lists[signal.source] / (k + signal.rank)
                signals[hit.item_id].append((outcome.asked, signal))
    ordered = sorted(hits, key=lambda item_id: -scores[item_id])
    return [FusedHit(hits[item_id], scores[item_id], signals[item_id]) for item_id in ordered]


def interleave(outcomes: Sequence[SearchOutcome]) -> list[FusedHit]:
    """The candidates without any fusion: the best of each signal's list, then the second of each; all scores are 0.

    An item that several lists hold stands where it comes up first.
    """
    lists: dict[tuple[int, str], int] = {}
    first: dict[str, tuple[int, int]] = {}
    for number, outcome in enumerate(outcomes):
        for position, hit in enumerate(outcome.hits, start=1):
            for source, rank in _ranks(hit, position):
                place = (rank, lists.setdefault((number, source), len(lists)))
                first[hit.item_id] = min(place, first.get(hit.item_id, place))
    entries = {entry.hit.item_id: entry for entry in fuse(outcomes, {}, k=1)}
    return [replace(entries[item_id], score=0.0) for item_id in sorted(first, key=first.__getitem__)]


def vote(fused: Sequence[tuple[str, float]], order: Sequence[str], *, weight: float, k: float) -> list[str]:
    """The final order: the model's ranking joins the fused scores as one more voter.

    Items that the model left out count as ranked just behind its list, so that its choice shifts the order by as much
    as its ranks differ and no more.

    Args:
        fused: item ids with their fused scores.
        order: item ids in the model's order.
        weight: how much the model's vote counts.
        k: the constant of reciprocal rank fusion.
    """
    behind = weight / (k + len(order) + 1)
    votes = {item_id: weight / (k + rank) for rank, item_id in enumerate(order, start=1)}
    return [item_id for item_id, _ in sorted(fused, key=lambda pair: -(pair[1] + votes.get(pair[0], behind)))]


def _ranks(hit: Hit, position: int) -> list[tuple[str, int]]:
    """Where each of its sources has the item; a list without signals by its position."""
    return [(signal.source, signal.rank) for signal in hit.signals] or [("browse", position)]


def _sources(outcome: SearchOutcome) -> set[str]:
    sources: set[str] = {signal.source for hit in outcome.hits for signal in hit.signals}
    return sources or {"browse"}
