"""Every event that is kept: one SQLite file beside the catalogue, in WAL mode, or tables on a server.

Users and items have small integer keys; a user's events lie together in the order of time, so that the latest of a
long history are read without touching the rest. Items need not be known to the catalogue: events are joined to it by
the item's id whenever they are read.
"""

import contextlib
import datetime
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, Self, TypeVar, get_args

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.ext.compiler import compiles

from tools.database import Real, Schema, StateDatabase, Text, insert
from tools.place import Place, within
from tools.taste.imported import ImportedTaste
from tools.taste.records import STRENGTHS, EventKind, EventStats, Interaction, Preference

DATABASE = "interactions.sqlite"
LOCK_SECONDS = 30.0
"""How long to wait for another writer, who has no more to write than a batch."""
CACHE_KIB = 64 * 1024
"""The most memory that a connection takes for pages of the file."""
BATCH_EVENTS = 10_000
ROWS = 100_000
"""Rows of one batch of `EventStore.matrix_rows`."""
NAMED = 1_000
"""Names or keys in one statement."""
PAGE = 1_000
"""Events that are read at a time."""
QUARTER_SECONDS = 900
REMEMBERED_ITEMS = 100_000
"""Of how many items the number of people is remembered."""
LARGE_SHARE = 0.2
LARGE_EVENTS = 1_000
"""A user with such a share of all events, and so many, is told of as suspicious."""
EVERYTHING_SHARE = 0.5
EVERYTHING_ITEMS = 100
"""A user who chose such a share of all items, and so many, is told of as suspicious."""

T = TypeVar("T")

_KINDS: Final[tuple[EventKind, ...]] = get_args(EventKind)
_KEYS: Final = {kind: key for key, kind in enumerate(_KINDS)}
"""The order of the kinds is part of the file's format: new ones come at the end."""
_STRENGTHS: Final = np.array([STRENGTHS[kind] for kind in _KINDS], np.float32)
_RATING, _VIEW = _KEYS["rating"], _KEYS["view"]
_FOR = [_KEYS[kind] for kind in _KINDS if STRENGTHS[kind] > 0 and kind != "rating"]

