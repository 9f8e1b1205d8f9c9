"""Every event that is kept: one SQLite file beside the catalogue, in WAL mode.

Users and items have small integer keys; a user's events lie together in the order of time, so that the latest of a
long history are read without touching the rest. Items need not be known to the catalogue: events are joined to it by
the item's id whenever they are read.
"""

import contextlib
import itertools
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self, get_args

import numpy as np
from numpy.typing import NDArray

from tools.storage import SqliteFile, note_deletion, private_folder, transaction
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
REMEMBERED_ITEMS = 100_000
"""Of how many items the number of people is remembered."""
LARGE_SHARE = 0.2
LARGE_EVENTS = 1_000
"""A user with such a share of all events, and so many, is told of as suspicious."""
EVERYTHING_SHARE = 0.5
EVERYTHING_ITEMS = 100
"""A user who chose such a share of all items, and so many, is told of as suspicious."""

_KINDS: Final[tuple[EventKind, ...]] = get_args(EventKind)
_KEYS: Final = {kind: key for key, kind in enumerate(_KINDS)}
"""The order of the kinds is part of the file's format: new ones come at the end."""
_STRENGTHS: Final = np.array([STRENGTHS[kind] for kind in _KINDS], np.float32)
_RATING, _VIEW = _KEYS["rating"], _KEYS["view"]
_FOR = ", ".join(str(_KEYS[kind]) for kind in _KINDS if STRENGTHS[kind] > 0 and kind != "rating")

