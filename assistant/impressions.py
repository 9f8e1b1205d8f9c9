"""Rankings as they are logged: what was shown to whom, where, and by which signals."""

from typing import TYPE_CHECKING

from pydantic import Field

from tools.rank_fusion import RRF_K
from tools.records import Record

if TYPE_CHECKING:
    from assistant.agent.state import TurnContext, TurnState

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
