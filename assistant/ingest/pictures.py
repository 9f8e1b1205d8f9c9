"""Files that catalogue lines refer to: where they may lie, whether they have changed, decoding them ahead."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import unquote, urlsplit

from tools.errors import MediaError, StoreError
from tools.media import Audio, MediaLimits, load_picture
from tools.objects import SharedFiles
from tools.stopping import stopped_by
from tools.store import Picture, frame_of, frame_reference, is_web_address, picture_file, source_file
from tools.video import AT_ONCE, Holder, Video, load_sound, load_video

if TYPE_CHECKING:
    from PIL.Image import Image

T = TypeVar("T")
S = TypeVar("S")

DECODERS = 2
"""Pictures that are read at one time."""
AHEAD = 24
"""Pictures that are read ahead of the encoder."""
SOUNDS_AHEAD = 1
"""Sounds that are decoded ahead of what listens to them: ten minutes take 37 MiB."""
KEPT_BYTES = 64 * 2**20
"""Decoded sounds that are kept for whoever else listens to them."""

WIDE_ENOUGH = 1024
"""Waiting pictures are halved while their short side stays at least this long: encoders read 224 to 448 pixels."""


def locate(reference: str, root: Path, remote: Path | None = None) -> Picture:
    """What a reference of a catalogue line points to, by a look at the file system only.

    Local files must lie inside ``root``, links followed. ``remote`` is the folder of fetched files.

    Returns:
        The file as ready (hash still unknown, reference an absolute path), remote, or lost with the reason.
    """
    if is_web_address(reference):
        if remote and (fetched := source_file(reference, remote)).is_file():
            return _looked_at(Picture(reference, "ready"), fetched)
        return Picture(reference, "remote", "a web address, and files are not fetched unless that is allowed")
    try:
        path = (root / reference).resolve()
        if not path.is_relative_to(root.resolve()):
            return Picture(reference, "lost", "it lies outside the catalogue file's folder")
        return _looked_at(Picture(str(path), "ready"), path)
    except (OSError, ValueError, RuntimeError) as exc:
        return Picture(reference, "lost", f"it is not a path: {exc}")


def _looked_at(picture: Picture, path: Path) -> Picture:
    try:
        status = path.stat()
    except FileNotFoundError:
        return replace(picture, state="lost", reason="there is no such file")
    except OSError as exc:
        return replace(picture, state="lost", reason=f"it cannot be read: {exc.strerror}")
    return replace(picture, size=status.st_size, mtime_ns=status.st_mtime_ns)


def display_name(reference: str) -> str:
    """What errors call a file: the last part of its path or address."""
    return Path(unquote(urlsplit(reference).path) if is_web_address(reference) else reference).name or reference


def frames_of(
    video: Picture, stored: Sequence[Picture], media: Path, loader: "MediaLoader", files: SharedFiles
) -> list[Picture]:
    """A video's frames as pictures, their files made unless they were before; a video that cannot be read is lost.

    Args:
        video: as `locate` gives it; one that is not fetched has no frames.
        stored: the item's pictures of the last time.
        media: the folder of fetched files, that the frames' own folder is in.
        files: these files, where they also lie in object storage.
    """
    if video.state != "ready":
        return [video] if video.state == "lost" else []
    known = [one for one in stored if (place := frame_of(one)) and place[0] == video.reference]
    known += [one for one in stored if one.reference == video.reference]
    is_same = known and all((one.size, one.mtime_ns) == (video.size, video.mtime_ns) for one in known)
    if is_same and all(one.state == "lost" or files.fetch(picture_file(one, media)) for one in known):
        return known
    try:
        frames = loader.video(source_file(video.reference, media), display_name(video.reference)).frames
    except MediaError as exc:
        return [replace(video, state="lost", reason=str(exc))]
    pictures = []
    for frame in frames:
        picture = replace(video, reference=frame_reference(video.reference, round(frame.second, 2)))
        _write(frame.jpeg, picture_file(picture, media), files)
        pictures.append(replace(picture, hash=hashlib.blake2b(frame.jpeg, digest_size=16).digest()))
    return pictures


def _write(content: bytes, path: Path, files: SharedFiles) -> None:
    part = path.with_suffix(f".{threading.get_ident()}.part")  # items may share a video
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        files.put(path, part)
        part.replace(path)
    except OSError as exc:
        raise StoreError(f"A frame of a video cannot be written: {exc.strerror or exc}.") from exc
    finally:
        part.unlink(missing_ok=True)


def same_file(current: Picture, stored: Picture) -> bool:
    """Whether nothing suggests that the picture has changed since it was stored."""
    return (current.reference, current.size, current.mtime_ns) == (stored.reference, stored.size, stored.mtime_ns) and (
        current.state == stored.state or stored.state == "lost"
    )


def digest(path: Path, limit: int) -> bytes:
    """16 bytes that change with the file's bytes.

    Raises:
        MediaError: it can't be read, or is longer than ``limit`` bytes.
    """
    try:
        if path.stat().st_size > limit:
            raise MediaError(f"{path.name} is larger than {limit:,} bytes.")
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).digest()
    except OSError as exc:
        raise MediaError(f"{path.name} cannot be read: {exc.strerror or exc}.") from exc


@dataclass(frozen=True)
class SoundFile:
    """A recording, or a video with its sound; ``name`` is what errors call it."""

    path: Path
    of: Holder
    name: str

    @classmethod
    def at(cls, reference: str, media: Path, *, is_video: bool) -> "SoundFile":
        """The file of a reference; ``media`` is the folder of fetched files."""
        of: Holder = "video" if is_video else "recording"
        return cls(source_file(reference, media), of, display_name(reference))


class Waiting(Generic[T]):
    """A file on its way to the encoder; decoded once it is begun."""

    def __init__(self, path: Path, hash_: bytes, begin: Callable[[], "Future[T]"]) -> None:
        self.path = path
        self.hash = hash_
        self._begin = begin
        self._decoding: Future[T] | None = None

    def begin(self) -> "Future[T]":
        """Have it decoded in another thread, if that hasn't begun."""
        self._decoding = self._decoding or self._begin()
        return self._decoding

    def take(self) -> T:
        """What the file holds; it isn't held any longer.

        Raises:
            MediaError: it can't be read.
            CancelledError, ToolFailure: the loader was stopped.
        """
        decoding, self._decoding = self.begin(), None
        return decoding.result()


