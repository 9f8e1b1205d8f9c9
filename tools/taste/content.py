"""Where an item that nobody chose stands among the factors of the others, by its contents alone.

One ridge regression from the contents of the items in training to their factors, in closed form, with the penalty
that leave-one-out errors of the same items favour: a linear map as in Gantner et al. 2010 (attribute-to-factor maps).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from tools.taste.collaborative import Arrays, Matrix

PENALTIES: Final = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
FEWEST_ITEMS: Final = 10
MOST_ITEMS: Final = 10_000
"""So many items, those that most people chose, are learned from; more make the map no better, only slower."""


@dataclass(frozen=True)
class ContentMap:
    """From unit vectors by modality to item factors.

    Attributes:
        weights: by modality (dimensions, f).
        means: by modality, of the items in training that have it, (dimensions,).
        intercept: the factors of an item without any content, (f,).
    """

    weights: Mapping[str, Matrix]
    means: Mapping[str, Matrix]
    intercept: Matrix

    @classmethod
    def fit(cls, vectors: Mapping[str, Matrix], factors: Matrix, people: NDArray[np.int32]) -> "ContentMap | None":
        """Learn from the items that somebody chose; None where there are fewer than `FEWEST_ITEMS`, or no contents.

        Args:
            vectors: by modality, unit rows float32 (items, dimensions), zeros where an item has none.
            factors: of the items, (items, f).
            people: how many people chose each, (items,).
        """
        from sklearn.linear_model import RidgeCV

        rows = np.argsort(-people, kind="stable")[: min(int((people > 0).sum()), MOST_ITEMS)]
        if not vectors or len(rows) < FEWEST_ITEMS:
            return None
        means = {name: _mean(matrix[rows]) for name, matrix in vectors.items()}
        centred = np.concatenate([_centred(vectors[name][rows], mean) for name, mean in means.items()], axis=1)
        ridge = RidgeCV(alphas=PENALTIES).fit(centred, factors[rows])
        ends = np.cumsum([len(mean) for mean in means.values()])[:-1]
        weights = np.split(np.asarray(ridge.coef_.T, dtype=np.float32), ends)
        return cls(dict(zip(means, weights, strict=True)), means, np.asarray(ridge.intercept_, dtype=np.float32))

    def factors(self, vectors: Mapping[str, Matrix], count: int) -> Matrix:
        """Factors (count, f) of items by their contents; modalities that were not learned from are left out.

        Args:
            vectors: as in `fit`, (count, dimensions).
        """
        total = np.tile(self.intercept, (count, 1))
        for name, weight in self.weights.items():
            if name in vectors:
                total += _centred(vectors[name], self.means[name]) @ weight
        return total

    def arrays(self) -> Arrays:
        """What `load` takes."""
        weights = {f"weights/{name}": matrix for name, matrix in self.weights.items()}
        means = {f"means/{name}": mean for name, mean in self.means.items()}
        return {"intercept": self.intercept, **weights, **means}

    @classmethod
    def load(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Made again."""
        names = [name.removeprefix("means/") for name in arrays if name.startswith("means/")]
        weights = {name: arrays[f"weights/{name}"] for name in names}
        return cls(weights, {name: arrays[f"means/{name}"] for name in names}, arrays["intercept"])


def _mean(rows: Matrix) -> Matrix:
    some = rows[rows.any(axis=1)]
    return np.asarray(some.mean(axis=0) if len(some) else np.zeros(rows.shape[1]), dtype=np.float32)


def _centred(rows: Matrix, mean: Matrix) -> Matrix:
    """Differences from the mean; zeros for an item without this modality."""
    return np.where(rows.any(axis=1, keepdims=True), rows - mean, 0.0).astype(np.float32)
