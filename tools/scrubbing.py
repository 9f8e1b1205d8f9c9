"""SQLite files without the bytes of what was deleted from them.

A transaction that deletes calls `note_deletion`, which counts in the file's ``user_version``, so that a process that
ends before it has scrubbed leaves that to the next one. `scrub` does nothing where nothing was deleted.
"""

import sqlite3
import time
from pathlib import Path

from tools.errors import StoreError

PAUSE_SECONDS = 0.05


def note_deletion(db: sqlite3.Connection) -> None:
    """Have the next `scrub` do its work; within the transaction that deletes, and before it does."""
    db.execute("pragma secure_delete = on")
    db.execute(f"pragma user_version = {_deletions(db) + 1}")


def scrub(db: sqlite3.Connection, path: Path, *, seconds: float) -> None:
    """Write a database anew and empty its log, if something was deleted; ``secure_delete`` alone leaves copies of rows
    that had moved.

    Args:
        db: a connection with no transaction open.
        path: the database's file, for messages.
        seconds: how long to go on trying while other connections, of this process or of another, are in the way.

    Raises:
        StoreError: the file is in use for all that time; a later call goes on.
        sqlite3.Error: the file cannot be written.
    """
    end = time.monotonic() + seconds
    while deletions := _deletions(db):
        if _scrubbed(db):
            db.execute("begin immediate")
            if _deletions(db) == deletions:  # nothing more was deleted meanwhile
                db.execute("pragma user_version = 0")
            db.execute("commit")
        elif time.monotonic() > end:
            raise StoreError(
                f"{path.name} is in use, so that what was deleted still stands in its log; try again in a moment."
            )
        else:
            time.sleep(PAUSE_SECONDS)


def _scrubbed(db: sqlite3.Connection) -> bool:
    """Whether nothing was in the way. A checkpoint that another connection runs makes this one busy at once, whatever
    the connection's timeout (sqlite.org/c3ref/wal_checkpoint_v2.html)."""
    try:
        db.execute("vacuum")
        busy, *_ = db.execute("pragma wal_checkpoint(truncate)").fetchone()
    except sqlite3.OperationalError as exc:
        if exc.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise
        return False
    return not busy


def _deletions(db: sqlite3.Connection) -> int:
    return int(db.execute("pragma user_version").fetchone()[0])
