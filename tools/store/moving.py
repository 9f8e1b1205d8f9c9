"""A catalogue moved from a data folder to a server, or back, with a comparison of all its rows."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from typing import Final, NamedTuple

from tools.errors import StoreError
from tools.place import Place, StateServer
from tools.store.database import DATABASE, Database, catalogue_file, clear, renew_identity, write_lock
from tools.store.replica import (
    PAGE,
    Mark,
    Row,
    apply,
    begin_anew,
    holds_something,
    note_last_key,
    on_server,
    put,
    rows_of,
    server_rows,
    set_mark,
    state_of,
)
from tools.store.schema import REPLICATED

_ALL: Final = 2**256


class MovedRows(NamedTuple):
    """A table that was copied; ``digest``: the sum of its rows' SHA-256, which no order changes."""

    table: str
    rows: int
    digest: str


class _Side(NamedTuple):
    """A catalogue that is read or written, in a transaction."""

    rows: Callable[[str], Iterator[Row]]
    put: Callable[[str, Sequence[Row]], None]
    mark: Callable[[Mark], None] = lambda _: None
    first: Mark | None = None
    finish: Callable[[], None] = lambda: None


def has_catalogue(place: Place) -> bool:
    """Whether a folder or a server has one. Raises `StoreError` when it cannot be read."""
    if isinstance(place, StateServer):
        with on_server(place).reading() as db:
            return state_of(db).number > 0
    if not (place / DATABASE).is_file():
        return False
    Database(place, read_only=False).close()  # one of an earlier version is brought up to date
    with catalogue_file(place).opened(read_only=True) as local:
        return holds_something(local)


def move(source: Place, target: Place, stack: ExitStack) -> list[MovedRows]:
    """Copy a catalogue in the place of another one; it is kept when the stack is closed without an error.

    A folder's file then follows the server that it was copied to.

    Raises:
        StoreError: something cannot be read or written, or differs after it was written.
    """
    read, written = stack.enter_context(_opened(source)), stack.enter_context(_emptied(target))
    moved = []
    for kind in REPLICATED:
        rows = read.rows(kind)
        while page := list(islice(rows, PAGE)):
            written.put(kind, page)
    for kind in REPLICATED:
        before, after = digest(read.rows(kind)), digest(written.rows(kind))
        if before != after:
            raise StoreError(f"The catalogue differs after it was written ({kind}); nothing was changed.")
        moved.append(MovedRows(kind, *after))
    if written.first:
        read.mark(written.first)
    written.finish()
    return moved


def digest(rows: Iterable[Row]) -> tuple[int, str]:
    """How many rows there are, and the sum of their SHA-256."""
    count = total = 0
    for row in rows:
        parts = [part.encode() if isinstance(part, str) else part or b"" for part in row]
        content = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        total = (total + int.from_bytes(hashlib.sha256(content).digest(), "big")) % _ALL
        count += 1
    return count, f"{total:064x}"


@contextmanager
def _opened(place: Place) -> Iterator[_Side]:
    def refuse(_kind: str, _rows: Sequence[Row]) -> None:
        raise AssertionError("it is read")

    if isinstance(place, StateServer):
        with on_server(place).reading() as db:
            yield _Side(lambda kind: server_rows(db, kind), refuse)
        return
    with write_lock(place), catalogue_file(place).writing() as local:
        note_last_key(local)
        yield _Side(lambda kind: rows_of(local, kind), refuse, lambda mark: set_mark(local, mark))


@contextmanager
def _emptied(place: Place) -> Iterator[_Side]:
    if isinstance(place, StateServer):
        with on_server(place).writing() as db:
            db.exec_driver_sql("set local idle_in_transaction_session_timeout = 0")
            first = begin_anew(db)
            yield _Side(
                lambda kind: server_rows(db, kind), lambda kind, rows: put(db, kind, first.number, rows), first=first
            )
        return
    Database(place, read_only=False).close()
    with write_lock(place), catalogue_file(place).writing() as local:
        clear(local)
        yield _Side(
            lambda kind: rows_of(local, kind),
            lambda kind, rows: apply(local, ((kind, row) for row in rows)),
            finish=lambda: renew_identity(local),
        )
