"""Files that users really send, and files that they should not: each function writes one and returns its path."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.integration.bad_input.shop import draw
from tools.media import SAMPLE_RATE, load_audio

Make = Callable[[Path], Path]
VOICE = Path(__file__).parents[3] / "assistant" / "demo" / "voice-budget.flac"
"""Somebody says: And please, nothing over one hundred dollars."""

# Pictures that must be read ------------------------------------------------------------------------------------------


def photo(folder: Path) -> Path:
    draw(0).save(path := folder / "photo.jpg")
    return path


def animated_gif(folder: Path) -> Path:
    frames = [draw(position) for position in range(4)]
    frames[0].save(path := folder / "animated.gif", save_all=True, append_images=frames[1:], duration=50)
    return path


def cmyk(folder: Path) -> Path:
    draw(1).convert("CMYK").save(path := folder / "print.jpg")
    return path


def sixteen_bit(folder: Path) -> Path:
    grey = np.asarray(draw(2).convert("L"), np.uint16) * 257
    Image.fromarray(grey).save(path := folder / "scan.png")
    return path


def rotated(folder: Path) -> Path:
    """A landscape file that its EXIF turns into a portrait picture of 100 x 200 pixels."""
    exif = Image.Exif()
    exif[0x0112] = 6
    draw(3).resize((200, 100)).save(path := folder / "rotated.jpg", exif=exif)
    return path


# Pictures that cannot be read ----------------------------------------------------------------------------------------


def missing(folder: Path) -> Path:
    return folder / "nowhere.jpg"


def empty(folder: Path) -> Path:
    (path := folder / "empty.jpg").touch()
    return path


def directory(folder: Path) -> Path:
    (path := folder / "album.jpg").mkdir()
    return path


def truncated_picture(folder: Path) -> Path:
    whole = photo(folder).read_bytes()
    (path := folder / "half.jpg").write_bytes(whole[: len(whole) // 2])
    return path


def renamed_text(folder: Path) -> Path:
    (path := folder / "notes.jpg").write_text("I am a shopping list.\n" * 20)
    return path


def svg(folder: Path) -> Path:
    (path := folder / "logo.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"><circle r="9"/></svg>')
    return path


def huge_png(folder: Path) -> Path:
    """30,000 x 30,000 black pixels in some 100 kB."""
    side = 30_000
    row = bytes(1 + side // 8)
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", data), (b"IEND", b""))
    (path := folder / "bomb.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    )
    return path


# Recordings ----------------------------------------------------------------------------------------------------------


def wav(path: Path, samples: NDArray[np.float32], rate: int, channels: int = 1) -> Path:
    """Write 16-bit PCM; samples (n,) within -1 and 1 go to every channel."""
    data = np.repeat((np.clip(samples, -1, 1) * 32767).astype("<i2")[:, None], channels, axis=1).tobytes()
    path.write_bytes(_wav_head(rate, channels, 16, len(data)) + data)
    return path


def _wav_head(rate: int, channels: int, bits: int, size: int) -> bytes:
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * channels * bits // 8, channels * bits // 8, bits)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + size)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + struct.pack("<4sI", b"data", size)
    )


def spoken() -> NDArray[np.float32]:
    """The voice note's samples at 16 kHz."""
    return load_audio(VOICE).samples


def telephone(folder: Path) -> Path:
    """8 kHz mono."""
    samples = spoken()
    pairs = samples[: len(samples) // 2 * 2].reshape(-1, 2)
    return wav(folder / "phone.wav", pairs.mean(axis=1), SAMPLE_RATE // 2)


def studio(folder: Path) -> Path:
    """96 kHz stereo."""
    samples = spoken()
    times = np.arange(len(samples) * 6) / 6
    finer = np.interp(times, np.arange(len(samples)), samples).astype(np.float32)
    return wav(folder / "studio.wav", finer, 96_000, channels=2)


def silence(folder: Path) -> Path:
    return wav(folder / "silence.wav", np.zeros(3 * SAMPLE_RATE, np.float32), SAMPLE_RATE)


def noise(folder: Path) -> Path:
    samples = np.random.default_rng(7).normal(scale=0.1, size=3 * SAMPLE_RATE).astype(np.float32)
    return wav(folder / "noise.wav", samples, SAMPLE_RATE)


def music(folder: Path) -> Path:
    """Four chords of plucked tones with overtones, no voice."""
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    chords = ((262, 330, 392), (220, 262, 330), (175, 220, 262), (196, 247, 294))
    tones = [
        sum(
            np.sin(2 * np.pi * note * overtone * time) * np.exp(-3 * overtone * time) / overtone
            for note in chord
            for overtone in (1, 2, 3, 4)
        )
        for chord in chords
    ]
    return wav(folder / "music.wav", (np.concatenate(tones) * 0.15).astype(np.float32), SAMPLE_RATE)


def three_hours(folder: Path) -> Path:
    """3 hours of 8 kHz 8-bit sound: 82 MiB, under the limit of bytes. The file is sparse."""
    size = 3 * 3600 * 8_000
    with (path := folder / "lecture.wav").open("wb") as file:
        file.write(_wav_head(8_000, 1, 8, size))
        file.truncate(44 + size)
    return path


def truncated_recording(folder: Path) -> Path:
    whole = wav(folder / "whole.wav", spoken(), SAMPLE_RATE).read_bytes()
    (path := folder / "half.wav").write_bytes(whole[: len(whole) // 2])
    return path


def text_as_recording(folder: Path) -> Path:
    (path := folder / "notes.mp3").write_text("I am a shopping list.\n" * 20)
    return path


def picture_as_recording(folder: Path) -> Path:
    return photo(folder).rename(folder / "photo.wav")
