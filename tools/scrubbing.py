"""SQLite files without the bytes of what was deleted from them."""

import sqlite3
from pathlib import Path

from tools.errors import StoreError


def scrub(db: sqlite3.Connection, path: Path) -> None:
    """Write a database anew and empty its log; ``secure_delete`` alone leaves copies of rows that had moved.

    Args:
        db: a connection with no transaction open.
        path: the database's file, for messages.

    Raises:
        StoreError: another process holds on to the file; to be tried again.
        sqlite3.Error: the file cannot be written.
    """
    db.execute("vacuum")
    busy, *_ = db.execute("pragma wal_checkpoint(truncate)").fetchone()
    if busy:
        raise StoreError(f"{path} is in use, so that what was deleted still stands in its log; try again in a moment.")
