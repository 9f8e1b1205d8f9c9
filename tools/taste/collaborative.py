"""Collaborative signals: from who chose what to a score of every item for a history that need not have been there.

Each is trained on the strengths of `Histories` and keeps item-side numbers only: nothing of any single person is in it.
"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve
from scipy.sparse import csr_matrix

Matrix = NDArray[np.float32]
Arrays = dict[str, NDArray[Any]]

ALS_SIZES: Final[dict[str, tuple[int, float]]] = {"als": (32, 2.0), "als-large": (128, 10.0)}
"""Factors and alpha of the factorisations that a training compares: few people and dense choices want the small one,
many people of few choices the large one (docs/collaborative.md)."""

PENALTY: Final = 1.0
ITERATIONS: Final = 15


class Collaborative(Protocol):
    """What was learned, and how it scores."""

    def scores(self, histories: csr_matrix) -> Matrix:
        """Every item's score (n, items) for each history (n, items); larger is better."""
        ...

    def arrays(self) -> Arrays:
        """What `load` takes to make it again."""
        ...


@dataclass(frozen=True)
class AlsFactors:
    """Weighted matrix factorisation (Hu, Koren and Volinsky 2008); a history's factors are solved for when asked.

    Attributes:
        factors: of the items, float32 (items, f); those of items that nobody chose are made from their contents.
        base: what every history's equations have in common, (f, f): F'F of the items in training, plus the penalty.
        alpha: confidence in an event of strength 1.
    """

    factors: Matrix
    base: Matrix
    alpha: float

    @classmethod
    def fit(cls, matrix: csr_matrix, factors: int, alpha: float, seed: int) -> Self:
        """Learn from strengths (people, items); the same result with any number of threads."""
        from implicit.cpu.als import AlternatingLeastSquares

        with _quiet():
            model = AlternatingLeastSquares(
                factors=factors, regularization=PENALTY, alpha=alpha, iterations=ITERATIONS, random_state=seed
            )
            model.fit(matrix, show_progress=False)
        item_factors = np.asarray(model.item_factors, dtype=np.float32)
        return cls(item_factors, item_factors.T @ item_factors + PENALTY * np.eye(factors, dtype=np.float32), alpha)

    @classmethod
    def of_pairs(cls, pairs: csr_matrix, factors: int, alpha: float) -> Self:
        """Where choices are known by their counts alone: the largest eigenvectors of the pairs, as in a singular value
        decomposition of the choices; histories are folded in as in `fit`.

        Args:
            pairs: how many people chose both, (items, items), the diagonal how many chose each; more than one item.
        """
        from scipy.sparse.linalg import eigsh

        count = min(factors, pairs.shape[0] - 1)
        values, vectors = eigsh(pairs.astype(np.float64), count, v0=np.ones(pairs.shape[0]))
        item_factors = np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)), dtype=np.float32)
        return cls(item_factors, item_factors.T @ item_factors + PENALTY * np.eye(count, dtype=np.float32), alpha)

    def scores(self, histories: csr_matrix) -> Matrix:
        """Products of each history's factors with all items'."""
        solved = [self._user_factors(*row_of(histories, row)) for row in range(histories.shape[0])]
        return np.asarray(np.stack(solved) @ self.factors.T, dtype=np.float32)

    def _user_factors(self, items: NDArray[np.int32], strengths: Matrix) -> Matrix:
        """The least squares that `implicit` solves: a refusal is a confident 0, a choice a confident 1."""
        chosen = self.factors[items]
        confidence = self.alpha * np.abs(strengths)
        left = self.base + chosen.T @ (chosen * (confidence - 1.0)[:, np.newaxis])
        right = chosen.T @ np.where(strengths > 0, confidence, 0.0).astype(np.float32)
        # numpy's threads wait for each other in so small a system: 128 factors took it 5 to 30 ms, scipy takes 0.2 ms
        return np.asarray(solve(left, right, assume_a="sym", check_finite=False), dtype=np.float32)

    def with_rows(self, rows: NDArray[np.int64], factors: Matrix) -> Self:
        """The same with other factors for some items; rows beyond the last are added (the next ones, in order)."""
        count = max(len(self.factors), int(rows.max(initial=-1)) + 1)
        enlarged = np.zeros((count, self.factors.shape[1]), np.float32)
        enlarged[: len(self.factors)] = self.factors
        enlarged[rows] = factors
        return replace(self, factors=enlarged)

    def arrays(self) -> Arrays:
        """Factors, base and alpha."""
        return {"factors": self.factors, "base": self.base, "alpha": np.array([self.alpha])}

    @classmethod
    def load(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Made again."""
        return cls(arrays["factors"], arrays["base"], float(arrays["alpha"][0]))


@dataclass(frozen=True)
class ItemWeights:
    """Item-item weights, sparse float32 (items, items): a row says what a chosen item speaks for, and how much."""

    weights: csr_matrix

    def scores(self, histories: csr_matrix) -> Matrix:
        """The histories times the weights."""
        if histories.shape[0] == 1:  # only rows of its items: a product of sparse matrices visits every item
            items, strengths = row_of(histories, 0)
            return np.asarray(self.weights[items].T @ strengths, dtype=np.float32)[np.newaxis]
        return np.asarray((histories @ self.weights).todense(), dtype=np.float32)

    def arrays(self) -> Arrays:
        """The matrix in compressed rows."""
        return {"data": self.weights.data, "indices": self.weights.indices, "indptr": self.weights.indptr}

    @classmethod
    def load(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Made again."""
        count = len(arrays["indptr"]) - 1
        return cls(csr_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), shape=(count, count)))


def row_of(matrix: csr_matrix, row: int) -> tuple[NDArray[np.int32], Matrix]:
    """Columns and values of one row."""
    span = slice(matrix.indptr[row], matrix.indptr[row + 1])
    return matrix.indices[span], np.asarray(matrix.data[span], dtype=np.float32)


@contextmanager
def _quiet() -> Iterator[None]:
    """No threads inside those of implicit, as it asks for, and none of its remarks on how it converts its input."""
    from threadpoolctl import threadpool_limits

    with warnings.catch_warnings(), threadpool_limits(1, "blas"):
        warnings.simplefilter("ignore")
        yield
