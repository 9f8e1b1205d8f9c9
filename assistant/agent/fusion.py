"""Fusion of every search's signals into one candidate list, by one of several methods (the setting ``turn.fusion``).

``rrf``: weighted reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009): the sum over an item's signals of
``weight / (k + rank)``. ``score``: weighted sum of scores between their list's worst, 0, and best, 1 (CombSUM: Fox and
Shaw, TREC-2 1993; min-max: Lee, SIGIR 1997). ``zscore``: weighted sum of scores in standard deviations from the mean of
their list (Montague and Aslam, CIKM 2001). ``concat``: cosine of concatenated embeddings, text beside picture, queries
of one kind averaged. ``learned``: a gated linear model of ranks and scores, fitted on labelled conversations
(`assistant.learning.gates`).

When several searches bring lists of one source (two pictures, two queries), they share that source's weight, so that
asking twice does not count twice. docs/fusion.md compares the methods.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from assistant.learning.gates import built_in, gated_scores
from assistant.learning.records import RankedSignal
from tools.rank_fusion import reciprocal_rank
from tools.records import Hit, Signal

Method = Literal["rrf", "score", "zscore", "concat", "learned"]

COSINES: Final = ("dense", "picture", "profile", "session")
"""Sources whose scores are cosines of unit vectors; only these can be taken for blocks of one concatenated vector."""


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


def fuse(
    outcomes: Sequence[SearchOutcome], weights: Mapping[str, float], *, k: float, method: Method = "rrf"
) -> list[FusedHit]:
    """All outcomes as one list, best first; ties go to the item found first.

    Items of tools without signals (browse) count with the weight ``browse`` (1.0 when unset) by their position. Scores
    are on the scale of rank fusion whatever the method, so that votes that come later (`vote`) weigh the same: those
    of another method's order are the scores of an item that all sources rank at its place.

    Args:
        outcomes: what the searches found.
        weights: by source; one without an entry counts nothing. ``learned`` starts from them.
        k: the constant of reciprocal rank fusion.
        method: see the module's text.
    """
    signals: defaultdict[str, list[tuple[str, Signal]]] = defaultdict(list)
    hits: dict[str, Hit] = {}
    for outcome in outcomes:
        for hit in outcome.hits:
            hits.setdefault(hit.item_id, hit)
            signals[hit.item_id] += [(outcome.asked, signal) for signal in hit.signals]
    scores = _METHODS[method](outcomes, {"browse": 1.0, **weights}, k)
    ordered = sorted(hits, key=lambda item_id: -scores.get(item_id, 0.0))
    if method != "rrf":
        whole = sum(weights.get(source, 0.0) for source in {source for source, _ in _lists(outcomes)})
        scores = {
            item_id: reciprocal_rank(place, weight=whole or 1.0, k=k) for place, item_id in enumerate(ordered, start=1)
        }
    return [FusedHit(hits[item_id], scores.get(item_id, 0.0), signals[item_id]) for item_id in ordered]


def votes(outcomes: Sequence[SearchOutcome]) -> dict[str, list[RankedSignal]]:
    """What each list says of each item, by item id: what fusion is made of, without what was asked."""
    found = list(_lists(outcomes))
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
    behind = reciprocal_rank(len(order) + 1, weight=weight, k=k)
    votes = {item_id: reciprocal_rank(rank, weight=weight, k=k) for rank, item_id in enumerate(order, start=1)}
    return [item_id for item_id, _ in sorted(fused, key=lambda pair: -(pair[1] + votes.get(pair[0], behind)))]


def _ranks(hit: Hit, position: int) -> list[tuple[str, int]]:
    """Where each of its sources has the item; a list without signals by its position."""
    return [(signal.source, signal.rank) for signal in hit.signals] or [("browse", position)]


def _sources(outcome: SearchOutcome) -> set[str]:
    sources: set[str] = {signal.source for hit in outcome.hits for signal in hit.signals}
    return sources or {"browse"}


# The methods: item ids to scores, larger is better --------------------------------------------------------------------


@dataclass(frozen=True)
class _Entry:
    item_id: str
    rank: int
    score: float


Scores = dict[str, float]


def _by_ranks(outcomes: Sequence[SearchOutcome], weights: Mapping[str, float], k: float) -> Scores:
    lists = Counter(source for outcome in outcomes for source in _sources(outcome))
    scores: defaultdict[str, float] = defaultdict(float)
    for outcome in outcomes:
        for position, hit in enumerate(outcome.hits, start=1):
            for source, rank in _ranks(hit, position):
                scores[hit.item_id] += reciprocal_rank(rank, weight=weights.get(source, 0.0) / lists[source], k=k)
    return scores


def _by_shares(outcomes: Sequence[SearchOutcome], weights: Mapping[str, float], _: float) -> Scores:
    return {
        item_id: sum(weights.get(vote.source, 0.0) / vote.lists * vote.share for vote in given)
        for item_id, given in votes(outcomes).items()
    }


def _by_deviations(outcomes: Sequence[SearchOutcome], weights: Mapping[str, float], _: float) -> Scores:
    """An item that a list does not hold counts as the list's worst: nothing is known that speaks for it."""
    found = list(_lists(outcomes))
    lists = Counter(source for source, _ in found)
    scores = {hit.item_id: 0.0 for outcome in outcomes for hit in outcome.hits}
    for source, entries in found:
        deviations = _deviations(entries)
        weight, worst = weights.get(source, 0.0) / lists[source], min(deviations.values())
        for item_id in scores:
            scores[item_id] += weight * deviations.get(item_id, worst)
    return scores


