"""Recommenders that score every item for every history: popularity, item-kNN, ALS, BPR, EASE, text, and their fusion.

All are given the same: what each user had to do with, as a sparse matrix of ones. A history may be one that was not
there in training (a cold user); a recommender that can say nothing of it gives equal scores, and the protocol then
falls back on popularity.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tools.rank_fusion import reciprocal_rank

Scores = NDArray[np.float32]
"""(users, items), larger is better."""

Users = NDArray[np.int64] | None

MOST_DENSE_ITEMS = 20_000
"""EASE inverts an item-by-item matrix: 20,000 items are 1.6 GB and minutes."""


class Recommender(Protocol):
    """Learns from a matrix (users, items), then scores all items for histories of the same items."""

    def fit(self, train: csr_matrix) -> None:
        """Learn."""
        ...

    def score(self, histories: csr_matrix, users: Users = None) -> Scores:
        """Scores for each history, dense (len(histories), items).

        Args:
            histories: sparse (n, items).
            users: the row of each history in training, (n,); None when they were not there.
        """
        ...


class Popularity:
    """How many users had to do with the item."""

    def fit(self, train: csr_matrix) -> None:
        """Count."""
        self._counts = np.asarray(train.sum(axis=0), dtype=np.float32).ravel()

    def score(self, histories: csr_matrix, users: Users = None) -> Scores:
        """The same for everybody."""
        return np.tile(self._counts, (histories.shape[0], 1))


@dataclass
class ItemKnn:
    """Cosine item-item neighbours (Sarwar et al. 2001), from the library implicit."""

    neighbours: int = 50

    def fit(self, train: csr_matrix) -> None:
        """Find each item's nearest items."""
        from implicit.nearest_neighbours import CosineRecommender

        model = CosineRecommender(K=self.neighbours, num_threads=1)
        with _undisturbed():
            model.fit(train.astype(np.float64), show_progress=False)
        self._similarity = csr_matrix(model.similarity)

    def score(self, histories: csr_matrix, users: Users = None) -> Scores:
        """The sum of similarities to what is in the history."""
        return np.asarray((histories @ self._similarity).todense(), dtype=np.float32)


@dataclass
class Als:
    """Weighted matrix factorisation by alternating least squares (Hu, Koren and Volinsky 2008), from implicit."""

    factors: int = 64
    regularization: float = 0.05
    alpha: float = 5.0
    seed: int = 7

    def fit(self, train: csr_matrix) -> None:
        """Factorise; one thread, so that the result repeats."""
        from implicit.cpu.als import AlternatingLeastSquares

        with _undisturbed():
            self._model = AlternatingLeastSquares(
                factors=self.factors, regularization=self.regularization, alpha=self.alpha, iterations=15,
                num_threads=1, random_state=self.seed,
            )  # fmt: skip
            self._model.fit(train, show_progress=False)

    def score(self, histories: csr_matrix, users: Users = None) -> Scores:
        """Each history's factors are solved for anew, so that known and new users are treated alike."""
        rows = np.arange(histories.shape[0])
        factors = self._model.recalculate_user(rows, histories)
        return np.asarray(factors @ self._model.item_factors.T, dtype=np.float32)


@dataclass
class Bpr:
    """Bayesian personalised ranking (Rendle et al. 2009), from implicit.

    Histories other than those of training have no learned factors: the mean of their items' stands in for them.
    """

    factors: int = 64
    learning_rate: float = 0.05
    regularization: float = 0.01
    iterations: int = 150
    seed: int = 7

    def fit(self, train: csr_matrix) -> None:
        """Learn by sampled pairs; one thread, so that the result repeats."""
        from implicit.cpu.bpr import BayesianPersonalizedRanking

        self._model = BayesianPersonalizedRanking(
            factors=self.factors, learning_rate=self.learning_rate, regularization=self.regularization,
            iterations=self.iterations, num_threads=1, random_state=self.seed,
        )  # fmt: skip
        with _undisturbed():
            self._model.fit(train, show_progress=False)

    def score(self, histories: csr_matrix, users: Users = None) -> Scores:
        """Products of user and item factors; the last item factor is the item's own bias."""
        factors = self._means(histories) if users is None else self._model.user_factors[users]
        return np.asarray(factors @ self._model.item_factors.T, dtype=np.float32)

    def _means(self, histories: csr_matrix) -> Scores:
        sizes = np.maximum(np.asarray(histories.sum(axis=1)), 1)
        return np.asarray(histories @ self._model.item_factors / sizes, dtype=np.float32)


