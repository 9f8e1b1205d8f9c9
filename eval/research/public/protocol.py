"""Full-ranking evaluation: every item that the user has not had is a candidate.

Four ways to ask, each of recommenders that never learned from what they are asked for:

- *all users*, temporal leave-last-out: each user's last event is asked for, the one before it tunes. Of them apart:
  those whose item had fewer than `RARE` events, or none, and by how long after the last known event it came;
- *k events known*, for each k of `KNOWN`: event k + 1 is asked for, by recommenders that learned without this user
  (`FOLDS` folds of the users, of which as many are asked as it takes to reach `ENOUGH`);
- *after a moment*: what is learned from came before it; asked for is each known user's first event from then on;
- *new items*, where contents are known: a tenth of the items is taken out of training and histories; asked for is each
  user's last event among them, against all items, and against those taken out alone (as in CLCRec, Wei et al. 2021).

Measures are recall@k and NDCG@k for k 10 and 20; with one item to find, recall is the hit rate.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assistant.errors import BadInput
from eval.research.public.interactions import Dataset, Interactions
from eval.research.public.recommenders import (
    GRIDS,
    MOST_DENSE_ITEMS,
    ContentBased,
    Hybrid,
    Popularity,
    Recommender,
    Scores,
    without_order,
    without_ridge,
)
from eval.research.public.split import LEAST_EVENTS, Split, leave_last_out
from tools.taste.choices import Histories

MEASURES = ("recall@10", "recall@20", "ndcg@10", "ndcg@20")
MOST_SCORES = 3_000_000
"""Scores in memory at once: it bounds how many users are asked together."""
MOST_TUNED = 2_000
"""Users that settings are tried on."""

RARE, NEW_SHARE = 10, 0.1
UNTOUCHED = 0.05
"""From this share of items without events on, the hybrid is asked without its ridge regression too."""
KNOWN = (0, 1, 2, 3, 5, 10)
FOLDS, ENOUGH = 5, 2_000
MOMENT = 0.8
"""The share of all events that lie before the moment."""
GAPS = (("up to an hour", 0, 3_600), ("up to a day", 3_601, 86_400), ("more than a day", 86_401, 2**62))
"""Seconds between the last known event and the one asked for, both ends included."""

Say = Callable[[str], None]
Ranks = NDArray[np.int64]
"""Where the item asked for stands for each user, 1 is best."""


@dataclass(frozen=True)
class UserGroup:
    """Users asked at once: what is known of them, and what they chose next.

    Attributes:
        histories: of n users, what may be used and is not recommended again.
        targets: item rows (n,), what is to be found.
        among: whether each item is ranked (items,); None: all are.
        parts: further groups, by name the flags of their users (n,).
    """

    name: str
    histories: Histories
    targets: NDArray[np.int64]
    among: NDArray[np.bool_] | None = None
    parts: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)


@dataclass
class RecommenderOutcome:
    """One recommender: its chosen parameters, and the ranks of each group's items."""

    name: str
    parameters: dict[str, Any] = field(default_factory=dict)
    groups: dict[str, Ranks] = field(default_factory=dict)

    def add(self, group: str, ranks: Ranks) -> None:
        """Further users of a group."""
        if len(ranks):
            self.groups[group] = np.concatenate([self.groups.get(group, np.zeros(0, np.int64)), ranks])


