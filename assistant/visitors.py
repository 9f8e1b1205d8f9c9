"""Visitors of a shop: people without a key, each the cookie of one browser, with an end that is fixed at the beginning.

Their conversations and events are kept under a random name that stands for nobody. At a log-in the shop may say who the
visitor is: the browser fetches a ticket, the shop's back end brings it, and everything becomes that customer's. The
steps of that are the caller's (`assistant.user_data.merge_visitor`); this store remembers one that was interrupted.
"""

import hashlib
import secrets
import time
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from assistant.storage import MIGRATIONS
from tools.database import Real, Schema, StateDatabase, Text
from tools.place import Place
from tools.records import Record

TICKET_SECONDS: Final = 600.0
DAY_SECONDS: Final = 86_400.0

_TABLES: Final = sa.MetaData()
_VISITORS: Final = sa.Table(
    "visitors",
    _TABLES,
    sa.Column("owner", Text, primary_key=True),
    sa.Column("hash", Text, nullable=False, unique=True),
    sa.Column("expires_at", Real, nullable=False),
    sa.Column("customer", Text),
)
_TICKETS: Final = sa.Table(
    "tickets",
    _TABLES,
    sa.Column("hash", Text, primary_key=True),
    sa.Column("owner", Text, nullable=False),
    sa.Column("expires_at", Real, nullable=False),
)
SCHEMA: Final = Schema("visitors", _TABLES, "0001", MIGRATIONS / "visitors")


class Visitor(Record):
    """A visitor; ``owner`` is what sessions and events are kept under, times are seconds since 1970."""

    owner: str
    expires_at: float


class VisitorTicket(Record):
    """What names a visitor to the shop's back end, once."""

    token: str
    expires_at: float


class VisitorStore:
    """The visitors of one data folder or server. Thread-safe; errors as of `StateDatabase`."""

    def __init__(self, place: Place) -> None:
        mend = "Move it away: the visitors begin anew."
        self._db = StateDatabase(place, SCHEMA, "visitors", mend, pragmas=("secure_delete = on",), wal=False)

    def begin(self, days: float) -> tuple[Visitor, str]:
        """A new visitor and the cookie's value, which is kept as a hash."""
        token = secrets.token_urlsafe(32)
        visitor = Visitor(owner=secrets.token_hex(16), expires_at=time.time() + days * DAY_SECONDS)
        with self._db.writing() as db:
            db.execute(_VISITORS.insert().values(**visitor.model_dump(), hash=_hash(token)))
        return visitor, token

    def find(self, token: str) -> Visitor | None:
        """The visitor with that cookie; None when there is none, it has expired, or it is a customer's now."""
        if not self._db.exists:
            return None
        with self._db.reading() as db:
            row = db.execute(_FIND, {"token": _hash(token), "now": time.time()}).first()
        return Visitor(owner=row[0], expires_at=row[1]) if row else None

    def ticket(self, owner: str) -> VisitorTicket:
        """A new ticket of a visitor; an earlier one is worth nothing any more."""
        ticket = VisitorTicket(token=secrets.token_urlsafe(32), expires_at=time.time() + TICKET_SECONDS)
        with self._db.writing() as db:
            db.execute(_TICKETS.delete().where((_TICKETS.c.owner == owner) | (_TICKETS.c.expires_at < time.time())))
            new = {"hash": _hash(ticket.token), "owner": owner, "expires_at": ticket.expires_at}
            db.execute(_TICKETS.insert().values(new))
        return ticket

    def redeem(self, token: str, customer: str) -> str | None:
        """Note that a ticket's visitor is the customer, and end ticket and cookie.

        Returns:
            The visitor's ``owner``; None when the ticket is unknown, used or expired.
        """
        with self._db.writing() as db:
            owner = db.scalar(_REDEEM, {"token": _hash(token), "now": time.time()})
            if owner is None:
                return None
            db.execute(_TICKETS.delete().where(_TICKETS.c.owner == owner))
            db.execute(_VISITORS.update().where(_VISITORS.c.owner == owner).values(customer=customer))
        return str(owner)

    def redeemed(self) -> list[tuple[str, str]]:
        """Visitors that are a customer's and not ended yet, and the customers."""
        return [(row.owner, row.customer) for row in self._rows(_VISITORS.c.customer.is_not(None))]

    def owners(self) -> set[str]:
        """The ``owner`` of every visitor who is no customer."""
        return {row.owner for row in self._rows(_VISITORS.c.customer.is_(None))}

    def expired(self) -> list[str]:
        """The ``owner`` of each visitor past the end."""
        ended = _VISITORS.c.customer.is_(None) & (_VISITORS.c.expires_at <= time.time())
        return [row.owner for row in self._rows(ended)]

    def end(self, owner: str) -> None:
        """Forget that there was this visitor."""
        if not self._db.exists:
            return
        with self._db.writing() as db:
            for table in (_TICKETS, _VISITORS):
                db.execute(table.delete().where(table.c.owner == owner))

    def _rows(self, which: sa.ColumnElement[bool]) -> Sequence[sa.Row[Any]]:
        if not self._db.exists:
            return []
        with self._db.reading() as db:
            return db.execute(_VISITORS.select().where(which)).all()


_NOW: Final = sa.bindparam("now", type_=Real)
_GOOD: Final = (_VISITORS.c.expires_at > _NOW) & _VISITORS.c.customer.is_(None)
_FIND: Final = sa.select(_VISITORS.c.owner, _VISITORS.c.expires_at).where(
    _VISITORS.c.hash == sa.bindparam("token", type_=Text), _GOOD
)
_REDEEM: Final = (
    sa.select(_VISITORS.c.owner)
    .join_from(_TICKETS, _VISITORS, _TICKETS.c.owner == _VISITORS.c.owner)
    .where(_TICKETS.c.hash == sa.bindparam("token", type_=Text), _TICKETS.c.expires_at > _NOW, _GOOD)
    .with_for_update()
)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