_SCHEMA = """
create table if not exists users (key integer primary key autoincrement, name text not null unique);
create table if not exists items (key integer primary key autoincrement, name text not null unique);
create table if not exists events (
    user integer not null, at real not null, item integer not null, kind integer not null, value real,
    primary key (user, at, item, kind)
) without rowid;
create index if not exists events_of_item on events (item, user, at, kind, value);
create table if not exists item_versions (item integer primary key, version integer not null);
create table if not exists preferences (
    user integer not null, attribute text not null, value text not null, weight real not null,
    primary key (user, attribute, value)
) without rowid;
create table if not exists imported (
    user integer not null, catalogue text not null, latest real not null, at real not null, record text not null,
    primary key (user, catalogue)
);
create table if not exists meta (name text primary key, value integer not null) without rowid;
insert or ignore into meta values ('version', 0), ('forgotten', 0);
"""


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
    """The events of one data folder. Thread-safe through short connections; any number of processes may use it."""

    def __init__(self, folder: Path) -> None:
        self._file = SqliteFile(
            folder / DATABASE,
            "events",
            "Move it away to start with no events.",
            LOCK_SECONDS,
            ("synchronous = normal", "secure_delete = on", f"cache_size = -{CACHE_KIB}"),
        )
        with self._file.errors():
            private_folder(folder)
            # while one connection is open, the short ones neither make the WAL anew nor fold it in each time
            self._anchor = self._file.connect()
            self._anchor.execute("pragma journal_mode = wal")
            self._anchor.executescript(_SCHEMA)
        self._user_counts: dict[str, tuple[int, int]] = {}

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The events of a data folder, which is made if it is not there.

        Raises:
            StoreError: the file cannot be opened or is damaged.
        """
        return cls(folder)

    def close(self) -> None:
        """Close the file."""
        self._anchor.close()

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
        with self._file.opened() as db:
            while batch := list(itertools.islice(remaining, BATCH_EVENTS)):
                with _versioned(db):
                    added += _insert(db, batch)
        return added

    def set_preference(self, user: str, preference: Preference) -> None:
        """Keep what a user said of their taste, in the place of what they said of the same value before."""
        with self._writing() as db:
            key = _keys(db, "users", {user})[user]
            row = (key, preference.attribute, preference.value, preference.weight)
            db.execute("insert or replace into preferences values (?, ?, ?, ?)", row)

    def drop_preference(self, user: str, attribute: str, value: str) -> bool:
        """Take back what a user said of a value; whether there was something."""
        with self._writing() as db:
            where = "user = (select key from users where name = ?) and attribute = ? and value = ?"
            return bool(db.execute(f"delete from preferences where {where}", (user, attribute, value)).rowcount)  # noqa: S608

    def set_imported(self, tastes: Mapping[str, ImportedTaste]) -> None:
        """Keep users' tastes of other catalogues, each in the place of an earlier one of the same catalogue."""
        with self._writing() as db:
            keys = _keys(db, "users", set(tastes))
            rows = [(keys[u], t.catalogue, t.latest, t.at, t.model_dump_json()) for u, t in tastes.items()]
            db.executemany("insert or replace into imported values (?, ?, ?, ?, ?)", rows)

    def drop_imported(self, catalogue: str, *, user: str | None = None, before: float | None = None) -> int:
        """Delete tastes of another catalogue.

        Args:
            user: of this user only.
            before: only what was brought here before this moment, seconds since 1970.

        Returns:
            How many there were.
        """
        where = f"catalogue = ?1 and (?2 is null or user = {_USER.replace('?', '?2')}) and (?3 is null or at < ?3)"
        with self._writing() as db:
            note_deletion(db)
            deleted = db.execute(f"delete from imported where {where}", (catalogue, user, before)).rowcount  # noqa: S608
            db.execute(_DROP_UNUSED_USERS)
        self.vacuum_securely()
        return deleted

    def forget(self, user: str) -> int:
        """Delete all that is kept of a user, down to the bytes of the file, which is written anew.

        Returns:
            How many events there were.

        Raises:
            StoreError: another process holds on to the file; to be tried again.
        """
        with self._writing() as db:
            if db.execute("select 1 from users where name = ?", (user,)).fetchone():
                note_deletion(db)
            deleted = _drop_user(db, user)
            if deleted:
                db.execute("update meta set value = value + 1 where name = 'forgotten'")
        self.vacuum_securely()
        return deleted

    def expire_users(self, users: Iterable[str]) -> int:
        """Delete all that is kept of users whose time is over; a model keeps what it has learned of them.

        Returns:
            How many events there were.
        """
        with self._writing() as db:
            note_deletion(db)
            deleted = sum(_drop_user(db, user) for user in users)
        self.vacuum_securely()
        return deleted

    def merge(self, user: str, into: str) -> int:
        """Give a user's events and preferences to another, whose own preferences stay.

        Returns:
            How many events there were.
        """
        with self._writing() as db:
            row = db.execute("select key from users where name = ?", (user,)).fetchone()
            if row is None or user == into:
                return 0
            keys = _keys(db, "users", {into})[into], *row
            moved = db.execute("update or ignore events set user = ? where user = ?", keys).rowcount
            db.execute("update or ignore preferences set user = ? where user = ?", keys)
            db.execute("update or ignore imported set user = ? where user = ?", keys)
            db.executemany(_CHANGED, db.execute("select distinct item from events where user = ?", keys[:1]).fetchall())
            _drop_user(db, user)
        return moved

    def expire(self, before: float) -> int:
        """Delete the events before a moment (seconds since 1970), and users and items with nothing left.

        A taste of another catalogue goes when all that it rests on happened before that moment.

        Returns:
            How many events there were.
        """
        with self._writing() as db:
            if db.execute(_ANY_BEFORE, (before,)).fetchone():
                note_deletion(db)
            deleted = db.execute("delete from events where at < ?", (before,)).rowcount
            tastes = db.execute("delete from imported where latest < ?", (before,)).rowcount
            if deleted or tastes:
                db.execute(_DROP_UNUSED_USERS)
                db.execute("delete from items where key not in (select item from events)")
                db.execute(_ALL_CHANGED)
        self.vacuum_securely()
        return deleted

    def vacuum_securely(self) -> None:
        """Write the file anew where something was deleted: it then holds no byte of it. Errors as of `SqliteFile`."""
        self._file.vacuum_securely()

    # Reading ---------------------------------------------------------------------------------------------------------

    def of_user(self, user: str, *, limit: int | None = None, since: float | None = None) -> list[Interaction]:
        """A user's events, latest first.

        Args:
            limit: at most so many.
            since: only those at or after this moment, seconds since 1970.
        """
        with self._file.opened() as db:
            rows = db.execute(_OF_USER, (user, since or 0.0, -1 if limit is None else limit)).fetchall()
        return [
            Interaction.model_construct(user=user, item_id=item, event=_KINDS[kind], value=value, at=at)
            for item, kind, value, at in rows
        ]

    def count_of(self, user: str) -> int:
        """How many events a user has."""
        with self._file.opened() as db:
            return int(db.execute(_COUNT_OF, (user,)).fetchone()[0])

    def matrix_rows(self, *, before: float | None = None) -> Iterator[EventBatch]:
        """All events, by user and then by time, in batches of at most `ROWS`.

        Nothing is held open between batches: what is added or deleted meanwhile may or may not be in them.

        Args:
            before: only events before this moment, seconds since 1970.
        """
        last = (-1, 0.0, -1, -1)
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

    def _rows_after(self, last: tuple[int, float, int, int], end: float) -> list[tuple[int, float, int, int, float]]:
        with self._file.opened() as db:
            return db.execute(_ROWS_AFTER, (*last, end, ROWS)).fetchall()

    def user_ids(self) -> dict[int, str]:
        """Every user's pseudonym by key."""
        return self._names("users")

    def item_ids(self) -> dict[int, str]:
        """Every item's id by key."""
        return self._names("items")

    def _names(self, table: str) -> dict[int, str]:
        with self._file.opened() as db:
            return dict(db.execute(f"select key, name from {table} order by key"))  # noqa: S608 - a constant

    def people(self, item_ids: Sequence[str]) -> dict[str, int]:
        """How many people chose each item: those whose last event on it, views aside, speaks for it.

        Counting takes the longer the more events an item has, so a count is remembered until the item has a new one.
        """
        remembered = self._user_counts
        with self._file.opened() as db:
            db.execute("begin")  # one state of the file for both questions
            versions = dict(db.execute(_ITEM_VERSIONS, (json.dumps(list(item_ids)),)))
            stale = [name for name, version in versions.items() if remembered.get(name, (-1, 0))[0] != version]
            counted = dict(db.execute(_USER_COUNTS, (json.dumps(stale),))) if stale else {}
            db.execute("commit")
        fresh = {name: (versions[name], counted.get(name, 0)) for name in stale}
        cache = remembered if len(remembered) < REMEMBERED_ITEMS else {}
        if fresh:
            self._user_counts = cache | fresh  # a new one: other threads may be reading the old one
        return {name: (fresh.get(name) or remembered[name])[1] if name in versions else 0 for name in item_ids}

    def by_day(self, since: float) -> list[tuple[str, str, EventKind, int]]:
        """How many events there were from a moment on: (day in this machine's time zone, item, kind, count)."""
        with self._file.opened() as db:
            rows = db.execute(_BY_DAY, (since,)).fetchall()
        return [(day, item, _KINDS[kind], count) for day, item, kind, count in rows]

    def preferences(self, user: str) -> list[Preference]:
        """What a user said of their taste."""
        with self._file.opened() as db:
            rows = db.execute(_PREFERENCES, (user,)).fetchall()
        return [Preference(attribute=attribute, value=value, weight=weight) for attribute, value, weight in rows]

    def imported(self, user: str) -> list[ImportedTaste]:
        """A user's tastes of other catalogues, by the catalogues' names."""
        with self._file.opened() as db:
            rows = db.execute(_IMPORTED, (user,)).fetchall()
        return [ImportedTaste.model_validate_json(record) for (record,) in rows]

    def version(self) -> int:
        """A number that grows with every change."""
        return self._number("version")

    def forgotten(self) -> int:
        """How often a user with events was forgotten: a model whose training spans a change of it may hold them."""
        return self._number("forgotten")

    def _number(self, name: str) -> int:
        with self._file.opened() as db:
            return int(db.execute("select value from meta where name = ?", (name,)).fetchone()[0])

    def stats(self) -> EventStats:
        """Counts, and what training should not trust."""
        with self._file.opened() as db:
            kinds = dict(db.execute("select kind, count(*) from events group by kind order by kind"))
            first, last = db.execute("select min(at), max(at) from events").fetchone()
            user_count, items, preferences = db.execute(_COUNTS).fetchone()
            largest = db.execute(_LARGEST).fetchone()[0] or 0
            everything = db.execute(_EVERYTHING, (max(EVERYTHING_ITEMS, items * EVERYTHING_SHARE),)).fetchone()[0]
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

    # Connections -----------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._file.opened() as db, _versioned(db):
            yield db


