"""Files of the data folder that several machines share: object storage holds each, the folder those in use.

A file has the same name below the folder and below the URL. It is put there before anything refers to it, fetched where
it is missing, and deleted in both places, so the folder can be thrown away. Without a URL the folder is all there is.
"""

import contextlib
import functools
import importlib.util
import logging
import os
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from tools.errors import StoreError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

logger = logging.getLogger(__name__)

SHARED: Final = ("uploads", "media")
"""The folders whose files lie in object storage."""
FILES: Final = ("uploads/[!.]*/*", "uploads/.tools/*/*", f"media/{'[0-9a-f]' * 32}", "media/frames/*", "media/kept/*")
"""Which files of these folders do; others are a machine's own, or the shop's."""
CLOUDS: Final = ("s3", "gs", "az", "abfs")
"""Protocols that obstore speaks, where it is installed; fsspec finds its own package for any other."""
AWAY_SECONDS: Final = 5.0
"""After a failure nobody waits for the storage again for so long."""
IN_USE_SECONDS: Final = 3600.0
"""A file that was asked for within this time stays in the folder."""
NO_ANSWER: Final = "The object storage does not answer as it should; check state.objects and that storage."


class SharedFiles:
    """The files of one data folder. Calls may wait for a network: not for an event loop's thread.

    Each raises `StoreError`, in one sentence without addresses, where the storage or the folder cannot be used.
    """

    def __init__(self, folder: Path, url: str = "", most_bytes: int = 2**30) -> None:
        """``most_bytes``: a larger object is not fetched."""
        self._folder = folder
        self.url = url.rstrip("/")
        self.most_bytes = most_bytes
        self._away_until = 0.0

    @property
    def is_shared(self) -> bool:
        """Whether there is object storage."""
        return bool(self.url)

    @property
    def name(self) -> str:
        """The storage, for people: its URL without a password."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def put(self, path: Path, content: Path | None = None) -> None:
        """Put a file of the folder into the storage; ``content``: the file with its bytes, unless it is there already.

        What is put has the storage's time of change in the folder, too: all machines see the same.
        """
        if not self.url:
            return
        key, source = self._key(path), content or path
        with self._asking(writes=True):
            if self._is_local:  # a copy is not atomic there
                part = f"{key}.{uuid.uuid4().hex}.part"
                self._files.put_file(str(source), part)
                self._files.mv(part, key)
            else:
                self._files.put_file(str(source), key)
            changed = self._changed(key)
        with _local():
            os.utime(source, ns=(time.time_ns(), changed))

    def fetch(self, path: Path) -> bool:
        """Whether a file is in the folder, once it is fetched if need be. It is then kept there for an hour."""
        with _local():
            if path.is_file():
                self._note_use(path)
                return True
        if not self.url or not self._is_within(path):
            return False
        key = self._key(path)
        try:
            with self._asking():
                if self._files.info(key)["size"] > self.most_bytes:
                    raise StoreError(f"An object is larger than {self.most_bytes:,} bytes, and is not fetched.")
                content, changed = self._files.cat_file(key), self._changed(key)
        except FileNotFoundError:
            return False
        self._write(path, content, changed)
        return True

    def holds(self, path: Path) -> bool:
        """Whether a file is there for all machines: one that was deleted by another is deleted here."""
        if not self.url:
            return path.is_file()
        try:
            with self._asking():
                self._files.info(self._key(path))
        except FileNotFoundError:
            path.unlink(missing_ok=True)
            return False
        return True

    def delete(self, path: Path) -> None:
        """Delete a file everywhere; one that is not there is no error."""
        try:
            if self.url:
                with contextlib.suppress(FileNotFoundError), self._asking():
                    self._files.rm_file(self._key(path))
        finally:
            with _local():
                path.unlink(missing_ok=True)

    def delete_folder(self, folder: Path) -> None:
        """Delete a folder's objects; its files are the caller's."""
        if not self.url:
            return
        with self._asking():
            for key in self._files.find(self._key(folder)):
                with contextlib.suppress(FileNotFoundError):
                    self._files.rm_file(key)
            if self._is_local:
                with contextlib.suppress(FileNotFoundError):
                    self._files.rm(self._key(folder), recursive=True)

    def sizes(self, folder: Path) -> dict[Path, int]:
        """The files below a folder and their bytes, those that only the storage has included."""
        found: dict[Path, int] = {}
        for path in folder.rglob("*"):
            with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                if path.is_file():
                    found[path] = path.stat().st_size
        return (self._objects(folder) if self.url else {}) | found

    def folders(self, folder: Path) -> list[Path]:
        """The folders directly below a folder of which the storage holds anything."""
        if not self.url:
            return []
        try:
            with self._asking():
                entries = self._files.ls(self._key(folder), detail=True)
        except FileNotFoundError:
            return []
        return [folder / Path(entry["name"]).name for entry in entries if entry["type"] == "directory"]

    def changed(self, path: Path) -> float | None:
        """When an object was put, in seconds since 1970; None where there is none."""
        try:
            with self._asking():
                return self._changed(self._key(path)) / 1e9
        except FileNotFoundError:
            return None

    def check(self, *, write: bool = False) -> None:
        """Ask the storage for a sign of life; ``write``: also put an object and delete it."""
        key = f"{self._root}/.check-{uuid.uuid4().hex}"
        with self._asking(again=True, writes=write):
            if write:
                self._files.pipe_file(key, b"assistant")
                self._files.rm_file(key)
            with contextlib.suppress(FileNotFoundError):
                self._files.info(key)

    # Copies of everything --------------------------------------------------------------------------------------------

    def push(self) -> dict[Path, int]:
        """Put every file that the storage has not with this size; all that there are, and their bytes."""
        here, there = dict(self._local_files()), self._all_objects()
        for path, size in here.items():
            if there.get(path) != size:
                self.put(path)
        there = self._all_objects()
        if wrong := [path for path, size in here.items() if there.get(path) != size]:
            raise StoreError(f"{len(wrong)} files are not in the object storage as they are here; try again.")
        return here

    def pull(self) -> dict[Path, int]:
        """Fetch every object that the folder has not; all that there are, and their bytes."""
        there = self._all_objects()
        if wrong := [path for path, size in there.items() if not self.fetch(path) or path.stat().st_size != size]:
            raise StoreError(f"{len(wrong)} objects could not be fetched as they are; try again.")
        return there

    def trim(self, most: int) -> int:
        """Delete files that were not used for the longest time, until the folder holds so many bytes; how many.

        Only what the storage holds is deleted, and nothing that was used within an hour.
        """
        if not self.url:
            return 0
        files = sorted(self._local_files(), key=lambda file: file[0].stat().st_atime)
        excess, deleted, before = sum(size for _, size in files) - most, 0, time.time() - IN_USE_SECONDS
        for path, size in files:
            if excess <= 0 or path.stat().st_atime > before:
                break
            if self._object_size(path) == size:
                path.unlink(missing_ok=True)
                excess, deleted = excess - size, deleted + 1
        return deleted

    # Within ----------------------------------------------------------------------------------------------------------

    def _local_files(self) -> Iterator[tuple[Path, int]]:
        for path in sorted(path for pattern in FILES for path in self._folder.glob(pattern)):
            with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                if path.is_file() and path.suffix != ".part":
                    yield path, path.stat().st_size

    def _all_objects(self) -> dict[Path, int]:
        return {path: size for name in SHARED for path, size in self._objects(self._folder / name).items()}

    def _objects(self, folder: Path) -> dict[Path, int]:
        with self._asking():
            found = self._files.find(self._key(folder), detail=True)
        start = len(self._root.strip("/")) + 1
        paths = {self._folder / name.strip("/")[start:]: int(entry["size"]) for name, entry in found.items()}
        return {path: size for path, size in paths.items() if self._is_within(path) and path.suffix != ".part"}

    def _object_size(self, path: Path) -> int | None:
        try:
            with self._asking():
                return int(self._files.info(self._key(path))["size"])
        except FileNotFoundError:
            return None

    def _changed(self, key: str) -> int:
        return int(self._files.modified(key).timestamp() * 1e6) * 1000

    def _is_within(self, path: Path) -> bool:
        """Whether a path lies in one of the shared folders, with links followed where there are any."""
        with contextlib.suppress(OSError, ValueError):
            real = path.parent.resolve() / path.name
            shared = [(self._folder / name).resolve() for name in SHARED]
            return ".." not in path.parts and any(real.is_relative_to(one) for one in shared)
        return False

    def _key(self, path: Path) -> str:
        if not self._is_within(path):
            raise StoreError(f"{path.name} does not lie in a folder that is shared.")
        inside = (path.parent.resolve() / path.name).relative_to(self._folder.resolve())
        return f"{self._root}/{inside.as_posix()}"

    def _note_use(self, path: Path) -> None:
        if self.url and self._is_within(path):
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))

    def _write(self, path: Path, content: bytes, changed: int) -> None:
        with _local():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor, part = tempfile.mkstemp(dir=path.parent, suffix=".part")  # readable by the owner alone
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                os.utime(part, ns=(time.time_ns(), changed))
                Path(part).replace(path)
            finally:
                Path(part).unlink(missing_ok=True)

    @functools.cached_property
    def _opened(self) -> "tuple[AbstractFileSystem, str]":
        return _open(self.url)

    @property
    def _files(self) -> "AbstractFileSystem":
        return self._opened[0]

    @property
    def _root(self) -> str:
        return self._opened[1].rstrip("/")

    @property
    def _is_local(self) -> bool:
        return "file" in (self._files.protocol if isinstance(self._files.protocol, tuple) else (self._files.protocol,))

    @contextlib.contextmanager
    def _asking(self, *, again: bool = False, writes: bool = False) -> Iterator[None]:
        """The storage's errors as ours; what is not there to be read stays a `FileNotFoundError`."""
        if not again and time.monotonic() < self._away_until:
            raise StoreError(NO_ANSWER)
        try:
            yield
        except StoreError:
            raise
        except Exception as exc:  # each file system has its own; their texts hold addresses, some of them secrets
            if isinstance(exc, FileNotFoundError) and not writes:
                raise
            self._away_until = time.monotonic() + AWAY_SECONDS
            logger.warning("The object storage failed: %s", type(exc).__name__)
            raise StoreError(NO_ANSWER) from None
        self._away_until = 0.0


