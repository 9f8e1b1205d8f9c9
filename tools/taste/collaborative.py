"""Collaborative signals: from who chose what to a score of every item for a history that need not have been there.

Each is trained on a sparse matrix (people, items) of strengths, above zero for what was chosen, below for what was
refused, and keeps item-side numbers only: nothing of any single person is in it.
"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Algorithm = Literal["als", "bpr", "item-knn", "ease"]
Matrix = NDArray[np.float32]
Arrays = dict[str, NDArray[Any]]
Parameters = dict[str, int | float]

PARAMETERS: Final[dict[Algorithm, Parameters]] = {
    "als": {"factors": 32, "penalty": 1.0, "alpha": 2.0, "iterations": 15},
    "bpr": {"factors": 32, "penalty": 0.01, "rate": 0.05, "iterations": 100},
    "item-knn": {"neighbours": 100, "shrink": 10.0},
    "ease": {"penalty": 300.0},
}
"""Defaults; docs/collaborative.md says how they were found."""


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
        factors: of the items, float32 (items, f).
        penalty: regularisation of the factors.
        alpha: confidence in an event of strength 1.
    """

    factors: Matrix
    penalty: float
    alpha: float

    def scores(self, histories: csr_matrix) -> Matrix:
        """Products of each history's factors with all items'."""
        base = self.factors.T @ self.factors + self.penalty * np.eye(self.factors.shape[1], dtype=np.float32)
        user_factors = [self._person(base, *row_of(histories, row)) for row in range(histories.shape[0])]
        return np.asarray(np.stack(user_factors) @ self.factors.T, dtype=np.float32)

    def _person(self, base: Matrix, items: NDArray[np.int32], strengths: Matrix) -> Matrix:
        """The least squares that `implicit` solves: a refusal is a confident 0, a choice a confident 1."""
        chosen = self.factors[items]
        confidence = self.alpha * np.abs(strengths)
        left = base + chosen.T @ (chosen * (confidence - 1.0)[:, np.newaxis])
        right = chosen.T @ np.where(strengths > 0, confidence, 0.0).astype(np.float32)
        return np.asarray(np.linalg.solve(left, right), dtype=np.float32)

    def arrays(self) -> Arrays:
        """Factors and the two numbers."""
        return {"factors": self.factors, "numbers": np.array([self.penalty, self.alpha])}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Made again."""
        penalty, alpha = arrays["numbers"]
        return cls(arrays["factors"], float(penalty), float(alpha))


@dataclass(frozen=True)
class BprFactors:
    """Bayesian personalised ranking (Rendle et al. 2009); a history stands where the mean of its items' factors does.

    Attributes:
        factors: of the items, float32 (items, f + 1); the last one is the item's own bias.
    """

    factors: Matrix

    def scores(self, histories: csr_matrix) -> Matrix:
        """Products of the histories' means with all items' factors, and the bias."""
        sizes = np.maximum(np.asarray(abs(histories).sum(axis=1)), 1e-9)
        user_factors = np.asarray(histories @ self.factors) / sizes
        user_factors[:, -1] = 1.0
        return np.asarray(user_factors @ self.factors.T, dtype=np.float32)

    def arrays(self) -> Arrays:
        """The factors."""
        return {"factors": self.factors}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Made again."""
        return cls(arrays["factors"])


