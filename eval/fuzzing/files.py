"""Small files of the kinds that people send, and the same files damaged, spliced and renamed.

Case n of a seed is always the same file, up to the versions of the encoders.
"""

import gzip
import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

PICTURES: Mapping[str, str] = {
    "jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif", "bmp": "image/bmp",
    "tiff": "image/tiff", "tif": "image/tiff", "avif": "image/avif",
}  # fmt: skip
"""Kinds of pictures by the end of their names, with their content types."""
SOUNDS: Mapping[str, tuple[str, str, str]] = {
    "wav": ("audio/wav", "wav", "pcm_s16le"),
    "mp3": ("audio/mpeg", "mp3", "libmp3lame"),
    "ogg": ("audio/ogg", "ogg", "libopus"),
    "flac": ("audio/flac", "flac", "flac"),
    "m4a": ("audio/mp4", "mp4", "aac"),
}
"""Content type, FFmpeg's format and encoder."""
VIDEOS: Mapping[str, tuple[str, str, str, str]] = {
    "mp4": ("video/mp4", "mp4", "libx264", "aac"),
    "webm": ("video/webm", "webm", "libvpx", "libopus"),
    "mkv": ("video/x-matroska", "matroska", "mpeg4", "aac"),
}
"""Content type, FFmpeg's format, encoders of picture and sound."""
OTHERS: Mapping[str, str] = {
    "pdf": "application/pdf", "zip": "application/zip", "gz": "application/gzip", "svg": "image/svg+xml",
}  # fmt: skip
CONTENT_TYPES: Mapping[str, str] = (
    {**PICTURES, **OTHERS}
    | {end: form[0] for end, form in SOUNDS.items()}
    | {end: video[0] for end, video in VIDEOS.items()}
)
FIELDS: Mapping[str, Sequence[str]] = {"images": list(PICTURES), "audio": list(SOUNDS), "video": list(VIDEOS)}
"""Fields of a message, and the ends of the names that belong there."""
ODD_NAMES = ("", "no-end", "a.jpg.exe", "фото.jpg", "照片.png", "..", "x" * 300 + ".mp4", "a b;c.png", "half.tar.gz")
ODD_TYPES = ("application/octet-stream", "text/html", "image/*", "nonsense")
EXTREMES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x0001_0000)
SECONDS, SIZE = 1.0, (96, 64)


@dataclass(frozen=True)
class MutatedFile:
    """A file as it is sent; ``description`` says what it was made of, and how."""

    name: str
    content_type: str
    field: str
    content: bytes
    description: str


# Intact files --------------------------------------------------------------------------------------------------------


def originals() -> dict[str, bytes]:
    """A small intact file of each kind, by the end of its name."""
    made = {end: picture(end) for end in PICTURES} | {end: sound(end) for end in SOUNDS}
    made |= {end: video(end) for end in VIDEOS}
    return made | {"pdf": _pdf(), "zip": _zip(made["png"]), "gz": gzip.compress(made["wav"], mtime=0), "svg": _SVG}


def picture(end: str) -> bytes:
    """A drawing; GIF and WebP are animated, JPEG and TIFF have EXIF data, and the TIFF named "tif" is compressed."""
    out, frames = io.BytesIO(), [_drawn(n) for n in range(3)]
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Camera"
    kind = {"jpg": "JPEG", "tif": "TIFF"}.get(end, end.upper())
    further: dict[str, Any] = {"exif": exif} if end in ("jpg", "webp", "tiff", "tif") else {}
    if end == "tif":
        further["compression"] = "tiff_lzw"
    if end in ("gif", "webp"):
        further |= {"save_all": True, "append_images": frames[1:], "duration": 100}
    frames[0].save(out, kind, **further)
    return out.getvalue()


