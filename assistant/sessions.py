"""Sessions on disk: LangGraph's checkpoints of what a conversation remembers, and every reply that was given.

Both live in ``ASSISTANT_DATA/sessions.sqlite``. Checkpoints hold only records named here: nothing else is revived from
the file.
"""

import inspect
import re
import sqlite3
import time
import uuid
from pathlib import Path
from types import ModuleType

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from pydantic import BaseModel

import assistant.records
import assistant.turn.state
import assistant.understanding
import tools.records
from assistant.errors import SessionError, StoreError
from assistant.records import Reply
from tools.records import Record

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SCHEMA = """
create table if not exists replies (
    session_id text not null, turn integer not null, said text not null, reply text not null, at real not null,
    primary key (session_id, turn)
)
"""


class Turn(Record):
    """One answered message of a session."""

    turn: int
    said: str
    reply: Reply
    at: float


class SessionLog:
    """The replies of all sessions. Thread-safe through short connections."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        with self._connect() as db:
            db.execute(_SCHEMA)

    def append(self, reply: Reply, said: str) -> None:
        """Keep one reply."""
        with self._connect() as db:
            db.execute(
                "insert into replies select ?, coalesce(max(turn), 0) + 1, ?, ?, ? from replies where session_id = ?",
                (reply.session_id, said, reply.model_dump_json(), time.time(), reply.session_id),
            )

    def read(self, session_id: str) -> list[Turn]:
        """All turns of a session, oldest first.

        Raises:
            SessionError: there is no such session.
        """
        with self._connect() as db:
            rows = db.execute(
                "select turn, said, reply, at from replies where session_id = ? order by turn", (session_id,)
            ).fetchall()
        if not rows:
            raise SessionError(f"There is no session {session_id!r}.")
        return [Turn(turn=t, said=said, reply=Reply.model_validate_json(reply), at=at) for t, said, reply, at in rows]

    def sessions(self) -> list[str]:
        """Ids of all sessions, latest first."""
        with self._connect() as db:
            rows = db.execute("select session_id from replies group by session_id order by max(at) desc").fetchall()
        return [row[0] for row in rows]

    def _connect(self) -> sqlite3.Connection:
        try:
            db = sqlite3.connect(self._path, timeout=30)
            db.execute("pragma journal_mode = wal")
        except sqlite3.DatabaseError as exc:
            raise StoreError(
                f"The sessions file {self._path} cannot be read ({exc}); move it away to start with no sessions."
            ) from exc
        return db


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


def serializer() -> JsonPlusSerializer:
    """The checkpoint serializer, limited to the product's own records."""
    modules = (assistant.records, assistant.turn.state, assistant.understanding, tools.records)
    return JsonPlusSerializer(allowed_msgpack_modules=[pair for module in modules for pair in _records_of(module)])


def _records_of(module: ModuleType) -> list[tuple[str, str]]:
    classes = [cls for _, cls in inspect.getmembers(module, inspect.isclass) if issubclass(cls, BaseModel)]
    return [(cls.__module__, cls.__name__) for cls in classes] + [("pathlib", "PosixPath"), ("pathlib", "Path")]


def as_markdown(turns: list[Turn]) -> str:
    """A session as a readable document."""
    lines = [f"# Session {turns[0].reply.session_id}", ""]
    for turn in turns:
        heard = [f"(voice {note.attachment}: {note.text})" for note in turn.reply.query.transcripts]
        seen = [f"(picture {note.attachment})" for note in turn.reply.query.pictures]
        lines += [
            f"**You:** {' '.join([turn.said, *heard, *seen]).strip()}",
            "",
            f"**Assistant:** {turn.reply.message}",
            "",
        ]
        for item in turn.reply.recommendations:
            price = f"{item.price:,.2f} {item.currency or ''}".strip() if item.price is not None else "no price"
            lines.append(f"{item.rank}. **{item.title}** ({price}): {item.explanation}")
        lines.append("")
    return "\n".join(lines)
