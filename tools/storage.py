"""SQLite files of a data folder: opened for a moment, errors in one sentence, deleted down to the bytes; for the owner
alone.

A transaction that deletes calls `note_deletion`, which counts in the file's ``user_version``, so that a process that
ends before `SqliteFile.vacuum_securely` leaves that to the next one.
"""

import contextlib
import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.errors import StoreError

UMASK = 0o077
"""Of every command: what it writes is its user's alone."""
_FOLDER = 0o700
_FILE = 0o600
PAUSE_SECONDS: Final = 0.05
NEARLY_FULL: Final = 8 * 2**20
"""Free bytes below which a failed write is put down to a full disk."""


@dataclass(frozen=True)
class SqliteFile:
    """One file, and what people are told when it does not work.

    Attributes:
        holds: what is in it, in a word or two: "The sessions in FOLDER cannot be opened for writing".
        mend: what helps where it is damaged, as a sentence of its own.
        lock_seconds: how long another writer is waited for.
        pragmas: of every connection.
    """

    path: Path
    holds: str
    mend: str
    lock_seconds: float = 30.0
    pragmas: tuple[str, ...] = ()

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Turn SQLite's errors, and the system's, into one sentence that says what to do.

        Raises:
            StoreError: in place of any `sqlite3.Error` or `OSError`, but `sqlite3.IntegrityError`, which tells the
                caller that what is to be written breaks a rule of its own.
        """
        try:
            yield
        except sqlite3.IntegrityError:
            raise
        except (sqlite3.Error, OSError) as exc:
            raise StoreError(self.sentence(exc)) from exc

    def sentence(self, exc: BaseException) -> str:
        """What an error of SQLite's or the system's means, and what to do."""
        message, folder = str(exc), self.path.parent
        if "full" in message or "No space left" in message or has_no_space(folder):
            return (
                f"The disk is full: {folder} needs more space. What was finished is kept; "
                "free some space and give the same command again."
            )
        if "malformed" in message or "not a database" in message or "no such table" in message:
            return f"The {self.holds} file {self.path} is damaged. {self.mend}"
        if "locked" in message or "busy" in message:
            return f"The {self.holds} in {folder} cannot be read or written now ({message}); try again in a moment."
        if isinstance(exc, PermissionError) or "readonly" in message or "unable to open" in message:
            return f"The {self.holds} in {folder} cannot be opened for writing; check the folder's permissions."
        return f"The {self.holds} in {folder} cannot be used: {message}."

    def connect(self, *, read_only: bool = False) -> sqlite3.Connection:
        """A connection that any thread may use, in autocommit: `transaction` begins and ends what belongs together.

        Raises:
            sqlite3.Error: the file cannot be opened.
        """
        address = f"{self.path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
        db = sqlite3.connect(
            address, uri=True, timeout=self.lock_seconds, isolation_level=None, check_same_thread=False
        )
        for pragma in self.pragmas:
            db.execute(f"pragma {pragma}")
        return db

    @contextlib.contextmanager
    def opened(self, *, read_only: bool = False) -> Iterator[sqlite3.Connection]:
        """A connection for a moment, in autocommit. Errors as of `errors`."""
        with self.errors(), contextlib.closing(self.connect(read_only=read_only)) as db:
            yield db

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection for one transaction, all of which is kept or none. Errors as of `errors`."""
        with self.opened() as db, transaction(db):
            yield db

    @contextlib.contextmanager
    def creating(self, schema: str) -> Iterator[sqlite3.Connection]:
        """The same; a file that is not there is made, readable by its owner alone, with the tables of the schema."""
        with self.errors():
            private_folder(self.path.parent)
            self.path.touch(mode=0o600)
        with self.opened() as db:
            db.executescript(schema)
            with transaction(db):
                yield db

    def vacuum_securely(self) -> None:
        """Write the file anew and empty its log, if something was deleted; ``secure_delete`` alone leaves copies of
        rows that had moved.

        Raises:
            StoreError: other connections are in the way for `lock_seconds`; a later call goes on.
        """
        with self.opened() as db:
            end = time.monotonic() + self.lock_seconds
            while deletions := _deletions(db):
                if _vacuumed(db):
                    with transaction(db):
                        if _deletions(db) == deletions:  # nothing more was deleted meanwhile
                            db.execute("pragma user_version = 0")
                elif time.monotonic() > end:
                    raise StoreError(
                        f"{self.path.name} is in use, so that what was deleted still stands in its log; "
                        "try again in a moment."
                    )
                else:
                    time.sleep(PAUSE_SECONDS)


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All that is done meanwhile is kept, or none of it; nobody else writes from its beginning on."""
    db.execute("begin immediate")
    try:
        yield
        db.execute("commit")
    finally:
        if db.in_transaction:
            db.execute("rollback")


def note_deletion(db: sqlite3.Connection) -> None:
    """Have the next `SqliteFile.vacuum_securely` do its work; in the transaction that deletes, and before it does."""
    db.execute("pragma secure_delete = on")
    db.execute(f"pragma user_version = {_deletions(db) + 1}")


def _vacuumed(db: sqlite3.Connection) -> bool:
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


def has_no_space(folder: Path) -> bool:
    """Whether the disk that a folder is on is full, or nearly so."""
    try:
        return shutil.disk_usage(folder).free < NEARLY_FULL
    except OSError:
        return False


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


def sync(path: Path) -> None:
    """Have a file, or a folder's names, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
