"""Full-ranking evaluation: every item that the user has not had is a candidate, and nobody is left out.

Protocol "temporal leave-last-out": each user's last event is the test, the one before it tunes, the rest trains; what
is tested is learned from training and tuning events together. Groups are reported apart:

- *all users*, and of them those whose test item had fewer than `RARE` events (*rare items*; *new items* had none);
- *cold users*: a tenth of the users, drawn by the seed, of whom nothing is learned; asked once with no history at all
  and once with their first `FEW` events;
- *cold items*: a tenth of the items is taken out of training and histories; tested is each user's last event among
  them, against all items, and once more against the items taken out only (as CLCRec, Wei et al. 2021, and others do).

Measures are recall@k and NDCG@k for k 10 and 20 (ranx); with one test item a user, recall is the hit rate.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from assistant.errors import BadInput
from eval.research.public.hybrid import Hybrid, HybridPart
from eval.research.public.interactions import Dataset, Interactions
from eval.research.public.recommenders import (
    GRIDS,
    PRODUCT,
    ContentBased,
    Fused,
    Popularity,
    Recommender,
    Scores,
    Users,
)
from eval.research.public.split import LEAST_EVENTS, Split, leave_last_out

CUTS = (10, 20)
MEASURES = tuple(f"{name}@{k}" for name in ("recall", "ndcg") for k in CUTS)
BATCH = 1000
"""Users whose scores for all items are in memory at once."""

TUNED_BY = "ndcg@10"
RARE, FEW, SHARE = 10, 3, 0.1
FUSED_WEIGHTS = (0.0, 0.1, 0.25, 0.5, 1.0)
"""Weights of text beside a collaborative signal of weight 1, tried on the tuning events."""

Say = Callable[[str], None]
Values = dict[str, NDArray[np.float64]]
"""Measure -> one value a tested user."""


@dataclass(frozen=True)
class UserGroup:
    """Users asked at once: what is known of them, what they did next.

    Attributes:
        histories: sparse (n, items), what may be used and is not recommended again.
        targets: item rows (n,), what is to be found.
        users: rows of these users in training (n,); None when they were not there.
        among: whether each item is ranked (items,); None: all are.
    """

    name: str
    histories: csr_matrix
    targets: NDArray[np.int64]
    users: Users = None
    among: NDArray[np.bool_] | None = None


@dataclass
class RecommenderOutcome:
    """One recommender: its chosen parameters, and its values for each group."""

    name: str
    parameters: dict[str, Any]
    groups: dict[str, Values] = field(default_factory=dict)


def evaluate(
    dataset: Dataset, vectors: Mapping[str, Scores], *, seed: int = 7, say: Say = lambda _: None
) -> list[RecommenderOutcome]:
    """Tune, fit and test every recommender on one data set.

    Args:
        vectors: content by modality, unit length, float32 (items, d): "text" and perhaps features of pictures.
        seed: draws cold users and items.
        say: told what is being done, a line each.

    Raises:
        BadInput: nobody has enough events to be tested on.
    """
    split = leave_last_out(dataset.interactions)
    if not len(split.test):
        raise BadInput(f"{dataset.name} has no user with {LEAST_EVENTS} events or more, so there is nothing to test.")
    tuned = _tune(split, vectors, dataset.interactions.times(), say)
    outcomes = [RecommenderOutcome(name, parameters) for name, (_, parameters) in tuned.items()]
    for train, groups in _stages(split, seed):
        say(f"testing {', '.join(group.name for group in groups)}")
        fitted = _fitted(tuned, train)
        popular = Popularity()
        popular.fit(train)
        for outcome in outcomes:
            for group in groups:
                outcome.groups[group.name] = _values(fitted[outcome.name], popular, group)
    return outcomes


# Tuning --------------------------------------------------------------------------------------------------------------

Made = Callable[[Mapping[str, Recommender]], Recommender]
"""Makes a recommender; the fused one is made of others that are fitted already."""


def _tune(
    split: Split, vectors: Mapping[str, Scores], times: csr_matrix, say: Say
) -> dict[str, tuple[Made, dict[str, Any]]]:
    """For each recommender how to make it with the parameters that do best on the tuning events."""
    train = split.train.matrix()
    group = _next_events("tuning", train, split.tune)
    popular = Popularity()
    popular.fit(train)
    best: dict[str, tuple[Made, dict[str, Any]]] = {"popularity": (lambda _: Popularity(), {})}
    fitted: dict[str, Recommender] = {}
    found: dict[str, float] = {}
    for name, (kind, grid) in GRIDS.items():
        say(f"tuning {name}: {len(grid)} settings")
        tried = []
        for parameters in grid:
            model = kind(**parameters)
            model.fit(train)
            tried.append((_mean(model, popular, group), parameters, model))
        found[name], chosen, fitted[name] = max(tried, key=lambda one: one[0])
        best[name] = (lambda _, kind=kind, chosen=chosen: kind(**chosen), chosen)  # type: ignore[misc]
    for name, rows in vectors.items():
        fitted[name] = ContentBased(rows)
        best[name] = (lambda _, rows=rows: ContentBased(rows), {})  # type: ignore[misc]
    collaborative = max(PRODUCT, key=lambda name: found[name])
    say(f"tuning the fusion of {collaborative} with {', '.join(vectors)}")
    weights = _fusion_weights(collaborative, list(vectors), fitted, popular, group)
    best["fused"] = (lambda parts: Fused(parts, weights), weights)
    best["hybrid"] = (lambda _: Hybrid(vectors, times), {})
    if vectors:
        best["multimodal"] = (lambda parts: HybridPart(parts["hybrid"], "multimodal"), {})
    return best


def _fusion_weights(
    collaborative: str, contents: list[str], fitted: Mapping[str, Recommender], popular: Popularity, group: UserGroup
) -> dict[str, float]:
    """Weight 1 for the collaborative signal, and for each content the weight that does best beside it."""
    weights = {collaborative: 1.0}
    for name in contents:
        tried = [(_mean(Fused(fitted, {**weights, name: weight}), popular, group), weight) for weight in FUSED_WEIGHTS]
        weights[name] = max(tried, key=lambda one: one[0])[1]
    return weights


def _fitted(tuned: Mapping[str, tuple[Made, dict[str, Any]]], train: csr_matrix) -> dict[str, Recommender]:
    fitted: dict[str, Recommender] = {}
    for name, (make, _) in tuned.items():
        fitted[name] = make(fitted)
        fitted[name].fit(train)
    return fitted


# Groups --------------------------------------------------------------------------------------------------------------


def _stages(split: Split, seed: int) -> list[tuple[csr_matrix, list[UserGroup]]]:
    """What is learned from, and the groups asked of what has learned it."""
    known, draw = split.known(), np.random.default_rng(seed)
    everything = known.matrix()
    users = np.sort(draw.choice(everything.shape[0], max(1, int(everything.shape[0] * SHARE)), replace=False))
    items = np.sort(draw.choice(everything.shape[1], max(1, int(everything.shape[1] * SHARE)), replace=False))
    return [
        (everything, _warm(everything, split.test)),
        _cold_users(known, split.test, users),
        _cold_items(known, split.test, items),
    ]


def _next_events(name: str, histories: csr_matrix, events: Interactions) -> UserGroup:
    order = np.argsort(events.user, kind="stable")
    users = events.user[order].astype(np.int64)
    return UserGroup(name, histories[users], events.item[order].astype(np.int64), users)


def _warm(train: csr_matrix, test: Interactions) -> list[UserGroup]:
    whole = _next_events("all users", train, test)
    counts = np.asarray(train.sum(axis=0)).ravel()[whole.targets]
    groups = [whole]
    for name, chosen in (("rare items", counts < RARE), ("new items", counts == 0)):
        if chosen.any():
            groups.append(_part(whole, name, np.flatnonzero(chosen)))
    return groups


def _part(group: UserGroup, name: str, rows: NDArray[np.int64]) -> UserGroup:
    users = None if group.users is None else group.users[rows]
    return UserGroup(name, group.histories[rows], group.targets[rows], users, group.among)


def _cold_users(
    known: Interactions, test: Interactions, users: NDArray[np.int64]
) -> tuple[csr_matrix, list[UserGroup]]:
    cold = np.isin(known.user, users)
    train = known.only(~cold).matrix()
    asked = test.only(np.isin(test.user, users))
    few = known.only(cold & _among_first(known, FEW)).matrix()
    nothing = csr_matrix(few.shape, dtype=np.float32)
    names = ("cold users, nothing known", f"cold users, {FEW} events known")
    groups = [_next_events(name, rows, asked) for name, rows in zip(names, (nothing, few), strict=True)]
    return train, [replace(group, users=None) for group in groups]


def _cold_items(
    known: Interactions, test: Interactions, items: NDArray[np.int64]
) -> tuple[csr_matrix, list[UserGroup]]:
    train = known.only(~np.isin(known.item, items)).matrix()
    events = known.and_also(test)
    among = events.only(np.isin(events.item, items))
    last = {int(among.user[row]): row for row in np.argsort(among.time, kind="stable")}
    chosen = np.zeros(len(among), dtype=np.bool_)
    chosen[list(last.values())] = True
    group = _next_events("cold items", train, among.only(chosen))
    taken_out = np.isin(np.arange(train.shape[1]), items)
    return train, [group, replace(group, name="cold items, among themselves", among=taken_out)]


def _among_first(events: Interactions, count: int) -> NDArray[np.bool_]:
    """Whether each event is one of its user's first."""
    order = np.lexsort((np.arange(len(events)), events.time, events.user))
    starts = np.concatenate([[0], np.cumsum(np.bincount(events.user, minlength=len(events.users)))[:-1]])
    place = np.empty(len(events), dtype=np.int64)
    place[order] = np.arange(len(events)) - starts[events.user[order]]
    found: NDArray[np.bool_] = place < count
    return found


