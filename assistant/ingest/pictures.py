"""Pictures that catalogue lines refer to: where they may lie, whether they have changed, reading them ahead."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tools.errors import MediaError, StoreError
from tools.media import MediaLimits, load_picture
from tools.store import Picture, fetched_name, frame_of, frame_reference, picture_file
from tools.video import load_video

if TYPE_CHECKING:
    from PIL.Image import Image

DECODERS = 2
AHEAD = 24
"""Pictures that are read ahead of the encoder."""

WIDE_ENOUGH = 1024
"""Waiting pictures are halved while their short side stays at least this long: encoders read 224 to 448 pixels."""


def locate(reference: str, root: Path, remote: Path | None = None) -> Picture:
    """What a reference of a catalogue line points to, by a look at the file system only.

    Local pictures must lie inside ``root``, links followed. ``remote`` is the folder of fetched pictures.

    Returns:
        The picture as ready (hash still unknown, reference an absolute path), remote, or lost with the reason.
    """
    if reference.lower().startswith(("http://", "https://")):
        fetched = remote / fetched_name(reference) if remote else None
        if fetched and fetched.is_file():
            return _looked_at(Picture(reference, "ready"), fetched)
        return Picture(reference, "remote", "a web address, and pictures are not fetched unless that is allowed")
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


def frames_of(video: Picture, stored: Sequence[Picture], media: Path, limits: MediaLimits) -> list[Picture]:
    """A video's frames as pictures, their files made unless they were before; a video that cannot be read is lost.

    Args:
        video: as `locate` gives it; one that is not fetched has no frames.
        stored: the item's pictures of the last time.
        media: the folder that the frames' own folder is in.
    """
    if video.state != "ready":
        return [video] if video.state == "lost" else []
    known = [one for one in stored if (place := frame_of(one)) and place[0] == video.reference]
    known += [one for one in stored if one.reference == video.reference]
    is_same = known and all((one.size, one.mtime_ns) == (video.size, video.mtime_ns) for one in known)
    if is_same and all(one.state == "lost" or picture_file(one, media).is_file() for one in known):
        return known
    try:
        frames = load_video(Path(video.reference), limits).frames
    except MediaError as exc:
        return [replace(video, state="lost", reason=str(exc))]
    pictures = []
    for frame in frames:
        picture = replace(video, reference=frame_reference(video.reference, round(frame.second, 2)))
        _write(frame.jpeg, picture_file(picture, media))
        pictures.append(replace(picture, hash=hashlib.blake2b(frame.jpeg, digest_size=16).digest()))
    return pictures


def _write(content: bytes, path: Path) -> None:
    part = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except OSError as exc:
        part.unlink(missing_ok=True)
        raise StoreError(f"A frame of a video cannot be written: {exc.strerror or exc}.") from exc


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


class Waiting:
    """A picture on its way from the file to the encoder; read once it is begun."""

    def __init__(self, hash_: bytes, path: Path, begin: Callable[[Path], "Future[Image]"]) -> None:
        self.hash = hash_
        self._path = path
        self._begin = begin
        self._image: Future[Image] | None = None

    def begin(self) -> "Future[Image]":
        """Have it read in another thread, if that hasn't begun."""
        self._image = self._image or self._begin(self._path)
        return self._image

    def take(self) -> "Image":
        """The picture; it isn't held any longer.

        Raises:
            MediaError: it can't be read.
        """
        reading, self._image = self.begin(), None
        return reading.result()


class PictureLoader:
    """Reads pictures in other threads. Whoever encodes them begins at most `AHEAD` before they are needed."""

    def __init__(self, limits: MediaLimits) -> None:
        self.limits = limits
        self._pool = ThreadPoolExecutor(DECODERS, thread_name_prefix="pictures")

    def hashes(self, files: Sequence[tuple[Path, int]]) -> Iterator[bytes | MediaError]:
        """Hash or error of each file of at most so many bytes, in order."""
        yield from self._pool.map(self._hash, files)

    def _hash(self, file: tuple[Path, int]) -> bytes | MediaError:
        try:
            return digest(*file)
        except MediaError as exc:
            return exc

    def load(self, path: Path, hash_: bytes) -> Waiting:
        """A picture to be read later."""
        return Waiting(hash_, path, lambda path: self._pool.submit(self._load, path))

    def _load(self, path: Path) -> "Image":
        picture = load_picture(path, self.limits)
        while min(picture.size) >= 2 * WIDE_ENOUGH:
            picture = picture.reduce(2)
        return picture

    def close(self) -> None:
        """End the threads; what has not begun is dropped."""
        self._pool.shutdown(wait=True, cancel_futures=True)
