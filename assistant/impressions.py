"""The log of rankings: what was shown to whom, where, and by which signals; kept beside the sessions.

The table stands in ``sessions.sqlite``, so that what was pressed in a session is joined where both lie, and a trigger
deletes a session's rankings with the session, whoever deletes it.
"""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import Field

from assistant.errors import StoreError
from assistant.storage import SESSIONS
from tools.rank_fusion import RRF_K
from tools.records import Record
from tools.storage import SqliteFile

if TYPE_CHECKING:
    from assistant.agent.state import TurnContext, TurnState

logger = logging.getLogger(__name__)

LOCK_SECONDS: Final = 5.0
_SCHEMA: Final = """
create table if not exists impressions (
    session_id text not null, turn integer not null, user text not null, at real not null, ranking text not null,
    primary key (session_id, turn)
);
create index if not exists impressions_of on impressions (user);
create trigger if not exists impressions_go_with_their_session after delete on sessions begin
    delete from impressions where session_id = old.session_id;
end;
"""

Press = tuple[str, str, str, float]
"""Session, item, event and when, in seconds since 1970."""


class RankedSignal(Record):
    """One list's opinion of one item, as fusion reads it."""

    source: str = Field(description="a signal's source, or browse for a list without signals")
    rank: int = Field(ge=1, description="1 is best within its list")
    score: float = Field(description="the source's own scale")
    share: float = Field(ge=0, le=1, description="the score between the list's worst (0) and best (1)")
    lists: int = Field(1, ge=1, description="how many lists of this source there are; they share its weight")


class Fusion(Record):
    """What a turn's ranking was made of."""

    votes: dict[str, list[RankedSignal]] = Field(description="by item id")
    weights: dict[str, float] = Field(description="in force, by source")
    policy: str = Field(description="version of the learned weights among them; empty: none")


class LoggedCandidate(Record):
    """One candidate of a logged ranking."""

    item_id: str
    position: int | None = Field(ge=1, description="where the user saw it, 1 is first; None: not shown")
    propensity: float = Field(1.0, gt=0, le=1, description="how likely the policy was to put it there")
    votes: list[RankedSignal]


class Impression(Record):
    """One ranking as a user saw it. No words of the user's are in it."""

    session_id: str
    turn: int = Field(ge=1)
    user: str = Field(description="pseudonym")
    at: float = Field(description="seconds since 1970")
    policy: str = Field(description="version of the learned weights in force; empty: the settings' own")
    method: str = Field(description="the method of fusion")
    k: float = Field(description="the constant of reciprocal rank fusion")
    weights: dict[str, float] = Field(description="in force, by source")
    items: list[LoggedCandidate] = Field(description="every candidate, in the fused order")


class ImpressionLog:
    """Every ranking that was shown. Thread-safe through short connections; `assistant.sessions` has made the file."""

    def __init__(self, path: Path) -> None:
        mend = "Move it away to start with no sessions."
        self._file = SqliteFile(path, "log of rankings", mend, LOCK_SECONDS, ("secure_delete = on",))
        with self._file.opened() as db:
            db.executescript(_SCHEMA)

    def add(self, impression: Impression) -> None:
        """Keep one ranking; the same turn's a second time replaces it.

        Raises:
            StoreError: it cannot be written.
        """
        values = impression.model_dump(include={"session_id", "turn", "user", "at"})
        with self._file.writing() as db:
            db.execute(
                "insert or replace into impressions values (:session_id, :turn, :user, :at, :ranking)",
                {**values, "ranking": impression.model_dump_json()},
            )

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
        where = "where session_id = :session_id" if session_id else ""
        query = f"select ranking from impressions {where} order by at, session_id, turn"  # noqa: S608 - constants
        with self._file.opened() as db:
            rows = db.execute(query, {"session_id": session_id}).fetchall()
        return [Impression.model_validate_json(ranking) for (ranking,) in rows]

    def count_of(self, owner: str) -> int:
        """How many rankings there are in an owner's sessions."""
        query = "select count(*) from impressions where session_id in (select session_id from sessions where owner = ?)"
        with self._file.opened() as db:
            return int(db.execute(query, (owner,)).fetchone()[0])

    def presses(self) -> list[Press]:
        """What was pressed in sessions that have rankings, oldest first.

        Raises:
            StoreError: the file cannot be read.
        """
        with self._file.opened() as db:
            return db.execute(
                "select session_id, item_id, event, at from feedback"
                " where session_id in (select session_id from impressions) order by at"
            ).fetchall()

    def merge(self, user: str, into: str) -> None:
        """Give a user's rankings to another."""
        with self._file.writing() as db:
            db.execute(
                "update impressions set user = :into, ranking = json_set(ranking, '$.user', :into) where user = :user",
                {"user": user, "into": into},
            )

    def forget(self, user: str) -> int:
        """Delete a user's rankings; how many there were."""
        with self._file.writing() as db:
            return db.execute("delete from impressions where user = ?", (user,)).rowcount

    def expire(self, before: float) -> int:
        """Delete the rankings from before a moment, in seconds since 1970; how many there were."""
        with self._file.writing() as db:
            return db.execute("delete from impressions where at < ?", (before,)).rowcount


def forget_impressions(folder: Path, user: str) -> int:
    """Delete a user's rankings from a data folder; how many there were.

    Raises:
        StoreError: they cannot be deleted now.
    """
    return ImpressionLog(folder / SESSIONS).forget(user) if (folder / SESSIONS).is_file() else 0


def expire_impressions(folder: Path, before: float) -> int:
    """Delete rankings from before a moment, in seconds since 1970; how many there were. Errors as above."""
    return ImpressionLog(folder / SESSIONS).expire(before) if (folder / SESSIONS).is_file() else 0


def impression(state: "TurnState", context: "TurnContext", *, at: float) -> Impression | None:
    """The turn's ranking as it is logged.

    None where nothing was ranked by its signals, where several wishes have a ranking each, or nothing is to be kept.
    """
    recommended = state["recommendations"]
    if (
        len(state["searches"]) != 1
        or state["plan"].intent != "recommend"
        or not recommended
        or state["plan"].sort
        or not context.settings.taste.enabled
    ):
        return None
    fusion = state["fusion"]
    positions = {item.item_id: item.rank for item in recommended}
    ids = [candidate.hit.item_id for candidate in state["candidates"]]
    return Impression(
        session_id=state["request"].session_id,
        turn=state["memory"].turns + 1,
        user=state["request"].owner,
        at=at,
        policy=fusion.policy,
        method="rrf" if context.rules.fuse_signals else "none",
        k=RRF_K,
        weights=fusion.weights,
        items=[
            LoggedCandidate(item_id=one, position=positions.get(one), votes=fusion.votes.get(one, [])) for one in ids
        ],
    )
