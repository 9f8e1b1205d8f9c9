"""The tables of one store, in a SQLite file of its own or in a PostgreSQL database that several machines share.

A store's statements are written once, with SQLAlchemy's tables. Its schema has a version: a file or database of an
earlier one is brought up to date by the scripts of alembic in the store's folder of migrations, when it is first used.
"""

import contextlib
import functools
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import NullPool

from tools.errors import ServiceMissing, StoreError
from tools.place import Place, StateServer, is_there
from tools.storage import SqliteFile, note_deletion, private_folder

CONNECTIONS: Final = 8
"""Of one process to a server, kept open; as many more are opened for a moment where needed."""
WAIT_SECONDS: Final = 10.0
"""How long to wait for a connection of the process's own that is free."""
CONNECT_SECONDS: Final = 5
STATEMENT_SECONDS: Final = 60
LOCK_SECONDS: Final = 10
RECYCLE_SECONDS: Final = 1800
NUL_MARK: Final = "\ufffd"
_ENVIRONMENT: Final = Path(__file__).parent / "migrations"
_SERVER_DOWN: Final = ("08", "57P", "53300")
"""Beginnings of PostgreSQL's codes for: no connection, shutting down, too many clients."""


class _PostgresText(sa.TypeDecorator[str]):
    """Text in the order of its code points, as in SQLite; PostgreSQL keeps no NUL, which becomes U+FFFD."""

    impl = sa.Text
    cache_ok = True

    def __init__(self) -> None:
        super().__init__(collation="C")

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return value.replace("\0", NUL_MARK) if value else value


Text: Final = sa.Text().with_variant(_PostgresText(), "postgresql")
Real: Final[sa.Double[float]] = sa.Double()


_POSTGRES: Final[Any] = cast(Any, postgresql.psycopg).dialect()


def _url(server: StateServer) -> URL:
    """The URL with this program's driver, and bounds on how long it waits unless the URL has its own.

    Raises:
        StoreError: it is no URL of a database.
    """
    try:
        url = make_url(server.url).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):
        raise StoreError(f"The URL of the state at {server.name} cannot be read; check state.url.") from None
    bounds = {"statement_timeout": STATEMENT_SECONDS, "lock_timeout": LOCK_SECONDS}
    bounds["idle_in_transaction_session_timeout"] = STATEMENT_SECONDS
    options = [f"-c {name}={seconds}s" for name, seconds in bounds.items()]
    own = url.query.get("options", ())
    options += [own] if isinstance(own, str) else own
    defaults = {"connect_timeout": str(CONNECT_SECONDS), "application_name": "assistant"} | dict(url.query)
    return url.set(query={**defaults, "options": " ".join(options)})


def conninfo(server: StateServer) -> str:
    """How psycopg connects to a server without SQLAlchemy; it may hold the password. Errors as of `StateDatabase`."""
    from psycopg.conninfo import make_conninfo  # an optional library

    _, values = _POSTGRES.create_connect_args(_url(server))
    return make_conninfo(**values)


@dataclass(frozen=True)
class Schema:
    """The tables of a store.

    Attributes:
        name: of the store; ``NAME_version`` is the table that holds the version.
        version: of the tables, as alembic's newest revision names it.
        migrations: the folder with alembic's revisions.
    """

    name: str
    tables: sa.MetaData
    version: str
    migrations: Path

    @property
    def version_table(self) -> str:
        """The table that holds the version."""
        return f"{self.name}_version"


