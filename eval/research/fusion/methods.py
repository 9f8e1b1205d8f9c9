"""Methods of fusion beside the product's weighted reciprocal rank fusion (``rrf``).

``score``: weighted sum of scores between their list's worst, 0, and best, 1 (CombSUM: Fox and Shaw, TREC-2 1993;
min-max: Lee, SIGIR 1997). ``zscore``: weighted sum of scores in standard deviations from the mean of their list
(Montague and Aslam, CIKM 2001). ``concat``: cosine of concatenated embeddings, text beside picture, queries of one kind
averaged. ``learned``: a gated linear model of ranks and scores, fitted on labelled conversations
(`eval.research.fusion.gates`).
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Final

from assistant.agent import fusion
from assistant.agent.fusion import FusionMethod, ListEntry, Scores, SearchOutcome, lists_of, rank_scores, votes
from eval.research.fusion.gates import built_in, gated_scores
from tools.rank_fusion import reciprocal_rank

COSINES: Final = ("dense", "picture", "profile", "session")
"""Sources whose scores are cosines of unit vectors; only these can be taken for blocks of one concatenated vector."""


@contextmanager
def fused_by(method: FusionMethod) -> Iterator[None]:
    """Every turn of this process is fused by the method inside ``with``."""
    before = fusion.fusion_method
    fusion.fusion_method = method
    try:
        yield
    finally:
        fusion.fusion_method = before


def _on_scale_of_ranks(score_items: FusionMethod) -> FusionMethod:
    """The method's order with the scores of items that all sources rank at their places.

    So votes that come later (`assistant.agent.fusion.vote`) weigh the same with every method.
    """

    @wraps(score_items)
    def on_scale(outcomes: Sequence[SearchOutcome], weights: Mapping[str, float]) -> Scores:
        scores = score_items(outcomes, {"browse": 1.0, **weights})
        items = dict.fromkeys(hit.item_id for outcome in outcomes for hit in outcome.hits)
        whole = sum(weights.get(source, 0.0) for source in {source for source, _ in lists_of(outcomes)}) or 1.0
        ordered = sorted(items, key=lambda item_id: -scores.get(item_id, 0.0))
        return {item_id: reciprocal_rank(place, weight=whole) for place, item_id in enumerate(ordered, start=1)}

    return on_scale


@_on_scale_of_ranks
def _by_shares(outcomes: Sequence[SearchOutcome], weights: Mapping[str, float]) -> Scores:
    return {
        item_id: sum(weights.get(vote.source, 0.0) / vote.lists * vote.share for vote in given)
        for item_id, given in votes(outcomes).items()
    }


@_on_scale_of_ranks
def _by_deviations(outcomes: Sequence[SearchOutcome], weights: Mapping[str, float]) -> Scores:
    """An item that a list does not hold counts as the list's worst: nothing is known that speaks for it."""
    found = list(lists_of(outcomes))
    lists = Counter(source for source, _ in found)
    scores = {hit.item_id: 0.0 for outcome in outcomes for hit in outcome.hits}
    for source, entries in found:
        deviations = _deviations(entries)
        weight, worst = weights.get(source, 0.0) / lists[source], min(deviations.values())
        for item_id in scores:
            scores[item_id] += weight * deviations.get(item_id, worst)
    return scores


@_on_scale_of_ranks
def _by_concatenation(outcomes: Sequence[SearchOutcome], weights: Mapping[str, float]) -> Scores:
    """Cosine of concatenated vectors, worked out of its blocks' cosines.

    With unit blocks scaled by the root of their weights, the query ``[√a t, √b v]`` and the item ``[√a t', √b v']``
    have the cosine ``(a t·t' + b v·v') / (a + b)``: a sum over sources needs no second index of concatenated vectors.
    Queries of one source are averaged. A block that is not known for an item (it has no picture, or stands behind the
    pool) is zero. Keywords and CSLS scores are no cosines and stay out; where there is no cosine at all, ranks count.
    """
    blocks = [(source, entries) for source, entries in lists_of(outcomes) if source in COSINES and weights.get(source)]
    if not blocks:
        return rank_scores(outcomes, weights)
    lists = Counter(source for source, _ in blocks)
    whole = sum(weights[source] for source in lists)
    scores: defaultdict[str, float] = defaultdict(float)
    for source, entries in blocks:
        for entry in entries:
            scores[entry.item_id] += weights[source] / lists[source] * entry.score / whole
    return scores


@_on_scale_of_ranks
def _by_gates(outcomes: Sequence[SearchOutcome], weights: Mapping[str, float]) -> Scores:
    """The weights are what the gates start from, also for sources that they were never fitted on."""
    gates = built_in()
    return gated_scores(gates.model_copy(update={"prior": {**gates.prior, **weights}}), votes(outcomes))


def _deviations(entries: Sequence[ListEntry]) -> Scores:
    """Standard scores; all 0 where all are the same."""
    mean = math.fsum(entry.score for entry in entries) / len(entries)
    deviation = math.sqrt(math.fsum((entry.score - mean) ** 2 for entry in entries) / len(entries))
    return {entry.item_id: (entry.score - mean) / deviation if deviation else 0.0 for entry in entries}


METHODS: Final[Mapping[str, FusionMethod]] = {
    "rrf": rank_scores,
    "score": _by_shares,
    "zscore": _by_deviations,
    "concat": _by_concatenation,
    "learned": _by_gates,
}
