"""From a plan to vectors: texts and pictures through their encoders, in batches."""

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.ingest.pictures import AHEAD, Waiting
from assistant.ingest.planning import BatchPlan
from tools.calibration import CalibratedEncoder
from tools.engines.pictures import PictureEncoder
from tools.engines.text import Purpose
from tools.errors import MediaError
from tools.records import EncoderIdentity
from tools.store import NewVector, Space, Writer

if TYPE_CHECKING:
    from PIL.Image import Image

TEXT_BATCH = 64
PICTURE_BATCH = 16


class ItemTextEncoder(CalibratedEncoder, Protocol):
    """The part of `tools.engines.text.TextEncoder` that ingestion and search use."""

    def encode(self, texts: Sequence[str], *, purpose: Purpose = ..., batch_size: int = ...) -> NDArray[np.float32]:
        """Texts to unit rows (n, d)."""

    def __hash__(self) -> int:
        """Vectors may be kept by the encoder that made them."""


@dataclass(frozen=True)
class Encoders:
    """What turns items into vectors."""

    text: ItemTextEncoder
    pictures: PictureEncoder

    def claim(self, writer: Writer) -> None:
        """Say in the catalogue that these encoders make its vectors.

        Raises:
            EncoderMismatch: others did.
        """
        for space, identity in self.spaces().items():
            writer.use_encoder(space, identity)

    def spaces(self) -> dict[Space, EncoderIdentity]:
        """The spaces that these encoders fill."""
        spaces: dict[Space, EncoderIdentity] = {
            "text": self.text.identity,
            "visual": self.pictures.visual_identity,
            "joint": self.pictures.joint_identity,
        }
        if not self.pictures.joint_is_text_space:
            spaces["joint_text"] = self.pictures.joint_identity
        return spaces


@dataclass
class Encoded:
    """The vectors of a plan, and the pictures that turned out to be unreadable."""

    vectors: list[NewVector]
    failed: dict[bytes, str]
    texts: int = 0
    pictures: int = 0


def encode(plan: BatchPlan, encoders: Encoders) -> Encoded:
    """Make the vectors that the plan lacks; pictures are read while others are encoded."""
    done = Encoded([], {}, texts=len(plan.texts))
    _texts(
        plan.texts, "text", lambda texts: encoders.text.encode(texts, purpose="document", batch_size=TEXT_BATCH), done
    )
    _texts(plan.joint_texts, "joint_text", encoders.pictures.encode_text, done)
    for start in range(0, len(plan.waiting), PICTURE_BATCH):
        end = start + PICTURE_BATCH
        for waiting in plan.waiting[start : end + AHEAD]:
            waiting.begin()
        _pictures(plan.waiting[start:end], encoders.pictures, done)
    return done


def _texts(
    texts: dict[bytes, str], space: Space, encode: Callable[[list[str]], NDArray[np.float32]], done: Encoded
) -> None:
    if texts:
        rows = encode(list(texts.values()))
        done.vectors += [NewVector(space, digest, row) for digest, row in zip(texts, rows, strict=True)]


def _pictures(batch: Sequence[Waiting], encoder: PictureEncoder, done: Encoded) -> None:
    read: list[tuple[bytes, Image]] = []
    for waiting in batch:
        try:
            read.append((waiting.hash, waiting.take()))
        except (MediaError, CancelledError) as exc:
            done.failed[waiting.hash] = str(exc)
    if read:
        rows = encoder.encode([picture for _, picture in read])
        for (digest, _), visual, joint in zip(read, rows.visual, rows.joint, strict=True):
            done.vectors += [NewVector("visual", digest, visual), NewVector("joint", digest, joint)]
    done.pictures += len(read)
