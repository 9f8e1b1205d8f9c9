"""API keys: made once, shown once, kept as hashes, revocable, with an optional end.

A key is ``rak_`` and 256 random bits, so a plain SHA-256 of it cannot be searched; slow password hashes guard guessable
secrets and would only cost every request its time. Logins of the web page are tokens of the same kind.
"""

import contextlib
import hashlib
import secrets
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from assistant.errors import BadInput, StoreError
from tools.records import Record
from tools.storage import SqliteFile, private_folder, transaction

PREFIX = "rak_"
LOGIN_SECONDS = 12 * 3600

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
    created_at: float
    expires_at: float | None


class KeyStore:
    """The keys of one data folder. Thread-safe through short connections."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = SqliteFile(path, "keys", "Move it away and make new ones with: assistant keys create.")

    def create(self, name: str, days: float | None = None) -> tuple[Key, str]:
        """A new key and its secret, which is not to be had again.

        Raises:
            BadInput: the name is taken or empty.
        """
        if not name.strip():
            raise BadInput("A key needs a name.")
        secret, now = PREFIX + secrets.token_urlsafe(32), time.time()
        key = Key(id=secrets.token_hex(4), name=name, created_at=now, expires_at=now + days * 86_400 if days else None)
        try:
            with self._writing() as db:
                db.execute(
                    "insert into keys values (?, ?, ?, ?, ?)", (key.id, name, _hash(secret), now, key.expires_at)
                )
        except sqlite3.IntegrityError as exc:
            raise BadInput(f"There is a key named {name!r} already; revoke it first: assistant keys revoke.") from exc
        return key, secret

    def list(self) -> "list[Key]":
        """Every key, oldest first."""
        if not self._path.is_file():
            return []
        with self._file.opened() as db:
            rows = db.execute("select id, name, created_at, expires_at from keys order by created_at").fetchall()
        return [_key(row) for row in rows]

    def revoke(self, name: str) -> None:
        """End a key, by name or id, and its logins.

        Raises:
            BadInput: there is no such key.
        """
        with self._writing() as db:
            row = db.execute("select id from keys where name = ?1 or id = ?1", (name,)).fetchone()
            if row is None:
                raise BadInput(f"There is no key {name!r}; see: assistant keys list.")
            db.execute("delete from logins where key_id = ?", row)
            db.execute("delete from keys where id = ?", row)

    def find(self, secret: str) -> Key | None:
        """The key that a secret or a login belongs to; None when it is unknown, revoked or past its end."""
        if not self._path.is_file():
            return None
        with self._file.opened(read_only=True) as db:
            row = db.execute(_FIND, (_hash(secret), time.time())).fetchone()
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
        with self._file.errors():
            private_folder(self._path.parent)
            self._path.touch(mode=0o600)
        with self._file.opened() as db:
            db.executescript(_SCHEMA)
            with transaction(db):
                yield db


_FIND = """
select id, name, created_at, expires_at from keys
where (hash = ?1 or id in (select key_id from logins where hash = ?1 and logins.expires_at > ?2))
and (expires_at is null or expires_at > ?2)
"""


def _key(row: tuple[str, str, float, float | None]) -> Key:
    return Key(id=row[0], name=row[1], created_at=row[2], expires_at=row[3])


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