class StateDatabase:
    """The tables of a store, at a place. Thread-safe, and safe beside other processes.

    Attributes:
        dialect: ``sqlite`` or ``postgresql``.
    """

    def __init__(
        self,
        place: Place,
        schema: Schema,
        holds: str,
        mend: str,
        *,
        lock_seconds: float = 30.0,
        pragmas: tuple[str, ...] = (),
        wal: bool = True,
    ) -> None:
        """``holds``, ``mend``, ``lock_seconds`` and ``pragmas`` as of `SqliteFile`; ``wal``: SQLite's journal mode."""
        self._place, self._schema, self._holds, self._wal = place, schema, holds, wal
        self._ready: tuple[int, int] | None = None
        self._deleted = False
        self._file: SqliteFile | None = None
        self._sentence: Callable[[BaseException], str]
        self._reads: sa.Engine
        self._writes: sa.Engine
        if isinstance(place, StateServer):
            self._writes = _server_engine(place, os.getpid())
            self._reads = self._writes.execution_options(isolation_level="REPEATABLE READ")
            self._sentence = functools.partial(server_sentence, place, holds)
        else:
            self._file = SqliteFile(place, holds, mend, lock_seconds, pragmas)
            self._reads = _file_engine(self._file)
            self._writes = self._reads.execution_options(begin="begin immediate")
            self._sentence = self._file.sentence
        self.dialect = self._reads.dialect.name

    @property
    def exists(self) -> bool:
        """Whether there is something to read; a file is made by the first transaction."""
        return is_there(self._place)

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of the tables. Errors as of `errors`."""
        self.prepare()
        with self.errors(), self._reads.begin() as db:
            yield db

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction, all of which is kept or none.

        In a file nobody else writes meanwhile. On a server others do: a row that a decision rests on is read with
        ``with_for_update()``, which a file does without. Errors as of `errors`.
        """
        self.prepare()
        with self.errors(), self._writes.begin() as db:
            yield db

    @contextlib.contextmanager
    def session(self) -> Iterator[sa.Connection]:
        """One connection for several transactions, which the caller begins and ends within `errors`."""
        self.prepare()
        with self.errors():
            db = self._writes.connect()
        try:
            yield db
        finally:
            with contextlib.suppress(sa.exc.SQLAlchemyError):  # it may be lost
                db.close()

    def note_deletion(self, db: sa.Connection) -> None:
        """Have the next `vacuum_securely` do its work; in the transaction that deletes, and before it does."""
        if self._file:
            note_deletion(_raw(db))
        self._deleted = True

    def vacuum_securely(self) -> None:
        """Write a file anew if something was deleted, as `SqliteFile.vacuum_securely`.

        On a server, have it free the space of what was deleted; it overwrites the bytes when it needs the space.
        """
        if self._file:
            self._file.vacuum_securely()
        elif self._deleted:
            names = ", ".join(self._schema.tables.tables)
            with self.errors(), self._writes.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
                db.exec_driver_sql(f"vacuum {names}")
            self._deleted = False

    def hold_open(self) -> Callable[[], None]:
        """Keep a file's log open until what is returned is called: 15 times faster for the short connections meanwhile.

        Raises:
            StoreError: the tables cannot be opened.
        """
        self.prepare()
        if not self._file:
            return lambda: None
        with self.errors():
            db = self._file.connect()
            db.execute("select 1 from sqlite_master limit 1").fetchone()  # the first query opens the log
        return db.close

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Turn the errors of SQLite and PostgreSQL into one sentence that says what to do.

        Raises:
            StoreError: in place of any of them but SQLAlchemy's `IntegrityError`, which tells the caller that what is
                to be written breaks a rule of its own.
        """
        try:
            yield
        except IntegrityError:
            raise
        except DBAPIError as exc:
            raise StoreError(self._sentence(exc.orig or exc)) from exc
        except PoolTimeout as exc:
            raise StoreError(f"{self._what()} cannot be read or written now (too many at a time); {_LATER}") from exc
        except (sqlite3.Error, OSError) as exc:
            raise StoreError(self._sentence(exc)) from exc

    def _what(self) -> str:
        return (
            f"The {self._holds} in {self._place.name}" if isinstance(self._place, StateServer) else f"The {self._holds}"
        )

    # The version of the tables ---------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Make the tables, or bring those of an earlier version up to date.

        Raises:
            StoreError: they cannot be read or written, or are of a newer version of this program.
        """
        if self._is_ready():
            return
        with self.errors():
            if self._file:
                private_folder(self._file.path.parent)
                if not self._file.path.exists():
                    self._file.path.touch(mode=0o600)
                if self._wal:
                    with self._file.opened() as raw:
                        raw.execute("pragma journal_mode = wal")
            with self._reads.begin() as db:
                version = _version(db, self._schema)
            if version != self._schema.version:
                self._upgrade()
        self._note_ready()

    def _upgrade(self) -> None:
        with self._writes.begin() as db:
            if not self._file:  # one process at a time
                db.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(self._schema.name))))
            version = _version(db, self._schema)
            if version is not None and version > self._schema.version:
                raise StoreError(f"{self._what()} were written by a newer version of this program; update the program.")
            if version is None and not set(sa.inspect(db).get_table_names()) & set(self._schema.tables.tables):
                _create(db, self._schema)
            elif version != self._schema.version:
                _migrate(db, self._schema)

    def _is_ready(self) -> bool:
        if isinstance(self._place, StateServer):
            return (self._place, self._schema.name) in _READY
        return self._ready is not None and self._ready == _identity(self._place)

    def _note_ready(self) -> None:
        if isinstance(self._place, StateServer):
            _READY.add((self._place, self._schema.name))
        else:
            self._ready = _identity(self._place)


_LATER: Final = "try again in a moment."
_READY: set[tuple[StateServer, str]] = set()
"""Stores on servers whose tables this process has seen to be up to date."""


