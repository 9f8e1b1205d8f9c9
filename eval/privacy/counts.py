"""What differentially private counts cost in NDCG: recommenders made of counts alone, with more and less noise.

Three recommenders need nothing but counts of items and of pairs, so that what they learn from private counts is as
private as the counts (post-processing): popularity, item-kNN (the cosine of two items' people), and EASE, whose Gram
matrix is those counts. Protocol: temporal leave-last-out over all items, as in `eval.public.protocol`, on all users.
Parameters are fixed beforehand: tuning on what is private would have to be paid for too.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from eval.public.interactions import Interactions
from eval.public.protocol import measured, ranked
from eval.public.recommenders import Popularity, Scores, Users
from eval.public.split import leave_last_out
from tools.records import Record
from tools.taste.private_counts import BOUND, PAIRED, bounded, rho_of
from tools.taste.private_release import count

EPSILONS: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
MEASURES: Final = ("ndcg@10", "recall@10")
NEIGHBOURS: Final = 50
PENALTY: Final = 300.0
"""EASE's lambda on exact counts."""

Say = Callable[[str], None]
Dense = NDArray[np.float64]


@dataclass(frozen=True)
class Counted:
    """Counts of people: by item, float64 (items,), and by pair, float64 (items, items) without a diagonal.

    ``noise`` is about the spectral norm of the noise of the pairs.
    """

    people: Dense
    pairs: Dense
    noise: float = 0.0


class Measured(Record):
    """One recommender on counts of one kind: means over the users and releases, and how far releases lie apart."""

    counts: str
    recommender: str
    ndcg: float
    recall: float
    deviation: float


def exact(train: csr_matrix) -> Counted:
    """Everybody's choices counted as they are."""
    ones = csr_matrix(train > 0, dtype=np.float64)
    return _counted(ones)


def cut(train: csr_matrix) -> Counted:
    """No noise, but at most so many items of each person: what bounding alone costs."""
    return _counted(bounded(train, BOUND).astype(np.float64))


def private(train: csr_matrix, epsilon: float) -> Counted:
    """Counts as a training with this epsilon gets them."""
    found = count(train, rho_of(epsilon))
    pairs = np.asarray(found.pairs.counts.todense(), dtype=np.float64)
    norm = 2 * found.pairs.deviation * PAIRED**0.5  # of a symmetric matrix of independent noise (Wigner's semicircle)
    return Counted(found.popularity.counts.astype(np.float64), pairs, norm)


def _counted(ones: csr_matrix) -> Counted:
    both = np.asarray((ones.T @ ones).todense(), dtype=np.float64)
    people = both.diagonal().copy()
    np.fill_diagonal(both, 0.0)
    return Counted(people, both)


def by_neighbours(counted: Counted) -> Dense:
    """Item-item weights (items, items): the cosines of each item's nearest `NEIGHBOURS`."""
    people = np.maximum(counted.people, 1.0)
    cosine = np.minimum(counted.pairs / np.sqrt(np.outer(people, people)), 1.0)
    last = min(NEIGHBOURS, len(cosine)) - 1
    least = -np.sort(-cosine, axis=1)[:, last : last + 1]
    return np.where((cosine >= least) & (cosine > 0), cosine, 0.0)


def by_ease(counted: Counted) -> Dense:
    """Item-item weights of EASE (Steck 2019), whose Gram matrix is the counts; noise adds to the penalty."""
    inverse = np.linalg.inv(counted.pairs + np.diag(counted.people + PENALTY + counted.noise))
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights


class _Popular(Popularity):
    """Popularity by counts that are given."""

    def __init__(self, people: Dense) -> None:
        self._counts = people.astype(np.float32)


RECOMMENDERS: Final[Mapping[str, Callable[[Counted], Dense | None]]] = {
    "popularity": lambda _: None,
    "item-kNN": by_neighbours,
    "EASE": by_ease,
}


def compare(interactions: Interactions, *, repeats: int = 5, say: Say = lambda _: None) -> list[Measured]:
    """Every recommender on exact, bounded and private counts."""
    split = leave_last_out(interactions)
    known = split.known().matrix()
    order = np.argsort(split.test.user, kind="stable")
    asked = _Asked(known[split.test.user[order]], split.test.item[order].astype(np.int64))
    kinds: list[tuple[str, int, Callable[[], Counted]]] = [
        ("exact", 1, lambda: exact(known)),
        (f"at most {BOUND} a person", repeats, lambda: cut(known)),
    ]
    kinds += [(f"epsilon {one:g}", repeats, lambda one=one: private(known, one)) for one in reversed(EPSILONS)]  # type: ignore[misc]
    found = []
    for name, times, made in kinds:
        say(f"counting: {name}")
        found += asked.measure(name, [made() for _ in range(times)])
    return found


@dataclass(frozen=True)
class _Asked:
    """The users of the test: histories (n, items) and what each chose next (n,)."""

    histories: csr_matrix
    targets: NDArray[np.int64]

    def measure(self, name: str, releases: Sequence[Counted]) -> Iterator[Measured]:
        for recommender, weigh in RECOMMENDERS.items():
            values = np.array([self._means(one, weigh(one)) for one in releases])
            ndcg, recall = values.mean(axis=0)
            yield Measured(
                counts=name, recommender=recommender, ndcg=round(ndcg, 4), recall=round(recall, 4),
                deviation=round(float(values[:, 0].std()), 4),
            )  # fmt: skip

    def _means(self, counted: Counted, weights: Dense | None) -> list[float]:
        popular = _Popular(counted.people)
        scores = self._scores(popular, weights)
        values = measured(ranked(scores, popular, self.histories), self.targets, MEASURES)
        return [float(values[name].mean()) for name in MEASURES]

    def _scores(self, popular: Popularity, weights: Dense | None, users: Users = None) -> Scores:
        by_people = popular.score(self.histories, users)
        if weights is None:
            return by_people
        scores = np.asarray(self.histories @ weights, dtype=np.float32)
        silent = np.ptp(scores, axis=1) == 0
        scores[silent] = by_people[silent]
        return scores


def table(found: Sequence[Measured]) -> Iterator[str]:
    """The figures for people: NDCG@10 by counts and recommender, and their spread over the releases."""
    names = list(RECOMMENDERS)
    yield f"{'NDCG@10':<22}" + "".join(f"{name:>20}" for name in names)
    by_counts: dict[str, dict[str, Measured]] = {}
    for one in found:
        by_counts.setdefault(one.counts, {})[one.recommender] = one
    for counts, by_name in by_counts.items():
        cells = [f"{by_name[name].ndcg:.4f} ± {by_name[name].deviation:.4f}" for name in names]
        yield f"{counts:<22}" + "".join(f"{cell:>20}" for cell in cells)