def _drawn(n: int) -> Image.Image:
    image = Image.new("RGB", SIZE, (240, 235, 200))
    canvas = ImageDraw.Draw(image)
    canvas.ellipse((20 + 4 * n, 10, 70, 54), fill=(180, 30, 40 + 30 * n))
    canvas.line((0, 60, 96, 20 * n), fill="black", width=3)
    return image


def sound(end: str) -> bytes:
    """A tone of one second."""
    import av

    _, form, codec = SOUNDS[end]
    out = io.BytesIO()
    with av.open(out, "w", format=form) as container:
        _mux_tone(container, container.add_stream(codec, rate=48_000, layout="mono"))
    return out.getvalue()


def video(end: str) -> bytes:
    """Two shots in one second, with a tone."""
    import av

    _, form, codec, sound_codec = VIDEOS[end]
    out = io.BytesIO()
    with av.open(out, "w", format=form) as container:
        stream: Any = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        tone = container.add_stream(sound_codec, rate=48_000, layout="mono")
        from_image: Any = av.VideoFrame.from_image  # PyAV gives it no types
        for n in range(round(SECONDS * 10)):
            container.mux(stream.encode(from_image(_drawn(n % 5 if n < 5 else 9))))
        container.mux(stream.encode(None))
        _mux_tone(container, tone)
    return out.getvalue()


def _mux_tone(container: Any, stream: Any) -> None:  # noqa: ANN401 - PyAV gives them no types
    import av

    times = np.arange(int(SECONDS * 48_000)) / 48_000
    samples: NDArray[np.int16] = (9000 * np.sin(2 * np.pi * 440 * times)).astype(np.int16)
    resampler = av.AudioResampler(stream.format or "s16", "mono", 48_000, frame_size=stream.frame_size or None)
    frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
    frame.sample_rate = 48_000
    for part in [*resampler.resample(frame), *resampler.resample(None)]:
        container.mux(stream.encode(part))
    container.mux(stream.encode(None))


_SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><circle r="9"/></svg>\n'


def _pdf() -> bytes:
    text = b"BT /F1 24 Tf 20 40 Td (Invoice 42) Tj ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 80] /Contents 4 0 R >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
    ]
    body = b"%PDF-1.4\n" + b"".join(b"%d 0 obj\n%s\nendobj\n" % pair for pair in enumerate(objects, start=1))
    return body + b"trailer << /Root 1 0 R /Size 5 >>\n%%EOF\n"


def _zip(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("photo.png"), content)
        archive.writestr(zipfile.ZipInfo("notes.txt"), "I am a shopping list.\n" * 20)
    return out.getvalue()


# Mutations -----------------------------------------------------------------------------------------------------------

Mutation = Callable[[bytes, Mapping[str, bytes], random.Random], bytes]


