"""The classifiers that read a message: acts and operations from its embedding, roles from its tokens in context.

Acts and operations are linear (logistic regression). Roles are told by one small recurrent layer over the encoder's
token states: with a linear layer alone, 10 of 100 words more are labelled wrong, because an encoder of sentences does
not keep near each word what its neighbours make of it. The weights lie beside this file, one file for each text encoder
(``weights/NAME.safetensors``), made from the labelled messages by ``assistant eval heads --fit``.
"""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assistant.agent.reading.labels import ACTS, OPERATIONS
from assistant.agent.reading.spans import TaggedTokens
from tools.engines.text import TokenStates
from tools.errors import ServiceMissing

WEIGHTS = Path(__file__).with_name("weights")
EMBEDDING_SCALE = 20.0
SHOWN_SCALE = 2.0
"""Scales of the embedding's components and of whether items were shown, so that one penalty suits both."""

CLIP = 6.0
"""Standard deviations at which token states are cut off."""

Array = NDArray[np.float32]


class Classification(NamedTuple):
    """What the classifiers make of one message."""

    acts: dict[str, float]
    operations: dict[str, float]
    tagged: TaggedTokens

    @property
    def act(self) -> str:
        """The likeliest act."""
        return max(self.acts, key=lambda act: self.acts[act])

    def unless_sure(self, act: str, certain: float) -> "Classification":
        """The same without this act, where it is less probable than ``certain``."""
        return self if self.acts[act] >= certain else self._replace(acts={**self.acts, act: 0.0})


class Heads:
    """The classifiers for one text encoder."""

    def __init__(self, weights: dict[str, Array]) -> None:
        """``weights``: as `assistant.agent.reading.training` writes them."""
        self._weights = weights

    def read(self, text: str, states: TokenStates, *, shown: bool) -> Classification:
        """Acts, operations and roles of a message in about a millisecond.

        Args:
            states: the message's, encoded for classification.
            shown: whether items were shown before it.

        Raises:
            ServiceMissing: the encoder's folder was made by another version of this program.
        """
        if states.vectors.shape[1:] != self._weights["state.mean"].shape:
            raise ServiceMissing(
                "The text encoder was converted by another version of this program; remove its folder (its place: "
                "assistant models path NAME) and fetch it again with: assistant models pull."
            )
        features = message_features(states.embedding[np.newaxis], np.array([shown]))[0]
        acts = softmax(features @ self._weights["act.weight"] + self._weights["act.bias"])
        operations = sigmoid(features @ self._weights["operation.weight"] + self._weights["operation.bias"])
        roles = softmax(self._role_scores(states.vectors))
        return Classification(
            dict(zip(ACTS, acts.tolist(), strict=True)),
            dict(zip(OPERATIONS, operations.tolist(), strict=True)),
            TaggedTokens(text, states.offsets, roles),
        )

    def _role_scores(self, states: Array) -> Array:
        w = self._weights
        scaled = np.clip((states - w["state.mean"]) / w["state.deviation"], -CLIP, CLIP)
        inner = np.maximum(scaled @ w["role.in.weight"] + w["role.in.bias"], 0)
        forward = _recurrent(inner, w, "role.forward")
        backward = _recurrent(inner[::-1], w, "role.backward")[::-1]
        scores: Array = np.hstack([inner, forward, backward]) @ w["role.out.weight"] + w["role.out.bias"]
        return scores


def message_features(embeddings: Array, shown: NDArray[np.bool_]) -> Array:
    """What acts and operations are told from: (n, d + 1) for unit embeddings (n, d) and flags (n,)."""
    return np.hstack([embeddings * EMBEDDING_SCALE, shown[:, np.newaxis] * SHOWN_SCALE]).astype(np.float32)


def _recurrent(inputs: Array, weights: dict[str, Array], name: str) -> Array:
    """The outputs (n, h) of a gated recurrent unit (Cho et al. 2014, PyTorch's form) over inputs (n, d)."""
    projected = inputs @ weights[f"{name}.input"] + weights[f"{name}.input_bias"]
    recurrent, bias = weights[f"{name}.recurrent"], weights[f"{name}.recurrent_bias"]
    width = recurrent.shape[0]
    state = np.zeros(width, np.float32)
    outputs = np.empty((len(inputs), width), np.float32)
    for row, entry in enumerate(projected):
        hidden = state @ recurrent + bias
        reset = sigmoid(entry[:width] + hidden[:width])
        update = sigmoid(entry[width : 2 * width] + hidden[width : 2 * width])
        proposed = np.tanh(entry[2 * width :] + reset * hidden[2 * width :])
        state = ((1 - update) * proposed + update * state).astype(np.float32)
        outputs[row] = state
    return outputs


def softmax(scores: Array) -> Array:
    """Probabilities over the last axis."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    probabilities: Array = powers / powers.sum(axis=-1, keepdims=True)
    return probabilities


def sigmoid(scores: Array) -> Array:
    """The logistic function."""
    probabilities: Array = (1 / (1 + np.exp(-np.clip(scores, -30, 30)))).astype(np.float32)
    return probabilities


@lru_cache(maxsize=4)
def heads_for(encoder: str) -> Heads | None:
    """The classifiers of a text encoder by its name in the registry; None where it has none."""
    path = WEIGHTS / f"{encoder}.safetensors"
    if not path.is_file():
        return None
    from safetensors.numpy import load_file  # late: only readers of messages need it

    return Heads({name: values.astype(np.float32) for name, values in load_file(path).items()})
