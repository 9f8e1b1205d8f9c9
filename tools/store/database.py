"""The SQLite file: connections for many reading threads, one writer, and errors in plain sentences.

Other processes may drop the catalogue or put another file in its place. Each use looks whether the file is still the
one that was opened, and opens the present one if not. Readers open it for reading only: the last connection to a file
deletes the log beside it, by name, and that would be the log of the file that stands there now.
"""

import logging
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from tools.errors import CatalogueBusy, StoreError
from tools.storage import SqliteFile, private_folder, transaction
from tools.store import counters
from tools.store.filters import add_functions
from tools.store.offers import upgrade
from tools.store.schema import SCHEMA_VERSION, TABLES

if TYPE_CHECKING:
    from tools.store.replica import SharedCatalogue

logger = logging.getLogger(__name__)

DATABASE = "catalogue.sqlite"
IDLE_CONNECTIONS = 8
WRITER_CACHE_KIB = 64 * 1024
READER_CACHE_KIB = 32 * 1024
"""For each connection; in a large catalogue a search looks up thousands of rows."""
PRAGMAS = ("synchronous = FULL", "temp_store = MEMORY", "recursive_triggers = ON")
"""The last one for `tools.store.counters`."""
CHECKPOINT_PAGES = 8_000
"""Of 4 KiB: how long the log gets before a writer copies it into the file."""


def catalogue_file(folder: Path) -> SqliteFile:
    """The catalogue's file in a data folder."""
    mend = "Start it anew from your catalogue files with: assistant catalogue drop --yes, then: assistant ingest FILE."
    return SqliteFile(folder / DATABASE, "catalogue", mend, pragmas=PRAGMAS)


@contextmanager
def write_lock(folder: Path, *, seconds: float = 1.0) -> Iterator[None]:
    """Be the only process that writes to a catalogue; the system frees the lock however the process ends.

    Raises:
        CatalogueBusy: another process is writing, and has not ended after so many seconds.
    """
    lock = FileLock(folder / "catalogue.lock")
    with catalogue_file(folder).errors():
        try:
            lock.acquire(timeout=seconds)
        except Timeout:  # an OSError, too
            raise CatalogueBusy(
                f"Another process is writing to the catalogue in {folder}; wait for it to end, then try again."
            ) from None
    try:
        yield
    finally:
        lock.release()