def evaluate(
    dataset: Dataset, vectors: Mapping[str, Scores], *, seed: int = 7, say: Say = lambda _: None
) -> list[RecommenderOutcome]:
    """Tune, fit and test every recommender on one data set.

    Args:
        vectors: content by modality, unit length, float32 (items, d): "text" and perhaps features of pictures.
        seed: draws users and items.
        say: told what is being done, a line each.

    Raises:
        BadInput: nobody has enough events to be tested on.
    """
    split = leave_last_out(dataset.interactions)
    if not len(split.test):
        raise BadInput(f"{dataset.name} has no user with {LEAST_EVENTS} events or more, so there is nothing to test.")
    makers: dict[str, Callable[[], Recommender]] = {}
    outcomes: dict[str, RecommenderOutcome] = {}
    for name, make, parameters in _tuned(split, vectors, seed, say):
        makers[name], outcomes[name] = make, RecommenderOutcome(name, parameters)
    for known, groups in _stages(split, dataset.timed, bool(vectors), seed):
        say(f"testing {', '.join(group.name for group in groups)}")
        fitted = _fitted(makers, known)
        for group in groups:
            for name, model in fitted.items():
                ranks = _ranks(model, fitted["popularity"], group)
                outcome = outcomes.setdefault(name, RecommenderOutcome(name))
                outcome.add(group.name, ranks)
                for part, mask in group.parts.items():
                    outcome.add(part, ranks[mask])
    return list(outcomes.values())


# Recommenders --------------------------------------------------------------------------------------------------------


def _tuned(
    split: Split, vectors: Mapping[str, Scores], seed: int, say: Say
) -> Iterator[tuple[str, Callable[[], Recommender], dict[str, Any]]]:
    """Each recommender's name, how to make it, and the parameters that do best on the tuning events."""
    popular, choices = Popularity(), split.train.choices()
    popular.fit(choices)
    some = np.sort(np.random.default_rng(seed).permutation(len(split.tune))[:MOST_TUNED])
    group = _next_events("tuning", split.train, split.tune.only(some))
    yield "popularity", Popularity, {}
    for name, (kind, grid) in GRIDS.items():
        if name == "EASE" and len(split.train.items) > MOST_DENSE_ITEMS:
            say(f"EASE is left out: its matrix would be dense, and there are more than {MOST_DENSE_ITEMS:,} items")
            continue
        say(f"tuning {name}: {len(grid)} settings")
        tried = []
        for parameters in grid:
            model = kind(**parameters)
            model.fit(choices)
            tried.append((float(measured(_ranks(model, popular, group))["ndcg@10"].mean()), parameters))
        best = max(tried, key=lambda one: one[0])[1]
        yield name, partial(kind, **best), best
    for name, rows in vectors.items():
        yield name, partial(ContentBased, rows), {}
    yield "hybrid", partial(Hybrid, vectors), {}


def _fitted(makers: Mapping[str, Callable[[], Recommender]], known: Interactions) -> dict[str, Recommender]:
    """All of them, and the hybrid without what the order of choices and what contents add to it."""
    choices, fitted = known.choices(), {name: make() for name, make in makers.items()}
    for recommender in fitted.values():
        recommender.fit(choices)
    hybrid = fitted["hybrid"]
    if isinstance(hybrid, Hybrid) and hybrid.model is not None:
        fitted["hybrid, order off"] = Hybrid(hybrid.vectors, without_order(hybrid.model))
        if hybrid.model.content is not None and (~hybrid.model.touched).mean() > UNTOUCHED:
            fitted["hybrid, ridge off"] = Hybrid(hybrid.vectors, without_ridge(hybrid.model))
    return fitted


# Groups --------------------------------------------------------------------------------------------------------------


def _stages(split: Split, timed: bool, contents: bool, seed: int) -> Iterator[tuple[Interactions, list[UserGroup]]]:
    """What is learned from, and the groups asked of what has learned it."""
    draw = np.random.default_rng(seed)
    yield split.known, [_last_events(split, timed)]
    yield from _first_events(split.events, draw)
    if timed:
        yield from _after_a_moment(split.events)
    if contents:
        yield _new_items(split.events, draw)


def _next_events(name: str, known: Interactions, events: Interactions) -> UserGroup:
    """Ask for events, of each user one, by what is known of the users."""
    return UserGroup(name, known.choices().rows(events.user.astype(np.int64)), events.item.astype(np.int64))


