"""Made videos: items filmed from their photos with pan, zoom and an unsteady hand, cut together, some with speech.

Equal definitions and sources give the same video up to the encoder's version.
"""

import io
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageEnhance

from tools.media import load_picture

if TYPE_CHECKING:
    import av

SHAKE = 0.006
"""How far the hand moves from one frame to the next, of the picture's width (standard deviation)."""


@dataclass(frozen=True)
class FilmedShot:
    """One shot of a made video.

    Attributes:
        source: what is filmed; None: a plain wall.
        pan: how far the camera moves over the photo, of the room there is.
        zoom: how much of the photo's width is seen at the end, of that at the beginning.
        brightness: below 1 darker.
        lies: the picture lies on a table and is filmed whole, as a sheet of paper with words; else its middle is.
    """

    source: Path | None
    seconds: float
    pan: float = 0.5
    zoom: float = 1.0
    brightness: float = 1.0
    lies: bool = False


def video_mp4(
    shots: Sequence[FilmedShot],
    *,
    size: tuple[int, int] = (640, 360),
    rate: int = 10,
    seed: int = 7,
    codec: str = "libx264",
    speech: bytes | None = None,
    bit_rate: int = 900_000,
) -> bytes:
    """The shots as MP4.

    Args:
        speech: a WAV recording (16 bits, mono) that begins with the video.

    Raises:
        MediaError: a source is no picture.
    """
    import av

    rng, out = np.random.default_rng(seed), io.BytesIO()
    from_image: Any = av.VideoFrame.from_image  # PyAV gives it no types
    with av.open(out, "w", format="mp4") as container:
        stream: Any = container.add_stream(codec, rate=rate)
        stream.width, stream.height = size
        stream.options = {"preset": "ultrafast"} if codec == "libx264" else {}
        stream.pix_fmt, stream.bit_rate = "yuv420p", bit_rate
        sound: Any = container.add_stream("aac", rate=_wave_rate(speech), layout="mono") if speech else None
        for shot in shots:
            for image in _filmed(shot, size, rate, rng):
                container.mux(stream.encode(from_image(image)))
        container.mux(stream.encode(None))
        if sound and speech:
            for frame in _sound_frames(speech):
                container.mux(sound.encode(frame))
            container.mux(sound.encode(None))
    return out.getvalue()


def _filmed(shot: FilmedShot, size: tuple[int, int], rate: int, rng: np.random.Generator) -> Iterator[Image.Image]:
    photo = _photo(shot.source, 2 * size[0]) if shot.source else _wall(rng)
    if shot.lies:
        photo = _on_table(photo, size)
    count, shake = max(1, round(shot.seconds * rate)), np.zeros(2)
    start, end = rng.uniform(0, 1 - shot.pan, 2), rng.uniform(0, 1, 2) * shot.pan
    for n in range(count):
        part = n / count
        scale = 0.92 * (1 + (shot.zoom - 1) * part)
        width = min(photo.width * scale, photo.height * scale * size[0] / size[1])
        height = width * size[1] / size[0]
        shake = 0.9 * shake + rng.normal(0, SHAKE, 2)
        room = np.array([photo.width - width, photo.height - height])
        left, top = np.clip((start + end * part) * room + shake * photo.width, 0, room)
        image = photo.resize(size, Image.Resampling.BILINEAR, box=(left, top, left + width, top + height))
        yield ImageEnhance.Brightness(image).enhance(shot.brightness) if shot.brightness != 1 else image


@lru_cache(64)
def _photo(path: Path, side: int) -> Image.Image:
    photo = load_picture(path)
    photo.thumbnail((side, side))
    return photo


def _on_table(photo: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture on a grey table as wide and high as the video shows it, with an edge around."""
    side = 1.25 * max(photo.width / size[0], photo.height / size[1])
    table = Image.new("RGB", (round(side * size[0]), round(side * size[1])), (150, 150, 150))
    table.paste(photo, ((table.width - photo.width) // 2, (table.height - photo.height) // 2))
    return table


def _wall(rng: np.random.Generator) -> Image.Image:
    """A plain wall in a soft light."""
    shade = np.linspace(1.0, 0.8, 360)[:, None, None] * rng.uniform(90, 230, 3)
    noise = rng.normal(0, 3, (360, 640, 1))
    return Image.fromarray(np.clip(np.broadcast_to(shade, (360, 640, 3)) + noise, 0, 255).astype(np.uint8))


def _wave_rate(speech: bytes) -> int:
    with wave.open(io.BytesIO(speech)) as file:
        return int(file.getframerate())


def _sound_frames(speech: bytes) -> "Iterator[av.AudioFrame]":
    import av

    with wave.open(io.BytesIO(speech)) as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    for start in range(0, len(samples), 1024):
        frame = av.AudioFrame.from_ndarray(samples[None, start : start + 1024].copy(), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        yield frame