@dataclass(frozen=True)
class ItemWeights:
    """Item-item weights: EASE's (dense) or those of nearest neighbours (sparse), (items, items)."""

    weights: "Matrix | csr_matrix"

    def scores(self, histories: csr_matrix) -> Matrix:
        """The history times the weights."""
        scores = histories @ self.weights
        return np.asarray(scores.todense() if isinstance(scores, csr_matrix) else scores, dtype=np.float32)

    def arrays(self) -> Arrays:
        """The matrix, dense or in compressed rows."""
        if isinstance(self.weights, csr_matrix):
            matrix = self.weights
            return {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}
        return {"dense": self.weights}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Made again."""
        if "dense" in arrays:
            return cls(arrays["dense"])
        count = len(arrays["indptr"]) - 1
        return cls(csr_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), shape=(count, count)))


KINDS: Final[dict[Algorithm, type[AlsFactors] | type[BprFactors] | type[ItemWeights]]] = {
    "als": AlsFactors, "bpr": BprFactors, "item-knn": ItemWeights, "ease": ItemWeights,
}  # fmt: skip


def load(algorithm: Algorithm, arrays: Mapping[str, NDArray[Any]]) -> Collaborative:
    """What `arrays` of the same algorithm gave."""
    return KINDS[algorithm].of(arrays)


def fit(
    algorithm: Algorithm, matrix: csr_matrix, parameters: Parameters | None = None, *, seed: int = 7
) -> Collaborative:
    """Learn from strengths (people, items).

    Args:
        parameters: those that differ from `PARAMETERS`.
    """
    chosen = PARAMETERS[algorithm] | (parameters or {})
    match algorithm:
        case "als":
            return _als(matrix, chosen, seed)
        case "bpr":
            return _bpr(matrix, chosen, seed)
        case "ease":
            return ItemWeights(_ease(matrix, float(chosen["penalty"])))
    from tools.taste.neighbours import Neighbourhood  # that module imports this one

    near = Neighbourhood.of(matrix, most=int(chosen["neighbours"]), shrink=float(chosen["shrink"]))
    return ItemWeights(near.strengths)


def _als(matrix: csr_matrix, parameters: Parameters, seed: int) -> AlsFactors:
    from implicit.cpu.als import AlternatingLeastSquares

    penalty, alpha = float(parameters["penalty"]), float(parameters["alpha"])
    with _undisturbed():
        model = AlternatingLeastSquares(
            factors=int(parameters["factors"]), regularization=penalty, alpha=alpha,
            iterations=int(parameters["iterations"]), num_threads=1, random_state=seed,
        )  # fmt: skip
        model.fit(matrix, show_progress=False)
    return AlsFactors(np.asarray(model.item_factors, dtype=np.float32), penalty, alpha)


def _bpr(matrix: csr_matrix, parameters: Parameters, seed: int) -> BprFactors:
    from implicit.cpu.bpr import BayesianPersonalizedRanking

    with _undisturbed():
        model = BayesianPersonalizedRanking(
            factors=int(parameters["factors"]), regularization=float(parameters["penalty"]),
            learning_rate=float(parameters["rate"]), iterations=int(parameters["iterations"]),
            num_threads=1, random_state=seed,
        )  # fmt: skip
        model.fit(matrix.multiply(matrix > 0).tocsr(), show_progress=False)
    return BprFactors(np.asarray(model.item_factors, dtype=np.float32))


def _ease(matrix: csr_matrix, penalty: float) -> Matrix:
    """Embarrassingly shallow autoencoder (Steck 2019): B = I - P / diag(P), P = (X'X + lambda I)^-1."""
    gram = np.asarray((matrix.T @ matrix).todense(), dtype=np.float64)
    gram[np.diag_indices_from(gram)] += penalty
    inverse = np.linalg.inv(gram)
    weights = inverse / -np.diag(inverse)
    weights[np.diag_indices_from(weights)] = 0.0
    return np.asarray(weights, dtype=np.float32)


def row_of(matrix: csr_matrix, row: int) -> tuple[NDArray[np.int32], Matrix]:
    """Columns and values of one row."""
    span = slice(matrix.indptr[row], matrix.indptr[row + 1])
    return matrix.indices[span], np.asarray(matrix.data[span], dtype=np.float32)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """One thread for linear algebra, as implicit asks for, and none of its remarks on how it converts its input."""
    from threadpoolctl import threadpool_limits

    with warnings.catch_warnings(), threadpool_limits(1, "blas"):
        warnings.simplefilter("ignore")
        yield
