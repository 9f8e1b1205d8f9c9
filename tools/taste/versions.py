"""A folder of versions, one of them current: made beside the others, then swapped in by renaming one small file.

    <folder>/current.json         {"version": "...", "previous": "..." or null}
    <folder>/<version>/...        whatever the version holds

A version that was not finished is never pointed to; it is swept away when the next one is written.
"""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from pydantic import Field, ValidationError

from tools.errors import BadInput, StoreError
from tools.records import Record

POINTER = "current.json"


class CurrentVersion(Record):
    """Which version is current, and which was before it."""

    version: str = Field(min_length=1, pattern=r"^[^/\\]+$")
    previous: str | None = None


def pointer(folder: Path) -> CurrentVersion | None:
    """What the folder points to; None when there never was a version.

    Raises:
        StoreError: the pointer cannot be read.
    """
    try:
        return CurrentVersion.model_validate_json((folder / POINTER).read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError, UnicodeDecodeError) as exc:
        raise StoreError(f"{folder / POINTER} is damaged; train again with: assistant train.") from exc


def publish(folder: Path, version: str, write: Callable[[Path], None]) -> Path:
    """Have a version written, and make it the current one; the one before it is kept, older ones are deleted.

    Args:
        write: fills the folder that it is given; when it raises, nothing has changed.

    Raises:
        StoreError: the folder cannot be written.
    """
    target, making = folder / version, folder / f"{version}.making"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        making.mkdir()
        write(making)
        before = _pointer_or_none(folder)
        making.rename(target)
        _point(folder, CurrentVersion(version=version, previous=before.version if before else None))
    except OSError as exc:
        shutil.rmtree(making, ignore_errors=True)
        raise StoreError(f"{folder} cannot be written: {exc.strerror}.") from exc
    _keep(folder, {version, before.version if before else version})
    return target


def roll_back(folder: Path) -> str:
    """Make the version before the current one current again; the two change places.

    Raises:
        BadInput: there is none before it.
        StoreError: the pointer cannot be read or written.
    """
    now = pointer(folder)
    if now is None or now.previous is None or not (folder / now.previous).is_dir():
        raise BadInput("There is no earlier version to go back to.")
    _point(folder, CurrentVersion(version=now.previous, previous=now.version))
    return now.previous


def drop(folder: Path) -> None:
    """Delete every version; the pointer goes first, so that nobody reads a half-deleted one."""
    (folder / POINTER).unlink(missing_ok=True)
    if folder.is_dir():
        _keep(folder, set())


def _pointer_or_none(folder: Path) -> CurrentVersion | None:
    try:
        return pointer(folder)
    except StoreError:
        return None  # a damaged pointer is mended by the next version


def _point(folder: Path, to: CurrentVersion) -> None:
    draft = folder / f"{POINTER}.making"
    with draft.open("w", encoding="utf-8") as file:
        file.write(json.dumps(to.model_dump()))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / POINTER)


def _sweep(folder: Path) -> None:
    for unfinished in folder.glob("*.making"):
        if unfinished.is_dir():
            shutil.rmtree(unfinished)


def _keep(folder: Path, versions: set[str]) -> None:
    for path in folder.iterdir():
        if path.is_dir() and path.name not in versions:
            shutil.rmtree(path, ignore_errors=True)