def _by_concatenation(outcomes: Sequence[SearchOutcome], weights: Mapping[str, float], k: float) -> Scores:
    """Cosine of concatenated vectors, worked out of its blocks' cosines.

    With unit blocks scaled by the root of their weights, the query ``[√a t, √b v]`` and the item ``[√a t', √b v']``
    have the cosine ``(a t·t' + b v·v') / (a + b)``: a sum over sources needs no second index of concatenated vectors.
    Queries of one source are averaged. A block that is not known for an item (it has no picture, or stands behind the
    pool) is zero. Keywords and CSLS scores are no cosines and stay out; where there is no cosine at all, ranks count.
    """
    blocks = [(source, entries) for source, entries in _lists(outcomes) if source in COSINES and weights.get(source)]
    if not blocks:
        return _by_ranks(outcomes, weights, k)
    lists = Counter(source for source, _ in blocks)
    whole = sum(weights[source] for source in lists)
    scores: defaultdict[str, float] = defaultdict(float)
    for source, entries in blocks:
        for entry in entries:
            scores[entry.item_id] += weights[source] / lists[source] * entry.score / whole
    return scores


def _by_gates(outcomes: Sequence[SearchOutcome], weights: Mapping[str, float], _: float) -> Scores:
    """The weights are what the gates start from, also for sources that they were never fitted on."""
    gates = built_in()
    return gated_scores(gates.model_copy(update={"prior": {**gates.prior, **weights}}), votes(outcomes))


_METHODS: Final[dict[Method, Callable[[Sequence[SearchOutcome], Mapping[str, float], float], Scores]]] = {
    "rrf": _by_ranks,
    "score": _by_shares,
    "zscore": _by_deviations,
    "concat": _by_concatenation,
    "learned": _by_gates,
}


def _lists(outcomes: Sequence[SearchOutcome]) -> Iterator[tuple[str, list[_Entry]]]:
    """Every search's list of every source; browsed items score by their place."""
    for outcome in outcomes:
        found: defaultdict[str, list[_Entry]] = defaultdict(list)
        for position, hit in enumerate(outcome.hits, start=1):
            for signal in hit.signals:
                found[signal.source].append(_Entry(hit.item_id, signal.rank, signal.score))
            if not hit.signals:
                found["browse"].append(_Entry(hit.item_id, position, 1 / position))
        yield from found.items()


def _deviations(entries: Sequence[_Entry]) -> Scores:
    """Standard scores; all 0 where all are the same."""
    mean = math.fsum(entry.score for entry in entries) / len(entries)
    deviation = math.sqrt(math.fsum((entry.score - mean) ** 2 for entry in entries) / len(entries))
    return {entry.item_id: (entry.score - mean) / deviation if deviation else 0.0 for entry in entries}
