"""LangGraph's tables beside those of sessions, and which checkpoints are kept.

A session goes on from its last checkpoint; earlier ones are only there for a branch to begin at one of them. So the
latest `KEPT` stay while a session is in use, and its last one alone after `UNUSED_SECONDS` without a message.
"""

from collections.abc import Sequence
from typing import Final, Literal

import sqlalchemy as sa

from assistant.session_tables import SESSIONS
from tools.database import Text

KEPT: Final = 20
"""How many of a session's turns a branch can begin at."""
UNUSED_SECONDS: Final = 7 * 86_400.0
"""After how long without a message it is the last one alone."""
BY_DIALECT: Final = {
    "sqlite": ("checkpoints", "writes"),
    "postgresql": ("checkpoints", "checkpoint_blobs", "checkpoint_writes"),
}
"""LangGraph's tables, by dialect; a session's id is their ``thread_id``."""

_COLUMNS: Final = ("thread_id", "checkpoint_ns", "checkpoint_id")
CHECKPOINTS: Final = sa.table("checkpoints", *(sa.column(name, Text) for name in _COLUMNS))
_OTHERS: Final = CHECKPOINTS.alias("others")
_BLOBS: Final = sa.table(
    "checkpoint_blobs", *(sa.column(name, Text) for name in ("thread_id", "checkpoint_ns", "channel", "version"))
)
Dialect = Literal["sqlite", "postgresql"]


def too_old(session_id: str, namespace: str) -> sa.Delete:
    """Deletes the checkpoints that one more leaves no place for."""
    mine = (CHECKPOINTS.c.thread_id == session_id) & (CHECKPOINTS.c.checkpoint_ns == namespace)
    latest = (
        sa.select(_OTHERS.c.checkpoint_id)
        .where(_OTHERS.c.thread_id == session_id, _OTHERS.c.checkpoint_ns == namespace)
        .order_by(_OTHERS.c.checkpoint_id.desc())
        .limit(KEPT - 1)
    )
    return sa.delete(CHECKPOINTS).where(mine, CHECKPOINTS.c.checkpoint_id.not_in(latest))


def values_of_none(session_ids: Sequence[str]) -> sa.Delete:
    """Deletes, on a server, the values that no checkpoint of these sessions refers to any more."""
    refers = sa.literal_column("others.checkpoint -> 'channel_versions' ->> checkpoint_blobs.channel", Text)
    referred = sa.exists().where(
        _OTHERS.c.thread_id == _BLOBS.c.thread_id,
        _OTHERS.c.checkpoint_ns == _BLOBS.c.checkpoint_ns,
        refers == _BLOBS.c.version,
    )
    return sa.delete(_BLOBS).where(_BLOBS.c.thread_id.in_(session_ids), ~referred)


def with_several(before: float, limit: int) -> sa.Select[str]:
    """Some of the sessions that were last used before a moment and have more than one checkpoint."""
    return (
        sa.select(CHECKPOINTS.c.thread_id)
        .join_from(CHECKPOINTS, SESSIONS, SESSIONS.c.session_id == CHECKPOINTS.c.thread_id)
        .where(SESSIONS.c.updated_at < before)
        .group_by(CHECKPOINTS.c.thread_id, CHECKPOINTS.c.checkpoint_ns)
        .having(sa.func.count() > 1)
        .limit(limit)
    )


def all_but_last(session_ids: Sequence[str]) -> sa.Delete:
    """Deletes every checkpoint of these sessions but the last of each."""
    last = (
        sa.select(sa.func.max(_OTHERS.c.checkpoint_id))
        .where(_OTHERS.c.thread_id == CHECKPOINTS.c.thread_id, _OTHERS.c.checkpoint_ns == CHECKPOINTS.c.checkpoint_ns)
        .scalar_subquery()
    )
    return sa.delete(CHECKPOINTS).where(CHECKPOINTS.c.thread_id.in_(session_ids), CHECKPOINTS.c.checkpoint_id < last)
