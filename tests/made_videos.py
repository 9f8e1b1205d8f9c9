"""Videos made for tests with PyAV: coloured shots, tones, and files that are broken in one way each."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

COLOURS = {"red": (200, 20, 20), "green": (20, 160, 40), "blue": (30, 40, 200), "white": (250, 250, 250)}


def make_video(
    path: Path,
    shots: Sequence[tuple[str | Path, float]] = (("red", 2.0),),
    *,
    size: tuple[int, int] = (160, 90),
    rate: int = 10,
    codec: str = "mpeg4",
    sound: bool = False,
    seconds_between: Sequence[float] = (),
    first_packet: int = 0,
    key_every: int = 12,
) -> Path:
    """Shots of plain colours with a lighter upper half, or of a picture, and a small moving square, each so many
    seconds long.

    Args:
        sound: a tone of 440 Hz as long as the picture.
        seconds_between: the time from each frame to the next, in turn, where it varies.
        first_packet: how many of the encoded packets are left out at the beginning.
        key_every: frames from one key frame to the next, where the codec has others.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt, stream.time_base = "yuv420p", Fraction(1, 1000)
        stream.codec_context.time_base, stream.codec_context.gop_size = Fraction(1, 1000), key_every
        tone = container.add_stream("aac" if path.suffix != ".webm" else "libopus", rate=48_000) if sound else None
        packets, at, count = [], 0.0, 0
        for colour, seconds in shots:
            end = at + seconds
            while at < end - 1e-9:
                frame = av.VideoFrame.from_ndarray(_coloured(colour, size, count), format="rgb24")
                frame.pts, frame.time_base = round(at * 1000), Fraction(1, 1000)
                packets += stream.encode(frame)
                at += seconds_between[count % len(seconds_between)] if seconds_between else 1 / rate
                count += 1
        packets += stream.encode(None)
        for packet in packets[first_packet:]:
            container.mux(packet)
        if tone:
            wave = (8000 * np.sin(2 * np.pi * 440 * np.arange(int(at * 48_000)) / 48_000)).astype(np.int16)
            for start in range(0, len(wave), 960):
                sample = av.AudioFrame.from_ndarray(wave[None, start : start + 960], format="s16", layout="mono")
                sample.sample_rate, sample.pts, sample.time_base = 48_000, start, Fraction(1, 48_000)
                container.mux(tone.encode(sample))
            container.mux(tone.encode(None))
    return path


def _coloured(shown: str | Path, size: tuple[int, int], count: int) -> "np.ndarray":
    if isinstance(shown, Path):
        picture = np.array(Image.open(shown).convert("RGB").resize(size))
    else:
        picture = np.full((size[1], size[0], 3), COLOURS[shown], np.uint8)
        picture[: size[1] // 2] = np.minimum(255, picture[: size[1] // 2].astype(int) + 40)
    left = 3 * count % (size[0] - 8)
    picture[size[1] // 2 : size[1] // 2 + 8, left : left + 8] = 0  # something that moves: no two frames are equal
    return picture


def turned(path: Path, target: Path) -> Path:
    """The MP4 as a phone held upright writes it: the same pixels, to be shown a quarter turn clockwise."""
    content = path.read_bytes()
    place = content.index(b"tkhd") + 4 + 40  # ISO 14496-12: the matrix of a track header of version 0
    one, zero, minus = (int(value).to_bytes(4, "big", signed=True) for value in (1 << 16, 0, -(1 << 16)))
    width = int.from_bytes(content[place + 40 : place + 44], "big").to_bytes(4, "big")
    matrix = zero + one + zero + minus + zero + zero + width + zero + (1 << 30).to_bytes(4, "big")
    target.write_bytes(content[:place] + matrix + content[place + 36 :])
    return target
