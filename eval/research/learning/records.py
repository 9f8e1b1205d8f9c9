"""The typed records of learning: the position bias, the estimates and the versions of learned weights."""

from pydantic import Field

from tools.records import Record


class Propensities(Record):
    """How likely a place is looked at, against the first one: the position bias, which is assumed."""

    by_position: list[float] = Field(description="of position 1, 2, ...; the first is 1")
    eta: float = Field(description="of the power law position ** -eta")

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
    difference: Estimate = Field(description="new_per_place less old_per_place; it decides")
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