def server_sentence(server: StateServer, holds: str, exc: BaseException) -> str:
    """What an error of PostgreSQL's means, in one sentence without any row's content."""
    code = getattr(exc, "sqlstate", None) or ""
    reason = " ".join(str(exc).split("\n")[0].split())[:200]
    what = f"The {holds} in {server.name}"
    if code == "53100":
        return f"The disk of the PostgreSQL server {server.name} is full. What was finished is kept; free some space."
    if code.startswith("28") or "authentication failed" in reason:
        return f"{what} cannot be opened: the server refuses the user or the password; check state.url."
    if code == "3D000" or ("database" in reason and "does not exist" in reason):
        return f"{what} cannot be opened: there is no such database; make it with: createdb."
    if not code or code.startswith(_SERVER_DOWN):
        return f"{what} cannot be reached ({reason}); check that PostgreSQL runs there, and state.url, then {_LATER}"
    if code == "42P01":
        return f"{what} are damaged ({reason}). Restore the database from a backup."
    if code in ("57014", "55P03", "40001", "40P01"):  # timeouts and conflicts
        return f"{what} cannot be read or written now ({reason}); {_LATER}"
    if code == "42501":
        return f"{what} cannot be used: the user has no right to it ({reason}); grant it."
    return f"{what} cannot be used: {reason}."


def insert(table: sa.Table, dialect: str) -> "postgresql.Insert | sqlite.Insert":
    """An insert with ``on_conflict_do_update`` and ``on_conflict_do_nothing``."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def compiled(statement: sa.ClauseElement, dialect: str) -> tuple[str, dict[str, Any]]:
    """A statement for a driver that is used without SQLAlchemy, and its values by name."""
    is_server = dialect == "postgresql"
    flavour = _POSTGRES if is_server else sqlite.dialect(paramstyle="named")
    result = statement.compile(dialect=flavour, compile_kwargs={"render_postcompile": True})  # lists of values, too
    values = dict(result.construct_params() or {})
    if is_server:
        values = {k: v.replace("\0", NUL_MARK) if isinstance(v, str) else v for k, v in values.items()}
    return result.string, values


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells one file from another at the same place; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _raw(db: sa.Connection) -> sqlite3.Connection:
    connection: Any = db.connection.dbapi_connection
    return cast(sqlite3.Connection, connection)


@functools.lru_cache(maxsize=64)
def _file_engine(file: SqliteFile) -> sa.Engine:
    """Short connections, as `SqliteFile.connect` makes them, whose transactions SQLAlchemy begins and ends."""
    engine = sa.create_engine(
        "sqlite://",
        creator=file.connect,
        poolclass=NullPool,
        hide_parameters=True,
        skip_autocommit_rollback=False,
        execution_options={"preserve_rowcount": True, "begin": "begin"},
    )

    @sa.event.listens_for(engine, "begin")
    def begin(db: sa.Connection) -> None:
        _raw(db).execute(db.get_execution_options()["begin"])

    return engine


@functools.lru_cache(maxsize=16)
def _server_engine(server: StateServer, _process: int) -> sa.Engine:
    """A process's connections to a server, bounded; one that the server has closed is made anew."""
    try:
        return sa.create_engine(
            _url(server),
            pool_size=CONNECTIONS,
            max_overflow=CONNECTIONS,
            pool_timeout=WAIT_SECONDS,
            pool_pre_ping=True,
            pool_recycle=RECYCLE_SECONDS,
            hide_parameters=True,
            execution_options={"preserve_rowcount": True},
        )
    except ImportError as exc:
        raise ServiceMissing(NO_DRIVER) from exc


NO_DRIVER: Final = (
    "PostgreSQL's driver is not installed; install it with: pip install 'recommendation-assistant[servers]'."
)


def _version(db: sa.Connection, schema: Schema) -> str | None:
    """The version of the tables that are there; None for none, and for those from before there were versions."""
    if not sa.inspect(db).has_table(schema.version_table):
        return None
    return db.execute(sa.select(sa.column("version_num")).select_from(sa.table(schema.version_table))).scalar()


def _create(db: sa.Connection, schema: Schema) -> None:
    versions = sa.Table(schema.version_table, sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True))
    schema.tables.create_all(db)
    versions.create(db)
    db.execute(versions.insert().values(version_num=schema.version))


def _migrate(db: sa.Connection, schema: Schema) -> None:
    from alembic import command  # takes a third of a second; only where there is something to do
    from alembic.config import Config  # likewise

    config = Config(attributes={"connection": db, "version_table": schema.version_table})
    config.set_main_option("script_location", str(_ENVIRONMENT).replace("%", "%%"))
    config.set_main_option("version_locations", str(schema.migrations).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    command.upgrade(config, "head")
