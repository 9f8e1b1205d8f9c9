"""The typed records of learning: what a ranking was made of, and how it was shown."""

from typing import Literal

from pydantic import Field

from tools.records import Record

Context = Literal["always", "text", "photo", "session", "history"]
"""What is known in a turn; ``always`` is the constant."""


class RankedSignal(Record):
    """One list's opinion of one item, as every method of fusion reads it."""

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


class FusionGates(Record):
    """Learned fusion: which sources are listened to, given what is known in the turn.

    An item's score is the sum over sources of ``gate * (rank part + scores[source] * share)``, the gates a softmax over
    the sources that the turn has of ``log prior + logits[source] . context``. With all numbers 0 it orders as weighted
    rank fusion with the prior does.
    """

    k: float = Field(60.0, gt=0, description="of the rank part, (k + 1) / (k + rank)")
    prior: dict[str, float] = Field(description="weight by source before anything was learned")
    logits: dict[str, dict[Context, float]] = Field({}, description="by source: what each known thing adds")
    scores: dict[str, float] = Field({}, description="by source: how much its normalised score counts besides its rank")
    fitted_on: str = Field("", description="on what, and how many rankings")


class Propensities(Record):
    """How likely a place is looked at, against the first one: the position bias."""

    by_position: list[float] = Field(description="of position 1, 2, ...; the first is 1")
    how: Literal["randomised", "power law"] = Field(
        description="measured where places were given by chance, or assumed to be position ** -eta"
    )
    eta: float | None = Field(None, description="of the power law")

    def at(self, position: int) -> float:
        """Of a place; those behind the last known one are as likely as that."""
        return self.by_position[min(position, len(self.by_position)) - 1]


class Estimate(Record):
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


class OffPolicy(Record):
    """What a policy would have earned on rankings that another one showed, per turn, on held-out sessions."""

    old: Estimate = Field(description="presses a turn, as they were")
    new: Estimate = Field(description="the same items in the new order: clipped inverse propensity scoring")
    difference: Estimate = Field(description="new less old, turn by turn")
    at_least: Estimate = Field(description="the new policy's own items; what was never shown counts as never pressed")
    old_per_place: float = Field(description="presses a looked-at place, as they were")
    new_per_place: float = Field(description="the same of the new policy, self-normalised over what was shown (SNIPS)")
    unseen: float = Field(ge=0, le=1, description="share of the new policy's places with items that were not shown")
    effective: float = Field(description="effective number of shown places: how many the weights are worth")


class Fitted(Record):
    """What learning came to; ``refused`` says in one sentence why nothing is to be changed."""

    turns: int
    sessions: int
    presses: int
    propensities: Propensities | None = None
    before: dict[str, float] = {}
    weights: dict[str, float] = {}
    held_out: OffPolicy | None = None
    refused: str | None = None


class Learned(Record):
    """A version of learned weights."""

    version: int = Field(0, ge=0, description="given when it is kept")
    previous: int = Field(0, ge=0, description="in force before; 0: the settings' own")
    at: float = Field(description="seconds since 1970")
    weights: dict[str, float]
    fitted: Fitted = Field(description="from what, and what it is expected to bring")