_TABLES: Final = sa.MetaData()
_KEY: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_USERS, _ITEMS = (
    sa.Table(
        name,
        _TABLES,
        sa.Column("key", _KEY, primary_key=True),
        sa.Column("name", Text, nullable=False, unique=True),
        sqlite_autoincrement=True,
    )
    for name in ("users", "items")
)
_EVENTS: Final = sa.Table(
    "events",
    _TABLES,
    sa.Column("user", _KEY, primary_key=True, autoincrement=False),
    sa.Column("at", Real, primary_key=True),
    sa.Column("item", _KEY, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("value", Real),
    sa.Index("events_of_item", "item", "user", "at", "kind", "value"),
    sqlite_with_rowid=False,
)
_ITEM_VERSIONS: Final = sa.Table(
    "item_versions",
    _TABLES,
    sa.Column("item", _KEY, primary_key=True, autoincrement=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)
_PREFERENCES: Final = sa.Table(
    "preferences",
    _TABLES,
    sa.Column("user", _KEY, primary_key=True, autoincrement=False),
    sa.Column("attribute", Text, primary_key=True),
    sa.Column("value", Text, primary_key=True),
    sa.Column("weight", Real, nullable=False),
    sqlite_with_rowid=False,
)
_IMPORTED: Final = sa.Table(
    "imported",
    _TABLES,
    sa.Column("user", _KEY, primary_key=True, autoincrement=False),
    sa.Column("catalogue", Text, primary_key=True),
    sa.Column("latest", Real, nullable=False),
    sa.Column("at", Real, nullable=False),
    sa.Column("record", Text, nullable=False),
)
_META: Final = sa.Table(
    "meta",
    _TABLES,
    sa.Column("name", Text, primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
_OF_USERS: Final = (_EVENTS, _PREFERENCES, _IMPORTED)
SCHEMA: Final = Schema("events", _TABLES, "0001", Path(__file__).parent / "migrations")


@sa.event.listens_for(_META, "after_create")
def _begin(_table: sa.Table, db: sa.Connection, **_: object) -> None:
    db.execute(_META.insert(), [{"name": "version", "value": 0}, {"name": "forgotten", "value": 0}])


class EventBatch(NamedTuple):
    """Some events in columns, for training; n rows each.

    Attributes:
        users: int64 keys, named by `EventStore.user_ids`.
        items: int64 keys, named by `EventStore.item_ids`.
        strengths: float32, below zero against the item.
        at: float64, seconds since 1970.
    """

    users: NDArray[np.int64]
    items: NDArray[np.int64]
    strengths: NDArray[np.float32]
    at: NDArray[np.float64]


class EventStore:
    """The events of one data folder or server. Thread-safe; any number of processes may use it."""

    def __init__(self, place: Place) -> None:
        self._db = StateDatabase(
            within(place, DATABASE),
            SCHEMA,
            "events",
            "Move it away to start with no events.",
            lock_seconds=LOCK_SECONDS,
            pragmas=("synchronous = normal", "secure_delete = on", f"cache_size = -{CACHE_KIB}"),
        )
        self._let_go = self._db.hold_open()
        self._user_counts: dict[str, tuple[int, int]] = {}

    @classmethod
    def open(cls, place: Place) -> Self:
        """The events of a data folder, which is made if it is not there, or of a server.

        Raises:
            StoreError: the file cannot be opened or is damaged, or the server cannot be reached.
        """
        return cls(place)

    def close(self) -> None:
        """Close the file."""
        self._let_go()

    # Writing ---------------------------------------------------------------------------------------------------------

    def add(self, events: Iterable[Interaction]) -> int:
        """Keep events, `BATCH_EVENTS` in one transaction; one that is there already changes nothing.

        The same event is the same user, item, kind and time; of two values the first stays.

        Returns:
            How many were new.

        Raises:
            StoreError: the file cannot be written; the transactions before are kept.
        """
        remaining, added = iter(events), 0
        while batch := list(itertools.islice(remaining, BATCH_EVENTS)):
            with self._writing() as writing:
                added += _insert(writing, batch)
        return added

    def set_preference(self, user: str, preference: Preference) -> None:
        """Keep what a user said of their taste, in the place of what they said of the same value before."""
        with self._writing() as writing:
            key = writing.keys(_USERS, {user})[user]
            writing.replace(_PREFERENCES, [{"user": key, **preference.model_dump()}])

    def drop_preference(self, user: str, attribute: str, value: str) -> bool:
        """Take back what a user said of a value; whether there was something."""
        said = _PREFERENCES.c
        which = (said.user == _key_of(user)) & (said.attribute == attribute) & (said.value == value)
        with self._writing() as writing:
            return bool(writing.delete(_PREFERENCES, which))

    def set_imported(self, tastes: Mapping[str, ImportedTaste]) -> None:
        """Keep users' tastes of other catalogues, each in the place of an earlier one of the same catalogue."""
        with self._writing() as writing:
            keys = writing.keys(_USERS, set(tastes))
            rows = [
                {**t.model_dump(include={"catalogue", "latest", "at"}), "user": keys[u], "record": t.model_dump_json()}
                for u, t in tastes.items()
            ]
            writing.replace(_IMPORTED, rows)

    def drop_imported(self, catalogue: str, *, user: str | None = None, before: float | None = None) -> int:
        """Delete tastes of another catalogue.

        Args:
            user: of this user only.
            before: only what was brought here before this moment, seconds since 1970.

        Returns:
            How many there were.
        """
        which = _IMPORTED.c.catalogue == catalogue
        if user is not None:
            which &= _IMPORTED.c.user == _key_of(user)
        if before is not None:
            which &= _IMPORTED.c.at < before
        with self._writing() as writing:
            self._db.note_deletion(writing.db)
            deleted = writing.delete(_IMPORTED, which)
            writing.delete(_USERS, _UNUSED_USERS)
        self.vacuum_securely()
        return deleted

    def forget(self, user: str) -> int:
        """Delete all that is kept of a user, down to the bytes of the file, which is written anew.

        Returns:
            How many events there were.

        Raises:
            StoreError: another process holds on to the file; to be tried again.
        """
        with self._writing() as writing:
            if writing.db.scalar(sa.select(_USERS.c.key).where(_USERS.c.name == user)) is not None:
                self._db.note_deletion(writing.db)
            deleted = _drop_user(writing, user)
            if deleted:
                writing.count_up("forgotten")
        self.vacuum_securely()
        return deleted

    def expire_users(self, users: Iterable[str]) -> int:
        """Delete all that is kept of users whose time is over; a model keeps what it has learned of them.

        Returns:
            How many events there were.
        """
        with self._writing() as writing:
            self._db.note_deletion(writing.db)
            deleted = sum(_drop_user(writing, user) for user in users)
        self.vacuum_securely()
        return deleted

    def merge(self, user: str, into: str) -> int:
        """Give a user's events and preferences to another, whose own preferences stay.

        Returns:
            How many events there were.
        """
        with self._writing() as writing:
            key = writing.db.scalar(sa.select(_USERS.c.key).where(_USERS.c.name == user))
            if key is None or user == into:
                return 0
            to = writing.keys(_USERS, {into})[into]
            moved, *_ = [writing.copy(table, key, to) for table in _OF_USERS]
            writing.changed(writing.items_of(to))
            _drop_user(writing, user)
        return moved

    def expire(self, before: float) -> int:
        """Delete the events before a moment (seconds since 1970), and users and items with nothing left.

        A taste of another catalogue goes when all that it rests on happened before that moment.

        Returns:
            How many events there were.
        """
        old_events, old_tastes = _EVENTS.c.at < before, _IMPORTED.c.latest < before
        with self._writing() as writing:
            if writing.db.scalar(sa.select(sa.exists().where(old_events) | sa.exists().where(old_tastes))):
                self._db.note_deletion(writing.db)
            deleted = writing.delete(_EVENTS, old_events)
            if writing.delete(_IMPORTED, old_tastes) or deleted:
                writing.delete(_USERS, _UNUSED_USERS)
                writing.delete(_ITEMS, ~sa.exists().where(_EVENTS.c.item == _ITEMS.c.key))
                writing.changed(None)
        self.vacuum_securely()
        return deleted

    def vacuum_securely(self) -> None:
        """Overwrite what was deleted, as far as `StateDatabase.vacuum_securely` does."""
        self._db.vacuum_securely()

    # Reading ---------------------------------------------------------------------------------------------------------

    def of_user(self, user: str, *, limit: int | None = None, since: float | None = None) -> list[Interaction]:
        """A user's events, latest first.

        Args:
            limit: at most so many.
            since: only those at or after this moment, seconds since 1970.
        """
        which = _EVENTS.c.user == _key_of(user)
        if since is not None:
            which &= _EVENTS.c.at >= since
        with self._db.reading() as db:
            rows = db.execute(_LATEST.where(which).limit(limit)).all()
        return [
            Interaction.model_construct(user=user, item_id=item, event=_KINDS[kind], value=value, at=at)
            for item, kind, value, at in rows
        ]

    def each_of(self, user: str) -> Iterator[Interaction]:
        """All of a user's events, latest first, read in pages."""
        which = _EVENTS.c.user == _key_of(user)
        pages = _LATEST.add_columns(_EVENTS.c.item).limit(PAGE)
        page = pages.where(which)
        while True:
            with self._db.reading() as db:
                rows = db.execute(page).all()
            for item, kind, value, at, _ in rows:
                yield Interaction.model_construct(user=user, item_id=item, event=_KINDS[kind], value=value, at=at)
            if len(rows) < PAGE:
                return
            _, kind, _, at, key = rows[-1]
            place = sa.tuple_(_EVENTS.c.at, _EVENTS.c.item, _EVENTS.c.kind)
            page = pages.where(which, place < sa.tuple_(sa.literal(at, Real), key, kind))

    def count_of(self, user: str) -> int:
        """How many events a user has."""
        with self._db.reading() as db:
            return db.scalar(sa.select(sa.func.count()).where(_EVENTS.c.user == _key_of(user))) or 0

    def matrix_rows(self, *, before: float | None = None) -> Iterator[EventBatch]:
        """All events, by user and then by time, in batches of at most `ROWS`.

        Nothing is held open between batches: what is added or deleted meanwhile may or may not be in them.

        Args:
            before: only events before this moment, seconds since 1970.
        """
        last: Sequence[float] = (-1, 0.0, -1, -1)
        end = float("inf") if before is None else before
        while rows := self._rows_after(last, end):
            last = rows[-1][:4]
            users, at, items, kinds, values = zip(*rows, strict=True)
            yield EventBatch(
                np.array(users, np.int64),
                np.array(items, np.int64),
                _strengths(np.array(kinds), np.array(values, np.float64)),
                np.array(at, np.float64),
            )

    def _rows_after(self, last: Sequence[float], end: float) -> Sequence[sa.Row[Any]]:
        after = sa.tuple_(*_EVENTS.primary_key.columns) > sa.tuple_(*last)
        rows = _EVENTS.select().where(after, _EVENTS.c.at < end).order_by(*_EVENTS.primary_key.columns)
        with self._db.reading() as db:
            return db.execute(rows.limit(ROWS)).all()

    def user_ids(self) -> dict[int, str]:
        """Every user's pseudonym by key."""
        return self._names(_USERS)

    def item_ids(self) -> dict[int, str]:
        """Every item's id by key."""
        return self._names(_ITEMS)

    def _names(self, table: sa.Table) -> dict[int, str]:
        with self._db.reading() as db:
            return dict(db.execute(sa.select(table.c.key, table.c.name).order_by(table.c.key)).all())

    def people(self, item_ids: Sequence[str]) -> dict[str, int]:
        """How many people chose each item: those whose last event on it, views aside, speaks for it.

        Counting takes the longer the more events an item has, so a count is remembered until the item has a new one.
        """
        remembered = self._user_counts
        with self._db.reading() as db:  # one state of the tables for both questions
            versions = dict(db.execute(_VERSIONS, {"names": list(item_ids)}).all())
            stale = [name for name, version in versions.items() if remembered.get(name, (-1, 0))[0] != version]
            counted: dict[str, int] = dict(db.execute(_USER_COUNTS, {"names": stale}).all()) if stale else {}
        fresh = {name: (versions[name], counted.get(name, 0)) for name in stale}
        cache = remembered if len(remembered) < REMEMBERED_ITEMS else {}
        if fresh:
            self._user_counts = cache | fresh  # a new one: other threads may be reading the old one
        return {name: (fresh.get(name) or remembered[name])[1] if name in versions else 0 for name in item_ids}

    def by_day(self, since: float) -> list[tuple[str, str, EventKind, int]]:
        """How many events there were from a moment on: (day in this machine's time zone, item, kind, count)."""
        with self._db.reading() as db:
            rows = db.execute(_BY_QUARTER, {"since": since}).all()
        counts: Counter[tuple[str, str, EventKind]] = Counter()
        days = {quarter: _day(quarter * QUARTER_SECONDS) for quarter, *_ in rows}
        for quarter, item, kind, count in rows:
            counts[days[quarter], item, _KINDS[kind]] += count
        return [(*key, count) for key, count in counts.items()]

    def preferences(self, user: str) -> list[Preference]:
        """What a user said of their taste."""
        said = sa.select(*(_PREFERENCES.c[name] for name in Preference.model_fields))
        with self._db.reading() as db:
            rows = db.execute(said.where(_PREFERENCES.c.user == _key_of(user)).order_by(*said.selected_columns)).all()
        return [Preference(**row._asdict()) for row in rows]

    def imported(self, user: str) -> list[ImportedTaste]:
        """A user's tastes of other catalogues, by the catalogues' names."""
        tastes = sa.select(_IMPORTED.c.record).where(_IMPORTED.c.user == _key_of(user)).order_by(_IMPORTED.c.catalogue)
        with self._db.reading() as db:
            return [ImportedTaste.model_validate_json(record) for record in db.scalars(tastes)]

    def version(self) -> int:
        """A number that grows with every change."""
        return self._number("version")

    def forgotten(self) -> int:
        """How often a user with events was forgotten: a model whose training spans a change of it may hold them."""
        return self._number("forgotten")

    def _number(self, name: str) -> int:
        with self._db.reading() as db:
            return int(db.execute(_NUMBER, {"name": name}).scalar_one())

    def stats(self) -> EventStats:
        """Counts, and what training should not trust."""
        with self._db.reading() as db:
            kinds: dict[int, int] = dict(db.execute(_COUNT_BY_KIND).all())
            first, last = db.execute(sa.select(sa.func.min(_EVENTS.c.at), sa.func.max(_EVENTS.c.at))).one()
            user_count, items, preferences = db.execute(_COUNTS).one()
            largest = db.scalar(_LARGEST) or 0
            most = max(EVERYTHING_ITEMS, items * EVERYTHING_SHARE)
            everything = db.execute(_EVERYTHING, {"most": most}).scalar_one()
        total = sum(kinds.values())
        return EventStats(
            events=total,
            people=user_count,
            items=items,
            kinds={_KINDS[kind]: count for kind, count in kinds.items()},
            preferences=preferences,
            first_at=first,
            last_at=last,
            largest_share=largest / total if total else 0.0,
            suspicious=_suspicious(total, largest, everything),
        )

    @contextlib.contextmanager
    def _writing(self) -> Iterator["_Writing"]:
        """All of it is kept, or none; the version grows when something was changed."""
        with self._db.writing() as db:
            version = db.execute(_NUMBER.with_for_update(), {"name": "version"}).scalar_one()  # one writer at a time
            writing = _Writing(db, version + 1)
            yield writing
            if writing.changes:
                writing.count_up("version")


class _Writing:
    """A transaction that counts what it changes; ``version`` is the one that it makes."""

    def __init__(self, db: sa.Connection, version: int) -> None:
        self.db, self.changes, self._version = db, 0, version

    def _run(self, statement: sa.Executable, rows: list[dict[str, Any]] | None = None) -> int:
        count = max(0, self.db.execute(statement, rows).rowcount) if rows != [] else 0
        self.changes += count
        return count

    def delete(self, table: sa.Table, which: sa.ColumnElement[bool]) -> int:
        """Delete rows; how many there were."""
        return self._run(table.delete().where(which))

    def add(self, table: sa.Table, rows: list[dict[str, Any]]) -> int:
        """Add rows but those that are there; how many were new."""
        return self._run(insert(table, self.db.dialect.name).on_conflict_do_nothing(), rows)

    def replace(self, table: sa.Table, rows: list[dict[str, Any]]) -> None:
        """Add rows, in the place of those that are there."""
        new = insert(table, self.db.dialect.name)
        values = {column.name: new.excluded[column.name] for column in table.columns if not column.primary_key}
        self._run(new.on_conflict_do_update(index_elements=table.primary_key.columns, set_=values), rows)

    def copy(self, table: sa.Table, user: int, to: int) -> int:
        """Give what a user has to another, unless that one has it; how many rows."""
        columns = [column for column in table.columns if column.name != "user"]
        own = sa.select(sa.literal(to, _KEY), *columns).where(table.c.user == user)
        new = insert(table, self.db.dialect.name).from_select(["user", *(one.name for one in columns)], own)
        return self._run(new.on_conflict_do_nothing())

    def keys(self, table: sa.Table, names: set[str]) -> dict[str, int]:
        """The keys of names; those that are new are given one."""
        known = self._known(table, names)
        new = sorted(names - set(known))
        self.add(table, [{"name": name} for name in new])
        return known | self._known(table, new)

    def _known(self, table: sa.Table, names: Iterable[str]) -> dict[str, int]:
        found = sa.select(table.c.name, table.c.key).where(table.c.name.in_(_NAMES))
        batches = _batches(names, NAMED)
        return {n: key for batch in batches for n, key in self.db.execute(found, {"names": batch})}

    def items_of(self, user: int) -> list[int]:
        """The keys of the items of a user's events."""
        return list(self.db.scalars(sa.select(_EVENTS.c.item).distinct().where(_EVENTS.c.user == user)))

    def changed(self, items: Iterable[int] | None) -> None:
        """Note that the counts of items, by their keys, are not what they were; None: of all."""
        for which in [sa.true()] if items is None else (_ITEMS.c.key.in_(batch) for batch in _batches(items, NAMED)):
            known = sa.select(_ITEMS.c.key, sa.literal(self._version, sa.BigInteger)).where(which)
            new = insert(_ITEM_VERSIONS, self.db.dialect.name).from_select(["item", "version"], known)
            self._run(new.on_conflict_do_update(index_elements=["item"], set_={"version": new.excluded.version}))

    def count_up(self, name: str) -> None:
        """Add one to a number."""
        self.db.execute(_META.update().where(_META.c.name == name).values(value=_META.c.value + 1))


def _batches(values: Iterable[T], size: int) -> Iterator[list[T]]:
    remaining = iter(values)
    while batch := list(itertools.islice(remaining, size)):
        yield batch


def _drop_user(writing: _Writing, user: str) -> int:
    """Delete a user with their events and preferences; how many events there were."""
    key = writing.db.scalar(sa.select(_USERS.c.key).where(_USERS.c.name == user))
    if key is None:
        return 0
    items = writing.items_of(key)
    deleted, *_ = [writing.delete(table, table.c.user == key) for table in _OF_USERS]
    writing.delete(_USERS, _USERS.c.key == key)
    for batch in _batches(items, NAMED):
        writing.delete(_ITEMS, _ITEMS.c.key.in_(batch) & ~sa.exists().where(_EVENTS.c.item == _ITEMS.c.key))
    writing.changed(items)
    return deleted


def _insert(writing: _Writing, batch: Sequence[Interaction]) -> int:
    """How many were new."""
    users = writing.keys(_USERS, {event.user for event in batch})
    items = writing.keys(_ITEMS, {event.item_id for event in batch})
    rows = [(users[e.user], e.at, items[e.item_id], _KEYS[e.event], e.value) for e in batch]
    rows.sort(key=lambda row: row[:4])  # neighbours in the file are written together
    added = writing.add(_EVENTS, [dict(zip(_EVENTS.columns.keys(), row, strict=True)) for row in rows])
    if added:
        writing.changed(items.values())
    return added


def _day(at: float) -> str:
    return datetime.datetime.fromtimestamp(at).astimezone().date().isoformat()


class _Quarter(sa.ColumnElement[int]):
    """The quarter of an hour of a moment, counted since 1970: the days of every time zone are made of them."""

    inherit_cache = True
    type = sa.BigInteger()


@compiles(_Quarter, "sqlite")
def _quarter_in_a_file(*_: object, **__: object) -> str:
    return f"cast(events.at / {QUARTER_SECONDS} as integer)"


@compiles(_Quarter, "postgresql")
def _quarter_on_a_server(*_: object, **__: object) -> str:
    return f"floor(events.at / {QUARTER_SECONDS})::bigint"


def _key_of(user: str) -> sa.ScalarSelect[Any]:
    return sa.select(_USERS.c.key).where(_USERS.c.name == user).scalar_subquery()


_NAMES: Final = sa.bindparam("names", expanding=True, type_=Text)
_NUMBER: Final = sa.select(_META.c.value).where(_META.c.name == sa.bindparam("name", type_=Text))
_LATEST: Final = (
    sa.select(_ITEMS.c.name, _EVENTS.c.kind, _EVENTS.c.value, _EVENTS.c.at)
    .join_from(_EVENTS, _ITEMS, _ITEMS.c.key == _EVENTS.c.item)
    .order_by(_EVENTS.c.at.desc(), _EVENTS.c.item.desc(), _EVENTS.c.kind.desc())
)
_BY_QUARTER: Final = (
    sa.select(_Quarter().label("quarter"), _ITEMS.c.name, _EVENTS.c.kind, sa.func.count())
    .join_from(_EVENTS, _ITEMS, _ITEMS.c.key == _EVENTS.c.item)
    .where(_EVENTS.c.at >= sa.bindparam("since", type_=Real))
    .group_by("quarter", _ITEMS.c.key, _ITEMS.c.name, _EVENTS.c.kind)
    .order_by("quarter")
)
_AGAIN: Final = 1e12
"""More seconds than any event is old: what a view's time is moved back by, so that it speaks only where it is alone."""
_WHEN: Final = _EVENTS.c.at - sa.case((_EVENTS.c.kind == _VIEW, _AGAIN), else_=0.0)
_SPEAKS_FOR: Final = _EVENTS.c.kind.in_(_FOR) | ((_EVENTS.c.kind == _RATING) & (_EVENTS.c.value > 3))
_NEVER: Final = -1e15


def _last(which: sa.ColumnElement[bool]) -> sa.ColumnElement[float]:
    return sa.func.max(sa.case((which, _WHEN), else_=_NEVER))


_CHOSEN: Final = (
    sa.select(_EVENTS.c.item)
    .where(_EVENTS.c.item.in_(sa.select(_ITEMS.c.key).where(_ITEMS.c.name.in_(_NAMES))))
    .group_by(_EVENTS.c.item, _EVENTS.c.user)
    .having(_last(_SPEAKS_FOR) > _last(sa.func.coalesce(~_SPEAKS_FOR, True)))
    .subquery()
)
_USER_COUNTS: Final = (
    sa.select(_ITEMS.c.name, sa.func.count())
    .join_from(_CHOSEN, _ITEMS, _ITEMS.c.key == _CHOSEN.c.item)
    .group_by(_ITEMS.c.name)
)
_VERSIONS: Final = (
    sa.select(_ITEMS.c.name, sa.func.coalesce(_ITEM_VERSIONS.c.version, 0))
    .join_from(_ITEMS, _ITEM_VERSIONS, _ITEM_VERSIONS.c.item == _ITEMS.c.key, isouter=True)
    .where(_ITEMS.c.name.in_(_NAMES))
)
_COUNT_BY_KIND: Final = sa.select(_EVENTS.c.kind, sa.func.count()).group_by(_EVENTS.c.kind).order_by(_EVENTS.c.kind)
_SOMETHING: Final = [sa.exists().where(table.c.user == _USERS.c.key) for table in _OF_USERS]
_UNUSED_USERS: Final = ~sa.or_(*_SOMETHING)
_COUNTS: Final = sa.select(
    sa.select(sa.func.count()).select_from(_USERS).where(sa.or_(*_SOMETHING[:2])).scalar_subquery(),
    sa.select(sa.func.count()).select_from(_ITEMS).scalar_subquery(),
    sa.select(sa.func.count()).select_from(_PREFERENCES).scalar_subquery(),
)
_SIZES: Final = sa.select(sa.func.count().label("n")).select_from(_EVENTS).group_by(_EVENTS.c.user).subquery()
_LARGEST: Final = sa.select(sa.func.max(_SIZES.c.n))
_MOST: Final = sa.bindparam("most", type_=Real)
_BUSY: Final = (
    sa.select(_EVENTS.c.user)
    .group_by(_EVENTS.c.user)
    .having((sa.func.count() >= _MOST) & (sa.func.count(_EVENTS.c.item.distinct()) >= _MOST))
    .subquery()
)
_EVERYTHING: Final = sa.select(sa.func.count()).select_from(_BUSY)


def _strengths(kinds: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float32]:
    """`Interaction.strength` of columns (n,); a missing value is NaN."""
    scale = (np.nan_to_num(values, nan=3.0) - 3.0) / 2.0
    return np.where(kinds == _RATING, scale, 1.0).astype(np.float32) * _STRENGTHS[kinds]


def _suspicious(total: int, largest: int, everything: int) -> list[str]:
    findings = []
    if largest >= max(LARGE_EVENTS, LARGE_SHARE * total):
        findings.append(f"one user has {largest:,} of {total:,} events ({largest / total:.0%})")
    if everything:
        who = "one user has" if everything == 1 else f"{everything:,} users have"
        findings.append(f"{who} touched at least {EVERYTHING_SHARE:.0%} of all items, as programs do")
    return findings
