"""Pictures and recordings from files (videos: `tools.video`): checked, bounded while reading, brought to one form.

Formats are recognised by content, never by name. Pillow reads the pictures. PyAV, which carries the FFmpeg libraries
in its wheel, reads the recordings, so that no `ffmpeg` program is needed. Every failure is a `MediaError` whose text
is one sentence for the person who sent the file.
"""

import io
import json
import logging
import os
import stat
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from tools import media_child
from tools.errors import MediaError
from tools.stopping import check_stopped, stoppable

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.resampler import AudioResampler
    from av.container import InputContainer
    from PIL.Image import Image

logger = logging.getLogger(__name__)

SAMPLE_RATE = 16_000
"""Hertz; what Whisper and the voice activity model take."""

PICTURE_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF")
"""Pillow's readers that may run. The others are rare, or start programs (EPS) or open further files."""

HEIC = "a HEIC picture"
HEIC_SECONDS = TIFF_SECONDS = 30.0
POLL_SECONDS = 0.2

ESTIMATED_DURATION = frozenset({"mp3", "aac", "amr"})
"""Formats whose duration FFmpeg may only estimate, from the bit rate of the first frames."""


@dataclass(frozen=True)
class MediaLimits:
    """What is accepted; sizes of the file in bytes, of a picture or a video's frame in pixels, lengths in seconds.

    ``video_frames`` is how many frames are taken of a video, ``video_wait`` how many seconds decoding it may take.
    """

    image_bytes: int = 25 * 2**20
    image_pixels: int = 50_000_000
    audio_bytes: int = 100 * 2**20
    audio_seconds: float = 600
    video_bytes: int = 100 * 2**20
    video_seconds: float = 600
    video_pixels: int = 9_000_000
    video_frames: int = 16
    video_wait: float = 45


@dataclass(frozen=True, eq=False)
class Audio:
    """A decoded recording: float32 mono samples (n,) within -1 and 1, at 16 kHz unless asked otherwise, and seconds."""

    samples: NDArray[np.float32]
    seconds: float


# What a file is ------------------------------------------------------------------------------------------------------


def sniff(head: bytes) -> str | None:
    """Name what a file's first bytes show it to be ("a PNG picture"), or None when they tell nothing.

    Only kinds that are worth naming in an error message: the decoders do their own recognition.
    """
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head[4:8] == b"ftyp":
        return _box_file(head)
    if head[:4] == b"RIFF":
        return {b"WAVE": "a WAV recording", b"WEBP": "a WebP picture"}.get(head[8:12])
    text = _leading_text(head)
    if text is None:
        return None
    return "an SVG drawing" if "<svg" in text.lower() else "a text file"


_MAGIC = (
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"ID3", "an MP3 recording"),
    (b"fLaC", "a FLAC recording"),
    (b"OggS", "an Ogg recording"),
    (b"\x1aE\xdf\xa3", "a WebM or Matroska file"),
)
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}


def _box_file(head: bytes) -> str:
    """What a file of boxes is, by its brand; mif1 and msf1 say "a picture", and a further brand of which kind."""
    size = int.from_bytes(head[:4], "big")
    brands = {head[at : at + 4] for at in range(16, min(size, len(head)), 4)}
    if head[8:12] in _AVIF_BRANDS or (head[8:12] in {b"mif1", b"msf1"} and brands & _AVIF_BRANDS):
        return "an AVIF picture"
    return HEIC if head[8:12] in _HEIC_BRANDS else "an MP4 file"


Kind = Literal["picture", "audio", "video"]


def kind_of(path: Path, limits: MediaLimits = MediaLimits(), name: str | None = None) -> Kind:
    """What a file holds, by its header.

    Args:
        name: what the error calls it; the file's own name unless given.

    Raises:
        MediaError: neither, damaged at the beginning, or over a limit.
    """
    display_name = name or path.name
    with opened(path, max(limits.image_bytes, limits.audio_bytes, limits.video_bytes)) as file:
        head = file.read(4096)
        file.seek(0)
        kind, size = sniff(head), os.fstat(file.fileno()).st_size
        if kind and kind.endswith(("document", "archive", "text file")):
            raise MediaError(f"{display_name} is {kind}, not a picture, a recording or a video.")
        if _is_picture(file, display_name, kind, limits.image_pixels):
            if size > limits.image_bytes:
                raise MediaError(f"{display_name} has {_size(size)}; at most {_size(limits.image_bytes)} are accepted.")
            return "picture"
        file.seek(0)
        try:
            with _container(file, display_name, head) as container:
                is_video = any(not s.disposition & s.disposition.attached_pic for s in container.streams.video)
                if not is_video:
                    _with_sound(container, display_name)
                _stated_seconds(container, display_name, limits.video_seconds if is_video else limits.audio_seconds)
        except MediaError as exc:
            if kind is None:
                raise MediaError(f"{display_name} is no picture, recording or video that can be read.") from exc
            raise
    return "video" if is_video else "audio"


