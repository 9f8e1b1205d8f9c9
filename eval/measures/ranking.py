"""How good a ranking is (by ranx), and how the rankings of a whole run spread over the catalogue.

Relevance measures are ranx's: recall, precision and hit rate among the first k, NDCG among the first k with linear
gains (Järvelin and Kekäläinen 2002), and the reciprocal rank over the whole ranking. All turns are evaluated in one
call, as ranx compiles its functions the first time they are used.

Beyond relevance: diversity is the mean pairwise cosine distance of the shown items, the complement of the intra-list
similarity of Ziegler et al. (2005, "Improving recommendation lists through topic diversification"). Novelty is the mean
self-information -log2 p(item) of the shown items (Zhou et al. 2010, "Solving the apparent diversity-accuracy dilemma of
recommender systems"). Their p is the share of users who have an item; a suite has no users, so p is the share of the
suite's turns that ask for the item (`popularity`), the same for every run over the suite, so that runs compare. The
average recommendation popularity is the mean of the same p (Yin et al. 2012, "Challenging the long tail
recommendation"; Abdollahpouri et al. 2019, "The unfairness of popularity bias in recommendation"). Coverage is the
share of the catalogue that was shown at all (Ge et al. 2010, "Beyond accuracy"), the Gini index tells how unequally
(Fleder and Hosanagar 2009, "Blockbuster culture's next rise or fall").
"""

import math
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from eval.suite.records import Expectation, Suite
from tools.records import Item

if TYPE_CHECKING:
    from tools.store import Catalogue

Vector = np.ndarray[tuple[int, ...], np.dtype[np.float32]]

_RANX = {
    "recall": "recall@{k}",
    "precision": "precision@{k}",
    "ndcg": "ndcg@{k}",
    "mrr": "mrr",
    "hit_rate": "hit_rate@{k}",
}
"""Our names to ranx's."""


@dataclass(frozen=True)
class JudgedRanking:
    """A ranking (item ids, best first) and the graded relevance that it is held to."""

    ranking: Sequence[str]
    relevant: Mapping[str, int]


def relevance(turns: Mapping[str, JudgedRanking], k: int) -> dict[str, dict[str, float]]:
    """Recall, precision, NDCG and hit rate among the first k, and the reciprocal rank, for each turn by its key.

    Turns without any relevant item are left out. An empty ranking scores 0. An item listed twice counts once, at its
    better place.
    """
    judged = {key: turn for key, turn in turns.items() if any(grade > 0 for grade in turn.relevant.values())}
    if not judged:
        return {}
    with warnings.catch_warnings():
        from numba.core.errors import NumbaTypeSafetyWarning
        from ranx import Qrels, Run, evaluate

        warnings.simplefilter("ignore", NumbaTypeSafetyWarning)  # ranx casts grades to int64 itself
        qrels = Qrels(
            {key: {i: grade for i, grade in turn.relevant.items() if grade > 0} for key, turn in judged.items()}
        )
        run = Run({key: _scores(turn.ranking) for key, turn in judged.items()})
        names = {name: metric.format(k=k) for name, metric in _RANX.items()}
        evaluate(qrels, run, list(names.values()), return_mean=False)
    return {key: {name: float(run.scores[metric][key]) for name, metric in names.items()} for key in judged}


def _scores(ranking: Sequence[str]) -> dict[str, float]:
    """Falling scores, as ranx wants; it takes no empty ranking, so one holds an item that nobody asked for."""
    ids = list(dict.fromkeys(ranking)) or [""]
    return {item_id: float(len(ids) - position) for position, item_id in enumerate(ids)}


def text_vectors(catalogue: "Catalogue") -> dict[str, Vector]:
    """The stored text embedding of every item that has one; for `diversity`."""
    ids = [item.id for item in catalogue.items()]
    return {item_id: rows[0] for item_id, rows in catalogue.vectors_of("text", ids).items() if rows}


def diversity(
    shown_ids: Sequence[str], items: Mapping[str, Item], vectors: Mapping[str, Vector] | None = None
) -> float | None:
    """Mean pairwise distance of the shown items, from 0 (all alike); None for fewer than two.

    Cosine distance of their vectors where all have one, else the share of category and brand that differ.
    """
    known_ids = [item_id for item_id in dict.fromkeys(shown_ids) if item_id in items]
    if len(known_ids) < 2:
        return None
    if vectors and all(item_id in vectors for item_id in known_ids):
        from scipy.spatial.distance import pdist

        return float(np.mean(pdist(np.stack([vectors[item_id] for item_id in known_ids]), "cosine")))
    return float(np.mean([_unlike(items[first], items[second]) for first, second in combinations(known_ids, 2)]))


def _unlike(first: Item, second: Item) -> float:
    return ((first.category != second.category) + (first.brand != second.brand)) / 2


def popularity(suite: Suite, items: Mapping[str, Item]) -> dict[str, float]:
    """How much each item is asked for: the share of the suite's turns that name it as fitting, smoothed by one turn."""
    request_counts = Counter(
        item_id for case in suite.cases for turn in case.turns for item_id in _fitting(turn.expect)
    )
    turns = sum(len(case.turns) for case in suite.cases)
    return {item_id: (request_counts[item_id] + 1) / (turns + 1) for item_id in items}


def _fitting(expect: Expectation) -> set[str]:
    graded = {item_id for item_id, grade in expect.relevant.items() if grade > 0}
    return graded | {*expect.first, *expect.must, *expect.any}


def novelty(shown_ids: Iterable[str], p: Mapping[str, float]) -> float | None:
    """Mean self-information of the shown items in bits; None when none is known."""
    bits = [-math.log2(p[item_id]) for item_id in shown_ids if item_id in p]
    return float(np.mean(bits)) if bits else None


def average_popularity(shown_ids: Iterable[str], p: Mapping[str, float]) -> float | None:
    """Mean popularity of the shown items; None when none is known."""
    values = [p[item_id] for item_id in shown_ids if item_id in p]
    return float(np.mean(values)) if values else None


def coverage(rankings: Iterable[Sequence[str]], items: Mapping[str, Item]) -> float:
    """The share of the catalogue's items that at least one list shows."""
    shown_ids = {item_id for ids in rankings for item_id in ids}
    return len(shown_ids & items.keys()) / len(items) if items else 0.0


def gini(rankings: Iterable[Sequence[str]], items: Mapping[str, Item]) -> float:
    """The Gini index of how often each item of the catalogue is shown: 0 all equally, near 1 always the same few."""
    counts = Counter(item_id for ids in rankings for item_id in ids)
    exposure = np.sort(np.array([counts[item_id] for item_id in items], dtype=float))
    if not exposure.sum():
        return 0.0
    places = np.arange(1, len(exposure) + 1)
    return float(((2 * places - len(exposure) - 1) * exposure).sum() / (len(exposure) * exposure.sum()))
