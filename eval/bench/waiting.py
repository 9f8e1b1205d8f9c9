"""Encoders that wait as for a card, without work of their own; a text's vector is drawn by its hash."""

import hashlib
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from assistant.ingest import Encoders
from tools.engines.pictures import PictureVectors
from tools.engines.text import Purpose
from tools.records import EncoderIdentity, Label

DIMENSIONS = 64


def encoders(seconds: float) -> Encoders:
    """Encoders that wait so long for each text and picture."""
    return Encoders(WaitingText(seconds), WaitingPictures(seconds))


def _vector(content: bytes) -> NDArray[np.float32]:
    drawn = np.frombuffer(hashlib.shake_128(content).digest(DIMENSIONS), np.uint8).astype(np.float32) - 127.5
    return drawn / np.linalg.norm(drawn)


def _identity(name: str) -> EncoderIdentity:
    return EncoderIdentity(encoder=name, weights="none", preprocessing="none", dimensions=DIMENSIONS)


class WaitingText:
    """A text encoder."""

    def __init__(self, seconds: float) -> None:
        self.identity = _identity("waiting text")
        self._seconds = seconds

    def encode(
        self, texts: Sequence[str], *, purpose: Purpose = "document", batch_size: int = 64
    ) -> NDArray[np.float32]:
        """After a wait for each text."""
        time.sleep(self._seconds * len(texts))
        return np.stack([_vector(text.encode()) for text in texts])

    def encode_once(self, texts: Sequence[str], *, purpose: Purpose = "document") -> NDArray[np.float32]:
        """Without a wait."""
        return np.stack([_vector(text.encode()) for text in texts])


class WaitingPictures:
    """A picture encoder in the text encoder's space."""

    def __init__(self, seconds: float) -> None:
        self.visual_identity, self.joint_identity = _identity("waiting visual"), _identity("waiting joint")
        self.joint_is_text_space = True
        self._seconds = seconds

    def load(self) -> None:
        """Nothing to load."""

    def encode(self, pictures: Sequence[Image]) -> PictureVectors:
        """After a wait for each picture."""
        time.sleep(self._seconds * len(pictures))
        rows = np.stack([_vector(picture.tobytes()) for picture in pictures])
        return PictureVectors(visual=rows, joint=rows)

    def encode_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Without a wait."""
        return np.stack([_vector(text.encode()) for text in texts])

    def labels(self, picture: Image, k: int = 5) -> list[Label]:
        """None."""
        return []
