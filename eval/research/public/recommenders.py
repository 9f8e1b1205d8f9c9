"""Recommenders that score every item for every history: popularity, item-kNN, ALS, EASE, contents, and the product's.

All are given the same: what each user had to do with, in order; only the product's looks at the order. A history need
not have been there in training; a recommender that can say nothing of it gives equal scores, and the protocol then
falls back on popularity.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tools.taste.blend import NEXT, POPULARITY, Blend
from tools.taste.choices import Choices, Histories
from tools.taste.collaborative import AlsFactors
from tools.taste.model import TasteModel
from tools.taste.training import TooFewError, train

Scores = NDArray[np.float32]
"""(users, items), larger is better."""

MOST_DENSE_ITEMS = 8_000
"""EASE inverts an item-by-item matrix: 8,000 items take 2 GB at the peak, and a minute."""


class Recommender(Protocol):
    """Learns from choices (users, items), then scores all items for histories of the same items."""

    def fit(self, choices: Choices) -> None:
        """Learn."""
        ...

    def score(self, histories: Histories) -> Scores:
        """Scores for each history, dense (len(histories), items)."""
        ...


class Popularity:
    """How many users had to do with the item."""

    def fit(self, choices: Choices) -> None:
        """Count."""
        self._counts = np.asarray(choices.matrix.sum(axis=0), dtype=np.float32).ravel()

    def score(self, histories: Histories) -> Scores:
        """The same for everybody."""
        return np.tile(self._counts, (len(histories), 1))


@dataclass
class ItemKnn:
    """Cosine item-item neighbours (Sarwar et al. 2001), from the library implicit."""

    neighbours: int = 50

    def fit(self, choices: Choices) -> None:
        """Find each item's nearest items."""
        from implicit.nearest_neighbours import CosineRecommender

        model = CosineRecommender(K=self.neighbours, num_threads=1)
        with _undisturbed():
            model.fit(choices.matrix.astype(np.float64), show_progress=False)
        self._similarity = csr_matrix(model.similarity)

    def score(self, histories: Histories) -> Scores:
        """The sum of similarities to what is in the history."""
        return np.asarray((histories.matrix @ self._similarity).todense(), dtype=np.float32)


@dataclass
class Als:
    """Weighted matrix factorisation by alternating least squares (Hu, Koren and Volinsky 2008), from implicit."""

    factors: int = 64
    regularization: float = 0.05
    alpha: float = 5.0
    seed: int = 7

    def fit(self, choices: Choices) -> None:
        """Factorise; one thread, so that the result repeats."""
        from implicit.cpu.als import AlternatingLeastSquares

        with _undisturbed():
            self._model = AlternatingLeastSquares(
                factors=self.factors, regularization=self.regularization, alpha=self.alpha, iterations=15,
                num_threads=1, random_state=self.seed,
            )  # fmt: skip
            self._model.fit(choices.matrix, show_progress=False)

    def score(self, histories: Histories) -> Scores:
        """Each history's factors are solved for anew, so that known and new users are treated alike."""
        rows = np.arange(len(histories))
        factors = self._model.recalculate_user(rows, histories.matrix)
        return np.asarray(factors @ self._model.item_factors.T, dtype=np.float32)


@dataclass
class Ease:
    """Embarrassingly shallow autoencoder (Steck 2019): B = I - P / diag(P), P = (X'X + lambda I)^-1."""

    penalty: float = 300.0

    def fit(self, choices: Choices) -> None:
        """One inverse, float64 (items, items); the caller keeps to `MOST_DENSE_ITEMS`."""
        gram = np.asarray((choices.matrix.T @ choices.matrix).todense(), dtype=np.float64)
        gram[np.diag_indices_from(gram)] += self.penalty
        inverse = np.linalg.inv(gram)
        weights = inverse / -np.diag(inverse)
        weights[np.diag_indices_from(weights)] = 0.0
        self._weights = weights.astype(np.float32)

    def score(self, histories: Histories) -> Scores:
        """The history times the item-item weights."""
        return np.asarray(histories.matrix @ self._weights, dtype=np.float32)


@dataclass
class ContentBased:
    """Cosine of an item's vector to the mean of the history's: text embeddings, or features of pictures.

    Attributes:
        vectors: unit length, float32 (items, d).
    """

    vectors: NDArray[np.float32]

    def fit(self, choices: Choices) -> None:
        """Nothing is learned from others."""

    def score(self, histories: Histories) -> Scores:
        """Closeness to the centre of what the user had to do with; zero without any."""
        centre = np.asarray(histories.matrix @ self.vectors, dtype=np.float32)
        centre /= np.maximum(np.linalg.norm(centre, axis=1, keepdims=True), 1e-9)
        return np.asarray(centre @ self.vectors.T, dtype=np.float32)


@dataclass
class Hybrid:
    """The product's own taste model, trained and asked as the product does it; nothing of it is tuned on the test.

    Attributes:
        vectors: content by modality, unit rows float32 (items, d).
        model: what was learned; None before that, and where there is too little to learn from.
    """

    vectors: Mapping[str, Scores]
    model: TasteModel | None = None

    def fit(self, choices: Choices) -> None:
        """`tools.taste.training.train` with its defaults."""
        self.model = None
        with suppress(TooFewError):
            self.model = train(choices, self.vectors)

    def score(self, histories: Histories) -> Scores:
        """The model's scores; all alike without one."""
        if self.model is None:
            return np.zeros(histories.matrix.shape, dtype=np.float32)
        return self.model.scores(histories)


def without_order(model: TasteModel) -> TasteModel:
    """The model with all choices of a person alike and without the part of next choices, by the prior weights."""
    parts = {name: replace(part, tau=None) for name, part in model.parts.items() if name != NEXT}
    return replace(
        model, parts=parts, blend=replace(Blend.prior([*parts, POPULARITY]), untouched=model.blend.untouched)
    )


def without_ridge(model: TasteModel) -> TasteModel:
    """The model with no factors for items that nobody chose."""
    rows = np.flatnonzero(~model.touched)
    factors = next(part.scorer.factors.shape[1] for part in model.parts.values() if isinstance(part.scorer, AlsFactors))
    return model.with_factors(rows, np.zeros((len(rows), factors), np.float32))


@contextmanager
def _undisturbed() -> Iterator[None]:
    """One thread for linear algebra, as implicit asks for, and none of its remarks on how it converts its input."""
    from threadpoolctl import threadpool_limits

    with warnings.catch_warnings(), threadpool_limits(1, "blas"):
        warnings.simplefilter("ignore")
        yield


Grid = list[dict[str, Any]]

GRIDS: dict[str, tuple[Callable[..., Recommender], Grid]] = {
    "item-kNN": (ItemKnn, [{"neighbours": count} for count in (20, 50, 100, 200)]),
    "ALS": (
        Als,
        [
            {"factors": f, "regularization": r, "alpha": a}
            for f in (32, 64, 128)
            for r in (0.05, 1.0)
            for a in (2.0, 10.0)
        ],
    ),
    "EASE": (Ease, [{"penalty": penalty} for penalty in (100.0, 300.0, 600.0, 1000.0)]),
}
"""What is tuned, on the tuning events, with like care for each."""
