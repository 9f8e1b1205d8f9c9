"""From a plan to vectors: texts and pictures through their encoders, in batches."""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.ingest.pictures import AHEAD, SOUNDS_AHEAD, MediaLoader, Waiting, taken
from assistant.ingest.planning import BatchPlan
from tools.calibration import CalibratedEncoder
from tools.engines.pictures import PictureEncoder
from tools.engines.sounds import SoundEncoder, is_silent
from tools.engines.text import Purpose
from tools.errors import MediaError
from tools.media import Audio, MediaLimits
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
    """What turns items into vectors; without ``sounds`` recordings have none."""

    text: ItemTextEncoder
    pictures: PictureEncoder
    sounds: SoundEncoder | None = None

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
        if self.sounds:
            spaces["sound"] = self.sounds.identity
        return spaces


@dataclass
class Encoded:
    """The vectors of a plan, and the pictures and sounds that turned out to be unreadable, with the reason."""

    vectors: list[NewVector]
    failed: dict[bytes, str]
    texts: int = 0
    pictures: int = 0
    sounds: int = 0


class Embedding(Protocol):
    """Where the vectors of plans are made, such as on other machines."""

    def __call__(
        self, plans: Iterator[BatchPlan], limits: MediaLimits, told: Callable[[int], None]
    ) -> Generator[tuple[BatchPlan, Encoded], None, None]:
        """Each plan with its vectors, in order; plans are taken ahead of that. ``told`` is as of `encode`."""


def encode(
    plan: BatchPlan, encoders: Encoders, loader: MediaLoader, told: Callable[[int], None] = lambda _: None
) -> Encoded:
    """Make the vectors that the plan lacks; files are decoded while others are encoded.

    ``told`` how many more texts, pictures and sounds have their vectors.
    """
    done = Encoded([], {}, texts=len(plan.texts))
    _texts(
        plan.texts, "text", lambda texts: encoders.text.encode(texts, purpose="document", batch_size=TEXT_BATCH), done
    )
    _texts(plan.joint_texts, "joint_text", encoders.pictures.encode_text, done)
    if plan.texts:
        told(len(plan.texts))
    for start in range(0, len(plan.waiting), PICTURE_BATCH):
        end = start + PICTURE_BATCH
        for waiting in plan.waiting[start : end + AHEAD]:
            waiting.begin()
        _pictures(plan.waiting[start:end], encoders.pictures, done)
        told(len(plan.waiting[start:end]))
    if encoders.sounds:
        rate = encoders.sounds.rate
        sounds = [loader.sound(file, digest, rate) for digest, file in plan.sounds.items()]
        for digest, sound in taken(sounds, SOUNDS_AHEAD):
            _sound(digest, sound, plan.sounds[digest].name, encoders.sounds, done)
            told(1)
    return done


def _sound(digest: bytes, sound: Audio | MediaError | None, name: str, encoder: SoundEncoder, done: Encoded) -> None:
    if isinstance(sound, MediaError):
        done.failed[digest] = str(sound)
    elif sound is None or is_silent(sound):
        done.failed[digest] = f"{name} holds no sound." if sound is None else f"{name} is silent."
    else:
        done.vectors.append(NewVector("sound", digest, encoder.encode([sound])[0]))
        done.sounds += 1


def _texts(
    texts: dict[bytes, str], space: Space, encode: Callable[[list[str]], NDArray[np.float32]], done: Encoded
) -> None:
    if texts:
        rows = encode(list(texts.values()))
        done.vectors += [NewVector(space, digest, row) for digest, row in zip(texts, rows, strict=True)]


def _pictures(batch: "Sequence[Waiting[Image]]", encoder: PictureEncoder, done: Encoded) -> None:
    read: list[tuple[bytes, Image]] = []
    for waiting in batch:
        try:
            read.append((waiting.hash, waiting.take()))
        except MediaError as exc:
            done.failed[waiting.hash] = str(exc)
    if read:
        rows = encoder.encode([picture for _, picture in read])
        for (digest, _), visual, joint in zip(read, rows.visual, rows.joint, strict=True):
            done.vectors += [NewVector("visual", digest, visual), NewVector("joint", digest, joint)]
    done.pictures += len(read)
