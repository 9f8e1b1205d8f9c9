"""What a model's weights are: their sha256, taken from the manifest beside them or computed once."""

import hashlib
import json
import os
import re
import tempfile
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WEIGHT_SUFFIXES = (".safetensors", ".bin", ".pt", ".pth")
"""Tried in this order: a folder that holds several kinds is loaded from the first."""


def weights_sha256(path: Path) -> str:
    """The sha256 of a weights file, or of the weights files of a folder.

    Several files give the sha256 of their digests in the order of their names. Digests come from ``MANIFEST.json``
    in the file's folder or one above, or from the Hugging Face cache, and are else computed, once in a process for
    a file that does not change.
    """
    files = [path] if path.is_file() else weights_files(path)
    if not files:
        raise FileNotFoundError(f"no weights in {path}")
    digests = [_stated_digest(file) or _blob_digest(file) or _digest(file) for file in files]
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def weights_files(folder: Path) -> list[Path]:
    """The weights files directly in a folder."""
    for suffix in WEIGHT_SUFFIXES:
        files = sorted(folder.glob(f"*{suffix}"))
        if files:
            return files
    return []


def _stated_digest(file: Path) -> str | None:
    for folder in (file.parent, file.parent.parent):
        try:
            files = json.loads((folder / "MANIFEST.json").read_text())["files"]
            return str(files[file.relative_to(folder).as_posix()]["sha256"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def _blob_digest(file: Path) -> str | None:
    """The Hugging Face cache keeps large files under their sha256, with a link where they are expected."""
    name = file.resolve().name
    return name if file.is_symlink() and re.fullmatch(r"[0-9a-f]{64}", name) else None


def _digest(file: Path) -> str:
    status = file.stat()
    return _digest_once(file, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _digest_once(file: Path, size: int, modified: int) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


UNREAD_DAYS = 90
"""After which kept rows are deleted when others are put beside them: a catalogue's names change."""


class RowCache:
    """Float32 matrices kept on disk by key, such as the vectors of the class names.

    A file that cannot be read is made again, and one that cannot be written is done without.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def get(self, key: str, shape: tuple[int, int]) -> NDArray[np.float32] | None:
        """The rows kept under ``key``, if they are there and of that shape."""
        if self.folder is None:
            return None
        try:
            rows = np.load(self._path(key), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        with suppress(OSError):  # the folder may be read only
            os.utime(self._path(key))
        return rows if rows.shape == shape and rows.dtype == np.float32 else None

    def put(self, key: str, rows: NDArray[np.float32]) -> None:
        """Keep rows under ``key``; the file appears whole or not at all."""
        if self.folder is None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".tmp", delete=False) as file:
                np.save(file, rows, allow_pickle=False)
            Path(file.name).replace(self._path(key))
            self._tidy()
        except OSError:
            return

    def _tidy(self) -> None:
        assert self.folder is not None  # noqa: S101 - callers checked
        oldest = time.time() - UNREAD_DAYS * 86_400
        for file in self.folder.glob("*.npy"):
            if file.stat().st_mtime < oldest:
                file.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        assert self.folder is not None  # noqa: S101 - callers checked
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npy"
