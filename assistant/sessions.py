"""Sessions on disk: LangGraph's checkpoints of what a conversation remembers, and every reply that was given.

Both live in ``ASSISTANT_DATA/sessions.sqlite``. Checkpoints hold only records named here: nothing else is revived from
the file. `assistant.checkpoints` writes them, each together with its turn's reply.
"""

import inspect
import json
import re
import time
import uuid
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Annotated

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

import assistant.agent.state
import assistant.records
import assistant.understanding
import tools.records
from assistant.agent.state import Request
from assistant.errors import SessionError
from assistant.records import LOCAL, Reply, TurnEvent
from tools.records import Record
from tools.storage import SqliteFile, note_deletion, private_folder

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SCHEMA = """
create table if not exists replies (
    session_id text not null, turn integer not null, said text not null, reply text not null, at real not null,
    primary key (session_id, turn)
);
create table if not exists sessions (
    session_id text primary key, owner text not null, title text not null, created_at real not null,
    updated_at real not null
);
create index if not exists sessions_of on sessions (owner, updated_at);
create table if not exists feedback (
    session_id text not null, item_id text not null, event text not null, at real not null
);
create index if not exists feedback_of on feedback (session_id);
"""
_OLD_SESSIONS = """
insert or ignore into sessions
    select session_id, 'local', '', min(at), max(at) from replies group by session_id;
"""
"""Of files from before there was the table; it reads every reply."""
NO_SYNC_EACH_TIME = "synchronous = normal"
"""In WAL mode a commit survives the end of the process at once, and the end of the machine a moment later."""

_CHECKPOINTS = {"checkpoints", "writes"}
"""LangGraph's tables in the same file; a session's id is their ``thread_id``."""

LOCK_SECONDS = 5.0
"""How long to wait for another writer, who has no more to write than a turn."""

TITLE_CHARACTERS = 60

_EVENTS: TypeAdapter[list[TurnEvent]] = TypeAdapter(list[Annotated[TurnEvent, Field(discriminator="type")]])


class StoredTurn(Record):
    """One answered message of a session; ``message_id`` is the sender's own name for it, if there is one."""

    turn: int
    message_id: str | None = None
    said: str
    reply: Reply
    at: float


class Session(Record):
    """A session as lists show it; times in seconds since 1970."""

    session_id: str
    owner: str
    title: str
    created_at: float
    updated_at: float
    turns: int


class AnsweredMessage(Record):
    """Where a message was answered, and whether its session has gone on since."""

    session_id: str
    turn: int
    is_last: bool
    reply: Reply


