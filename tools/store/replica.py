"""The catalogue of several machines: its rows in PostgreSQL, and the SQLite file of each machine, which follows them.

Every search is answered from the machine's own file, also while the server is away. `REPLICATED` are the tables whose
rows the server has, each with the number of the change that last touched it; what is deleted stays as a row without
content. Keys, encoders' keys, ``seq`` and the catalogue's identity are the same everywhere, so that machines can share
a Chroma server. All other tables are made from the items, on each machine.

A change is one transaction on both sides. It holds the server's row of ``catalogue_state``, so that changes come one
after the other, has the file follow first, and is committed on the server before it is in the file. If the process ends
between the two, or the file cannot be written, the file follows later as it does any other machine's change.
"""

import contextlib
import json
import logging
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from tools.database import Schema, StateDatabase, Text
from tools.errors import CatalogueBusy, StoreError
from tools.place import StateServer
from tools.storage import transaction
from tools.store.database import catalogue_file, clear
from tools.store.gates import file_gate
from tools.store.records import read_item
from tools.store.rules import NAME as RULES
from tools.store.schema import LOCAL_FACTS, REPLICATED
from tools.store.writing import put_derived, remake_words, remove_derived

logger = logging.getLogger(__name__)

INTERVAL_SECONDS: Final = 0.5
"""How often the server is asked for the number of the last change."""
PAGE: Final = 5_000
"""Rows in one transaction of a file that follows, and in one statement of a change."""
TELL_FROM: Final = 20_000
"""From how many rows on following is worth progress lines."""
TELL_SECONDS: Final = 5
KEPT_SECONDS: Final = 30 * 86_400
"""How long it is known what was deleted; a file that has not followed for longer is filled anew."""
INDEXING_SECONDS: Final = 600.0
"""How long another machine is waited for that makes the index."""
RETRY_SECONDS: Final = 0.1

