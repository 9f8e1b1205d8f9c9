"""Frames of videos with their seconds, and the sound of videos and recordings, decoded by a process of its own.

Which frames: the middle of each shot, and an even spread over the rest (`tools.media_child`). Failures are a
`MediaError` whose text is one sentence for the person who sent the file.
"""

import hashlib
import io
import logging
import subprocess
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import BoundedSemaphore, Lock, RLock
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, TypeVar, cast

import numpy as np

from tools.cores import usable_cores
from tools.errors import MediaError
from tools.media import SAMPLE_RATE, Audio, MediaLimits, decoded_apart, opened, sniff

if TYPE_CHECKING:
    from PIL.Image import Image

T = TypeVar("T")
Holder = Literal["video", "recording"]
"""What a sound is of."""

logger = logging.getLogger(__name__)

REMEMBERED = 4
"""Videos whose frames are kept in memory: a turn looks at one several times."""
AT_ONCE = min(8, usable_cores())
"""Videos and sounds that are decoded at one time; others wait. One takes up to about half a GiB."""


@dataclass(frozen=True)
class Frame:
    """A frame as JPEG, upright, its short side at most 480 pixels; ``second`` counts from the video's beginning."""

    second: float
    jpeg: bytes

    def picture(self) -> "Image":
        """The frame as RGB."""
        from PIL import Image

        return Image.open(io.BytesIO(self.jpeg), formats=["JPEG"]).convert("RGB")


@dataclass(frozen=True, eq=False)
class Video:
    """A video's length in seconds, its upright size in pixels, whether it has sound, and frames in order of time."""

    seconds: float
    width: int
    height: int
    has_sound: bool
    frames: tuple[Frame, ...]
    _made: dict[str, Any] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)

    def pictures(self) -> "list[Image]":
        """The frames as RGB pictures."""
        return [frame.picture() for frame in self.frames]

    def once(self, key: str, make: Callable[[], T]) -> T:
        """What ``make`` gives, kept with the video under the key, whichever thread asks first."""
        with self._lock:
            if key not in self._made:
                self._made[key] = make()
            return cast("T", self._made[key])


_videos: OrderedDict[tuple[bytes, MediaLimits], Video] = OrderedDict()
_lock = Lock()
_room = BoundedSemaphore(AT_ONCE)


def load_video(path: Path, limits: MediaLimits, name: str | None = None) -> Video:
    """The frames of a video; of the last few files they are remembered by content.

    Args:
        name: what errors call it; the file's own name unless given.

    Raises:
        MediaError: missing, no video, without pictures, damaged, or over a limit.
        ToolFailure: somebody asked this work to stop.
    """
    name = name or path.name
    with opened(path, limits.video_bytes) as file:
        key = hashlib.file_digest(cast("Any", file), lambda: hashlib.blake2b(digest_size=16)).digest(), limits
        with _lock:
            if key in _videos:
                _videos.move_to_end(key)
                return _videos[key]
        asked = {"pixels": limits.video_pixels, "seconds": limits.video_seconds, "frames": limits.video_frames}
        head, rest = _decoded("frames", file, asked, name, limits)
    frames, at = [], 0
    for second, length in head["frames"]:
        frames.append(Frame(float(second), rest[at : at + length]))
        at += length
    video = Video(head["seconds"], head["width"], head["height"], head["sound"], tuple(frames))
    with _lock:
        _videos[key] = video
        while len(_videos) > REMEMBERED:
            _videos.popitem(last=False)
    return video


def forget() -> None:
    """Let go of the videos that are remembered."""
    with _lock:
        _videos.clear()


def load_sound(
    path: Path, limits: MediaLimits, name: str | None = None, *, of: Holder = "video", rate: int = SAMPLE_RATE
) -> Audio | None:
    """The sound of a video or recording, at most ``limits.audio_seconds`` of it; None where it has none.

    Args:
        name: what errors call it; the file's own name unless given.
        of: what the file is meant to be.
        rate: samples a second.

    Raises:
        MediaError: missing, neither video nor recording, damaged, or over a limit.
        ToolFailure: somebody asked this work to stop.
    """
    with opened(path, limits.video_bytes if of == "video" else limits.audio_bytes) as file:
        asked = {"seconds": limits.audio_seconds, "rate": rate}
        head, rest = _decoded("sound", file, asked, name or path.name, limits, of)
    if head is _SILENT:
        return None
    samples = np.frombuffer(rest, "<i2").astype(np.float32) / np.float32(32768)
    return Audio(samples, len(samples) / rate)


_SILENT: dict[str, Any] = {}
_READABLE: Final[dict[Holder, str]] = {
    "video": "an MP4, MOV, WebM, Matroska or AVI",
    "recording": "a WAV, MP3, M4A, OGG, WebM or FLAC",
}


def _decoded(
    task: Literal["frames", "sound"],
    file: BinaryIO,
    asked: dict[str, float],
    name: str,
    limits: MediaLimits,
    of: Holder = "video",
) -> tuple[dict[str, Any], bytes]:
    file.seek(0)
    kind = sniff(file.read(4096))
    others = ("picture", "document", "archive", "text file", "drawing", *(("recording",) if task == "frames" else ()))
    if kind and kind.endswith(others):
        raise MediaError(f"{name} is {kind}, not a {of}.")
    try:
        with _room:
            head, rest = decoded_apart(task, file, asked, limits.video_wait)
    except subprocess.TimeoutExpired as exc:
        raise MediaError(f"{name} takes longer than {limits.video_wait:.0f} seconds to read; send less.") from exc
    except (subprocess.SubprocessError, OSError, ValueError) as exc:
        logger.debug("%s cannot be decoded", name, exc_info=True)
        raise MediaError(f"{name} is damaged and cannot be read as a {of}.") from exc
    match head.get("error"):
        case None:
            return head, rest
        case "no_sound":
            return _SILENT, b""
        case "no_picture":
            raise MediaError(f"{name} holds sound alone and no video; send it as a recording.")
        case "too_long":
            lasts = f"{head['seconds'] / 60:.0f} minutes" if head["seconds"] else "longer"
            raise MediaError(f"{name} lasts {lasts}; at most {limits.video_seconds / 60:g} minutes are accepted.")
        case "too_large":
            size = f"{head['width']:,} x {head['height']:,} pixels"
            raise MediaError(f"{name} has {size}; at most {limits.video_pixels:,} are accepted.")
    if kind:
        raise MediaError(f"{name} is {kind} that is damaged or cut short.")
    raise MediaError(f"{name} is not a {of} that can be read; send {_READABLE[of]} file.")
