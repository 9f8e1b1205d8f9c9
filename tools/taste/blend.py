"""One score from several: a blend whose weights depend on how much is known of the person.

Each part's scores are standardised over the items that somebody chose, for each history by itself; the blend is their
weighted sum, with the weights that rank held-out choices best. An item that nobody chose is scored by the factors that
its contents stand for, spread as the blended scores of the others are, so that new items get a fair share of the
places; where many items are untouched they are held back, to about `PLACES` of the places.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tools.taste.collaborative import ALS_SIZES, Matrix

STAGES: Final = (1, 4, 11)
"""From how many chosen items on a stage's weights hold: few, some, many. Before the first, popularity alone counts."""

POPULARITY: Final = "popularity"
NEIGHBOURS: Final = "neighbours"
NEXT: Final = "next-choices"
IMPORTED: Final = "imported-neighbours"
ALS: Final = frozenset(ALS_SIZES)

PRIOR: Final[dict[str, tuple[float, ...]]] = {
    **dict.fromkeys(ALS_SIZES, (1.0, 1.0, 1.0)),
    NEIGHBOURS: (1.0, 0.5, 0.0), IMPORTED: (1.0, 0.5, 0.0), NEXT: (1.0, 1.0, 0.5), POPULARITY: (0.0, 0.0, 0.0),
}  # fmt: skip
"""Weights of the parts at each stage before anything speaks for others: neighbours say most where little is known."""

PRIOR_TAU: Final[dict[str, float]] = {**dict.fromkeys(ALS_SIZES, 5.0), NEIGHBOURS: 3.0, IMPORTED: 3.0, NEXT: 2.0}
"""Places after which a choice counts a factor of e less, for each part before anything speaks for another number."""

PLACES: Final = 0.1
"""Which share of the best places items that nobody chose may take, when there are many of them."""

ALIKE: Final = 1e-5
"""A deviation that is a smaller share of the mean than so is rounding."""

NOTHING_KNOWN: Final = 100.0
"""Where nothing is known of the person, untouched items come after the popular ones."""


@dataclass(frozen=True)
class Blend:
    """How parts become one score.

    Attributes:
        names: the parts.
        weights: (stages, parts).
        untouched: (2,), constant and slope that bring the scores of items that nobody chose to mean 0, deviation 1.
    """

    names: tuple[str, ...]
    weights: Matrix
    untouched: Matrix

    @classmethod
    def prior(cls, names: Sequence[str]) -> "Blend":
        """Where too little was held out to fit."""
        weights = np.array([PRIOR[name] for name in names], np.float32).T
        return cls(tuple(names), weights, np.array([0.0, 1.0], np.float32))

    def scores(
        self, parts: Mapping[str, Matrix], chosen_counts: NDArray[np.int64], touched: NDArray[np.bool_]
    ) -> Matrix:
        """Blended scores (n, items).

        Args:
            parts: each part's scores (n, items), standardised.
            chosen_counts: how many chosen items each history holds, (n,).
            touched: whether anybody chose the item, (items,).
        """
        stages = stage_of(chosen_counts)
        weights = self.weights[np.maximum(stages, 0)]
        total = np.zeros_like(parts[POPULARITY])
        for column, name in enumerate(self.names):
            if weights[:, column].any():
                total += weights[:, column, np.newaxis] * parts[name]
        total[stages < 0] = parts[POPULARITY][stages < 0]
        total = standardised(total, touched)
        factors = next((parts[name] for name in self.names if name in ALS), None)
        if factors is not None and not touched.all():
            constant, slope = self.untouched
            penalty = np.where(stages >= 0, held_back(touched), NOTHING_KNOWN).astype(np.float32)[:, np.newaxis]
            total = np.where(touched, total, slope * factors + (constant - penalty))
        return total


def held_back(touched: NDArray[np.bool_]) -> float:
    """By how many deviations untouched items are set back, so that they take about `PLACES` of the best places.

    Far out, a normal tail falls by a factor of e for about every third of a deviation.
    """
    excess = (~touched).sum() / max(PLACES * touched.sum(), 1.0)
    return float(np.log(max(excess, 1.0)) / 3.0)


def stage_of(chosen_counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place in `STAGES` for each number of chosen items; -1 where nothing is known."""
    return np.asarray(np.searchsorted(STAGES, chosen_counts, side="right") - 1, dtype=np.int64)


def standardised(scores: Matrix, touched: NDArray[np.bool_]) -> Matrix:
    """Each row with mean 0 and deviation 1 over the items that somebody chose; zeros where all are alike."""
    share = touched.astype(np.float32) / np.float32(max(touched.sum(), 1))
    mean = (scores @ share)[:, np.newaxis]  # products with all items: much cheaper than a copy of the touched ones
    centred = scores - mean
    deviation = np.sqrt(np.square(centred) @ share)[:, np.newaxis]
    alike = deviation <= ALIKE * np.abs(mean) + 1e-9
    centred *= np.where(alike, 0.0, 1.0 / np.maximum(deviation, 1e-9)).astype(np.float32)
    return centred
