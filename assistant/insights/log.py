"""A row for each finished turn, in ``insights.sqlite`` of the data folder.

A row keeps under whose pseudonym and in which session the turn was, so that forgetting either deletes it; reports
show neither. Words are masked, also where ``privacy.mask`` is off.
"""

import datetime
import json
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import Field

from assistant.errors import StoreError
from assistant.privacy.masking import MARK, mask
from assistant.records import Done, Reply
from tools.records import Record
from tools.storage import SqliteFile, note_deletion, private_folder

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

_SCHEMA: Final = """
create table if not exists turns (
    id integer primary key autoincrement, at real not null, day text not null, session text not null,
    user text not null, door text not null, language text not null, intent text not null, said text not null,
    wish text not null, constraints text not null, results integer not null, found_nothing integer not null,
    relaxed integer not null, refused integer not null, degraded integer not null, items text not null
);
create index if not exists turns_at on turns (at);
create index if not exists turns_of_user on turns (user);
create index if not exists turns_of_session on turns (session);
"""


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


class InsightLog:
    """All rows of a data folder. Thread-safe through short connections."""

    def __init__(self, folder: Path) -> None:
        private_folder(folder)
        self._file = SqliteFile(folder / DATABASE, "insights", _MEND, LOCK_SECONDS, ("synchronous = normal",))
        self._slow = SqliteFile(folder / DATABASE, "insights", _MEND, _FORGETTING_SECONDS)
        with self._slow.opened() as db:
            db.execute("pragma journal_mode = wal")
            db.executescript(_SCHEMA)

    def hold_open(self) -> Callable[[], None]:
        """Keep a connection until what is returned is called.

        Meanwhile the short connections neither make the file's log anew nor fold it in each time: 15 times faster.
        """
        with self._slow.errors():
            db = self._slow.connect()
            db.execute("select 1 from turns limit 1").fetchone()  # a connection opens the log with its first query
        return db.close

    def add(self, row: TurnRow) -> None:
        """Keep one row.

        Raises:
            StoreError: it cannot be written now.
        """
        values = row.model_dump() | {
            "constraints": json.dumps(row.constraints, ensure_ascii=False),
            "items": json.dumps(row.items),
        }
        with self._file.writing() as db:
            number = db.execute(_ADD, values).lastrowid or 0
            if number % CHECK_EVERY == 0:
                db.execute("delete from turns where id <= ?", (number - MOST_ROWS,))

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
        with self._slow.opened(read_only=True) as db:
            db.row_factory = _as_dict
            where = "at >= :since and (:user is null or user = :user)"
            query = f"select {_COLUMNS} from turns where {where} order by at, id"  # noqa: S608 - constants
            for values in db.execute(query, {"since": since, "user": user}):
                lists = {name: json.loads(values[name]) for name in ("constraints", "items")}
                flags = {name: bool(values[name]) for name in ("found_nothing", "relaxed", "refused", "degraded")}
                yield TurnRow.model_construct(**(values | lists | flags))  # checked when it was written

    def count_of(self, user: str) -> int:
        """How many rows a user has."""
        with self._slow.opened(read_only=True) as db:
            return int(db.execute("select count(*) from turns where user = ?", (user,)).fetchone()[0])

    def rename(self, user: str, into: str) -> None:
        """Give a user's rows to another."""
        with self._slow.writing() as db:
            db.execute("update turns set user = ? where user = ?", (into, user))

    def forget(self, user: str) -> int:
        """Delete a user's rows, whose bytes `vacuum_securely` overwrites; how many there were."""
        return self._delete("user = ?", user)

    def forget_session(self, session: str) -> int:
        """Delete a session's rows; likewise."""
        return self._delete("session = ?", session)

    def expire(self, before: float) -> int:
        """Delete the rows from before a moment, in seconds since 1970; likewise."""
        return self._delete("at < ?", before)

    def vacuum_securely(self) -> None:
        """Overwrite what was deleted. Errors as of `SqliteFile`."""
        self._slow.vacuum_securely()

    def _delete(self, where: str, value: str | float) -> int:
        with self._slow.writing() as db:
            if db.execute(f"select 1 from turns where {where} limit 1", (value,)).fetchone():  # noqa: S608
                note_deletion(db)
            return db.execute(f"delete from turns where {where}", (value,)).rowcount  # noqa: S608


_MEND: Final = "Move it away to begin with no insights."
_COLUMNS: Final = ", ".join(TurnRow.model_fields)
_ADD: Final = f"insert into turns ({_COLUMNS}) values ({', '.join(f':{name}' for name in TurnRow.model_fields)})"  # noqa: S608


def _as_dict(cursor: Any, row: tuple[Any, ...]) -> dict[str, Any]:  # noqa: ANN401 - as of sqlite3
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


def open_insights(folder: Path) -> InsightLog | None:
    """The insights of a data folder, where there are any."""
    return InsightLog(folder) if (folder / DATABASE).is_file() else None
