"""Disk space, and the file system's errors in one sentence."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assistant.errors import PullError
from assistant.models.progress import megabytes

SPARE = 100_000_000  # left free beside what a pull needs
FULL = (errno.ENOSPC, errno.EDQUOT)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR)


def free_bytes(folder: Path) -> int:
    """Free space where the folder is or would be made."""
    while not folder.is_dir():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def require_space(home: Path, name: str, need: int) -> None:
    """Refuse to start what cannot end.

    Raises:
        PullError: fewer than ``need`` bytes and some to spare are free.
    """
    free = free_bytes(home)
    if free < need + SPARE:
        raise PullError(
            f"Pulling {name} needs {megabytes(need + SPARE)} free at {home}, and {megabytes(free)} are; "
            "free some space, or set ASSISTANT_HOME to a folder on a larger disk."
        )


@contextmanager
def clear_errors(home: Path, name: str) -> Iterator[None]:
    """Turn what the file system says into one sentence.

    Raises:
        PullError: instead of any OSError.
    """
    try:
        yield
    except OSError as exc:
        if exc.errno in FULL:
            raise PullError(
                f"The disk of {home} is full; what was fetched of {name} is kept. Free some space and pull again."
            ) from exc
        if exc.errno in FORBIDDEN:
            path = exc.filename or home
            raise PullError(
                f"Cannot write to {path}: {exc.strerror}; set ASSISTANT_HOME to a folder that you may write to."
            ) from exc
        raise PullError(f"Pulling {name} failed: {exc}.") from exc