# Measuring -----------------------------------------------------------------------------------------------------------


def _mean(model: Recommender, popular: Popularity, group: UserGroup) -> float:
    return float(_values(model, popular, group, (TUNED_BY,))[TUNED_BY].mean())


def _values(model: Recommender, popular: Popularity, group: UserGroup, measures: tuple[str, ...] = MEASURES) -> Values:
    """recall@k and NDCG@k of each user, a batch of users at a time."""
    batches = np.array_split(np.arange(len(group.targets)), -(-len(group.targets) // BATCH))
    parts = [_part(group, group.name, rows) for rows in batches]
    return measured(np.concatenate([_ranked(model, popular, part) for part in parts]), group.targets, measures)


def _ranked(model: Recommender, popular: Popularity, group: UserGroup) -> NDArray[np.int64]:
    scores = model.score(group.histories, group.users)
    silent = np.ptp(scores, axis=1) == 0
    if silent.any():
        scores[silent] = popular.score(group.histories[np.flatnonzero(silent)])
    if group.among is not None:
        scores = np.where(group.among, scores, -np.inf)
    return ranked(scores, popular, group.histories)


def ranked(scores: Scores, popular: Popularity, histories: csr_matrix) -> NDArray[np.int64]:
    """The first items for each row, (n, 20): without the history's own; equal scores in the order of popularity."""
    by_popularity = np.argsort(-popular.score(histories[:1]).ravel(), kind="stable")
    hidden = np.where(np.asarray(histories.todense()) > 0, -np.inf, scores)[:, by_popularity]
    return np.asarray(by_popularity[np.argsort(-hidden, axis=1, kind="stable")[:, : max(CUTS)]], dtype=np.int64)


def measured(first: NDArray[np.int64], targets: NDArray[np.int64], measures: tuple[str, ...] = MEASURES) -> Values:
    """ranx's measures for one relevant item a row.

    Args:
        first: item rows, best first, (n, 20).
        targets: the relevant item of each row, (n,).
    """
    from ranx import Qrels, Run
    from ranx import evaluate as ranx_evaluate

    names = [f"u{row:07d}" for row in range(len(targets))]
    descending = np.arange(first.shape[1], 0, -1, dtype=np.float64)
    qrels = Qrels({name: {str(item): 1} for name, item in zip(names, targets, strict=True)})
    run = Run(
        {name: dict(zip(map(str, items), descending, strict=True)) for name, items in zip(names, first, strict=True)}
    )
    found = ranx_evaluate(qrels, run, list(measures), return_mean=False)
    by_name = found if isinstance(found, dict) else {measures[0]: found}
    return {measure: np.asarray(by_name[measure], dtype=np.float64) for measure in measures}
