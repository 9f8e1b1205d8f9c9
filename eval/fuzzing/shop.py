"""A small catalogue of its own, with encoders that need no model: vectors are drawn by the content's hash."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from assistant.ingest import Encoders, IngestOptions, IngestSummary, Rejection, ingest
from eval.fuzzing.values import NAMES
from tools.engines.pictures import PictureVectors
from tools.engines.text import Purpose
from tools.media import Audio, MediaLimits
from tools.records import EncoderIdentity, Label, Segment, Transcript
from tools.store import Catalogue
from tools.toolbox import Engines

DIMENSIONS = 24
CATEGORIES = ("Shoes", "Home > Chairs", "Lamps", "鞋", "Kitchen > Mugs", "Sport")
COLOURS = ("black", "white", "red", "blue", "brown")


def _vector(content: bytes) -> NDArray[np.float32]:
    start = int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")
    row = np.random.default_rng(start).normal(size=DIMENSIONS).astype(np.float32)
    return row / np.linalg.norm(row)


def _identity(name: str) -> EncoderIdentity:
    return EncoderIdentity(encoder=name, weights="none", preprocessing="none", dimensions=DIMENSIONS)


class DrawnText:
    """A text encoder."""

    identity = _identity("drawn text")

    def load(self) -> None:
        """Nothing to load."""

    def encode(
        self, texts: Sequence[str], *, purpose: Purpose = "document", batch_size: int = 64
    ) -> NDArray[np.float32]:
        """Unit vectors (n, 24)."""
        return np.stack([_vector(text.encode()) for text in texts])

    def encode_once(self, texts: Sequence[str], *, purpose: Purpose = "document") -> NDArray[np.float32]:
        """As `encode`."""
        return self.encode(texts, purpose=purpose)


class DrawnPictures:
    """A picture encoder whose joint space is the text encoder's."""

    visual_identity = _identity("drawn visual")
    joint_identity = _identity("drawn joint")
    joint_is_text_space = True

    def load(self) -> None:
        """Nothing to load."""

    def encode(self, pictures: Sequence[Image.Image]) -> PictureVectors:
        """Unit vectors (n, 24), twice."""
        rows = np.stack([_vector(picture.tobytes()) for picture in pictures])
        return PictureVectors(visual=rows, joint=-rows)

    def encode_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (n, 24)."""
        return np.stack([_vector(b"joint " + text.encode()) for text in texts])

    def labels(self, picture: Image.Image, k: int = 5) -> list[Label]:
        """Every picture shows a chair."""
        return [Label(label="folding chair", score=0.9)]


class DrawnSpeech:
    """A speech engine that hears the same wish in every recording."""

    name = "drawn"

    def load(self) -> None:
        """Nothing to load."""

    def transcribe(self, audio: Audio, language: str | None = None) -> Transcript:
        """A wish."""
        segment = Segment(start=0, end=audio.seconds, text="black shoes under 100 dollars")
        return Transcript(
            text=segment.text,
            language=language or "en",
            confidence=0.9,
            segments=[segment],
            seconds=audio.seconds,
            spoken=True,
        )


def encoders() -> Encoders:
    """Both encoders."""
    return Encoders(cast(Any, DrawnText()), cast(Any, DrawnPictures()))


def engines(catalogue: Catalogue) -> Engines:
    """All that the tools need, over a catalogue."""
    parts: tuple[Any, Any, Any] = (DrawnText(), DrawnPictures(), DrawnSpeech())
    return Engines(catalogue, *parts, MediaLimits())


def take_in(
    catalogue: Catalogue, files: Sequence[Path], reject: Callable[[Rejection], None] = lambda _: None
) -> IngestSummary:
    """Ingest files with these encoders."""
    return ingest(catalogue, files, encoders(), IngestOptions(), reject=reject)


def stock(catalogue: Catalogue, folder: Path) -> None:
    """Fill a catalogue with one item of every brand, with pictures."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    lines = []
    for number, brand in enumerate(NAMES):
        picture = folder / "images" / f"{number}.png"
        Image.new("RGB", (16, 16), (number * 9 % 256, number * 5 % 256, 80)).save(picture)
        lines.append(_line(number, brand) | {"images": [f"images/{number}.png"]})
    path = folder / "stock.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    take_in(catalogue, [path])


def as_body() -> bytes:
    """The same items without pictures, as `POST /api/catalogue/items` takes them."""
    return json.dumps([_line(number, brand) for number, brand in enumerate(NAMES)]).encode()


def _line(number: int, brand: str) -> dict[str, object]:
    colour, category = COLOURS[number % len(COLOURS)], CATEGORIES[number % len(CATEGORIES)]
    thing = category.split(" > ")[-1].removesuffix("s")
    return {
        "id": f"item-{number}",
        "title": f"{brand} {colour} {thing}",
        "description": f"A {colour} {thing} of {('leather', 'oak', 'steel')[number % 3]} by {brand}.",
        "price": round(5 + 13.37 * number, 2),
        "currency": ("USD", "USD", "EUR")[number % 3],
        "category": category,
        "brand": brand,
        "in_stock": number % 4 != 0,
        "color": colour,
        "size": [38 + number % 8, 39 + number % 8],
    }