def flipped(content: bytes, others: Mapping[str, bytes], rng: random.Random) -> bytes:
    """One to 64 bits are flipped, half of the time near the beginning only."""
    changed = bytearray(content)
    end = min(len(changed), 256) if rng.random() < 0.5 else len(changed)
    for _ in range(rng.choice((1, 2, 4, 16, 64)) if end else 0):
        changed[rng.randrange(end)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(content: bytes, others: Mapping[str, bytes], rng: random.Random) -> bytes:
    """The beginning, or the file without its beginning."""
    at = rng.randrange(len(content) + 1)
    return content[:at] if rng.random() < 0.8 else content[at:]


def spliced(content: bytes, others: Mapping[str, bytes], rng: random.Random) -> bytes:
    """The beginning of this file and the end of another, or both whole, one after the other."""
    other = others[rng.choice(sorted(others))]
    if rng.random() < 0.3:
        return content + other
    return content[: rng.randrange(len(content) + 1)] + other[rng.randrange(len(other) + 1) :]


def other_header(content: bytes, others: Mapping[str, bytes], rng: random.Random) -> bytes:
    """The first bytes are another file's."""
    length = rng.choice((4, 8, 12, 16, 32, 64, 512))
    return others[rng.choice(sorted(others))][:length] + content[length:]


def wrong_number(content: bytes, others: Mapping[str, bytes], rng: random.Random) -> bytes:
    """One to three numbers, such as lengths and sizes, are extreme; most of them near the beginning."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 3)):
        width, order = rng.choice((1, 2, 4, 4, 8)), rng.choice("<>")
        value = rng.choice((*EXTREMES, rng.getrandbits(32))) & (2 ** (8 * width) - 1)
        end = min(len(changed), 128) if rng.random() < 0.6 else len(changed)
        if end > width:
            at = rng.randrange(end - width)
            changed[at : at + width] = struct.pack(order + {1: "B", 2: "H", 4: "I", 8: "Q"}[width], value)
    return bytes(changed)


def repeated(content: bytes, others: Mapping[str, bytes], rng: random.Random) -> bytes:
    """A block stands there up to 2,000 times; the file stays below about 1 MiB."""
    start, length = rng.randrange(len(content) + 1), rng.choice((1, 4, 16, 64, 256, 1024))
    block = content[start : start + length]
    return content[:start] + block * min(rng.choice((2, 10, 200, 2_000)), 2**20 // max(1, len(block))) + content[start:]


def zeroed(content: bytes, others: Mapping[str, bytes], rng: random.Random) -> bytes:
    """A block is zeros, ones or noise."""
    start, length = rng.randrange(len(content) + 1), rng.choice((1, 4, 16, 64, 256, 4096))
    length = min(length, len(content) - start)
    block = rng.choice((bytes(length), b"\xff" * length, rng.randbytes(length)))
    return content[:start] + block + content[start + length :]


def unchanged(content: bytes, others: Mapping[str, bytes], rng: random.Random) -> bytes:
    """The whole file: only its name and its content type are wrong."""
    return content


MUTATIONS: Sequence[Mutation] = (
    flipped, flipped, cut, spliced, other_header, wrong_number, wrong_number, repeated, zeroed, unchanged,
)  # fmt: skip


def mutated(n: int, seed: int, files: Mapping[str, bytes]) -> MutatedFile:
    """Case n: one of the files after one to three mutations, a third of them under another name or in another field.

    PNG files have right checksums in half of the cases, so that the damage gets beyond them.
    """
    rng = random.Random(f"{seed} {n}")
    end = rng.choice(sorted(files))
    content, steps = files[end], list[str]()
    for mutation in rng.sample(MUTATIONS, k=rng.choice((1, 1, 1, 2, 3))):
        content = mutation(content, files, rng)
        steps.append(mutation.__name__)
    if end == "png" and rng.random() < 0.5:
        content = with_checksums(content)
    field = next((name for name, ends in FIELDS.items() if end in ends), None) or rng.choice(sorted(FIELDS))
    name, content_type = f"file.{end}", CONTENT_TYPES[end]
    if steps == ["unchanged"] or rng.random() < 1 / 3:
        given = rng.choice(sorted(CONTENT_TYPES))
        name = rng.choice(ODD_NAMES) if rng.random() < 0.2 else f"file.{given}"
        content_type = rng.choice(
            (CONTENT_TYPES[given], "application/octet-stream", "text/html", "image/*", "nonsense")
        )
        field = rng.choice(sorted(FIELDS))
    made = f"{end}, {', '.join(steps)}; {len(content):,} bytes as {name[:40]!r}, {field}"
    return MutatedFile(name, content_type, field, content, f"case {n} of seed {seed}: {made}")


def with_checksums(content: bytes) -> bytes:
    """A PNG file whose chunks have the checksums of what is in them, as far as its chunks can be followed."""
    out, at = bytearray(content[:8]), 8
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        if at + 12 + length > len(content):
            break
        body = content[at + 4 : at + 8 + length]
        out += content[at : at + 4] + body + zlib.crc32(body).to_bytes(4, "big")
        at += 12 + length
    return bytes(out) + content[at:]
