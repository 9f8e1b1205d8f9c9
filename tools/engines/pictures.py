"""What a picture encoder is: pictures, and words about pictures, to vectors."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from tools.records import EncoderIdentity, Label

if TYPE_CHECKING:
    from PIL.Image import Image

WIDEST = 16
"""Pictures longer than this many times their short side are cut to it, about the middle, before they are scaled.

Scaling the short side of a 1 x 1,000,000 picture up to an encoder's 260 pixels would take hundreds of gigabytes.
"""


@dataclass(frozen=True, eq=False)
class PictureVectors:
    """Vectors of n pictures, float32, unit rows: ``visual`` (n, dv) meets pictures, ``joint`` (n, dj) meets words."""

    visual: NDArray[np.float32]
    joint: NDArray[np.float32]


class PictureEncoder(Protocol):
    """Pictures and words to vectors. Cheap to construct; loads on first use; safe to call from several threads."""

    joint_is_text_space: bool
    """True: the joint space is the text encoder's own, so an item's text vector serves as the other side."""

    @property
    def visual_identity(self) -> EncoderIdentity:
        """Which encoder made ``visual`` rows."""

    @property
    def joint_identity(self) -> EncoderIdentity:
        """Which encoders made ``joint`` rows."""

    def load(self) -> None:
        """Load now what the first call would load."""

    def encode(self, pictures: Sequence["Image"]) -> PictureVectors:
        """RGB pictures of any size to vectors."""

    def encode_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Words into the joint space: float32 (n, dj), unit rows, not centred on the catalogue."""

    def labels(self, picture: "Image", k: int = 5) -> list[Label]:
        """What is to be seen, at most ``k`` labels, the most probable first."""


@cache
def class_names() -> tuple[str, ...]:
    """English names of the 1000 ImageNet classes, in the order of the classifiers' outputs.

    They are the names that OpenAI curated for CLIP (imagenet_classes.txt says where they come from).
    """
    lines = (Path(__file__).parent / "imagenet_classes.txt").read_text("utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


def unit_rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows scaled to length 1; a zero row stays zero."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = (rows / np.maximum(lengths, 1e-12)).astype(np.float32)
    return scaled


def no_rows(dimensions: int) -> NDArray[np.float32]:
    """The vectors of nothing: float32 (0, dimensions)."""
    return np.zeros((0, dimensions), dtype=np.float32)


def not_too_wide(picture: "Image") -> "Image":
    """The picture, or its middle where one side is more than `WIDEST` times the other."""
    width, height = picture.size
    most = WIDEST * min(width, height)
    if max(width, height) <= most:
        return picture
    left, top = max(0, (width - most) // 2), max(0, (height - most) // 2)
    return picture.crop((left, top, left + min(width, most), top + min(height, most)))