class SessionLog:
    """The replies of all sessions. Thread-safe through short connections."""

    def __init__(self, path: Path) -> None:
        private_folder(path.parent)
        self._file = SqliteFile(
            path, "sessions", "Move it away to start with no sessions.", LOCK_SECONDS, (NO_SYNC_EACH_TIME,)
        )
        with self._file.opened() as db:
            db.execute("pragma journal_mode = wal")
            is_old = db.execute("select 1 from sqlite_master where name = 'sessions'").fetchone() is None
            columns = [row[1] for row in db.execute("pragma table_info(replies)")]
            db.executescript(_SCHEMA)
            for name, kind in (("message_id", "text"), ("events", "blob")):  # later than the table
                if name not in columns:
                    db.execute(f"alter table replies add column {name} {kind}")
            db.executescript(_SCHEMA + (_OLD_SESSIONS if is_old else ""))
            db.execute("create index if not exists replies_to on replies (message_id)")

    def create(self, session_id: str, owner: str = LOCAL, title: str = "") -> Session:
        """Begin a session; one that is there stays as it is."""
        now = time.time()
        with self._file.writing() as db:
            db.execute("insert or ignore into sessions values (?, ?, ?, ?, ?)", (session_id, owner, title, now, now))
        return self.session(session_id)

    def session(self, session_id: str) -> Session:
        """One session.

        Raises:
            SessionError: there is no such session.
        """
        with self._file.opened() as db:
            row = db.execute(f"{_SESSIONS} where session_id = ?", (session_id,)).fetchone()
        if row is None:
            raise SessionError(f"There is no session {session_id!r}.")
        return _session(row)

    def of_owner(self, owner: str, limit: int = 50, before: float | None = None, query: str = "") -> list[Session]:
        """An owner's sessions that were last used before a moment, latest first; all of them for a limit of -1.

        With a query only those whose title or messages hold it, upper and lower case the same.
        """
        with self._file.opened() as db:
            db.create_function("holds", 1, lambda text: query.casefold() in text.casefold(), deterministic=True)
            rows = db.execute(
                f"{_SESSIONS} where owner = ? and updated_at < ? and {_HOLDING if query else 'true'}"
                " order by updated_at desc limit ?",
                (owner, before or time.time() + 1, limit),
            ).fetchall()
        return [_session(row) for row in rows]

    def rename(self, session_id: str, title: str) -> None:
        """Give a session another title."""
        with self._file.writing() as db:
            db.execute("update sessions set title = ? where session_id = ?", (title, session_id))

    def forget(self, session_ids: Iterable[str]) -> None:
        """Delete sessions with all that is remembered of them, and every checkpoint that is no session's.

        Their bytes are overwritten by `vacuum_securely`.
        """
        ids = json.dumps(list(session_ids))
        with self._file.writing() as db:
            note_deletion(db)
            for table in ("replies", "feedback", "sessions"):
                db.execute(f"delete from {table} where session_id in (select value from json_each(?))", (ids,))  # noqa: S608
            for table in _CHECKPOINTS & {name for (name,) in db.execute("select name from sqlite_master")}:
                db.execute(f"delete from {table} where thread_id not in (select session_id from sessions)")  # noqa: S608

    def vacuum_securely(self) -> None:
        """Write the file anew where something was deleted: it then holds no byte of it. Errors as of `SqliteFile`."""
        self._file.vacuum_securely()

    def knows(self, session_id: str) -> bool:
        """Whether there is such a session."""
        with self._file.opened() as db:
            return db.execute("select 1 from sessions where session_id = ?", (session_id,)).fetchone() is not None

    def unused_since(self, moment: float) -> list[str]:
        """Ids of the sessions that were last used before a moment."""
        with self._file.opened() as db:
            return [row[0] for row in db.execute("select session_id from sessions where updated_at < ?", (moment,))]

    def rename_owners(self, beginning: str, renamed: Callable[[str], str]) -> None:
        """Give the sessions of every owner whose name begins so to the owner's new name."""
        with self._file.writing() as db:
            where = "substr(owner, 1, ?) = ?"
            rows = db.execute(f"select distinct owner from sessions where {where}", (len(beginning), beginning))  # noqa: S608
            names = [(renamed(owner), owner) for (owner,) in rows.fetchall()]
            db.executemany("update sessions set owner = ? where owner = ?", names)

    def note_feedback(self, session_id: str, item_id: str, event: str) -> None:
        """Keep what the user pressed."""
        with self._file.writing() as db:
            db.execute("insert into feedback values (?, ?, ?, ?)", (session_id, item_id, event, time.time()))

    def feedback(self, session_id: str) -> list[tuple[str, str, float]]:
        """What was pressed in a session, oldest first: item, event, time."""
        with self._file.opened() as db:
            return db.execute(
                "select item_id, event, at from feedback where session_id = ? order by at", (session_id,)
            ).fetchall()

    def read(self, session_id: str) -> list[StoredTurn]:
        """All turns of a session, oldest first.

        Raises:
            SessionError: there is no such session.
        """
        with self._file.opened() as db:
            rows = db.execute(
                "select turn, said, reply, at, message_id from replies where session_id = ? order by turn",
                (session_id,),
            ).fetchall()
        if not rows:
            raise SessionError(f"There is no session {session_id!r}.")
        return [
            StoredTurn(turn=turn, message_id=message_id, said=said, reply=Reply.model_validate_json(reply), at=at)
            for turn, said, reply, at, message_id in rows
        ]

    def note_events(self, session_id: str, events: Sequence[TurnEvent]) -> None:
        """Keep how the session's last turn went, `Done` left out: its reply is kept already."""
        packed = zlib.compress(_EVENTS.dump_json([*events]))
        with self._file.writing() as db:
            db.execute(
                "update replies set events = :events where session_id = :session_id"
                " and turn = (select max(turn) from replies where session_id = :session_id)",
                {"events": packed, "session_id": session_id},
            )

    def events(self, session_id: str, turn: int) -> list[TurnEvent]:
        """How a turn went; nothing where that was not kept, is damaged, or is of a version with other events."""
        with self._file.opened() as db:
            row = db.execute(
                "select events from replies where session_id = ? and turn = ?", (session_id, turn)
            ).fetchone()
        try:
            return _EVENTS.validate_json(zlib.decompress(row[0])) if row and row[0] else []
        except (zlib.error, ValidationError):
            return []

    def turn_of(self, session_id: str, message_id: str) -> tuple[int, Reply] | None:
        """The turn that answered a message, and its reply, if it has one."""
        with self._file.opened() as db:
            row = db.execute(
                "select turn, reply from replies where session_id = ? and message_id = ?", (session_id, message_id)
            ).fetchone()
        return (row[0], Reply.model_validate_json(row[1])) if row else None

    def answered(self, owner: str, message_id: str, session_id: str = "", limit: int = 20) -> list[AnsweredMessage]:
        """The turns in an owner's sessions, or in one of them, that answered a message of this id, latest first."""
        with self._file.opened() as db:
            rows = db.execute(
                "select session_id, turn, reply, (select max(turn) from replies r where r.session_id = a.session_id)"
                " from replies a join sessions using (session_id) where message_id = ? and owner = ?"
                " and ? in ('', session_id) order by at desc limit ?",
                (message_id, owner, session_id, limit),
            ).fetchall()
        return [
            AnsweredMessage(
                session_id=session_id, turn=turn, is_last=turn == last, reply=Reply.model_validate_json(reply)
            )
            for session_id, turn, reply, last in rows
        ]

    def copy(self, session_id: str, new_id: str, turns: int) -> None:
        """Begin a session with the first turns of another, of the same owner."""
        with self._file.writing() as db:
            db.execute(
                "insert into sessions select ?, owner, title, created_at, ? from sessions where session_id = ?",
                (new_id, time.time(), session_id),
            )
            db.execute(
                "insert into replies (session_id, turn, said, reply, at, message_id, events)"
                " select ?, turn, said, json_set(reply, '$.session_id', ?), at, message_id, events"
                " from replies where session_id = ? and turn <= ?",
                (new_id, new_id, session_id, turns),
            )

    def sessions(self) -> list[str]:
        """Ids of all sessions with a turn, latest first."""
        with self._file.opened() as db:
            rows = db.execute(
                "select session_id from sessions where session_id in (select session_id from replies)"
                " order by updated_at desc"
            ).fetchall()
        return [row[0] for row in rows]

    def ids_of(self, owner: str) -> list[str]:
        """Ids of all sessions of an owner, latest first."""
        with self._file.opened() as db:
            rows = db.execute("select session_id from sessions where owner = ? order by updated_at desc", (owner,))
            return [row[0] for row in rows]