@dataclass
class Ease:
    """Embarrassingly shallow autoencoder (Steck 2019): B = I - P / diag(P), P = (X'X + lambda I)^-1."""

    penalty: float = 300.0

    def fit(self, train: csr_matrix) -> None:
        """One inverse, float64 (items, items).

        Raises:
            ValueError: more items than fit in memory.
        """
        if train.shape[1] > MOST_DENSE_ITEMS:
            raise ValueError(f"EASE needs a dense matrix of {train.shape[1]:,} squared; at most {MOST_DENSE_ITEMS:,}.")
        gram = np.asarray((train.T @ train).todense(), dtype=np.float64)
        gram[np.diag_indices_from(gram)] += self.penalty
        inverse = np.linalg.inv(gram)
        weights = inverse / -np.diag(inverse)
        weights[np.diag_indices_from(weights)] = 0.0
        self._weights = weights.astype(np.float32)

    def score(self, histories: csr_matrix, users: Users = None) -> Scores:
        """The history times the item-item weights."""
        return np.asarray(histories @ self._weights, dtype=np.float32)


@dataclass
class ContentBased:
    """Cosine of an item's vector to the mean of the history's: text embeddings, or features of pictures.

    Attributes:
        vectors: unit length, float32 (items, d).
    """

    vectors: NDArray[np.float32]

    def fit(self, train: csr_matrix) -> None:
        """Nothing is learned from others."""

    def score(self, histories: csr_matrix, users: Users = None) -> Scores:
        """Closeness to the centre of what the user had to do with; zero without any."""
        centre = np.asarray(histories @ self.vectors, dtype=np.float32)
        centre /= np.maximum(np.linalg.norm(centre, axis=1, keepdims=True), 1e-9)
        return np.asarray(centre @ self.vectors.T, dtype=np.float32)


@dataclass
class Fused:
    """Weighted reciprocal rank fusion (Cormack et al. 2009) as the product does (`tools.rank_fusion`)."""

    parts: Mapping[str, Recommender]
    weights: Mapping[str, float]
    k: float = 60.0

    def fit(self, train: csr_matrix) -> None:
        """Nothing: the parts are fitted once and shared."""

    def score(self, histories: csr_matrix, users: Users = None) -> Scores:
        """Fused scores; a part that cannot tell items apart for a history says nothing of it."""
        scores = [self.parts[name].score(histories, users) for name in self.weights]
        return fuse_scores(scores, list(self.weights.values()), self.k)


def fuse_scores(parts: Sequence[Scores], weights: Sequence[float], k: float) -> Scores:
    """Weighted reciprocal rank fusion of whole score matrices."""
    total = np.zeros_like(parts[0], dtype=np.float32)
    for scores, weight in zip(parts, weights, strict=True):
        tells = np.ptp(scores, axis=1, keepdims=True) > 0
        total += np.where(tells, reciprocal_rank(ranks(scores).astype(np.float64), weight=weight, k=k), 0.0)
    return total


def ranks(scores: Scores) -> NDArray[np.int32]:
    """1 for the best item of each row; equal scores in the order of the items."""
    order = np.argsort(-scores, axis=1, kind="stable")
    places = np.empty_like(order, dtype=np.int32)
    np.put_along_axis(places, order, np.arange(1, scores.shape[1] + 1, dtype=np.int32)[None, :], axis=1)
    return places


@contextmanager
def _undisturbed() -> Iterator[None]:
    """One thread for linear algebra, as implicit asks for, and none of its remarks on how it converts its input."""
    from threadpoolctl import threadpool_limits

    with warnings.catch_warnings(), threadpool_limits(1, "blas"):
        warnings.simplefilter("ignore")
        yield


Grid = list[dict[str, Any]]

GRIDS: dict[str, tuple[type[Any], Grid]] = {
    "item-kNN": (ItemKnn, [{"neighbours": count} for count in (20, 50, 100, 200)]),
    "ALS": (
        Als,
        [{"factors": f, "regularization": r, "alpha": a} for f in (32, 64) for r in (0.05, 1.0) for a in (2.0, 10.0)],
    ),
    "BPR": (Bpr, [{"factors": f, "iterations": i, "learning_rate": 0.05} for f in (32, 64) for i in (100, 200)]),
    "EASE": (Ease, [{"penalty": penalty} for penalty in (100.0, 300.0, 600.0, 1000.0)]),
}
"""What is tuned, on the tuning events, with like care for each."""

PRODUCT = ("item-kNN", "ALS", "BPR")
"""Collaborative signals of the library that the product takes; the best of them is fused, EASE is a baseline."""