class Database:
    """One catalogue's SQLite file in WAL mode: any number of readers beside one writer."""

    def __init__(
        self,
        folder: Path,
        *,
        read_only: bool,
        notify: Callable[[str], None] | None = None,
        shared: "SharedCatalogue | None" = None,
    ) -> None:
        """``shared``: the server whose catalogue the file follows, and where changes go first."""
        self.folder = folder
        self.shared = shared
        self._file = catalogue_file(folder)
        self.path = self._file.path
        self.read_only = read_only
        self._notify = notify or logger.warning
        self._idle: list[sqlite3.Connection] = []
        self._opened: tuple[int, int] | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._writing = threading.Lock()
        self._locked = False
        self._held: sqlite3.Connection | None = None
        with self._file.errors():
            self._look()
        if shared:
            shared.open()

    def _look(self) -> None:
        """Open what stands in the folder now, unless it is open already; make it when nothing does.

        Raises:
            StoreError: there is nothing, and it may only be read; it is damaged, or of another version.
        """
        if self._opened is not None and _identity(self.path) == self._opened:
            return
        if self.path.is_file():
            self._prepare()
        elif self.read_only and not self.shared:
            raise StoreError(f"There is no catalogue in {self.folder} yet; make one with: assistant ingest FILE.")
        else:
            private_folder(self.folder)
            with write_lock(self.folder):  # nobody is deleting it at this moment
                self._prepare()

    def _prepare(self) -> None:
        stale, self._idle = self._idle, []
        for connection in stale:
            connection.close()
        connection = self._file.connect()
        try:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
                self._create(connection)
            version = self._schema(connection)
            if version is not None and version < SCHEMA_VERSION:
                self._upgrade(connection)
                version = self._schema(connection)
            self._opened = _identity(self.path)
        finally:
            if connection.in_transaction:  # what _create left unfinished
                connection.rollback()
            connection.close()
        if version is not None and version > SCHEMA_VERSION:
            raise StoreError(
                f"The catalogue in {self.folder} was written by a newer version of this program; update the program."
            )
        if version != SCHEMA_VERSION:
            raise StoreError(
                f"The catalogue in {self.folder} was written by another version of this program. Start it anew with: "
                "assistant catalogue drop --yes, then: assistant ingest FILE."
            )

    def _schema(self, connection: sqlite3.Connection) -> int | None:
        row = connection.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
        return int(row[0]) if row else None

    def _upgrade(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        if self._schema(connection) != SCHEMA_VERSION:  # no other process was quicker
            upgrade(connection, self._notify)
        connection.execute("COMMIT")

    def _create(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
            return  # another process was quicker
        for statement in TABLES.split(";\n"):
            connection.execute(statement)
        counters.make(connection)
        # microseconds, which no series of writes overtakes: a catalogue deleted and made anew has no old version again
        version = time.time_ns() // 1000
        rows = {"schema": SCHEMA_VERSION, "catalogue": uuid.uuid4().hex[:12], "version": version, "seq": 0}
        rows["items"] = 0
        connection.executemany("INSERT INTO meta VALUES (?, ?)", rows.items())
        connection.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection whose queries all see one state of the catalogue."""
        with self._file.errors():
            with self._lock:
                if self._closed:
                    raise StoreError("The catalogue was closed while it was in use.")
                self._look()
                opened = self._opened
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                connection = self._file.connect(read_only=True)
                connection.execute(f"PRAGMA cache_size = -{READER_CACHE_KIB}")
                add_functions(connection)
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                self._give_back(connection, opened)

    def _give_back(self, connection: sqlite3.Connection, opened: tuple[int, int] | None) -> None:
        if connection.in_transaction:
            connection.rollback()
        with self._lock:
            keep = not self._closed and len(self._idle) < IDLE_CONNECTIONS and opened == self._opened
            if keep:
                self._idle.append(connection)
        if not keep:
            connection.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it is kept, or, when anything is raised, none. Items change only under `locked`."""
        change = self.shared.change() if self.shared else nullcontext()
        with self._writing, change as on_server, self._transaction() as connection:
            if on_server:
                on_server.watch(connection)
            elif connection.execute("SELECT 1 FROM meta WHERE name = 'replica'").fetchone():
                renew_identity(connection)  # what is changed here alone is another catalogue than the server's
            yield connection
            connection.execute("UPDATE meta SET value = value + 1 WHERE name = 'version'")
            if on_server:
                on_server.send(connection)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """While the lock is held, on one connection, which knows many pages already; else on one for the moment."""
        if not self._locked:
            with self._file.writing() as connection:
                yield connection
            return
        with self._file.errors():
            if self._held is None:
                self._held = self._file.connect()
                self._held.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KIB}")
                self._held.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            try:
                with transaction(self._held):
                    yield self._held
            except BaseException:  # the disk may be full, the file another one
                self._let_go()
                raise

    def _let_go(self) -> None:
        held, self._held = self._held, None
        if held:
            held.close()

    @contextmanager
    def locked(self, *, seconds: float = 1.0) -> Iterator[None]:
        """Be the only process that writes; another one is waited for so long.

        Raises:
            StoreError: another process is writing, or this catalogue was opened for reading only.
        """
        if self.read_only:
            raise StoreError(f"The catalogue in {self.folder} was opened for reading only.")
        with self._file.errors(), self._lock:
            self._look()
        elsewhere = self.shared.locked(seconds=seconds) if self.shared else nullcontext()
        with write_lock(self.folder, seconds=seconds), elsewhere:
            self._locked = True
            try:
                if self.shared:
                    self.shared.follow()  # what this writer finds, no other machine changes until its end
                yield
            finally:
                with self._writing:
                    self._locked = False
                    self._let_go()

    def empty(self) -> bool:
        """Delete all there is in one transaction, for processes that have the file open; only under `locked`.

        Returns:
            Whether nobody else has the file open.

        Raises:
            StoreError: it is damaged.
        """
        with self._file.errors():
            connection = self._file.connect()
            try:
                connection.execute("PRAGMA secure_delete = ON")
                connection.execute("BEGIN IMMEDIATE")
                clear(connection)
                connection.execute("COMMIT")
                return _alone(connection)
            finally:
                connection.close()

    def close(self) -> None:
        """Close every idle connection; those in use close when they are given back."""
        if self.shared:
            self.shared.close()
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


def clear(connection: sqlite3.Connection) -> None:
    """Delete all there is, in a transaction: it is another catalogue then, in a later version."""
    for (name,) in connection.execute(_TABLE_NAMES).fetchall():
        connection.execute(f"DELETE FROM {name}")  # noqa: S608 - of our own schema
    connection.execute("DELETE FROM meta WHERE name NOT IN ('schema', 'catalogue', 'version', 'seq', 'items')")
    changed = {"catalogue": uuid.uuid4().hex[:12], "seq": 0, "items": 0}
    connection.executemany("UPDATE meta SET value = ? WHERE name = ?", [(v, k) for k, v in changed.items()])
    connection.execute("UPDATE meta SET value = value + 1 WHERE name = 'version'")


def renew_identity(connection: sqlite3.Connection) -> None:
    """Give the catalogue a new identity, so that no index which followed another state of it is used for it.

    It is no copy of a server's any more, either.
    """
    connection.execute("DELETE FROM meta WHERE name = 'replica'")
    connection.execute("UPDATE meta SET value = ? WHERE name = 'catalogue'", (uuid.uuid4().hex[:12],))


_TABLE_NAMES = (
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'meta' AND name NOT LIKE 'sqlite_%' "
    "AND name NOT LIKE 'words_%'"
)


def _alone(connection: sqlite3.Connection) -> bool:
    """Whether no other connection is open, of any process: only then a log is given up."""
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        return bool(connection.execute("PRAGMA journal_mode = DELETE").fetchone()[0] == "delete")
    except sqlite3.OperationalError:
        return False


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells one file from another at the same place; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
