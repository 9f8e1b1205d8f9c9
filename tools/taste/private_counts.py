"""Differentially private counts: how many people chose each item, and how many chose both of two items.

What is protected is a person with all of their choices (user-level privacy): whoever sees the counts can hardly tell
whether somebody was among the people at all. Three things make it so:

- each person brings at most ``bound`` items, drawn for each person alone, so that one person changes the counts of
  items by at most ``bound`` in all, and those of pairs by at most bound (bound - 1) / 2;
- noise in proportion to that, from OpenDP's measurements, whose privacy map also says what was spent;
- the counts are told of every item, or of every pair among given items, whether anybody chose them or not. Which pairs
  occur at all is as secret as how often, so nothing is left out before the noise is added; what is small is dropped
  afterwards, which costs nothing (post-processing). Item ids are public: only items of the catalogue may be given.

The counts of items have discrete Laplace noise (epsilon-differential privacy; Ghosh et al. 2009); the counts of pairs,
of which one person changes many a little, discrete Gaussian noise ((epsilon, delta); Canonne et al. 2020). Both
together spend the sum (basic composition). The noise cannot be seeded: who knows the seed knows the counts.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tools.errors import BadInput

BOUND: Final = 20
"""How many items of one person count: more is more signal and, in proportion, more noise."""

DELTA: Final = 1e-6
"""The chance with which the promise of epsilon may fail for the pairs; far below one in the number of people."""

PAIRED: Final = 500
"""Among so many items, the most chosen by the private counts, pairs are counted: 124,750 pairs."""

MOST_EPSILON: Final = 100.0
"""Beyond it nothing is protected, and OpenDP's arithmetic overflows."""

CERTAIN: Final = 2.0
"""Counts of pairs below so many standard deviations of the noise are taken for none."""

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Spent:
    """What a release cost, by OpenDP's privacy map: (epsilon, delta)-differential privacy of a person."""

    epsilon: float
    delta: float = 0.0


@dataclass(frozen=True)
class Popularity:
    """Noisy counts of people by item, int64 (items,), none below zero."""

    counts: Counts
    spent: Spent


@dataclass(frozen=True)
class Cooccurrence:
    """Noisy counts of people by pair of items, sparse int64 (items, items), symmetric, without a diagonal.

    Attributes:
        deviation: standard deviation of the noise of each count.
    """

    counts: csr_matrix
    spent: Spent
    deviation: float


def private_popularity(
    matrix: csr_matrix, epsilon: float, bound: int = BOUND, *, draw: np.random.Generator | None = None
) -> Popularity:
    """How many people chose each item, with discrete Laplace noise of scale bound / epsilon.

    Args:
        matrix: sparse (people, items); above zero is chosen. Items are those of the catalogue.
        epsilon: what may be spent.
        bound: how many items of one person count.
        draw: draws which of a person's items count; fresh randomness unless given.

    Raises:
        BadInput: epsilon or bound is out of its range.
    """
    _check(epsilon, bound)
    counts = np.asarray(bounded(matrix, bound, draw).sum(axis=0), dtype=np.int64).ravel()
    measure = _laplace(bound / epsilon)
    noisy = np.asarray(measure(counts.tolist()), dtype=np.int64)
    return Popularity(np.maximum(noisy, 0), Spent(float(measure.map(d_in=bound))))


def private_cooccurrence(
    matrix: csr_matrix,
    epsilon: float,
    bound: int = BOUND,
    *,
    items: NDArray[np.int64],
    delta: float = DELTA,
    draw: np.random.Generator | None = None,
) -> Cooccurrence:
    """How many people chose both of two items, with discrete Gaussian noise; pairs among ``items`` only.

    Args:
        matrix: as in `private_popularity`.
        epsilon: what may be spent.
        bound: as in `private_popularity`.
        items: columns of the matrix whose pairs are counted. They must be public, or come of private counts.
        delta: the chance with which the promise may fail.
        draw: as in `private_popularity`.

    Raises:
        BadInput: epsilon, bound or delta is out of its range.
    """
    _check(epsilon, bound, delta)
    chosen = bounded(matrix[:, items], bound, draw)
    one, other = np.triu_indices(len(items), k=1)
    both = np.asarray((chosen.T @ chosen).todense(), dtype=np.int64)[one, other]
    most = (bound * (bound - 1) / 2) ** 0.5
    scale = _gaussian_scale(most, epsilon, delta)
    measure = _gaussian(scale)
    noisy = np.asarray(measure(both.tolist()), dtype=np.int64)
    spent = Spent(_epsilon_of(measure, most, delta), delta)
    return Cooccurrence(_symmetric(noisy, items[one], items[other], matrix.shape[1], CERTAIN * scale), spent, scale)


