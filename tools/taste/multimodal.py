"""The multimodal model's item side, as numbers: an item is a gated sum of what its texts, pictures and people say.

    item = sum over channels of gate_c * channel_c        gate = softmax of (bias_c + v_c . x_c) over present channels
    channel of a modality = W_m (x_m - mean_m) + b_m      channel "people" = a free vector, where anybody chose the item
    score(history, item) = (M h / sqrt(|h|)) . item + item's own bias,   h = sum of strength * item over the history

Trained in `tools.taste.multimodal_training` with the people channel left out at random (DropoutNet, Volkovs et al.
2017), so that contents alone carry items that nobody has touched. Content beside a free factor is VBPR's (He and
McAuley 2016); the history instead of a user's vector is FISM's (Kabbur et al. 2013): a new person needs no training.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tools.taste.collaborative import Arrays, Matrix

PEOPLE_CHANNEL = "people"
"""The channel of an item's free vector."""


@dataclass(frozen=True)
class Tower:
    """How one modality becomes a channel.

    Attributes:
        weight: (dimensions, d + 1); the last column is the item's own bias.
        bias: (d + 1,).
        mean: of the modality over the catalogue, (dimensions,).
        gate: (dimensions + 1,); the last is the gate's bias.
    """

    weight: Matrix
    bias: Matrix
    mean: Matrix
    gate: Matrix

    def channel(self, vectors: Matrix) -> tuple[Matrix, Matrix]:
        """Channel (n, d + 1) and the gate's logits (n,) of vectors (n, dimensions)."""
        centred: Matrix = np.asarray(vectors - self.mean, dtype=np.float32)
        channel: Matrix = np.asarray(centred @ self.weight + self.bias, dtype=np.float32)
        return channel, np.asarray(centred @ self.gate[:-1] + self.gate[-1], dtype=np.float32)


@dataclass(frozen=True)
class Towers:
    """The trained model.

    Attributes:
        items: (items, d + 1), with the people channel where anybody chose the item; the last column is the bias.
        contents: the same without the people channel.
        turn: M above, (d, d).
        towers: by modality.
    """

    items: Matrix
    contents: Matrix
    turn: Matrix
    towers: Mapping[str, Tower]

    def scores(self, histories: csr_matrix) -> Matrix:
        """Every item's score (n, items)."""
        return self._user_vectors(histories) @ self.items[:, :-1].T + self.items[:, -1]

    def content_scores(self, histories: csr_matrix) -> Matrix:
        """Every item's score (n, items) as if nobody had chosen it."""
        return self._user_vectors(histories) @ self.contents[:, :-1].T + self.contents[:, -1]

    def _user_vectors(self, histories: csr_matrix) -> Matrix:
        sizes = np.sqrt(np.maximum(np.asarray(abs(histories).sum(axis=1)), 1e-6))
        return np.asarray((histories @ self.items[:, :-1]) / sizes @ self.turn, dtype=np.float32)

    def placed(self, vectors: Mapping[str, Matrix], count: int) -> Matrix:
        """Where further items belong that only their contents are known of, (count, d + 1).

        Args:
            vectors: by modality (count, dimensions); a row of zeros where an item lacks it. Unknown ones are left out.
        """
        channels, logits = [], []
        for name, tower in self.towers.items():
            rows = vectors.get(name)
            present = np.zeros(count, np.bool_) if rows is None else rows.any(axis=1)
            channel, logit = tower.channel(np.zeros((count, len(tower.mean)), np.float32) if rows is None else rows)
            channels.append(channel)
            logits.append(np.where(present, logit, -np.inf))
        return gated(np.stack(channels), np.stack(logits))[0]

    def with_items(self, rows: Matrix) -> Self:
        """A model of these items too, rows as `placed` gives them."""
        return replace(self, items=np.concatenate([self.items, rows]), contents=np.concatenate([self.contents, rows]))

    def arrays(self) -> Arrays:
        """What `load` takes."""
        arrays: Arrays = {"items": self.items, "contents": self.contents, "turn": self.turn}
        for name, tower in self.towers.items():
            for part in ("weight", "bias", "mean", "gate"):
                arrays[f"tower/{name}/{part}"] = getattr(tower, part)
        return arrays

    @classmethod
    def load(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Made again."""
        names = sorted({key.split("/")[1] for key in arrays if key.startswith("tower/")})
        parts = ("weight", "bias", "mean", "gate")
        towers = {name: Tower(**{part: arrays[f"tower/{name}/{part}"] for part in parts}) for name in names}
        return cls(arrays["items"], arrays["contents"], arrays["turn"], towers)


def gated(channels: Matrix, logits: Matrix) -> tuple[Matrix, Matrix]:
    """The gated sum (n, d + 1) of channels (c, n, d + 1) by the softmax of logits (c, n), and the gates (c, n).

    A channel whose logit is -inf is absent; an item without any is a row of zeros.
    """
    highest = logits.max(axis=0)
    weights = np.exp(logits - np.where(np.isfinite(highest), highest, 0.0))
    gates = weights / np.maximum(weights.sum(axis=0), 1e-9)
    return np.einsum("cn,cnd->nd", gates, channels).astype(np.float32), gates.astype(np.float32)
