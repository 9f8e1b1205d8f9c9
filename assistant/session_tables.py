"""The tables of sessions: replies, what was pressed, and the log of rankings. LangGraph adds its own beside them."""

from typing import Final

import sqlalchemy as sa

from assistant.storage import MIGRATIONS
from tools.database import Real, Schema, StateDatabase, Text
from tools.place import Place

LOCK_SECONDS: Final = 5.0
"""How long to wait for another writer of the file, who has no more to write than a turn."""
NO_SYNC_EACH_TIME: Final = "synchronous = normal"
"""In WAL mode a commit survives the end of the process at once, and the end of the machine a moment later."""

TABLES: Final = sa.MetaData()
REPLIES: Final = sa.Table(
    "replies",
    TABLES,
    sa.Column("session_id", Text, primary_key=True),
    sa.Column("turn", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("said", Text, nullable=False),
    sa.Column("reply", Text, nullable=False),
    sa.Column("at", Real, nullable=False),
    sa.Column("message_id", Text),
    sa.Column("events", sa.LargeBinary),
    sa.Index("replies_to", "message_id"),
)
SESSIONS: Final = sa.Table(
    "sessions",
    TABLES,
    sa.Column("session_id", Text, primary_key=True),
    sa.Column("owner", Text, nullable=False),
    sa.Column("title", Text, nullable=False),
    sa.Column("created_at", Real, nullable=False),
    sa.Column("updated_at", Real, nullable=False),
    sa.Index("sessions_of", "owner", "updated_at"),
)
FEEDBACK: Final = sa.Table(
    "feedback",
    TABLES,
    sa.Column("session_id", Text, nullable=False),
    sa.Column("item_id", Text, nullable=False),
    sa.Column("event", Text, nullable=False),
    sa.Column("at", Real, nullable=False),
    sa.Index("feedback_of", "session_id"),
)
IMPRESSIONS: Final = sa.Table(
    "impressions",
    TABLES,
    sa.Column("session_id", Text, primary_key=True),
    sa.Column("turn", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("user", Text, nullable=False),
    sa.Column("at", Real, nullable=False),
    sa.Column("ranking", Text, nullable=False),
    sa.Index("impressions_of", "user"),
)
SCHEMA: Final = Schema("sessions", TABLES, "0001", MIGRATIONS / "sessions")


def sessions_database(place: Place, holds: str = "sessions", *pragmas: str) -> StateDatabase:
    """The tables, at a place; ``holds`` and ``pragmas`` as of `StateDatabase`."""
    mend = "Move it away to start with no sessions."
    return StateDatabase(place, SCHEMA, holds, mend, lock_seconds=LOCK_SECONDS, pragmas=(NO_SYNC_EACH_TIME, *pragmas))
