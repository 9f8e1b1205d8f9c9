"""API keys: made once, shown once, kept as hashes, revocable, with an optional end.

A key is ``rak_`` and 256 random bits, so a plain SHA-256 of it cannot be searched; slow password hashes guard guessable
secrets and would only cost every request its time. Logins of the web page are tokens of the same kind.
"""

import hashlib
import math
import secrets
import time
from enum import StrEnum
from typing import Any, Final, Literal

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from assistant.errors import BadInput, StoreError
from assistant.storage import MIGRATIONS
from tools.database import Real, Schema, StateDatabase, Text
from tools.place import Place, StateServer
from tools.records import Record

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


_TABLES: Final = sa.MetaData()
_KEYS: Final = sa.Table(
    "keys",
    _TABLES,
    sa.Column("id", Text, primary_key=True),
    sa.Column("name", Text, nullable=False, unique=True),
    sa.Column("hash", Text, nullable=False, unique=True),
    sa.Column("created_at", Real, nullable=False),
    sa.Column("expires_at", Real),
    sa.Column("role", Text, nullable=False, server_default=FORMER_ROLE),
)
_LOGINS: Final = sa.Table(
    "logins",
    _TABLES,
    sa.Column("hash", Text, primary_key=True),
    sa.Column("key_id", Text, nullable=False),
    sa.Column("expires_at", Real, nullable=False),
)
SCHEMA: Final = Schema("keys", _TABLES, "0001", MIGRATIONS / "keys")


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
    """The keys of one data folder or server. Thread-safe; errors as of `StateDatabase`."""

    def __init__(self, place: Place) -> None:
        mend = "Move it away and make new ones with: assistant keys create."
        self._place, self._db = place, StateDatabase(place, SCHEMA, "keys", mend, wal=False)

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
            with self._db.writing() as db:
                db.execute(_KEYS.insert().values(**key.model_dump(), hash=_hash(secret)))
        except IntegrityError as exc:
            raise BadInput(f"There is a key named {name!r} already; revoke it first: assistant keys revoke.") from exc
        return key, secret

    def list(self) -> "list[Key]":
        """Every key, oldest first."""
        if not self._db.exists:
            return []
        with self._db.reading() as db:
            return [_key(row) for row in db.execute(_LIST)]

    def revoke(self, name: str) -> None:
        """End a key, by name or id, and its logins.

        Raises:
            BadInput: there is no such key.
        """
        with self._db.writing() as db:
            by_id = _KEYS.c.id == name
            key_id = db.scalar(sa.select(_KEYS.c.id).where(by_id | (_KEYS.c.name == name)).order_by(by_id.desc()))
            if key_id is None:
                raise BadInput(f"There is no key {name!r}; see: assistant keys list.")
            db.execute(_LOGINS.delete().where(_LOGINS.c.key_id == key_id))
            db.execute(_KEYS.delete().where(_KEYS.c.id == key_id))

    def find(self, secret: str) -> Key | None:
        """The key that a secret or a login belongs to; None when it is unknown, revoked or past its end."""
        if not self._db.exists:
            return None
        with self._db.reading() as db:
            row = db.execute(_FIND, {"secret": _hash(secret), "now": time.time()}).first()
        return _key(row) if row else None

    def any(self) -> bool:
        """Whether there is a key, past its end or not; a file that cannot be read counts as one.

        Raises:
            StoreError: the server cannot be reached.
        """
        if not self._db.exists:
            return False
        try:
            with self._db.reading() as db:
                return db.execute(sa.select(_KEYS.c.id).limit(1)).first() is not None
        except StoreError:
            if isinstance(self._place, StateServer):
                raise
            return self._place.stat().st_size > 0

    def log_in(self, secret: str) -> str | None:
        """A login token for a key's secret, or None when that is no key."""
        key = self.find(secret)
        if key is None:
            return None
        token, now = secrets.token_urlsafe(32), time.time()
        with self._db.writing() as db:
            db.execute(_LOGINS.delete().where(_LOGINS.c.expires_at < now))
            login = {"hash": _hash(token), "key_id": key.id, "expires_at": now + LOGIN_SECONDS}
            db.execute(_LOGINS.insert().values(login))
        return token

    def log_out(self, token: str) -> None:
        """End a login."""
        with self._db.writing() as db:
            db.execute(_LOGINS.delete().where(_LOGINS.c.hash == _hash(token)))


_COLUMNS: Final = [_KEYS.c[name] for name in Key.model_fields]
_LIST: Final = sa.select(*_COLUMNS).order_by(_KEYS.c.created_at)
_NOW: Final = sa.bindparam("now", type_=Real)
_LOGGED_IN: Final = sa.select(_LOGINS.c.key_id).where(
    _LOGINS.c.hash == sa.bindparam("secret"), _LOGINS.c.expires_at > _NOW
)
_FIND: Final = sa.select(*_COLUMNS).where(
    (_KEYS.c.hash == sa.bindparam("secret")) | _KEYS.c.id.in_(_LOGGED_IN),
    _KEYS.c.expires_at.is_(None) | (_KEYS.c.expires_at > _NOW),
)


def _key(row: sa.Row[Any]) -> Key:
    return Key.model_validate(row._asdict())


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