def _is_picture(file: BinaryIO, name: str, kind: str | None, max_pixels: int) -> bool:
    """Whether Pillow reads the header; what certainly is a picture and cannot be read is refused."""
    try:
        with _open_picture(file, name, max_pixels):
            return True
    except MediaError:
        if kind and kind.endswith(("picture", "drawing")):
            raise
        return False


def _leading_text(head: bytes) -> str | None:
    """The head as text, or None when it holds bytes that text does not."""
    if b"\0" in head:
        return None
    try:
        return head.decode("utf-8")
    except UnicodeDecodeError as exc:
        # A multi-byte character may be cut at the end of the head.
        return head[: exc.start].decode("utf-8") if exc.start > len(head) - 4 else None


@contextmanager
def opened(path: Path, max_bytes: int) -> Iterator[BinaryIO]:
    """The file open for reading, once it is known to be a regular, non-empty file of at most ``max_bytes``.

    Raises:
        MediaError: it is not, or it may not be read.
    """
    try:
        # Without O_NONBLOCK, opening a named pipe would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        raise MediaError(f"There is no file {path}.") from None
    except (OSError, ValueError) as exc:
        raise MediaError(f"The file {path} cannot be opened: {_reason(exc)}.") from exc
    try:
        _check_kind_and_size(path, os.fstat(descriptor), max_bytes)
    except MediaError:
        os.close(descriptor)
        raise
    with os.fdopen(descriptor, "rb") as file:
        yield file


def _check_kind_and_size(path: Path, status: os.stat_result, max_bytes: int) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise MediaError(f"{path} is a folder, not a file.")
    if not stat.S_ISREG(status.st_mode):
        raise MediaError(f"{path} is a device or a pipe, not a file.")
    if status.st_size == 0:
        raise MediaError(f"{path.name} is empty.")
    if status.st_size > max_bytes:
        raise MediaError(f"{path.name} has {_size(status.st_size)}; at most {_size(max_bytes)} are accepted.")


def _reason(exc: Exception) -> str:
    return (exc.strerror if isinstance(exc, OSError) else None) or str(exc) or type(exc).__name__


def _size(count: int) -> str:
    return f"{count / 2**20:.1f} MiB" if count >= 2**20 else f"{count:,} bytes"


# Pictures ------------------------------------------------------------------------------------------------------------


def load_picture(path: Path, limits: MediaLimits = MediaLimits()) -> "Image":
    """Read a picture as RGB: turned upright by its EXIF, first frame of an animation, transparency on white.

    The pixel limit is checked on the header, before anything is decoded.

    Raises:
        MediaError: missing, not a picture, damaged or cut short, or over a limit.
    """
    with opened(path, limits.image_bytes) as file:
        image = _open_picture(file, path.name, limits.image_pixels)
        with image, _as_media_error(f"{path.name} is damaged or cut short and cannot be read as a picture"):
            if any(tile[0] == "libtiff" for tile in getattr(image, "tile", ())):
                return _upright_rgb(_decode_tiff(file))
            image.load()
            return _upright_rgb(image)


