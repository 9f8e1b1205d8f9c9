"""A row for each finished turn, in ``insights.sqlite`` of the data folder or on a server.

A row keeps under whose pseudonym and in which session the turn was, so that forgetting either deletes it; reports
show neither. Words are masked, also where ``privacy.mask`` is off.
"""

import datetime
import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import sqlalchemy as sa
from pydantic import Field

from assistant.errors import StoreError
from assistant.privacy.masking import MARK, mask
from assistant.records import Done, Reply
from assistant.storage import MIGRATIONS
from tools.database import Real, Schema, StateDatabase, Text
from tools.place import Place, is_there, within
from tools.records import Record

logger = logging.getLogger(__name__)

DATABASE: Final = "insights.sqlite"
CHARACTERS: Final = 300
"""What is kept of a message."""
CONSTRAINT_CHARACTERS: Final = 1_000
MOST_ITEMS: Final = 5
MOST_ROWS: Final = 500_000
"""The oldest rows beyond these are deleted; about 200 MB."""
CHECK_EVERY: Final = 1_000
"""After so many rows it is looked whether there are too many."""
LOCK_SECONDS: Final = 0.2
"""How long a turn may wait for another writer; its row is left out then."""
_FORGETTING_SECONDS: Final = 30.0
_NO_SYNC_EACH_TIME: Final = ("synchronous = normal",)


class TurnRow(Record):
    """One finished turn."""

    at: float = Field(description="seconds since 1970")
    day: str = Field(description="YYYY-MM-DD in this machine's time zone")
    session: str
    user: str = Field(description="pseudonym")
    door: str = Field(description="where the message came in: page, api, openai, mcp, terminal, python")
    language: str
    intent: str
    said: str = Field(description="the message and transcripts, masked, at most 300 characters")
    wish: str = Field(description="what was searched for, in one spelling; empty: nothing")
    constraints: dict[str, Any]
    results: int
    found_nothing: bool = Field(
        description="a wish without a result, or a question that the shop's pages do not answer"
    )
    relaxed: bool
    refused: bool
    degraded: bool
    items: list[str] = Field(description="ids of the first items shown")


def row_of(done: Done, user: str, door: str) -> TurnRow:
    """The row of a turn that has ended."""
    reply, now = done.reply, time.time()
    said = " / ".join(part for part in [reply.query.text, *(one.text for one in reply.query.transcripts)] if part)
    constraints = {name: value for name, value in reply.constraints.items() if name != "exclude_ids"}
    text = json.dumps(constraints, ensure_ascii=False)
    return TurnRow(
        at=now,
        day=day_of(now),
        session=reply.session_id,
        user=user,
        door=door,
        language=reply.language,
        intent=reply.intent,
        said=_short(said),
        wish=_wish(reply),
        constraints=constraints if len(text) <= CONSTRAINT_CHARACTERS and mask(text) == text else {},
        results=len(reply.recommendations),
        found_nothing=not done.refused and _found_nothing(reply),
        relaxed=bool(reply.relaxed),
        refused=done.refused,
        degraded=bool(reply.degraded),
        items=[item.item_id for item in reply.recommendations[:MOST_ITEMS]],
    )


def day_of(at: float) -> str:
    """The day of a moment, given in seconds since 1970, in this machine's time zone."""
    return datetime.datetime.fromtimestamp(at).astimezone().date().isoformat()


def _found_nothing(reply: Reply) -> bool:
    if reply.intent == "shop":
        return not reply.evidence
    return reply.intent == "recommend" and not reply.recommendations


def _wish(reply: Reply) -> str:
    """What the first search was for, so that "cheaper" counts for its topic; of a picture alone its first label."""
    if reply.intent not in ("recommend", "shop"):
        return ""
    asked = (step.arguments.get("query") for step in reply.steps if step.tool in ("search_by_text", "search_pages"))
    words = next((query for query in asked if isinstance(query, str)), reply.query.text)
    labels = [picture.labels[0].label for picture in reply.query.pictures if picture.labels]
    return _short(" ".join(words.replace(MARK, " ").casefold().split()).strip(" .,;!?。！？，") or " ".join(labels[:1]))


def _short(text: str) -> str:
    """The text masked, in one line and cut; masked first, so that no half of a number is left."""
    line = " ".join(mask(text[: 4 * CHARACTERS]).split())
    return line if len(line) <= CHARACTERS else line[: CHARACTERS - 1] + "…"


def _columns() -> Iterator[sa.Column[Any]]:
    kinds: dict[Any, Any] = {float: Real, int: sa.Integer(), bool: sa.Integer()}
    for name, field in TurnRow.model_fields.items():
        yield sa.Column(name, kinds.get(field.annotation, Text), nullable=False)


