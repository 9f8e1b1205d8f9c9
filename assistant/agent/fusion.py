"""Fusion of every search's signals into one candidate list: weighted reciprocal rank fusion (`tools.rank_fusion`).

An item's score is the sum over its signals of ``weight / (k + rank)`` (Cormack, Clarke and Büttcher, SIGIR 2009). When
several searches bring lists of one source (two pictures, two queries), they share that source's weight, so that asking
twice does not count twice. docs/fusion.md has other methods, which `eval.research.fusion` compares with it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from assistant.impressions import RankedSignal
from tools.rank_fusion import WEIGHTS, reciprocal_rank
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


@dataclass(frozen=True)
class ListEntry:
    """An item's place and score in one list of one source."""

    item_id: str
    rank: int
    score: float


Scores = dict[str, float]
"""By item id, larger is better."""

FusionMethod = Callable[[Sequence[SearchOutcome], Mapping[str, float]], Scores]
"""From the outcomes and the weights by source to scores on the scale of rank fusion, as `vote` adds to them."""


def rank_scores(outcomes: Sequence[SearchOutcome], weights: Mapping[str, float]) -> Scores:
    """Weighted reciprocal rank fusion; a source without a weight counts nothing, but for ``browse``, with 1."""
    weights = {"browse": 1.0, "sound": WEIGHTS["sound"], **weights}  # settings of before name none for sounds
    lists = Counter(source for outcome in outcomes for source in _sources(outcome))
    scores: defaultdict[str, float] = defaultdict(float)
    for outcome in outcomes:
        for position, hit in enumerate(outcome.hits, start=1):
            for source, rank in _ranks(hit, position):
                scores[hit.item_id] += reciprocal_rank(rank, weight=weights.get(source, 0.0) / lists[source])
    return scores


fusion_method: FusionMethod = rank_scores
"""The method in force; only studies put another one here (`eval.research.fusion`)."""


def fuse(outcomes: Sequence[SearchOutcome], weights: Mapping[str, float]) -> list[FusedHit]:
    """All outcomes as one list, best first; ties go to the item found first.

    Args:
        outcomes: what the searches found. Items of tools without signals (browse) count by their position.
        weights: by source, see `rank_scores`.
    """
    signals: defaultdict[str, list[tuple[str, Signal]]] = defaultdict(list)
    hits: dict[str, Hit] = {}
    for outcome in outcomes:
        for hit in outcome.hits:
            hits.setdefault(hit.item_id, hit)
            signals[hit.item_id] += [(outcome.asked, signal) for signal in hit.signals]
    scores = fusion_method(outcomes, weights)
    ordered = sorted(hits, key=lambda item_id: -scores.get(item_id, 0.0))
    return [FusedHit(hits[item_id], scores.get(item_id, 0.0), signals[item_id]) for item_id in ordered]


def lists_of(outcomes: Sequence[SearchOutcome]) -> Iterator[tuple[str, list[ListEntry]]]:
    """Every search's list of every source; browsed items score by their place."""
    for outcome in outcomes:
        found: defaultdict[str, list[ListEntry]] = defaultdict(list)
        for position, hit in enumerate(outcome.hits, start=1):
            for signal in hit.signals:
                found[signal.source].append(ListEntry(hit.item_id, signal.rank, signal.score))
            if not hit.signals:
                found["browse"].append(ListEntry(hit.item_id, position, 1 / position))
        yield from found.items()


def votes(outcomes: Sequence[SearchOutcome]) -> dict[str, list[RankedSignal]]:
    """What each list says of each item, by item id: what fusion is made of, without what was asked."""
    found = list(lists_of(outcomes))
    lists = Counter(source for source, _ in found)
    given: defaultdict[str, list[RankedSignal]] = defaultdict(list)
    for source, entries in found:
        best, worst = max(entry.score for entry in entries), min(entry.score for entry in entries)
        for entry in entries:
            share = (entry.score - worst) / (best - worst) if best > worst else 1.0
            told = {"rank": entry.rank, "score": entry.score, "share": share}
            given[entry.item_id].append(RankedSignal(source=source, lists=lists[source], **told))
    return dict(given)


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
    entries = {entry.hit.item_id: entry for entry in fuse(outcomes, {})}
    return [replace(entries[item_id], score=0.0) for item_id in sorted(first, key=first.__getitem__)]


def vote(fused: Sequence[tuple[str, float]], order: Sequence[str], *, weight: float) -> list[str]:
    """The final order: the model's ranking joins the fused scores as one more voter.

    Items that the model left out count as ranked just behind its list, so that its choice shifts the order by as much
    as its ranks differ and no more.

    Args:
        fused: item ids with their fused scores.
        order: item ids in the model's order.
        weight: how much the model's vote counts.
    """
    behind = reciprocal_rank(len(order) + 1, weight=weight)
    votes = {item_id: reciprocal_rank(rank, weight=weight) for rank, item_id in enumerate(order, start=1)}
    return [item_id for item_id, _ in sorted(fused, key=lambda pair: -(pair[1] + votes.get(pair[0], behind)))]


def _ranks(hit: Hit, position: int) -> list[tuple[str, int]]:
    """Where each of its sources has the item; a list without signals by its position."""
    return [(signal.source, signal.rank) for signal in hit.signals] or [("browse", position)]


def _sources(outcome: SearchOutcome) -> set[str]:
    return {source for hit in outcome.hits for source, _ in _ranks(hit, 0)} or {"browse"}
