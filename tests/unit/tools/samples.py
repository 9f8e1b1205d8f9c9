"""Pictures and recordings that tests make for themselves."""

import struct
import zlib
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

RATE = 16_000


def picture(width: int = 90, height: int = 60) -> Image.Image:
    """Red on the left, blue on the right, so that a turn or a flip shows."""
    image = Image.new("RGB", (width, height), (220, 30, 30))
    image.paste((30, 30, 220), (width // 2, 0, width, height))
    return image


def png_header(path: Path, width: int, height: int) -> Path:
    """A PNG that states its size and holds next to no pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b""))
    return path


def tone(seconds: float, rate: int = RATE, hertz: float = 440) -> NDArray[np.float32]:
    """A steady tone at a third of full loudness."""
    return (np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate) / 3).astype(np.float32)


def record(
    path: Path,
    seconds: float = 2.0,
    *,
    codec: str = "pcm_s16le",
    rate: int = RATE,
    stereo: bool = False,
    live: bool = False,
) -> Path:
    """A tone in any codec; ``live`` leaves the length out of the header, as a browser's recorder does."""
    layout = "stereo" if stereo else "mono"
    samples = (tone(seconds, rate) * 32767).astype(np.int16)
    interleaved = np.repeat(samples, 2 if stereo else 1).reshape(1, -1)
    with av.open(str(path), "w", container_options={"live": "1"} if live else {}) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(interleaved, format="s16", layout=layout)
        frame.sample_rate = rate
        resampler = av.AudioResampler(
            format=stream.format, layout=layout, rate=rate, frame_size=stream.codec_context.frame_size or None
        )
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


def cut(source: Path, target: Path, fraction: float = 0.5) -> Path:
    """The beginning of a file."""
    content = source.read_bytes()
    target.write_bytes(content[: int(len(content) * fraction)])
    return target
