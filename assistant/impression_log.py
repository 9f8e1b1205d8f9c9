"""The log of rankings: what was shown to whom, where, and by which signals; kept beside the sessions.

So what was pressed in a session is joined where both lie, and a session's rankings are deleted with it.
"""

import logging
from typing import Final

import sqlalchemy as sa

from assistant.errors import StoreError
from assistant.impressions import Impression, Press
from assistant.session_tables import FEEDBACK, IMPRESSIONS, SESSIONS, sessions_database
from tools.database import insert
from tools.place import Place, is_there

logger = logging.getLogger(__name__)


class ImpressionLog:
    """Every ranking that was shown. Thread-safe; errors as of `StateDatabase`."""

    def __init__(self, place: Place) -> None:
        self._db = sessions_database(place, "log of rankings", "secure_delete = on")
        self._db.prepare()

    def add(self, impression: Impression) -> None:
        """Keep one ranking; the same turn's a second time replaces it.

        Raises:
            StoreError: it cannot be written.
        """
        changing = {**impression.model_dump(include={"user", "at"}), "ranking": impression.model_dump_json()}
        of_turn = {"session_id": impression.session_id, "turn": impression.turn}
        new = insert(IMPRESSIONS, self._db.dialect).values(of_turn | changing)
        with self._db.writing() as db:
            db.execute(new.on_conflict_do_update(index_elements=list(of_turn), set_=changing))

    def note(self, impression: Impression | None) -> None:
        """Keep a turn's ranking, if it has one; a turn is not lost because its ranking cannot be kept."""
        try:
            if impression is not None:
                self.add(impression)
        except StoreError as exc:
            logger.warning("a ranking was not kept: %s", exc)

    def read(self, session_id: str | None = None) -> list[Impression]:
        """All rankings, or one session's, oldest first.

        Raises:
            StoreError: the file cannot be read.
        """
        rankings = sa.select(IMPRESSIONS.c.ranking).order_by(
            IMPRESSIONS.c.at, IMPRESSIONS.c.session_id, IMPRESSIONS.c.turn
        )
        if session_id:
            rankings = rankings.where(IMPRESSIONS.c.session_id == session_id)
        with self._db.reading() as db:
            return [Impression.model_validate_json(ranking) for ranking in db.scalars(rankings)]

    def count_of(self, owner: str) -> int:
        """How many rankings there are in an owner's sessions."""
        own = sa.select(SESSIONS.c.session_id).where(SESSIONS.c.owner == owner)
        with self._db.reading() as db:
            return db.scalar(sa.select(sa.func.count()).where(IMPRESSIONS.c.session_id.in_(own))) or 0

    def presses(self) -> list[Press]:
        """What was pressed in sessions that have rankings, oldest first.

        Raises:
            StoreError: the file cannot be read.
        """
        ranked = FEEDBACK.c.session_id.in_(sa.select(IMPRESSIONS.c.session_id))
        with self._db.reading() as db:
            rows = db.execute(FEEDBACK.select().where(ranked).order_by(FEEDBACK.c.at))
            return [(session_id, item_id, event, at) for session_id, item_id, event, at in rows]

    def merge(self, user: str, into: str) -> None:
        """Give a user's rankings to another."""
        own = IMPRESSIONS.c.user == user
        with self._db.writing() as db:
            for session_id, turn, ranking in db.execute(_RANKINGS.where(own)).all():
                merged = Impression.model_validate_json(ranking).model_copy(update={"user": into})
                of_turn = (IMPRESSIONS.c.session_id == session_id) & (IMPRESSIONS.c.turn == turn)
                changed = IMPRESSIONS.update().where(of_turn)
                db.execute(changed.values(user=into, ranking=merged.model_dump_json()))

    def forget(self, user: str) -> int:
        """Delete a user's rankings; how many there were."""
        return self._delete(IMPRESSIONS.c.user == user)

    def expire(self, before: float) -> int:
        """Delete the rankings from before a moment, in seconds since 1970; how many there were."""
        return self._delete(IMPRESSIONS.c.at < before)

    def _delete(self, which: sa.ColumnElement[bool]) -> int:
        with self._db.writing() as db:
            return db.execute(IMPRESSIONS.delete().where(which)).rowcount


_RANKINGS: Final = sa.select(IMPRESSIONS.c.session_id, IMPRESSIONS.c.turn, IMPRESSIONS.c.ranking)


def forget_impressions(place: Place, user: str) -> int:
    """Delete a user's rankings where sessions lie; how many there were.

    Raises:
        StoreError: they cannot be deleted now.
    """
    return ImpressionLog(place).forget(user) if is_there(place) else 0


def expire_impressions(place: Place, before: float) -> int:
    """Delete rankings from before a moment, in seconds since 1970; how many there were. Errors as above."""
    return ImpressionLog(place).expire(before) if is_there(place) else 0
