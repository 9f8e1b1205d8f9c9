"""Turns in work that have files on disk, noted so that the next start deletes what a killed process left of them.

A note is a file that its turn holds locked; the system frees the lock however the process ends.
"""

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from assistant.storage import UNFINISHED_TURNS


@contextlib.contextmanager
def noted(data_folder: Path, session_id: str) -> Iterator[None]:
    """Note that a turn of this session is in work meanwhile."""
    folder = data_folder / UNFINISHED_TURNS
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{session_id}.{uuid.uuid4().hex}"
    with FileLock(path):
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def take_ended(data_folder: Path) -> set[str]:
    """Sessions of turns whose process has ended without ending them, each once; of those in which no turn runs now."""
    notes = {path: path.name.partition(".")[0] for path in (data_folder / UNFINISHED_TURNS).glob("*.*")}
    running = {session_id for path, session_id in notes.items() if _is_held(path)}
    ended = {path: session_id for path, session_id in notes.items() if session_id not in running}
    for path in ended:
        path.unlink(missing_ok=True)
    return set(ended.values())


def _is_held(path: Path) -> bool:
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True