@contextlib.contextmanager
def _versioned(db: sqlite3.Connection) -> Iterator[None]:
    """All of it is kept, or none; the version grows when something was changed."""
    with transaction(db):
        before = db.total_changes
        yield
        if db.total_changes > before:
            db.execute("update meta set value = value + 1 where name = 'version'")


def _drop_user(db: sqlite3.Connection, user: str) -> int:
    """Delete a user with their events and preferences; how many events there were."""
    row = db.execute("select key from users where name = ?", (user,)).fetchone() or (-1,)
    items = db.execute("select distinct item from events where user = ?", row).fetchall()
    deleted = db.execute("delete from events where user = ?", row).rowcount
    db.execute("delete from preferences where user = ?", row)
    db.execute("delete from imported where user = ?", row)
    db.execute("delete from users where key = ?", row)
    db.executemany(_DROP_UNUSED_ITEM, items)
    db.executemany(_CHANGED, items)
    return deleted


def _insert(db: sqlite3.Connection, batch: Sequence[Interaction]) -> int:
    """How many were new."""
    users = _keys(db, "users", {event.user for event in batch})
    items = _keys(db, "items", {event.item_id for event in batch})
    rows = [(users[e.user], e.at, items[e.item_id], _KEYS[e.event], e.value) for e in batch]
    rows.sort(key=lambda row: row[:4])  # neighbours in the file are written together
    added = db.executemany("insert or ignore into events values (?, ?, ?, ?, ?)", rows).rowcount
    if added:
        db.executemany(_CHANGED, ((key,) for key in items.values()))
    return added


