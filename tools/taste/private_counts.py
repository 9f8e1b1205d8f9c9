"""Differentially private counts: how many people chose each item, and how many chose both of two items.

What is protected is a person with all of their choices (user-level privacy): whoever sees the counts can hardly tell
whether somebody was among the people at all. Three things make it so:

- each person brings at most ``bound`` items, drawn for each person alone. One person more or less then changes the
  counts of items by at most sqrt(bound) in the Euclidean norm, and those of pairs by sqrt(bound (bound - 1) / 2);
- discrete Gaussian noise in proportion to that, from OpenDP (Canonne, Kamath and Steinke 2020). It is accounted for as
  zero-concentrated privacy, rho, which adds up over releases (Bun and Steinke 2016), and told as (epsilon, delta);
- the counts are told of every item, or of every pair among given items, whether anybody chose them or not. Which pairs
  occur at all is as secret as how often, so nothing is left out before the noise is added; what is small is dropped
  afterwards, which costs nothing (post-processing). Item ids are public: only items of the catalogue may be given.

The noise cannot be seeded: who knows the seed knows the counts.
"""

from dataclasses import dataclass
from math import erfc
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tools.errors import BadInput

BOUND: Final = 100
"""How many items of one person count. What most people have is enough: more is only more noise, as its square root."""

DELTA: Final = 1e-6
"""The chance with which the promise of epsilon may fail; far below one in the number of people."""

PAIRED: Final = 500
"""Among so many items, the most chosen by the private counts, pairs are counted: 124,750 pairs."""

MOST_EPSILON: Final = 100.0
"""Beyond it nothing is protected."""

ROUNDING: Final = 1e-9
"""By so much more noise than reckoned, floats that are rounded up cannot make a release cost more than was meant."""

CERTAIN: Final = 2.0
"""Counts of pairs below so many standard deviations of the noise are taken for none."""

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Spent:
    """What releases cost a person, by OpenDP's privacy maps: rho-zero-concentrated differential privacy."""

    rho: float
    delta: float = DELTA

    @property
    def epsilon(self) -> float:
        """The same as (epsilon, delta)-differential privacy."""
        return _epsilon_of(self.rho, self.delta)

    def __add__(self, other: "Spent") -> "Spent":
        """Both together."""
        return Spent(self.rho + other.rho, self.delta)


@dataclass(frozen=True)
class NoisyCounts:
    """Noisy counts of people by item, int64 (items,), none below zero.

    Attributes:
        deviation: standard deviation of the noise of each count.
    """

    counts: Counts
    spent: Spent
    deviation: float


@dataclass(frozen=True)
class Cooccurrence:
    """Noisy counts of people by pair of items, sparse int64 (items, items), symmetric, without a diagonal.

    Attributes:
        deviation: standard deviation of the noise of each count.
        counted: how many pairs were counted; the small counts among them are dropped.
    """

    counts: csr_matrix
    spent: Spent
    deviation: float
    counted: int

    @property
    def trust(self) -> float:
        """The share of the pairs in ``counts`` that are more than noise alone would leave, 0 to 1."""
        by_chance = self.counted * erfc(CERTAIN / 2**0.5) / 2
        pair_count = self.counts.nnz / 2
        return max(0.0, 1 - by_chance / pair_count) if pair_count else 0.0


def rho_of(epsilon: float, delta: float = DELTA) -> float:
    """The largest rho, to a thousandth, that keeps within (epsilon, delta).

    Raises:
        BadInput: epsilon or delta is out of its range.
    """
    if not 0 < epsilon <= MOST_EPSILON or not 0 < delta < 1:
        raise BadInput(
            f"Private counts need epsilon above 0 and at most {MOST_EPSILON:g}, and delta between 0 and 1;"
            f" given were {epsilon:g} and {delta:g}."
        )
    low, high = 0.0, epsilon
    while high - low > high / 1000:
        middle = (low + high) / 2
        low, high = (middle, high) if _epsilon_of(middle, delta) <= epsilon else (low, middle)
    return low


def private_popularity(
    matrix: csr_matrix, rho: float, bound: int = BOUND, *, draw: np.random.Generator | None = None
) -> NoisyCounts:
    """How many people chose each item, with noise.

    Args:
        matrix: sparse (people, items); above zero is chosen. Items are those of the catalogue.
        rho: what may be spent; `rho_of` an epsilon.
        bound: how many items of one person count.
        draw: draws which of a person's items count; fresh randomness unless given.

    Raises:
        BadInput: rho or bound is not above zero.
    """
    counts = np.asarray(bounded(matrix, bound, draw).sum(axis=0), dtype=np.int64).ravel()
    noisy, spent, deviation = _noisy(counts, bound**0.5, rho)
    return NoisyCounts(np.maximum(noisy, 0), spent, deviation)