def _last_events(split: Split, timed: bool) -> UserGroup:
    counts = np.bincount(split.known.item, minlength=len(split.known.items))[split.test.item]
    parts = {f"items with fewer than {RARE} events": counts < RARE, "items without events": counts == 0}
    if timed:
        last_known = split.known.time[np.cumsum(split.known.counts()) - 1][split.test.user]
        gap = split.test.time - last_known
        parts |= {f"{name} since the last event": (low <= gap) & (gap <= high) for name, low, high in GAPS}
    return replace(_next_events("all users", split.known, split.test), parts=parts)


def _first_events(events: Interactions, draw: np.random.Generator) -> Iterator[tuple[Interactions, list[UserGroup]]]:
    place, asked = events.places(), 0
    for fold in np.array_split(draw.permutation(len(events.users)), FOLDS):
        if asked >= ENOUGH:
            return
        theirs = np.isin(events.user, fold)
        groups = [
            _next_events(name, events.only(theirs & (place < count)), events.only(theirs & (place == count)))
            for count in KNOWN
            if (name := f"{count or 'no'} event{'' if count == 1 else 's'} known")
        ]
        yield events.only(~theirs), [group for group in groups if len(group.targets)]
        asked += len(fold)


def _after_a_moment(events: Interactions) -> Iterator[tuple[Interactions, list[UserGroup]]]:
    """Nothing where no user has events on both sides of it."""
    before = events.time < np.quantile(events.time, MOMENT)
    known, later = events.only(before), events.only(~before)
    first = later.only((later.places() == 0) & (known.counts()[later.user] > 0))
    if len(first):
        yield known, [_next_events("after a moment", known, first)]


def _new_items(events: Interactions, draw: np.random.Generator) -> tuple[Interactions, list[UserGroup]]:
    count = len(events.items)
    new = np.zeros(count, np.bool_)
    new[draw.choice(count, max(1, int(count * NEW_SHARE)), replace=False)] = True
    known, chosen = events.only(~new[events.item]), events.only(new[events.item])
    last = chosen.only(chosen.places() == chosen.counts()[chosen.user] - 1)
    group = _next_events("new items", known, last)
    return known, [group, replace(group, name="new items, among themselves", among=new)]


# Measuring -----------------------------------------------------------------------------------------------------------


def _ranks(model: Recommender, popular: Recommender, group: UserGroup) -> Ranks:
    """The rank of each user's item, some users at a time; by popularity where all scores are alike."""
    size, found = max(1, MOST_SCORES // group.histories.matrix.shape[1]), []
    popularity = popular.score(group.histories.rows(np.zeros(1, np.int64)))[0]
    for rows in np.split(np.arange(len(group.targets)), range(size, len(group.targets), size)):
        histories = group.histories.rows(rows)
        scores = model.score(histories)
        silent = np.ptp(scores, axis=1) == 0
        scores[silent] = popularity
        if group.among is not None:
            scores[:, ~group.among] = -np.inf
        found.append(ranked(scores, popularity, histories, group.targets[rows]))
    return np.concatenate(found)


def ranked(scores: Scores, popularity: Scores, histories: Histories, targets: NDArray[np.int64]) -> Ranks:
    """Where each target stands among the items outside the history; equal scores in the order of popularity.

    Args:
        scores: (n, items).
        popularity: (items,); what is as popular too stands in the order of the items.
    """
    order = np.empty(len(popularity), dtype=np.int32)
    order[np.argsort(-popularity, kind="stable")] = np.arange(len(order))
    own = scores[np.arange(len(targets)), targets][:, np.newaxis]
    ahead = (scores > own) | ((scores == own) & (order < order[targets][:, np.newaxis]))
    ahead[histories.matrix.nonzero()] = False
    return np.asarray(1 + ahead.sum(axis=1), dtype=np.int64)


def measured(ranks: Ranks) -> dict[str, NDArray[np.float64]]:
    """recall@k and NDCG@k of each user: whether the one item is among the first k, and 1 / log2(1 + rank) if so."""
    values = {}
    for measure in MEASURES:
        name, cut = measure.split("@")
        gain = np.ones(len(ranks)) if name == "recall" else 1.0 / np.log2(1.0 + ranks)
        values[measure] = np.where(ranks <= int(cut), gain, 0.0)
    return values
