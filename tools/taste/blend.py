"""One score from several: a log-linear blend whose weights depend on how much is known of the person.

Each part's scores are standardised over the items that somebody chose, for each history by itself; the blend is their
weighted sum, and its weights maximise the likelihood of held-out choices (the conditional logit of McFadden 1974).
An item that nobody chose has no collaborative part: its whole score is foretold from its content by a straight line
fitted on the items that have both. The residual's half variance is added, since among log-normal odds it is the
expectation that counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tools.taste.collaborative import Matrix

STAGES: Final = (1, 4, 11)
"""From how many chosen items on a stage's weights hold: few, some, many. Before the first, popularity alone counts."""

POPULARITY: Final = "popularity"
CONTENT: Final = "content"
"""The multimodal model's score of an item as if nobody had chosen it; the only part that untouched items have."""


@dataclass(frozen=True)
class Blend:
    """How parts become one score.

    Attributes:
        names: the parts.
        weights: (stages, parts).
        untouched: (stages, 2), the constant and the slope for items that nobody chose.
    """

    names: tuple[str, ...]
    weights: Matrix
    untouched: Matrix

    @classmethod
    def even(cls, names: Sequence[str]) -> "Blend":
        """Where too little was held out to fit: all alike, and untouched items by their content."""
        shape = (len(STAGES), len(names))
        return cls(tuple(names), np.ones(shape, np.float32), np.tile(np.float32([0.0, 1.0]), (len(STAGES), 1)))

    def scores(self, parts: Mapping[str, Matrix], known: NDArray[np.int64], touched: NDArray[np.bool_]) -> Matrix:
        """Blended scores (n, items).

        Args:
            parts: each part's scores (n, items), standardised; `CONTENT` too where there is a multimodal model.
            known: how many chosen items each history holds, (n,).
            touched: whether anybody chose the item, (items,).
        """
        total = np.array(parts[POPULARITY], dtype=np.float32)
        stages = stage_of(known)
        some = stages >= 0
        weights = self.weights[np.maximum(stages, 0)]
        mixed = sum(weights[:, place, np.newaxis] * parts[name] for place, name in enumerate(self.names))
        total[some] = np.asarray(mixed)[some]
        if CONTENT in parts and not touched.all():
            constant, slope = self.untouched[np.maximum(stages, 0)].T[:, :, np.newaxis]
            total[:, ~touched] = constant + slope * parts[CONTENT][:, ~touched]
        return total


def stage_of(known: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place in `STAGES` for each number of chosen items; -1 where nothing is known."""
    return np.asarray(np.searchsorted(STAGES, known, side="right") - 1, dtype=np.int64)


def standardised(scores: Matrix, touched: NDArray[np.bool_]) -> Matrix:
    """Each row with mean 0 and deviation 1 over the items that somebody chose; zeros where all are alike."""
    among = scores[:, touched]
    if not among.size:
        return np.zeros_like(scores)
    deviation = among.std(axis=1, keepdims=True)
    centred = scores - among.mean(axis=1, keepdims=True)
    return np.asarray(np.where(deviation > 1e-9, centred / np.maximum(deviation, 1e-9), 0.0), dtype=np.float32)