def most_chosen(popularity: Popularity, count: int = PAIRED) -> NDArray[np.int64]:
    """Columns of the items that most people chose by the private counts, best first; it spends nothing."""
    return np.argsort(-popularity.counts, kind="stable")[:count].astype(np.int64)


def bounded(matrix: csr_matrix, bound: int, draw: np.random.Generator | None = None) -> csr_matrix:
    """Ones where a person chose an item, for at most ``bound`` items of each person, drawn at random.

    Each person's draw is independent of everybody else's, so that one person more or less changes only their own row.
    """
    draw = draw or np.random.default_rng()
    chosen = csr_matrix(matrix > 0)
    row = np.repeat(np.arange(chosen.shape[0]), np.diff(chosen.indptr))
    order = np.lexsort((draw.random(chosen.nnz), row))
    place = np.arange(chosen.nnz) - chosen.indptr[row]
    kept = order[place < bound]
    ones = np.ones(len(kept), dtype=np.int64)
    return csr_matrix((ones, (row[kept], chosen.indices[kept])), shape=chosen.shape)


def _symmetric(noisy: Counts, one: NDArray[np.int64], other: NDArray[np.int64], items: int, least: float) -> csr_matrix:
    kept = noisy > least
    half = csr_matrix((noisy[kept], (one[kept], other[kept])), shape=(items, items))
    return csr_matrix(half + half.T)


def _check(epsilon: float, bound: int, delta: float = DELTA) -> None:
    if not 0 < epsilon <= MOST_EPSILON or bound < 1 or not 0 < delta < 1:
        raise BadInput(
            f"Private counts need epsilon above 0 and at most {MOST_EPSILON:g}, a bound of at least 1 and delta between"
            f" 0 and 1; given were {epsilon:g}, {bound} and {delta:g}."
        )


# OpenDP, imported when it is first needed: it takes a second --------------------------------------------------------


def _opendp() -> Any:  # noqa: ANN401 - OpenDP's prelude is a module made at run time
    import opendp.prelude as dp

    dp.enable_features("contrib")
    return dp


def _laplace(scale: float) -> Any:  # noqa: ANN401 - a measurement: called with counts; its map gives epsilon
    dp = _opendp()
    space = dp.vector_domain(dp.atom_domain(T=int)), dp.l1_distance(T=int)
    return dp.m.make_laplace(*space, scale)


def _gaussian(scale: float) -> Any:  # noqa: ANN401 - as above; its map gives rho of zero-concentrated privacy
    dp = _opendp()
    space = dp.vector_domain(dp.atom_domain(T=int)), dp.l2_distance(T=float)
    return dp.m.make_gaussian(*space, scale)


def _epsilon_of(measure: Any, most: float, delta: float) -> float:  # noqa: ANN401 - as above
    curve = _opendp().c.make_zCDP_to_approxDP(measure).map(d_in=most)
    return float(curve.epsilon(delta=delta))


def _gaussian_scale(most: float, epsilon: float, delta: float) -> float:
    """The smallest scale, to a thousandth, that keeps within (epsilon, delta) for a distance of ``most`` in L2."""
    low, high = 0.0, max(most, 1e-3)
    while _epsilon_of(_gaussian(high), most, delta) > epsilon:
        low, high = high, 2 * high
    while high - low > high / 1000:
        middle = (low + high) / 2
        fits = _epsilon_of(_gaussian(middle), most, delta) <= epsilon
        low, high = (low, middle) if fits else (middle, high)
    return high
