"""What differentially private counts cost in NDCG: recommenders made of counts alone, with more and less noise.

Popularity and item-kNN need nothing but counts of items and of pairs, so that what they learn from private counts is
as private as the counts (post-processing); "both" adds them as the product does where ``privacy.epsilon`` is set.
Protocol: temporal leave-last-out over all items, as in `eval.research.public.protocol`, on all users.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from eval.research.public.interactions import Interactions
from eval.research.public.protocol import measured, ranked
from eval.research.public.recommenders import Popularity, Scores
from eval.research.public.split import leave_last_out
from tools.records import Record
from tools.taste.choices import Histories
from tools.taste.private_counts import BOUND, bounded, rho_of
from tools.taste.private_release import count
from tools.taste.private_training import NEIGHBOURS_WEIGHT, nearest

EPSILONS: Final = (8.0, 4.0, 2.0, 1.0, 0.5)
MEASURES: Final = ("ndcg@10", "recall@10")
RECOMMENDERS: Final = ("popularity", "item-kNN", "both")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Counted:
    """Counts of people.

    Attributes:
        people: by item, int64 (items,).
        pairs: by pair of items, sparse (items, items), without a diagonal.
        deviation: of the noise in ``pairs``.
        trust: the share of the pairs that are more than noise.
    """

    people: NDArray[np.int64]
    pairs: csr_matrix
    deviation: float = 0.0
    trust: float = 1.0


class Measured(Record):
    """One recommender on counts of one kind: means over the users and releases, and how far releases lie apart."""

    counts: str
    recommender: str
    ndcg: float
    recall: float
    deviation: float


def exact(train: csr_matrix) -> Counted:
    """Everybody's choices counted as they are."""
    ones = csr_matrix(train > 0, dtype=np.int64)
    both = (ones.T @ ones).tolil()
    people = both.diagonal().astype(np.int64)
    both.setdiag(0)
    return Counted(people, both.tocsr())


def cut(train: csr_matrix) -> Counted:
    """No noise, but at most so many items of each person: what bounding alone costs."""
    return exact(bounded(train, BOUND))


def private(train: csr_matrix, epsilon: float) -> Counted:
    """Counts as a training with this epsilon gets them."""
    found = count(train, rho_of(epsilon))
    return Counted(found.popularity.counts, found.pairs.counts, found.pairs.deviation, found.pairs.trust)


def compare(interactions: Interactions, *, repeats: int = 5, say: Say = lambda _: None) -> list[Measured]:
    """Every recommender on exact, bounded and private counts."""
    split = leave_last_out(interactions)
    choices = split.known.choices()
    known = choices.matrix
    asked = _Asked(choices.rows(split.test.user.astype(np.int64)), split.test.item.astype(np.int64))
    kinds: dict[str, Callable[[], Counted]] = {
        "exact": lambda: exact(known),
        f"at most {BOUND} a person": lambda: cut(known),
        **{f"epsilon {one:g}": lambda one=one: private(known, one) for one in EPSILONS},  # type: ignore[misc]
    }
    found: list[Measured] = []
    for name, made in kinds.items():
        say(f"counting: {name}")
        found += asked.measure(name, [made() for _ in range(1 if name == "exact" else repeats)])
    return found


class _Popular(Popularity):
    """Popularity by counts that are given."""

    def __init__(self, people: NDArray[np.int64]) -> None:
        self._counts = people.astype(np.float32)


@dataclass(frozen=True)
class _Asked:
    """The users of the test: histories (n, items) and what each chose next (n,)."""

    histories: Histories
    targets: NDArray[np.int64]

    def measure(self, name: str, releases: Sequence[Counted]) -> Iterator[Measured]:
        values = np.array([self._means(one) for one in releases])
        for place, recommender in enumerate(RECOMMENDERS):
            ndcg, recall = values[:, place].mean(axis=0)
            spread = float(values[:, place, 0].std())
            yield Measured(
                counts=name, recommender=recommender, ndcg=round(float(ndcg), 4), recall=round(float(recall), 4),
                deviation=round(spread, 4),
            )  # fmt: skip

    def _means(self, counted: Counted) -> list[list[float]]:
        """The measures of each recommender."""
        popular = _Popular(counted.people)
        by_people = popular.score(self.histories)
        near = nearest(counted.pairs, counted.people, counted.deviation).strengths
        by_pairs = np.asarray((self.histories.matrix @ near).todense(), dtype=np.float32)
        both = _standardised(np.log1p(by_people)) + NEIGHBOURS_WEIGHT * counted.trust * _standardised(by_pairs)
        silent = np.ptp(by_pairs, axis=1) == 0
        by_pairs[silent] = by_people[silent]
        return [self._values(scores, by_people[0]) for scores in (by_people, by_pairs, both)]

    def _values(self, scores: Scores, popularity: Scores) -> list[float]:
        values = measured(ranked(scores, popularity, self.histories, self.targets))
        return [float(values[name].mean()) for name in MEASURES]


def _standardised(scores: Scores) -> Scores:
    spread = np.maximum(scores.std(axis=1, keepdims=True), 1e-9)
    return np.asarray((scores - scores.mean(axis=1, keepdims=True)) / spread, dtype=np.float32)


def table(found: Sequence[Measured]) -> Iterator[str]:
    """The figures for people: NDCG@10 by counts and recommender, and their spread over the releases."""
    yield f"{'NDCG@10':<22}" + "".join(f"{name:>20}" for name in RECOMMENDERS)
    by_counts: dict[str, dict[str, Measured]] = {}
    for one in found:
        by_counts.setdefault(one.counts, {})[one.recommender] = one
    for counts, by_name in by_counts.items():
        cells = [f"{by_name[name].ndcg:.4f} ± {by_name[name].deviation:.4f}" for name in RECOMMENDERS]
        yield f"{counts:<22}" + "".join(f"{cell:>20}" for cell in cells)
