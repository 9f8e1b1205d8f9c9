"""Encoders that need no model: a text's or picture's vector is drawn by the hash of its content.

Equal contents get equal vectors, different ones nearly orthogonal ones. They count what they encode and can be slow.
"""

import hashlib
import time
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from tools.engines.pictures import PictureVectors
from tools.engines.text import Purpose
from tools.records import EncoderIdentity, Label
from tools.store.words import query_words

DIMENSIONS = 24


@lru_cache(maxsize=100_000)
def hash_vector(content: bytes) -> NDArray[np.float32]:
    """A unit vector (24,) drawn by the content."""
    seed = int.from_bytes(hashlib.sha256(content).digest()[:8], "little")
    row = np.random.default_rng(seed).normal(size=DIMENSIONS).astype(np.float32)
    return row / np.linalg.norm(row)


def identity(name: str) -> EncoderIdentity:
    return EncoderIdentity(encoder=name, weights="none", preprocessing="none", dimensions=DIMENSIONS)


class HashText:
    """A text encoder."""

    def __init__(self, name: str = "hash-text", seconds: float = 0.0) -> None:
        self.identity = identity(name)
        self.encoded: list[str] = []
        self.encoded_once: list[str] = []
        self._seconds = seconds

    def load(self) -> None:
        pass

    def encode(
        self, texts: Sequence[str], *, purpose: Purpose = "document", batch_size: int = 64
    ) -> NDArray[np.float32]:
        time.sleep(self._seconds)
        self.encoded += texts
        return np.stack([hash_vector(text.encode()) for text in texts])

    def encode_once(self, texts: Sequence[str], *, purpose: Purpose = "document") -> NDArray[np.float32]:
        self.encoded_once += texts
        return np.stack([hash_vector(text.encode()) for text in texts])


class HashPictures:
    """A picture encoder whose joint space is the text encoder's, as ConSE's is, or its own, as CLIP's is."""

    def __init__(self, name: str = "hash-pictures", *, own_text_space: bool = False, seconds: float = 0.0) -> None:
        self.visual_identity = identity(f"{name} visual")
        self.joint_identity = identity(f"{name} joint")
        self.joint_is_text_space = not own_text_space
        self.encoded = 0
        self._seconds = seconds

    def load(self) -> None:
        pass

    def encode(self, pictures: Sequence[Image]) -> PictureVectors:
        time.sleep(self._seconds)
        self.encoded += len(pictures)
        rows = np.stack([hash_vector(picture.tobytes()) for picture in pictures])
        return PictureVectors(visual=rows, joint=-rows)

    def encode_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([hash_vector(b"joint " + text.encode()) for text in texts])

    def labels(self, picture: Image, k: int = 5) -> list[Label]:
        return []


class WordText:
    """A text encoder by words: texts that share words of content are near each other (256 dimensions)."""

    def __init__(self, name: str = "word-text") -> None:
        self.identity = EncoderIdentity(encoder=name, weights="none", preprocessing="none", dimensions=256)
        self.encoded: list[str] = []

    def load(self) -> None:
        pass

    def encode(
        self, texts: Sequence[str], *, purpose: Purpose = "document", batch_size: int = 64
    ) -> NDArray[np.float32]:
        self.encoded += texts
        rows = np.stack([sum(map(_word_vector, _content(text)), np.full(256, 1e-6)) for text in texts])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def encode_once(self, texts: Sequence[str], *, purpose: Purpose = "document") -> NDArray[np.float32]:
        return self.encode(texts, purpose=purpose)


def _content(text: str) -> list[str]:
    """Stems, without words that say nothing."""
    return [token for word in query_words(text) for token in word.tokens]


@lru_cache(maxsize=10_000)
def _word_vector(word: str) -> NDArray[np.float64]:
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "little")
    return np.random.default_rng(seed).normal(size=256) / 16