_USER = "(select key from users where name = ?)"
_COUNT_OF = f"select count(*) from events where user = {_USER}"  # noqa: S608 - constants
_PREFERENCES = f"select attribute, value, weight from preferences where user = {_USER}"  # noqa: S608 - constants
_IMPORTED = f"select record from imported where user = {_USER} order by catalogue"  # noqa: S608 - constants
_ANY_BEFORE = "select 1 from events where at < ?1 union all select 1 from imported where latest < ?1 limit 1"
_OF_USER = f"""
select items.name, kind, value, at from events join items on items.key = events.item
where user = {_USER} and at >= ? order by at desc, item desc, kind desc limit ?
"""  # noqa: S608 - constants
_BY_DAY = """
select date(at, 'unixepoch', 'localtime') as day, items.name, kind, count(*)
from events join items on items.key = events.item where at >= ? group by day, events.item, kind
"""
_ROWS_AFTER = """
select user, at, item, kind, value from events
where (user, at, item, kind) > (?, ?, ?, ?) and at < ? order by user, at, item, kind limit ?
"""
_AGAIN = 1e12
"""More seconds than any event is old: what a view's time is moved back by, so that it speaks only where it is alone."""
_USER_COUNTS = f"""
select items.name, sum(kind in ({_FOR}) or (kind = {_RATING} and value > 3)) from (
    select item, kind, value, max(at - (kind = {_VIEW}) * {_AGAIN}) from events
    where item in (select key from items where name in (select value from json_each(?))) group by item, user
) join items on items.key = item group by item
"""  # noqa: S608 - constants; with max() the other columns are those of its row (sqlite.org/lang_select.html#bareagg)
_ITEM_VERSIONS = """
select name, coalesce(version, 0) from items left join item_versions on item = key
where name in (select value from json_each(?))
"""
_CHANGED = """
insert or replace into item_versions select key, (select value from meta where name = 'version') + 1 from items
where key = ?
"""
_ALL_CHANGED = """
insert or replace into item_versions select key, (select value from meta where name = 'version') + 1 from items
"""
_COUNTS = """
select (
    select count(*) from users
    where exists (select 1 from events where user = key) or key in (select user from preferences)
), (select count(*) from items), (select count(*) from preferences)
"""
_LARGEST = "select max(n) from (select count(*) n from events group by user)"
_EVERYTHING = """
select count(*) from (select user from events group by user having count(*) >= ?1 and count(distinct item) >= ?1)
"""
_DROP_UNUSED_ITEM = "delete from items where key = ?1 and not exists (select 1 from events where item = ?1)"
_DROP_UNUSED_USERS = """
delete from users where key not in (select user from events) and key not in (select user from preferences)
and key not in (select user from imported)
"""


def _keys(db: sqlite3.Connection, table: str, names: set[str]) -> dict[str, int]:
    """The keys of names; those that are new are given one."""
    db.executemany(f"insert or ignore into {table} (name) values (?)", ((name,) for name in sorted(names)))  # noqa: S608
    find = f"select key from {table} where name = ?"  # noqa: S608 - a constant
    return {name: db.execute(find, (name,)).fetchone()[0] for name in names}


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