def private_cooccurrence(
    matrix: csr_matrix,
    rho: float,
    bound: int = BOUND,
    *,
    items: NDArray[np.int64],
    draw: np.random.Generator | None = None,
    certain: float = CERTAIN,
) -> Cooccurrence:
    """How many people chose both of two items, with noise; pairs among ``items`` only.

    Args:
        matrix: as in `private_popularity`.
        rho: as in `private_popularity`.
        bound: as in `private_popularity`.
        items: columns of the matrix whose pairs are counted. They must be public, or come of private counts.
        draw: as in `private_popularity`.
        certain: counts below so many standard deviations are dropped.

    Raises:
        BadInput: rho or bound is not above zero.
    """
    chosen = bounded(matrix[:, items], bound, draw)
    first, second = np.triu_indices(len(items), k=1)
    pair_counts = np.asarray((chosen.T @ chosen).todense(), dtype=np.int64)[first, second]
    noisy, spent, deviation = _noisy(pair_counts, (bound * (bound - 1) / 2) ** 0.5, rho)
    mask = noisy > certain * deviation
    shape = (matrix.shape[1], matrix.shape[1])
    half = csr_matrix((noisy[mask], (items[first[mask]], items[second[mask]])), shape=shape)
    return Cooccurrence(csr_matrix(half + half.T), spent, deviation, len(first))


def most_chosen(popularity: NoisyCounts, count: int = PAIRED) -> NDArray[np.int64]:
    """Columns of the items that most people chose by the private counts, best first; it spends nothing."""
    return np.argsort(-popularity.counts, kind="stable")[:count].astype(np.int64)


def bounded(matrix: csr_matrix, bound: int, draw: np.random.Generator | None = None) -> csr_matrix:
    """Ones where a person chose an item, for at most ``bound`` items of each person, drawn at random.

    Each person's draw is independent of everybody else's, so that one person more or less changes only their own row.

    Raises:
        BadInput: bound is below one.
    """
    if bound < 1:
        raise BadInput(f"At least one item of a person must count; given was {bound}.")
    draw = draw or np.random.default_rng()
    chosen = csr_matrix(matrix > 0)
    row = np.repeat(np.arange(chosen.shape[0]), np.diff(chosen.indptr))
    order = np.lexsort((draw.random(chosen.nnz), row))
    rank = np.arange(chosen.nnz) - chosen.indptr[row]
    entries = order[rank < bound]
    ones = np.ones(len(entries), dtype=np.int64)
    return csr_matrix((ones, (row[entries], chosen.indices[entries])), shape=chosen.shape)


# OpenDP, imported when it is first needed: it takes a second --------------------------------------------------------


def _opendp() -> Any:  # noqa: ANN401 - OpenDP's prelude is a module made at run time
    import opendp.prelude as dp

    dp.enable_features("contrib")
    return dp


def _gaussian(scale: float) -> Any:  # noqa: ANN401 - a measurement: called with counts; its map gives rho
    dp = _opendp()
    space = dp.vector_domain(dp.atom_domain(T=int)), dp.l2_distance(T=float)
    return dp.m.make_gaussian(*space, scale)


def _noisy(counts: Counts, most: float, rho: float) -> tuple[Counts, Spent, float]:
    """Counts with noise, of which one person changes ``most`` in the Euclidean norm; what it cost; its deviation.

    Raises:
        BadInput: rho is not above zero.
    """
    if not 0 < rho < float("inf"):
        raise BadInput(f"Private counts need a rho above 0; given was {rho:g}.")
    scale = max(most, 1.0) / (2 * rho) ** 0.5 * (1 + ROUNDING)
    measure = _gaussian(scale)
    noisy = np.asarray(measure(counts.tolist()), dtype=np.int64)
    return noisy, Spent(float(measure.map(d_in=most))), scale


def _epsilon_of(rho: float, delta: float) -> float:
    if rho == 0:
        return 0.0
    curve = _opendp().c.make_zCDP_to_approxDP(_gaussian((1 / (2 * rho)) ** 0.5)).map(d_in=1.0)
    return float(curve.epsilon(delta=delta))
