"""The product's own taste model as a recommender of the protocol: trained and asked as the product does it."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix

from eval.research.public.recommenders import Scores, Users

if TYPE_CHECKING:
    from collections.abc import Callable

    from eval.research.public.recommenders import Recommender
    from tools.taste.model import TasteModel
    from tools.taste.training import TrainingPlan

ASKED_AT_ONCE = 200


@dataclass
class Hybrid:
    """`tools.taste.training.train` with its defaults; nothing of it is tuned on the test.

    Attributes:
        vectors: content by modality, unit rows float32 (items, d).
        times: of every event, sparse float64 (users, items); the training itself holds out each user's latest.
    """

    vectors: Mapping[str, Scores]
    times: csr_matrix
    plan: "TrainingPlan | None" = None

    def fit(self, train: csr_matrix) -> None:
        """Learn, blend weights and all; from too little nothing, as the product does."""
        from tools.taste.choices import Choices  # brings scipy; only this recommender needs it
        from tools.taste.training import TooFewError  # brings scipy; only this recommender needs it
        from tools.taste.training import train as learn  # brings scipy; only this recommender needs it

        matrix = csr_matrix(train, dtype=np.float32)
        matrix.sort_indices()
        at = np.asarray(self.times[matrix.nonzero()], dtype=np.float64).ravel()
        ids = tuple(str(row) for row in range(matrix.shape[1]))
        self.model: TasteModel | None = None
        with suppress(TooFewError):
            self.model = learn(Choices(matrix, at, ids), self.vectors, self.plan)

    def score(self, histories: csr_matrix, users: Users = None) -> Scores:
        """Folded in, so that known and new users are treated alike."""
        return self.scored(histories, lambda model, some: model.scores(some))

    def scored(self, histories: csr_matrix, ask: "Callable[[TasteModel, csr_matrix], Scores]") -> Scores:
        """What the model answers, some users at a time; all alike without one."""
        if self.model is None:
            return np.zeros(histories.shape, dtype=np.float32)
        starts = range(0, histories.shape[0], ASKED_AT_ONCE)
        return np.concatenate([ask(self.model, histories[start : start + ASKED_AT_ONCE]) for start in starts])


@dataclass
class HybridPart:
    """One part of a hybrid that is fitted already, by itself; untouched items by their contents."""

    hybrid: "Recommender"
    name: str

    def fit(self, train: csr_matrix) -> None:
        """Nothing: the hybrid has learned it."""

    def score(self, histories: csr_matrix, users: Users = None) -> Scores:
        """The part's scores."""
        if not isinstance(self.hybrid, Hybrid):
            raise TypeError(f"{self.hybrid} is no hybrid")
        return self.hybrid.scored(histories, lambda model, some: model.parts(some)[self.name])
