"""The catalogue and the state of people moved from a data folder to a server, or back: `assistant migrate`.

Every store's rows are written in one transaction and compared, by number and digest, before it is kept; what they are
copied from stays as it is. Checkpoints have another form on a server, so they are read and written by LangGraph.
"""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Union

import sqlalchemy as sa
from langgraph.checkpoint.base import CheckpointTuple

from assistant.checkpoint_tables import KEPT
from assistant.checkpoints import SessionSaver, open_saver, thinned
from assistant.errors import BadInput, StoreError
from assistant.insights import log as insights
from assistant.service import keys
from assistant.session_tables import SCHEMA as SESSIONS_SCHEMA
from assistant.sessions import SessionLog, serializer
from assistant.storage import KEYS, SESSIONS, VISITORS
from assistant.visitors import SCHEMA as VISITORS_SCHEMA
from tools.database import NUL_MARK, Schema, StateDatabase
from tools.objects import SharedFiles
from tools.place import Place, StateServer, is_there, within
from tools.records import Record
from tools.store import moving
from tools.taste import events

if TYPE_CHECKING:
    from assistant.checkpoints.server import ServerSaver

BATCH: Final = 1_000
CHECKPOINTS: Final = "checkpoints"
_BEGIN_WITH: Final = {"meta"}
"""Tables that have rows from the beginning."""


@dataclass(frozen=True)
class _Store:
    file: str
    schema: Schema

    def at(self, place: Place) -> StateDatabase:
        wal = self.file not in (KEYS, VISITORS)
        return StateDatabase(within(place, self.file), self.schema, self.schema.name, "Restore it.", wal=wal)


STORES: Final = (
    _Store(SESSIONS, SESSIONS_SCHEMA),
    _Store(events.DATABASE, events.SCHEMA),
    _Store(KEYS, keys.SCHEMA),
    _Store(VISITORS, VISITORS_SCHEMA),
    _Store(insights.DATABASE, insights.SCHEMA),
)


class MovedTable(Record):
    """A table that was copied; ``digest``: SHA-256 of its rows in the order of their values, or the sum of theirs."""

    store: str
    table: str
    rows: int
    digest: str