_SESSIONS = (
    "select session_id, owner, title, created_at, updated_at,"
    " (select count(*) from replies where replies.session_id = sessions.session_id) from sessions"
)


_HOLDING = (
    "(holds(title) or exists"
    " (select 1 from replies where replies.session_id = sessions.session_id and holds(replies.said)))"
)

_KEEP_REPLY = """
insert into replies (session_id, turn, said, reply, at, message_id)
select :session_id, coalesce(max(turn), 0) + 1, :said, :reply, :now, :message_id
from replies where session_id = :session_id
"""
_KEEP_SESSION = """
insert into sessions values (:session_id, :owner, :title, :now, :now) on conflict (session_id) do update set
updated_at = :now, title = case title when '' then :title else title end
"""


def keeping(request: Request, reply: Reply) -> tuple[tuple[str, str], dict[str, str | float | None]]:
    """The statements that keep one reply, and their values; the first reply names a session that has no title."""
    return (_KEEP_REPLY, _KEEP_SESSION), {
        "session_id": reply.session_id,
        "owner": request.owner,
        "message_id": request.message_id,
        "said": request.text,
        "reply": reply.model_dump_json(),
        "title": _title(reply, request.text),
        "now": time.time(),
    }


def _session(row: tuple[str, str, str, float, float, int]) -> Session:
    return Session.model_validate(dict(zip(Session.model_fields, row, strict=True)))


def _title(reply: Reply, text: str) -> str:
    words = " ".join([text, *(note.text for note in reply.query.transcripts)]).split()
    title = " ".join(words) or next((note.name for note in reply.query.attachments), "")
    return title if len(title) <= TITLE_CHARACTERS else title[: TITLE_CHARACTERS - 1].rstrip() + "…"


def new_session_id() -> str:
    """A fresh id."""
    return uuid.uuid4().hex[:12]


def check_session_id(session_id: str) -> str:
    """The id, if it is one that names a folder safely.

    Raises:
        SessionError: it is not.
    """
    if not _ID.fullmatch(session_id):
        raise SessionError("A session id has 1 to 64 letters, digits, '-' or '_'.")
    return session_id


def check_owner(log: SessionLog, session_id: str, owner: str) -> None:
    """Refuse a session that is not this owner's: what is known of one user must not enter another's conversation.

    Raises:
        SessionError: there is no such session, or it is somebody else's.
    """
    if not log.knows(session_id) or not log.session(session_id).turns:
        raise SessionError(f"There is no session {session_id!r}; leave --session out to begin one.")
    if log.session(session_id).owner != owner:
        raise SessionError(f"The session {session_id!r} is another user's; name them with --user.")


def serializer() -> JsonPlusSerializer:
    """The checkpoint serializer, limited to the product's own records."""
    modules = (assistant.records, assistant.agent.state, assistant.understanding, tools.records)
    return JsonPlusSerializer(allowed_msgpack_modules=[pair for module in modules for pair in _records_of(module)])


def _records_of(module: ModuleType) -> list[tuple[str, str]]:
    classes = [cls for _, cls in inspect.getmembers(module, inspect.isclass) if issubclass(cls, BaseModel)]
    return [(cls.__module__, cls.__name__) for cls in classes] + [("pathlib", "PosixPath"), ("pathlib", "Path")]
