"""The data folder and its databases, for their owner alone."""

import contextlib
import stat
from pathlib import Path

UMASK = 0o077
"""Of every command: what it writes is its user's alone."""
_FOLDER = 0o700
_FILE = 0o600


def private_folder(folder: Path) -> Path:
    """The folder, made if it is not there, closed to everybody but its owner, and so are the databases in it.

    What lies deeper cannot be reached then. A folder of somebody else's, or one that everybody may write to by intent,
    such as ``/tmp``, stays as it is.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=_FOLDER)
    mode = folder.stat().st_mode
    if mode & UMASK and not mode & stat.S_ISVTX:
        _close(folder, _FOLDER)
    for path in folder.glob("*.sqlite*"):
        _close(path, _FILE)
    return folder


def _close(path: Path, mode: int) -> None:
    with contextlib.suppress(OSError):  # gone meanwhile, or not ours
        if path.stat().st_mode & UMASK:
            path.chmod(mode)
