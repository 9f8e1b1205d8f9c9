"""Folders of catalogue files, and files in object storage (fsspec): copied into the data folder, then read from there.

The copy keeps the paths beneath the URL, so that pictures which lines name relative to their file are beside it, where
the service shows them from. Only pictures that lines name are copied, and only if their size or time is another one.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

from assistant.errors import BadInput, ServiceMissing
from assistant.ingest.files import PAGES, SUFFIXES
from tools.storage import private_folder
from tools.store import is_web_address

FOLDER: Final = "feeds"
"""In the data folder: one folder for each URL."""
CONNECTIONS: Final = 8
_SUFFIXES: Final = {*SUFFIXES, ".json", ".xml"}


def is_url(text: str) -> bool:
    """Whether it is the address of a file elsewhere, such as s3://shop/products.jsonl."""
    return re.match(r"[a-z][a-z0-9+.-]+://", text) is not None


@dataclass(frozen=True)
class Storage:
    """What a URL names: ``files`` are its copies, beneath ``folder``, which stands for ``base`` there."""

    system: Any
    base: str
    folder: Path
    files: tuple[Path, ...] = ()

    def bring(self, references: Iterable[tuple[str, Path]]) -> None:
        """Copy files that lines name by a path relative to a folder of the copy; what is not there is left out."""
        wanted = set()
        for reference, root in references:
            path = Path(os.path.normpath(root / reference))
            if not is_web_address(reference) and path.is_relative_to(self.folder):
                wanted.add(path)
        with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="fetch") as pool:
            list(pool.map(self._bring_if_there, sorted(wanted)))

    def _bring_if_there(self, path: Path) -> None:
        with suppress(OSError, ValueError):
            self.copy(path)

    def copy(self, path: Path) -> None:
        """Bring one file up to date.

        Raises:
            OSError: it is not there, or the disk is full.
        """
        remote = f"{self.base}/{path.relative_to(self.folder).as_posix()}"
        info = self.system.info(remote)
        if info.get("type") == "directory":
            raise FileNotFoundError(remote)
        stamp = self._modified(remote)
        with suppress(FileNotFoundError):
            status = path.stat()
            if status.st_size == info.get("size") and stamp in (None, status.st_mtime):
                return
        private_folder(path.parent)
        part = path.with_name(f".{path.name[:200]}.part")
        try:
            self.system.get_file(remote, str(part))
            if stamp is not None:
                os.utime(part, (stamp, stamp))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def _modified(self, remote: str) -> float | None:
        """When it was changed, in whole seconds; not every kind of storage says so."""
        try:
            moment = self.system.modified(remote)
        except (NotImplementedError, KeyError, ValueError):
            return None
        return float(int(moment.timestamp())) if isinstance(moment, datetime) else None


def opened(url: str, data_folder: Path) -> Storage:
    """The files of a URL, copied.

    Raises:
        BadInput: there is no such file or folder, or no catalogue file in it.
        ServiceMissing: the library for this kind of storage is not installed, or the storage does not answer.
    """
    import fsspec

    kind = urlsplit(url).scheme
    try:
        system, path = fsspec.core.url_to_fs(url)
        if kind not in ("http", "https") and system.isdir(path):  # a web server's page would count as a folder
            base, found = path.rstrip("/"), [one for one in sorted(system.find(path)) if is_catalogue(one)]
        else:
            base, found = str(PurePosixPath(path).parent), [path] if system.exists(path) else []
        name = hashlib.blake2b(f"{kind}://{base}".encode(), digest_size=8).hexdigest()
        storage = Storage(system, base, data_folder / FOLDER / name)
        files = [storage.folder / one[len(base) :].lstrip("/") for one in found]
        for file in files:
            storage.copy(file)
    except ImportError as exc:
        raise ServiceMissing(f"{kind}:// cannot be read: {' '.join(str(exc).split())}.") from exc
    except ValueError as exc:
        raise BadInput(f"{url} cannot be read: {' '.join(str(exc).split())[:200]}.") from exc
    except Exception as exc:  # each kind of storage has errors of its own
        reason = " ".join(str(exc).split())[:200] or type(exc).__name__
        raise ServiceMissing(f"{url} cannot be read: {reason}.") from exc
    if not files:
        raise BadInput(f"There is no catalogue file at {url}.")
    return Storage(system, base, storage.folder, tuple(files))


def expanded(path: Path) -> list[Path]:
    """The catalogue files of a folder, in the order of their names; a folder of saved pages is one itself."""
    if not path.is_dir():
        return [path]
    files = sorted(
        file for file in path.rglob("*") if file.is_file() and is_catalogue(file.relative_to(path).as_posix())
    )
    has_pages = any(file.suffix.lower() in PAGES for file in path.rglob("*"))
    return files if files and not has_pages else [path]


def is_catalogue(path: str) -> bool:
    """By its name; what Spark or a file system notes beside files is none."""
    parts = PurePosixPath(path)
    if any(part[:1] in (".", "_") for part in parts.parts):
        return False
    name = PurePosixPath(parts.stem) if parts.suffix.lower() == ".gz" else parts
    return name.suffix.lower() in _SUFFIXES


def all_files(places: Sequence[str], data_folder: Path) -> tuple[list[Path], list[Storage]]:
    """The files that paths and URLs name, and the storage of the latter.

    Raises:
        BadInput, ServiceMissing: as of `opened`.
    """
    files: list[Path] = []
    storages: list[Storage] = []
    for place in places:
        if is_url(place):
            storages.append(opened(place, data_folder))
            files += storages[-1].files
        else:
            files += expanded(Path(place))
    return files, storages
