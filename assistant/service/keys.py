"""API keys: made once, shown once, kept as hashes, revocable, with an optional end.

A key is ``rak_`` and 256 random bits, so a plain SHA-256 of it cannot be searched; slow password hashes guard guessable
secrets and would only cost every request its time. Logins of the web page are tokens of the same kind.
"""

import contextlib
import hashlib
import math
import secrets
import sqlite3
import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal

from assistant.errors import BadInput, StoreError
from tools.records import Record
from tools.storage import SqliteFile

PREFIX = "rak_"
LOGIN_SECONDS = 12 * 3600
NAME_CHARACTERS = 100
MOST_DAYS = 36_500.0


class Role(StrEnum):
    """What somebody may do; `assistant.service.http.roles` says where each route names the roles that may use it."""

    ADMIN = "admin"
    """Everything, such as writing the catalogue and the keys."""
    SERVICE = "service"
    """A shop's own back end: it may speak for the shop's customers."""
    SHOPPER = "shopper"
    """The key's own conversations."""
    VISITOR = "visitor"
    """Somebody with the cookie of `assistant.visitors` and no key."""
    NOBODY = "nobody"
    """A request without a key, where one is needed."""


KeyRole = Literal[Role.ADMIN, Role.SERVICE, Role.SHOPPER]
FORMER_ROLE: Final[KeyRole] = Role.ADMIN
"""Of keys from before there were roles, and of a new key unless said otherwise: every key could do everything."""


def key_role(name: str) -> KeyRole:
    """The role of that name.

    Raises:
        BadInput: keys have no such role.
    """
    for role in (Role.ADMIN, Role.SERVICE, Role.SHOPPER):
        if role == name:
            return role
    raise BadInput(f"A key's role is admin, service or shopper, not {name!r}.")


_SCHEMA = """
create table if not exists keys (
    id text primary key, name text not null unique, hash text not null unique, created_at real not null, expires_at real
);
create table if not exists logins (hash text primary key, key_id text not null, expires_at real not null);
"""


class Key(Record):
    """A key without its secret; times in seconds since 1970."""

    id: str
    name: str
    role: KeyRole
    created_at: float
    expires_at: float | None

    @property
    def has_ended(self) -> bool:
        """Whether it is past its end."""
        return self.expires_at is not None and self.expires_at <= time.time()


class KeyStore:
    """The keys of one data folder. Thread-safe through short connections."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = SqliteFile(path, "keys", "Move it away and make new ones with: assistant keys create.")

    def create(self, name: str, days: float | None = None, role: KeyRole = FORMER_ROLE) -> tuple[Key, str]:
        """A new key and its secret, which is not to be had again.

        Raises:
            BadInput: the name is taken, empty, too long or not printable; the days are no number or too many.
        """
        if not name.strip():
            raise BadInput("A key needs a name.")
        if len(name) > NAME_CHARACTERS or not name.isprintable():
            raise BadInput(f"A key's name has at most {NAME_CHARACTERS} characters, all of them visible.")
        if days is not None and not (math.isfinite(days) and days <= MOST_DAYS):
            raise BadInput(f"A key ends after at most {MOST_DAYS:.0f} days; leave the days out for one without an end.")
        secret, now = PREFIX + secrets.token_urlsafe(32), time.time()
        expires_at = None if days is None else now + days * 86_400
        key = Key(id=secrets.token_hex(4), name=name, role=role, created_at=now, expires_at=expires_at)
        try:
            with self._writing() as db:
                db.execute(
                    "insert into keys (id, name, hash, created_at, expires_at, role) values (?, ?, ?, ?, ?, ?)",
                    (key.id, name, _hash(secret), now, key.expires_at, role),
                )
        except sqlite3.IntegrityError as exc:
            raise BadInput(f"There is a key named {name!r} already; revoke it first: assistant keys revoke.") from exc
        return key, secret

    def list(self) -> "list[Key]":
        """Every key, oldest first."""
        if not self._path.is_file():
            return []
        with self._file.opened() as db:
            rows = db.execute(f"select {_columns(db)} from keys order by created_at").fetchall()  # noqa: S608
        return [_key(row) for row in rows]

    def revoke(self, name: str) -> None:
        """End a key, by name or id, and its logins.

        Raises:
            BadInput: there is no such key.
        """
        with self._writing() as db:
            row = db.execute("select id from keys where name = ?1 or id = ?1 order by id = ?1 desc", (name,)).fetchone()
            if row is None:
                raise BadInput(f"There is no key {name!r}; see: assistant keys list.")
            db.execute("delete from logins where key_id = ?", row)
            db.execute("delete from keys where id = ?", row)

    def find(self, secret: str) -> Key | None:
        """The key that a secret or a login belongs to; None when it is unknown, revoked or past its end."""
        if not self._path.is_file():
            return None
        with self._file.opened(read_only=True) as db:
            row = db.execute(f"select {_columns(db)} {_FIND}", (_hash(secret), time.time())).fetchone()
        return _key(row) if row else None

    def any(self) -> bool:
        """Whether there is a key, past its end or not; a file that cannot be read counts as one."""
        if not self._path.is_file():
            return False
        try:
            with self._file.opened(read_only=True) as db:
                return db.execute("select 1 from keys limit 1").fetchone() is not None
        except StoreError:
            return self._path.stat().st_size > 0

    def log_in(self, secret: str) -> str | None:
        """A login token for a key's secret, or None when that is no key."""
        key = self.find(secret)
        if key is None:
            return None
        token, now = secrets.token_urlsafe(32), time.time()
        with self._writing() as db:
            db.execute("delete from logins where expires_at < ?", (now,))
            db.execute("insert into logins values (?, ?, ?)", (_hash(token), key.id, now + LOGIN_SECONDS))
        return token

    def log_out(self, token: str) -> None:
        """End a login."""
        with self._writing() as db:
            db.execute("delete from logins where hash = ?", (_hash(token),))

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._file.creating(_SCHEMA) as db:
            if not _has_role(db):
                db.execute(f"alter table keys add column role text not null default '{FORMER_ROLE}'")
            yield db


_FIND = """
from keys
where (hash = ?1 or id in (select key_id from logins where hash = ?1 and logins.expires_at > ?2))
and (expires_at is null or expires_at > ?2)
"""


def _has_role(db: sqlite3.Connection) -> bool:
    """False for a file from before there were roles, until it is written to."""
    return any(column[1] == "role" for column in db.execute("pragma table_info(keys)"))


def _columns(db: sqlite3.Connection) -> str:
    """The columns of a `Key`, in its order."""
    return f"id, name, {'role' if _has_role(db) else repr(str(FORMER_ROLE))}, created_at, expires_at"


def _key(row: tuple[str, str, str, float, float | None]) -> Key:
    return Key.model_validate(dict(zip(Key.model_fields, row, strict=True)))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