@functools.lru_cache(maxsize=64)
def shared_files(folder: Path, url: str, most_bytes: int) -> SharedFiles:
    """The files of a data folder, the same object for the same arguments: what fails is known to all who use it."""
    return SharedFiles(folder, url, most_bytes)


@contextlib.contextmanager
def _local() -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise StoreError(f"A file could not be stored: {exc.strerror}.") from exc


def _open(url: str) -> "tuple[AbstractFileSystem, str]":
    from fsspec.core import url_to_fs  # installed where it is used

    protocol, options = url.partition("://")[0], dict[str, Any]()
    if protocol in CLOUDS and importlib.util.find_spec("obstore"):
        from obstore.fsspec import register  # installed where it is used

        register(protocol)
        options = {
            "client_options": {"connect_timeout": "3s", "timeout": "60s", "allow_http": True},
            "retry_config": {"max_retries": 2, "retry_timeout": timedelta(seconds=10)},
        }
    elif protocol == "file":
        options = {"auto_mkdir": True}
    try:
        files, root = url_to_fs(url, **options)
    except ImportError:
        raise StoreError(
            f"A package for {protocol}:// is missing: pip install 'recommendation-assistant[objects]' for S3, Google "
            "Cloud Storage and Azure; for others, what fsspec names."
        ) from None
    except ValueError:
        raise StoreError("The URL of the object storage is not like s3://BUCKET/FOLDER.") from None
    return files, root