_TABLES: Final = sa.MetaData()
_ROWS: Final = sa.Table(
    "catalogue_rows",
    _TABLES,
    sa.Column("kind", Text, primary_key=True),
    sa.Column("key", Text, primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("row", postgresql.JSON),
    sa.Column("vector", sa.LargeBinary),
    sa.Index("catalogue_rows_number", "number"),
)
_STATE: Final = sa.Table(
    "catalogue_state",
    _TABLES,
    sa.Column("epoch", Text, nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("forgotten", sa.BigInteger, nullable=False),
)
SCHEMA: Final = Schema("catalogue", _TABLES, "0001", Path(__file__).parent / "migrations")

_VIEW: Final = (
    "create view catalogue_items as select row->>'id' as id, (row->>'record')::json as record, number, key "
    "from catalogue_rows where kind = 'items' and row is not null"
)
_PUT: Final = (
    "insert into catalogue_rows (kind, key, number, row, vector) select %s, k, %s, r::json, v "
    "from unnest(%b::text[], %b::text[], %b::bytea[]) as t (k, r, v) on conflict (kind, key) "
    "do update set number = excluded.number, row = excluded.row, vector = excluded.vector"
)
_WRITERS: Final = "'catalogue_state'::regclass::oid::bigint"
_INDEXES: Final = "'catalogue_rows'::regclass::oid::bigint"
"""Names of the server's locks: numbers of tables, which tell schemas of one database apart."""


@sa.event.listens_for(_STATE, "after_create")
def _begin(_table: sa.Table, db: sa.Connection, **_: object) -> None:
    db.execute(_STATE.insert().values(epoch=_new_epoch(), number=0, forgotten=0))
    db.exec_driver_sql(_VIEW)


def _new_epoch() -> str:
    return uuid.uuid4().hex[:12]


class Mark(NamedTuple):
    """A state of the shared catalogue: which one, and its last change (microseconds since 1970; 0 for none)."""

    epoch: str
    number: int


class Row(NamedTuple):
    """A row of a replicated table: its primary key as JSON, its columns as JSON (None: deleted), its vector."""

    key: str
    row: str | None
    vector: bytes | None


def on_server(server: StateServer) -> StateDatabase:
    """The server's tables."""
    return StateDatabase(server, SCHEMA, "catalogue", "")


class SharedCatalogue:
    """The server's side of one machine's catalogue. Thread-safe."""

    def __init__(self, server: StateServer, folder: Path, notify: Callable[[str], None] | None = None) -> None:
        self.server = server
        self._folder = folder
        self._file = catalogue_file(folder)
        self._db = on_server(server)
        self._notify = notify or logger.warning
        self._using = threading.Lock()
        self._held: sa.Connection | None = None
        self._process = 0
        self._ended = threading.Event()

    # Following -------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Bring the file up to date, and keep it so until `close`; while the server is away it stays as it is.

        Raises:
            StoreError: the file holds a catalogue of its own, or nothing yet and the server is away.
        """
        try:
            self.follow()
        except StoreError as exc:
            with self._file.opened(read_only=True) as local:
                if mark_of(local) is None:
                    raise
            self._notify(f"{exc} Until then the catalogue is as this machine last saw it.")
        threading.Thread(target=self._follow_on, daemon=True, name="catalogue").start()

    def close(self) -> None:
        """Stop following."""
        self._ended.set()

    def _follow_on(self) -> None:
        is_told = False
        while not self._ended.wait(INTERVAL_SECONDS):
            try:
                self.follow()
                is_told = False
            except StoreError as exc:
                if not is_told:
                    logger.warning("The catalogue does not follow the server now. %s", exc)
                is_told = True
            except Exception:  # the thread has to live as long as the catalogue
                logger.exception("the catalogue could not follow the server")

    def follow(self) -> None:
        """Bring the file up to the server's present state.

        Raises:
            StoreError: the server is away, the file cannot be written or holds a catalogue of its own.
        """
        with self._db.reading() as db:
            self._follow(db, state_of(db))

    def _follow(self, db: sa.Connection, state: Mark) -> None:
        with self._file.opened(read_only=True) as local:
            if mark_of(local) == state:
                return
        gate = file_gate(self._folder / "catalogue.follow.lock", alone=True)
        with self._file.errors(), gate, self._file.opened() as local:
            self._apply_all(local, db, self._base(local, db, state), state)

    def _base(self, local: sqlite3.Connection, db: sa.Connection, state: Mark) -> Mark:
        """What the file has followed; it is emptied where that is no earlier state of what the server has."""
        mark = mark_of(local)
        if mark is None and holds_something(local):
            raise StoreError(
                f"The catalogue in {self._folder} is this machine's own, and not the one in {self.server.name}. Move "
                "it there with: assistant migrate --only catalogue --to URL, or move its file catalogue.sqlite away."
            )
        forgotten = db.execute(sa.select(_STATE.c.forgotten)).scalar_one()
        if mark and mark.epoch == state.epoch and (forgotten <= mark.number <= state.number or not mark.number):
            return mark
        base = Mark(state.epoch, 0)
        with transaction(local):
            if mark:
                clear(local)
            set_mark(local, base)
        return base

    def _apply_all(self, local: sqlite3.Connection, db: sa.Connection, mark: Mark, state: Mark) -> None:
        later = _ROWS.c.number > mark.number
        total = db.execute(sa.select(sa.func.count()).select_from(_ROWS).where(later)).scalar_one()
        columns = (_ROWS.c.number, _ROWS.c.kind, _ROWS.c.key, sa.cast(_ROWS.c.row, sa.Text), _ROWS.c.vector)
        rows = sa.select(*columns).where(later).order_by(_ROWS.c.number, _ROWS.c.kind, _ROWS.c.key)
        done, told = 0, time.monotonic()
        for page in db.execute(rows.execution_options(yield_per=PAGE)).partitions():
            with transaction(local):
                if mark_of(local) != mark:  # a change of this machine's, which had it follow
                    return
                apply(local, ((kind, Row(*row)) for _, kind, *row in page))
                done += len(page)
                # a change may go on in the next page, and is taken from its beginning if this one is the last
                mark = state if done == total else Mark(state.epoch, max(mark.number, page[-1].number - 1))
                set_mark(local, mark)
            if total >= TELL_FROM and (time.monotonic() - told > TELL_SECONDS or done == total):
                told = time.monotonic()
                self._notify(f"Catalogue from {self.server.name}: {done:,} of {total:,} rows")
        if not total:
            with transaction(local):
                if mark_of(local) == mark:
                    set_mark(local, state)

    # Changing --------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def locked(self, *, seconds: float) -> Iterator[None]:
        """Be the only machine that writes items; the server frees the lock however the process ends.

        Raises:
            CatalogueBusy: another machine is writing, and has not ended after so many seconds.
            StoreError: the server is away.
        """
        with self._lock(_WRITERS, seconds) as db:
            with self._db.errors(), db.begin():
                process = _process(db)
                _forget_old(db)
            self._held, self._process = db, process
            try:
                yield
            finally:
                with self._using:
                    self._held = None

    @contextlib.contextmanager
    def indexing(self) -> Iterator[None]:
        """Be the only machine that changes an index that machines share; no index is ahead of this file then.

        Errors as of `locked`.
        """
        with self._lock(_INDEXES, INDEXING_SECONDS):
            self.follow()
            yield

    @contextlib.contextmanager
    def _lock(self, name: str, seconds: float) -> Iterator[sa.Connection]:
        """An advisory lock, and the connection that holds it."""
        end = time.monotonic() + seconds
        with self._db.session() as db:
            while not self._has(db, f"select pg_try_advisory_lock({name})"):
                if time.monotonic() >= end:
                    raise CatalogueBusy(
                        f"Another process is writing to the catalogue in {self.server.name}; wait for it to end, then "
                        "try again."
                    )
                time.sleep(RETRY_SECONDS)
            try:
                yield db
            finally:
                try:
                    self._has(db, f"select pg_advisory_unlock({name})")
                except StoreError:
                    db.invalidate()  # the server frees the lock when it sees the end of the connection

    def _has(self, db: sa.Connection, question: str) -> bool:
        with self._db.errors(), db.begin():
            return bool(db.exec_driver_sql(question).scalar())

    @contextlib.contextmanager
    def change(self) -> Iterator["Change"]:
        """A transaction on the server, in which nobody else changes the catalogue; the file has followed until here.

        Raises:
            StoreError: the server is away, or was meanwhile, so that another machine may have begun to write.
        """
        with self._using, contextlib.ExitStack() as stack:
            db = self._held or stack.enter_context(self._db.session())
            with self._db.errors():
                begun = db.begin()
            stack.callback(_roll_back, begun)
            with self._db.errors():
                if db is self._held and _process(db) != self._process:
                    raise StoreError(f"The connection to {self.server.name} was lost; give the same command again.")
                db.exec_driver_sql("set local idle_in_transaction_session_timeout = 0")
                state = state_of(db, lock=True)
            self._follow_up(db, state)
            yield Change(self._db, db, begun, state)

    def _follow_up(self, db: sa.Connection, state: Mark) -> None:
        with self._db.errors():
            self._follow(db, state)
        with self._file.opened(read_only=True) as local:
            if mark_of(local) != state:
                raise StoreError(f"The catalogue in {self._folder} could not follow {self.server.name}; try again.")

    def drop(self) -> None:
        """Delete the catalogue for every machine. Errors as of `locked`."""
        with self.locked(seconds=1.0), self._db.writing() as db:
            begin_anew(db)
            db.execute(_STATE.update().values(number=0))


class Change:
    """What a writer's transaction in the file does on the server."""

    def __init__(self, server: StateDatabase, db: sa.Connection, begun: sa.Transaction, state: Mark) -> None:
        self._server = server
        self._db = db
        self._begun = begun
        self._state = state

    def watch(self, local: sqlite3.Connection) -> None:
        """Note from now on which rows this connection changes."""
        if not local.execute("SELECT 1 FROM sqlite_temp_master WHERE name = 'changed'").fetchone():
            for statement in _watching():
                local.execute(statement)
        local.execute("DELETE FROM changed")

    def send(self, local: sqlite3.Connection) -> None:
        """Put what was changed on the server, for good; the writer commits next.

        A catalogue that the server has nothing of is put there whole.
        """
        note_last_key(local)
        mark = Mark(self._state.epoch, max(self._state.number + 1, time.time_ns() // 1000))
        set_mark(local, mark)
        with self._server.errors():
            for kind in REPLICATED:
                rows = rows_of(local, kind, changed=bool(self._state.number))
                while page := list(islice(rows, PAGE)):
                    put(self._db, kind, mark.number, page)
            self._db.execute(_STATE.update().values(number=mark.number))
            self._begun.commit()


def put(db: sa.Connection, kind: str, number: int, page: Sequence[Row]) -> None:
    """Write rows of a change on the server."""
    if kind == "removed":  # notes for the index, which each file keeps until its own index has followed
        gone = [row.key for row in page if row.row is None]
        db.execute(_ROWS.delete().where(_ROWS.c.kind == kind, _ROWS.c.key == sa.func.any(gone)))
        page = [row for row in page if row.row is not None]
    if page:
        db.exec_driver_sql(_PUT, (kind, number, *(list(column) for column in zip(*page, strict=True))))


# The server's state --------------------------------------------------------------------------------------------------


def state_of(db: sa.Connection, *, lock: bool = False) -> Mark:
    """What the server has; no other change begins while it is locked."""
    found = sa.select(_STATE.c.epoch, _STATE.c.number)
    return Mark(*db.execute(found.with_for_update() if lock else found).one())


def server_rows(db: sa.Connection, kind: str) -> Iterator[Row]:
    """Every row of a table."""
    of_kind = (_ROWS.c.kind == kind) & _ROWS.c.row.is_not(sa.null())
    rows = sa.select(_ROWS.c.key, sa.cast(_ROWS.c.row, sa.Text), _ROWS.c.vector).where(of_kind)
    yield from (Row(*row) for row in db.execute(rows.execution_options(yield_per=PAGE)))


def begin_anew(db: sa.Connection) -> Mark:
    """Delete all there is and begin another catalogue, in a transaction; gives its first change."""
    state_of(db, lock=True)
    mark = Mark(_new_epoch(), time.time_ns() // 1000)
    db.execute(_STATE.update().values(epoch=mark.epoch, number=mark.number, forgotten=0))
    db.execute(_ROWS.delete())
    return mark


def _roll_back(begun: sa.Transaction) -> None:
    """Undo what was not committed."""
    with contextlib.suppress(sa.exc.SQLAlchemyError):  # the connection may be lost
        if begun.is_active:
            begun.rollback()


def _process(db: sa.Connection) -> int:
    """The server's process of this connection, which a new connection does not have."""
    return int(db.exec_driver_sql("select pg_backend_pid()").scalar_one())


def _forget_old(db: sa.Connection) -> None:
    """Forget what was deleted long ago."""
    until = time.time_ns() // 1000 - KEPT_SECONDS * 1_000_000
    old = (_ROWS.c.row.is_(sa.null())) & (_ROWS.c.number <= until)
    if last := db.execute(sa.select(sa.func.max(_ROWS.c.number)).where(old)).scalar():
        db.execute(_STATE.update().values(forgotten=last))
        db.execute(_ROWS.delete().where(old))


# The file ------------------------------------------------------------------------------------------------------------


def fact(local: sqlite3.Connection, name: str) -> Any:  # noqa: ANN401 - whatever is kept under the name
    """One of the catalogue's facts, or None."""
    row = local.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return row[0] if row else None


def mark_of(local: sqlite3.Connection) -> Mark | None:
    """How far the file has followed; None for a catalogue of its own."""
    noted = fact(local, "replica")
    if noted is None:
        return None
    epoch, number = str(noted).split(" ")
    return Mark(epoch, int(number))


def set_mark(local: sqlite3.Connection, mark: Mark) -> None:
    """Note how far the file has followed."""
    local.execute("INSERT OR REPLACE INTO meta VALUES ('replica', ?)", (f"{mark.epoch} {mark.number}",))


def holds_something(local: sqlite3.Connection) -> bool:
    """Whether anybody has put something in the file."""
    return bool(local.execute("SELECT 1 FROM items LIMIT 1").fetchone()) or fact(local, RULES) is not None


def _watching() -> Iterator[str]:
    """What notes the keys of changed rows, for this connection alone."""
    yield "CREATE TEMP TABLE changed (kind, a, b, c, PRIMARY KEY (kind, a, b, c)) WITHOUT ROWID"
    for kind, key in REPLICATED.items():
        for event, sides in (("INSERT", ("NEW",)), ("DELETE", ("OLD",)), ("UPDATE", ("NEW", "OLD"))):
            when = f"WHEN {sides[0]}.name NOT IN {LOCAL_FACTS} " if kind == "meta" else ""
            notes = ""
            for side in sides:
                values = ", ".join([f"{side}.{column}" for column in key] + ["''"] * (3 - len(key)))
                notes += f"INSERT OR IGNORE INTO changed VALUES ('{kind}', {values}); "  # noqa: S608 - of our own schema
            yield f"CREATE TEMP TRIGGER changed_{kind}_{event} AFTER {event} ON main.{kind} {when}BEGIN {notes}END"


def rows_of(local: sqlite3.Connection, kind: str, *, changed: bool = False) -> Iterator[Row]:
    """Every row of a replicated table, or those that were changed."""
    key = REPLICATED[kind]
    local_facts = f"name NOT IN {LOCAL_FACTS}" if kind == "meta" else "1"
    joined = " AND ".join(f"t.{column} = c.{noted}" for column, noted in zip(key, "abc", strict=False))
    keys, source = ", ".join(f"t.{column}" for column in key), f"{kind} t WHERE {local_facts}"
    if changed:
        keys, source = ", ".join("abc"[: len(key)]), f"changed c LEFT JOIN {kind} t ON {joined} WHERE c.kind = '{kind}'"
    rows = local.execute(f"SELECT {keys}, t.* FROM {source}")  # noqa: S608 - of our own schema
    columns = [column[0] for column in rows.description][len(key) :]
    at = len(key) + columns.index(key[0])
    for row in rows:
        noted = json.dumps(row[: len(key)], ensure_ascii=False, default=_hex)
        if row[at] is None:
            yield Row(noted, None, None)
            continue
        values = dict(zip(columns, row[len(key) :], strict=True))
        vector = values.pop("vector", None)
        yield Row(noted, json.dumps(values, ensure_ascii=False, sort_keys=True, default=_hex), vector)


def _hex(value: bytes) -> dict[str, str]:
    return {"hex": value.hex()}


def _bytes(value: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever JSON holds
    return bytes.fromhex(value["hex"]) if value.keys() == {"hex"} else value


def apply(local: sqlite3.Connection, rows: Iterable[tuple[str, Row]]) -> None:
    """Write rows of the server's, in a transaction, and all that is made from them."""
    of_kind: dict[str, list[Row]] = {kind: [] for kind in REPLICATED}
    for kind, row in rows:
        of_kind[kind].append(row)
    before = fact(local, "analyser")
    remove_derived(local, [json.loads(row.key)[0] for row in of_kind["items"]])
    for kind, of_this in of_kind.items():
        _write(local, kind, of_this)
    items = (json.loads(row.row) for row in of_kind["items"] if row.row)
    put_derived(local, [(values["key"], read_item(values["id"], values["record"])) for values in items])
    if fact(local, "analyser") != before:
        remake_words(local)
    _go_on_counting(local)


def _write(local: sqlite3.Connection, kind: str, rows: Sequence[Row]) -> None:
    key = REPLICATED[kind]
    gone = [tuple(json.loads(row.key, object_hook=_bytes)) for row in rows if row.row is None]
    condition = " AND ".join(f"{column} = ?" for column in key)
    local.executemany(f"DELETE FROM {kind} WHERE {condition}", gone)  # noqa: S608 - of our own schema
    kept = [(json.loads(row.row, object_hook=_bytes), row.vector) for row in rows if row.row is not None]
    if kept:
        columns = list(kept[0][0]) + (["vector"] if kind == "vectors" else [])
        values = ([*values.values(), vector][: len(columns)] for values, vector in kept)
        marks = ", ".join("?" * len(columns))
        local.executemany(f"INSERT OR REPLACE INTO {kind} ({', '.join(columns)}) VALUES ({marks})", values)  # noqa: S608


def note_last_key(local: sqlite3.Connection) -> None:
    """Note which key the newest item has or had."""
    last = local.execute("SELECT seq FROM sqlite_sequence WHERE name = 'items'").fetchone()
    if last and fact(local, "last_key") != last[0]:
        local.execute("INSERT OR REPLACE INTO meta VALUES ('last_key', ?)", last)


def _go_on_counting(local: sqlite3.Connection) -> None:
    """Have new items take keys that no item of any machine had."""
    last = fact(local, "last_key")
    local.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'items'", (last or 0,))