_TABLES: Final = sa.MetaData()
_TURNS: Final = sa.Table(
    "turns",
    _TABLES,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    *_columns(),
    sa.Index("turns_at", "at"),
    sa.Index("turns_of_user", "user"),
    sa.Index("turns_of_session", "session"),
    sqlite_autoincrement=True,
)
SCHEMA: Final = Schema("insights", _TABLES, "0001", MIGRATIONS / "insights")
_LISTS: Final = ("constraints", "items")
_FLAGS: Final = ("found_nothing", "relaxed", "refused", "degraded")
_AT_A_TIME: Final = 500
"""Rows that are read together."""


class InsightLog:
    """All rows of a data folder or server. Thread-safe; errors as of `StateDatabase`."""

    def __init__(self, place: Place) -> None:
        at, mend = within(place, DATABASE), "Move it away to begin with no insights."
        self._db = StateDatabase(at, SCHEMA, "insights", mend, lock_seconds=LOCK_SECONDS, pragmas=_NO_SYNC_EACH_TIME)
        self._slow = StateDatabase(at, SCHEMA, "insights", mend, lock_seconds=_FORGETTING_SECONDS)
        self._slow.prepare()

    def hold_open(self) -> Callable[[], None]:
        """As `StateDatabase.hold_open`."""
        return self._slow.hold_open()

    def add(self, row: TurnRow) -> None:
        """Keep one row.

        Raises:
            StoreError: it cannot be written now.
        """
        lists = {"constraints": json.dumps(row.constraints, ensure_ascii=False), "items": json.dumps(row.items)}
        with self._db.writing() as db:
            number = db.execute(_TURNS.insert(), row.model_dump() | lists).inserted_primary_key[0]  # type: ignore[index]
            if number % CHECK_EVERY == 0:
                db.execute(_TURNS.delete().where(_TURNS.c.id <= number - MOST_ROWS))

    def note(self, done: Done, user: str, door: str) -> None:
        """Keep the row of a turn; what goes wrong is told in the log, and the turn stands."""
        try:
            self.add(row_of(done, user, door))
        except StoreError as exc:
            logger.warning("a turn is missing in the insights: %s", exc)
        except Exception:  # a mistake of ours must not cost the customer the answer
            logger.exception("a turn is missing in the insights")

    def rows(self, since: float = 0.0, *, user: str | None = None) -> Iterator[TurnRow]:
        """The rows from a moment on, or a user's among them, oldest first.

        Raises:
            StoreError: the file cannot be read.
        """
        rows = sa.select(*(_TURNS.c[name] for name in TurnRow.model_fields)).where(_TURNS.c.at >= since)
        if user is not None:
            rows = rows.where(_TURNS.c.user == user)
        with self._slow.reading() as db:
            ordered = rows.order_by(_TURNS.c.at, _TURNS.c.id).execution_options(yield_per=_AT_A_TIME)
            for values in db.execute(ordered).mappings():
                lists = {name: json.loads(values[name]) for name in _LISTS}
                flags = {name: bool(values[name]) for name in _FLAGS}
                yield TurnRow.model_construct(**({**values} | lists | flags))  # checked when it was written

    def count_of(self, user: str) -> int:
        """How many rows a user has."""
        with self._slow.reading() as db:
            return db.scalar(sa.select(sa.func.count()).where(_TURNS.c.user == user)) or 0

    def rename(self, user: str, into: str) -> None:
        """Give a user's rows to another."""
        with self._slow.writing() as db:
            db.execute(_TURNS.update().where(_TURNS.c.user == user).values(user=into))

    def forget(self, user: str) -> int:
        """Delete a user's rows, whose bytes `vacuum_securely` overwrites; how many there were."""
        return self._delete(_TURNS.c.user == user)

    def forget_session(self, session: str) -> int:
        """Delete a session's rows; likewise."""
        return self._delete(_TURNS.c.session == session)

    def expire(self, before: float) -> int:
        """Delete the rows from before a moment, in seconds since 1970; likewise."""
        return self._delete(_TURNS.c.at < before)

    def vacuum_securely(self) -> None:
        """Overwrite what was deleted, as far as `StateDatabase.vacuum_securely` does."""
        self._slow.vacuum_securely()

    def _delete(self, which: sa.ColumnElement[bool]) -> int:
        with self._slow.writing() as db:
            if db.scalar(sa.select(sa.exists().where(which))):
                self._slow.note_deletion(db)
            return db.execute(_TURNS.delete().where(which)).rowcount


def open_insights(place: Place) -> InsightLog | None:
    """The insights of a data folder or server, where there are any."""
    return InsightLog(place) if is_there(within(place, DATABASE)) else None
