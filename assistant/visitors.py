"""Visitors of a shop: people without a key, each the cookie of one browser, with an end that is fixed at the beginning.

Their conversations and events are kept under a random name that stands for nobody. At a log-in the shop may say who the
visitor is: the browser fetches a ticket, the shop's back end brings it, and everything becomes that customer's. The
steps of that are the caller's (`assistant.user_data.merge_visitor`); this file remembers one that was interrupted.
"""

import hashlib
import secrets
import time
from pathlib import Path
from typing import Final

from tools.records import Record
from tools.storage import SqliteFile

TICKET_SECONDS: Final = 600.0
DAY_SECONDS: Final = 86_400.0

_SCHEMA = """
create table if not exists visitors (
    owner text primary key, hash text not null unique, expires_at real not null, customer text
);
create table if not exists tickets (hash text primary key, owner text not null, expires_at real not null);
"""


class Visitor(Record):
    """A visitor; ``owner`` is what sessions and events are kept under, times are seconds since 1970."""

    owner: str
    expires_at: float


class VisitorTicket(Record):
    """What names a visitor to the shop's back end, once."""

    token: str
    expires_at: float


class VisitorStore:
    """The visitors of one data folder. Thread-safe through short connections; errors as of `SqliteFile`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        mend = "Move it away: the visitors begin anew."
        self._file = SqliteFile(path, "visitors", mend, pragmas=("secure_delete = on",))

    def begin(self, days: float) -> tuple[Visitor, str]:
        """A new visitor and the cookie's value, which is kept as a hash."""
        token = secrets.token_urlsafe(32)
        visitor = Visitor(owner=secrets.token_hex(16), expires_at=time.time() + days * DAY_SECONDS)
        with self._file.creating(_SCHEMA) as db:
            db.execute(
                "insert into visitors (owner, hash, expires_at) values (?, ?, ?)",
                (visitor.owner, _hash(token), visitor.expires_at),
            )
        return visitor, token

    def find(self, token: str) -> Visitor | None:
        """The visitor with that cookie; None when there is none, it has expired, or it is a customer's now."""
        if not self._path.is_file():
            return None
        with self._file.opened(read_only=True) as db:
            row = db.execute(_FIND, (_hash(token), time.time())).fetchone()
        return Visitor(owner=row[0], expires_at=row[1]) if row else None

    def ticket(self, owner: str) -> VisitorTicket:
        """A new ticket of a visitor; an earlier one is worth nothing any more."""
        ticket = VisitorTicket(token=secrets.token_urlsafe(32), expires_at=time.time() + TICKET_SECONDS)
        with self._file.creating(_SCHEMA) as db:
            db.execute("delete from tickets where owner = ? or expires_at < ?", (owner, time.time()))
            db.execute("insert into tickets values (?, ?, ?)", (_hash(ticket.token), owner, ticket.expires_at))
        return ticket

    def redeem(self, token: str, customer: str) -> str | None:
        """Note that a ticket's visitor is the customer, and end ticket and cookie.

        Returns:
            The visitor's ``owner``; None when the ticket is unknown, used or expired.
        """
        with self._file.creating(_SCHEMA) as db:
            row = db.execute(_REDEEM, (_hash(token), time.time())).fetchone()
            if row is None:
                return None
            db.execute("delete from tickets where owner = ?", row)
            db.execute("update visitors set customer = ? where owner = ?", (customer, *row))
        return str(row[0])

    def redeemed(self) -> list[tuple[str, str]]:
        """Visitors that are a customer's and not ended yet, and the customers."""
        return [(owner, customer) for owner, customer in self._rows(_REDEEMED)]

    def owners(self) -> set[str]:
        """The ``owner`` of every visitor who is no customer."""
        return {owner for (owner,) in self._rows(_OWNERS)}

    def expired(self) -> list[str]:
        """The ``owner`` of each visitor past the end."""
        return [owner for (owner,) in self._rows(_EXPIRED, time.time())]

    def end(self, owner: str) -> None:
        """Forget that there was this visitor."""
        if not self._path.is_file():
            return
        with self._file.creating(_SCHEMA) as db:
            db.execute("delete from tickets where owner = ?", (owner,))
            db.execute("delete from visitors where owner = ?", (owner,))

    def _rows(self, query: str, *values: float) -> list[tuple[str, ...]]:
        if not self._path.is_file():
            return []
        with self._file.opened(read_only=True) as db:
            return db.execute(query, values).fetchall()


_FIND = "select owner, expires_at from visitors where hash = ? and expires_at > ? and customer is null"
_EXPIRED = "select owner from visitors where customer is null and expires_at <= ?"
_OWNERS = "select owner from visitors where customer is null"
_REDEEMED = "select owner, customer from visitors where customer is not null"
_REDEEM = """
select owner from tickets join visitors using (owner)
where tickets.hash = ?1 and tickets.expires_at > ?2 and visitors.expires_at > ?2 and customer is null
"""


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