def taken(waiting: Sequence[Waiting[T]], ahead: int) -> Iterator[tuple[bytes, T | MediaError]]:
    """Hash and content of each file, or why it can't be read, while so many of the next ones are decoded."""
    for n, one in enumerate(waiting):
        for following in waiting[n : n + ahead + 1]:
            following.begin()
        try:
            yield one.hash, one.take()
        except MediaError as exc:
            yield one.hash, exc


class MediaLoader:
    """Decodes ahead: pictures in threads, videos and sounds in processes of their own.

    At one time at most `DECODERS` pictures, `tools.video.AT_ONCE` - 1 videos (or one) and one sound are decoded, so
    that a user's question need not wait for a whole catalogue. Whoever encodes begins at most `AHEAD` pictures and
    `SOUNDS_AHEAD` sounds before they are needed.
    """

    def __init__(self, limits: MediaLimits, *, twice: bool = False, decoded: Callable[[], None] = lambda: None) -> None:
        """``twice``: sounds are asked for twice; ``decoded`` is called after each video and sound."""
        self.limits = limits
        self._twice = twice
        self._kept: OrderedDict[tuple[Path, int], Audio] = OrderedDict()
        self._decoded = decoded
        self._stop = threading.Event()
        self._pictures, self._videos, self._sounds = (
            ThreadPoolExecutor(size, thread_name_prefix=name)
            for name, size in (("pictures", DECODERS), ("videos", max(1, AT_ONCE - 1)), ("sounds", 1))
        )

    def hashes(self, files: Sequence[tuple[Path, int]]) -> Iterator[bytes | MediaError]:
        """Hash or error of each file of at most so many bytes, in order."""
        yield from self._pictures.map(self._hash, files)

    def _hash(self, file: tuple[Path, int]) -> bytes | MediaError:
        try:
            return digest(*file)
        except MediaError as exc:
            return exc

    def picture(self, path: Path, hash_: bytes) -> "Waiting[Image]":
        """A picture to be read later."""
        return Waiting(path, hash_, lambda: self._pictures.submit(self._picture, path))

    def _picture(self, path: Path) -> "Image":
        picture = load_picture(path, self.limits)
        while min(picture.size) >= 2 * WIDE_ENOUGH:
            picture = picture.reduce(2)
        return picture

    def sound(self, file: SoundFile, hash_: bytes, rate: int) -> Waiting[Audio | None]:
        """A sound to be decoded later, at so many samples a second; None: the video has none."""
        return Waiting(file.path, hash_, lambda: self._sounds.submit(self._sound, file, rate))

    def _sound(self, file: SoundFile, rate: int) -> Audio | None:
        """The sound, as it was kept or decoded now; in the one thread for sounds."""
        key = file.path, rate
        if key in self._kept:
            return self._kept.pop(key)
        with stopped_by(self._stop):
            sound = load_sound(file.path, self.limits, file.name, of=file.of, rate=rate)
        self._decoded()
        if self._twice and sound:
            self._kept[key] = sound
            while sum(one.samples.nbytes for one in self._kept.values()) > KEPT_BYTES:
                self._kept.popitem(last=False)
        return sound

    def video(self, path: Path, name: str) -> Video:
        """A video's frames, decoded now, as of `load_video`."""
        with stopped_by(self._stop):
            video = load_video(path, self.limits, name)
        self._decoded()
        return video

    def side_by_side(self, look: Callable[[S], T], values: Iterable[S]) -> Iterator[T]:
        """``look`` of each value, in order, with as many at a time as videos may be decoded."""
        return self._videos.map(look, values)

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stop.is_set()

    def stop(self) -> None:
        """End what runs soon, and drop what has not begun."""
        self._stop.set()
        for pool in (self._pictures, self._videos, self._sounds):
            pool.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """The same, and wait for it."""
        self.stop()
        for pool in (self._pictures, self._videos, self._sounds):
            pool.shutdown(wait=True)