def move(
    source: Place,
    target: Place,
    *,
    force: bool = False,
    only_catalogue: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> list[MovedTable]:
    """Copy everything from one data folder or server to another.

    Args:
        force: delete what the target holds of what is copied; otherwise it has to be empty.
        only_catalogue: leave the state of people as it is on both sides.

    Raises:
        BadInput: both are the same, the source holds nothing, or the target is not empty.
        StoreError: something cannot be read or written, or differs after it was written. The target is as before.
    """
    if source == target:
        raise BadInput("The state lies there already.")
    every = () if only_catalogue else STORES
    stores = [store for store in every if is_there(within(source, store.file))]
    with_catalogue = moving.has_catalogue(source)
    if not stores and not with_catalogue:
        raise BadInput(f"There is no {'catalogue' if only_catalogue else 'state'} in {_name(source)}.")
    if not force:
        _refuse_rows(target, every)
        if with_catalogue and moving.has_catalogue(target):
            raise BadInput(f"{_name(target)} holds a catalogue already; --force deletes what is there.")
    moved = []
    with contextlib.ExitStack() as stack:
        if stores:
            moved += _moved_stores(source, target, stack, stores, STORES if force else stores, say)
        if with_catalogue:
            for one in moving.move(source, target, stack):
                moved.append(MovedTable(store="catalogue", **one._asdict()))
                say(f"catalogue: {one.table}: {one.rows:,} rows")
    if stores and is_there(within(target, SESSIONS)):
        SessionLog(within(target, SESSIONS)).forget([])  # checkpoints that are no session's any more
    return moved


def _moved_stores(
    source: Place,
    target: Place,
    stack: contextlib.ExitStack,
    stores: Sequence[_Store],
    every: Sequence[_Store],
    say: Callable[[str], None],
) -> list[MovedTable]:
    """Copy stores; those of ``every`` that the source does not have are emptied."""
    moved = []
    if stores[0].file == SESSIONS:
        moved.append(asyncio.run(_copied_checkpoints(within(source, SESSIONS), within(target, SESSIONS))))
        say(f"sessions: {CHECKPOINTS}: {moved[-1].rows:,}")
    for store in every:
        if store not in stores and not is_there(within(target, store.file)):
            continue
        written = stack.enter_context(store.at(target).writing())
        _wait_for_others(written)
        if store not in stores:
            _empty(written, store)
            continue
        with store.at(source).reading() as read:
            for table in store.schema.tables.sorted_tables:
                moved.append(_copied(read, written, store, table))
                say(f"{store.schema.name}: {table.name}: {moved[-1].rows:,} rows")
    return moved


def copy_files(source: Path | str, target: Path | str, most_bytes: int) -> MovedTable:
    """Copy attachments and fetched media from a data folder to object storage by its URL, or back.

    What the target has of the same name and size is not copied again, so the same call goes on after a failure.

    Raises:
        StoreError: something cannot be read or written, or has another size after it was written.
    """
    folder, url = (source, target) if isinstance(source, Path) else (target, source)
    files = SharedFiles(Path(folder), str(url), most_bytes)
    copied = files.push() if isinstance(source, Path) else files.pull()
    digest = hashlib.sha256()
    for path, size in sorted(copied.items()):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{size}\n".encode())
    return MovedTable(store="objects", table="files", rows=len(copied), digest=digest.hexdigest())


def _name(place: Place) -> str:
    return place.name if isinstance(place, StateServer) else str(place)


def _refuse_rows(target: Place, stores: Sequence[_Store]) -> None:
    for store in stores:
        if not is_there(within(target, store.file)):
            continue
        with store.at(target).reading() as db:
            for table in store.schema.tables.sorted_tables:
                if table.name not in _BEGIN_WITH and db.execute(sa.select(table).limit(1)).first():
                    raise BadInput(f"{_name(target)} holds {store.schema.name} already; --force deletes what is there.")


def _wait_for_others(db: sa.Connection) -> None:
    """Let a server keep a transaction open while other stores are copied."""
    if db.dialect.name == "postgresql":
        db.exec_driver_sql("set local idle_in_transaction_session_timeout = 0")


def _empty(db: sa.Connection, store: _Store) -> None:
    for table in store.schema.tables.sorted_tables:
        if table.name not in _BEGIN_WITH:
            db.execute(table.delete())


def _copied(read: sa.Connection, written: sa.Connection, store: _Store, table: sa.Table) -> MovedTable:
    written.execute(table.delete())
    rows = read.execute(table.select().execution_options(yield_per=BATCH))
    for batch in rows.mappings().partitions():
        written.execute(table.insert(), [dict(row) for row in batch])
    _go_on_counting(written, table)
    before, after = _digest(read, table), _digest(written, table)
    if before != after:
        raise StoreError(f"The {store.schema.name} differ after they were written ({table.name}); nothing was changed.")
    return MovedTable(store=store.schema.name, table=table.name, rows=after[0], digest=after[1])


def _go_on_counting(db: sa.Connection, table: sa.Table) -> None:
    """Have a server number new rows after those that were copied."""
    column = table.autoincrement_column
    if db.dialect.name == "postgresql" and column is not None:
        sequence = sa.func.pg_get_serial_sequence(table.name, column.name)
        largest = sa.select(sa.func.coalesce(sa.func.max(column), 0) + 1).scalar_subquery()
        db.execute(sa.select(sa.func.setval(sequence, largest, sa.false())))


def _digest(db: sa.Connection, table: sa.Table) -> tuple[int, str]:
    """How many rows there are, and the SHA-256 of all in the order of their values."""
    count, digest = 0, hashlib.sha256()
    rows = table.select().order_by(*(table.primary_key.columns or table.columns))
    for row in db.execute(rows.execution_options(yield_per=BATCH)):
        count += 1
        digest.update(json.dumps([_plain(value) for value in row]).encode())
    return count, digest.hexdigest()


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a column holds
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value.replace("\0", NUL_MARK) if isinstance(value, str) else value


# Checkpoints ---------------------------------------------------------------------------------------------------------

Saver = Union[SessionSaver, "ServerSaver"]


async def _copied_checkpoints(source: Place, target: Place) -> MovedTable:
    """Those of sessions; without their sessions, if the rest is not kept, they are as good as deleted."""
    SessionLog(target)  # makes the tables
    rows, digests = 0, (hashlib.sha256(), hashlib.sha256())
    async with open_saver(source) as read, open_saver(target) as written:
        for session in SessionLog(source).each_id():
            found = [one async for one in _of_session(read, session)][:KEPT]
            await written.adelete_thread(session)
            for one in reversed(found):
                at = {**one.config["configurable"], "checkpoint_id": _parent(one)}
                await written.keep({"configurable": at}, one.checkpoint, one.metadata)
            rows += len(found)
            copies = [one async for one in _of_session(written, session)]
            for digest, ones in zip(digests, (found, copies), strict=True):
                for one in ones:
                    digest.update(_bytes(one))
    if digests[0].digest() != digests[1].digest():
        raise StoreError("The checkpoints differ after they were written; nothing was changed.")
    return MovedTable(store="sessions", table=CHECKPOINTS, rows=rows, digest=digests[1].hexdigest())


async def _of_session(saver: Saver, session: str) -> AsyncIterator[CheckpointTuple]:
    """A session's checkpoints, latest first."""
    async for one in saver.alist({"configurable": {"thread_id": session}}):
        yield one


def _parent(one: CheckpointTuple) -> str | None:
    return one.parent_config["configurable"]["checkpoint_id"] if one.parent_config else None


def _bytes(one: CheckpointTuple) -> bytes:
    values = thinned(one.checkpoint)["channel_values"]
    names = [one.config["configurable"][name] for name in ("thread_id", "checkpoint_ns", "checkpoint_id")]
    return repr([*names, _parent(one), *serializer().dumps_typed(values)]).encode()