def _open_picture(file: BinaryIO, name: str, max_pixels: int) -> "Image":
    """Read the header only (of HEIC, the whole), and hold it against the pixel limit."""
    from PIL import Image, UnidentifiedImageError

    _quiet_pillow()
    Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS or 0, max_pixels)
    head = file.read(4096)
    file.seek(0)
    if sniff(head) == HEIC:
        return _decode_heic(file, name, max_pixels)
    try:
        image = Image.open(file, formats=PICTURE_FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        raise MediaError(f"{name} has too many pixels; at most {max_pixels:,} are accepted.") from exc
    except UnidentifiedImageError as exc:
        raise MediaError(_not_a_picture(name, head)) from exc
    except Exception as exc:  # Pillow's readers raise many types on malformed headers
        logger.debug("Pillow could not open %s", name, exc_info=True)
        raise MediaError(f"{name} is damaged or cut short and cannot be read as a picture.") from exc
    _check_pixels(image.width, image.height, name, max_pixels)
    return image


def _check_pixels(width: int, height: int, name: str, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise MediaError(f"{name} has {width:,} x {height:,} pixels; at most {max_pixels:,} are accepted.")


def _decode_heic(file: BinaryIO, name: str, max_pixels: int) -> "Image":
    """The picture as a process of its own decodes it."""
    from PIL import Image

    with _as_media_error(f"{name} is {HEIC} that is damaged or cut short"):
        head, rows = decoded_apart("heic", file, {"pixels": max_pixels}, HEIC_SECONDS)
        size = int(head["width"]), int(head["height"])
        _check_pixels(*size, name, max_pixels)
        return Image.frombytes(head["mode"], size, rows)


def _decode_tiff(file: BinaryIO) -> "Image":
    """A compressed TIFF picture as a process of its own decodes it: libtiff writes to standard error."""
    from PIL import Image

    _, content = decoded_apart("tiff", file, {}, TIFF_SECONDS)
    return Image.open(io.BytesIO(content), formats=["TIFF"])


def decoded_apart(
    task: Literal["heic", "tiff", "frames", "sound"], file: BinaryIO, limits: dict[str, float], seconds: float
) -> tuple[dict[str, Any], bytes]:
    """Head and bytes that a process of its own makes of a file, see `tools.media_child`.

    Args:
        seconds: of wall-clock time, after which the process is ended.

    Raises:
        subprocess.TimeoutExpired: it took longer.
        subprocess.CalledProcessError: it failed or crashed, or needed too much memory or processor time.
        ToolFailure: somebody asked this work to stop.
    """
    command = [sys.executable, "-I", media_child.__file__, task, json.dumps(limits)]
    until = time.monotonic() + seconds
    # Of a process group of its own: Ctrl-C is for this process, which ends the other, and is no fault of the file.
    with subprocess.Popen(  # noqa: S603
        command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0
    ) as child:
        try:
            while True:
                try:
                    out, error = child.communicate(timeout=min(POLL_SECONDS, seconds))
                    break
                except subprocess.TimeoutExpired:
                    check_stopped()
                    if time.monotonic() > until:
                        raise
        finally:
            child.kill()
    if child.returncode:
        logger.debug("%s ended with %s: %s", task, child.returncode, error[-2000:])
        raise subprocess.CalledProcessError(child.returncode, task)
    head, _, rest = out.partition(b"\n")
    return json.loads(head), rest


@cache
def _quiet_pillow() -> None:
    """Keep Pillow's remarks on bad files (large, odd EXIF) off standard error and out of the log.

    The limits are checked here, and what cannot be read is a `MediaError`.
    """
    from PIL import Image

    logging.getLogger("PIL").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module=r"PIL\.")
    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def _not_a_picture(name: str, head: bytes) -> str:
    kind = sniff(head)
    if kind is None:
        return f"{name} is not a picture that can be read; send a JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC file."
    if kind.endswith("drawing"):
        return f"{name} is {kind}, which cannot be read here; save it as PNG or JPEG."
    if kind.endswith("picture"):
        return f"{name} is {kind} that is damaged or cut short."
    return f"{name} is {kind}, not a picture."


@contextmanager
def _as_media_error(sentence: str) -> Iterator[None]:
    """Translate whatever a decoder raises on bad data: Pillow's readers raise a dozen types between them."""
    try:
        yield
    except MediaError:
        raise
    except Exception as exc:
        logger.debug("%s", sentence, exc_info=True)
        raise MediaError(f"{sentence}.") from exc


def _upright_rgb(image: "Image") -> "Image":
    from PIL import Image, ImageOps

    try:
        image = ImageOps.exif_transpose(image)
    except Exception:  # a broken EXIF block must not lose a good picture
        logger.debug("EXIF could not be read", exc_info=True)
    if image.mode.startswith("I") or image.mode == "F":
        return _eight_bit(image)
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("RGB") if image.mode != "RGB" else image.copy()


def _eight_bit(image: "Image") -> "Image":
    """Bring grey values of 16 or 32 bits or floats to 8 bits; Pillow's own conversion clips them to white."""
    from PIL import Image

    values = np.nan_to_num(np.asarray(image, dtype=np.float32))
    low, high = 0.0, 65535.0
    if image.mode == "F":
        low, high = float(values.min(initial=0)), float(values.max(initial=1))
    elif image.mode == "I" and values.max(initial=0) <= 255:
        high = 255.0
    scaled = np.rint((values - low) * (255 / (high - low)))
    return Image.fromarray(np.clip(scaled, 0, 255).astype(np.uint8)).convert("RGB")


# Recordings ----------------------------------------------------------------------------------------------------------


def load_audio(path: Path, limits: MediaLimits = MediaLimits()) -> Audio:
    """Decode a recording, or the sound of a video, to 16 kHz mono.

    A length that the header states is checked before decoding, the real one while decoding: at the limit decoding
    stops, so that at most ``limits.audio_seconds`` are ever held.

    Raises:
        MediaError: missing, no recording, without sound, damaged or cut short, or over a limit.
    """
    with opened(path, limits.audio_bytes) as file:
        head = file.read(4096)
        _check_riff_is_whole(path, head, os.fstat(file.fileno()).st_size)
        file.seek(0)
        with _container(file, path.name, head) as container:
            _with_sound(container, path.name)
            stated = _stated_seconds(container, path.name, limits.audio_seconds)
            samples = _decode(container, path.name, limits.audio_seconds)
    seconds = len(samples) / SAMPLE_RATE
    if stated is not None and stated - seconds > max(1.0, 0.1 * stated):
        raise MediaError(f"{path.name} is cut short: it should last {stated:.1f} seconds and holds {seconds:.1f}.")
    return Audio(samples=samples, seconds=seconds)


def _check_riff_is_whole(path: Path, head: bytes, size: int) -> None:
    """Refuse a WAV file that is shorter than its header says (programs that write to a pipe leave a huge number)."""
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return
    promised = int.from_bytes(head[4:8], "little") + 8
    if promised < 0x7FFF_0000 and promised > size + 1024:
        raise MediaError(f"{path.name} is cut short: it should have {promised:,} bytes and has {size:,}.")


@contextmanager
def _container(file: BinaryIO, name: str, head: bytes) -> "Iterator[InputContainer]":
    import av

    options = {"format_whitelist": media_child.SOUND_FORMATS, "protocol_whitelist": "file"}
    try:
        container = av.open(file, mode="r", metadata_errors="ignore", options=options)
    except (av.FFmpegError, ValueError, OSError) as exc:
        raise MediaError(_not_a_recording(name, head)) from exc
    with container:
        yield container


def _with_sound(container: "InputContainer", name: str) -> None:
    if not container.streams.audio:
        raise MediaError(f"{name} holds no sound.")


def _not_a_recording(name: str, head: bytes) -> str:
    kind = sniff(head)
    if kind is None:
        return f"{name} is not a recording that can be read; send a WAV, MP3, M4A, OGG, WebM or FLAC file."
    if kind.endswith(("recording", "file")) and kind != "a text file":
        return f"{name} is {kind} that is damaged or cut short."
    return f"{name} is {kind}, not a recording."


def _stated_seconds(container: "InputContainer", name: str, max_seconds: float) -> float | None:
    """The length that the header states, where it is to be trusted.

    Raises:
        MediaError: it is over the limit.
    """
    if not container.duration or container.duration < 0:
        return None
    stated = container.duration / 1_000_000
    estimated = container.format.name in ESTIMATED_DURATION
    if stated > max_seconds * (2 if estimated else 1) + 1:
        raise MediaError(_too_long(name, max_seconds, stated))
    # A video may be longer than its sound; only a file that is nothing but sound is held to its word.
    return None if estimated or len(container.streams) > 1 else stated


def _too_long(name: str, max_seconds: float, stated: float | None = None) -> str:
    lasts = f"{stated / 60:.0f} minutes" if stated else "longer"
    return f"{name} lasts {lasts}; at most {max_seconds / 60:g} minutes are accepted."


def _decode(container: "InputContainer", name: str, max_seconds: float) -> NDArray[np.float32]:
    most = int(max_seconds * SAMPLE_RATE)
    chunks: list[NDArray[np.int16]] = []
    sample_count = 0
    with _as_media_error(f"{name} is damaged and cannot be read as a recording"):
        for frame in stoppable(_resampled(container)):
            chunk = frame.to_ndarray().reshape(-1).astype(np.int16, copy=False)
            sample_count += len(chunk)
            if sample_count > most:
                raise MediaError(_too_long(name, max_seconds))
            chunks.append(chunk)
    if not sample_count:
        raise MediaError(f"{name} holds no sound, or is damaged.")
    return np.concatenate(chunks).astype(np.float32) / 32768.0


def _resampled(container: "InputContainer") -> "Iterator[AudioFrame]":
    """The sound as mono 16-bit frames at 16 kHz (swresample scales a mix-down to 16 bits so that it cannot clip)."""
    resampler: AudioResampler | None = None
    form: tuple[str, str, int] | None = None
    for frame in _frames(container):
        now = (frame.format.name, frame.layout.name, frame.sample_rate)
        if resampler is None or now != form:  # chained Ogg streams may change form in the middle
            if resampler is not None:
                yield from resampler.resample(None)
            resampler, form = _new_resampler(), now
        frame.pts = None  # gaps in time stamps are no gaps in sound
        yield from resampler.resample(frame)
    if resampler is not None:
        yield from resampler.resample(None)


def _new_resampler() -> "AudioResampler":
    from av.audio.resampler import AudioResampler

    return AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)


def _frames(container: "InputContainer") -> "Iterator[AudioFrame]":
    """The decoded frames; single damaged packets are skipped, as players do."""
    import av

    for packet in container.demux(container.streams.audio[0]):
        try:
            yield from packet.decode()
        except av.InvalidDataError:
            logger.debug("skipped a damaged packet")
