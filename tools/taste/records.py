"""The typed records of taste: events, and what is learned from them."""

from typing import Annotated, Final, Literal

from pydantic import Field

from tools.records import Record

EventKind = Literal["view", "like", "dislike", "more_like_this", "not_this", "cart", "purchase", "rating"]
"""What a person did with an item. ``rating`` has a value, 1 to 5; ``value`` of the others is how often (default 1)."""

STRENGTHS: Final[dict[EventKind, float]] = {
    "view": 0.2, "like": 1.0, "dislike": -1.0, "more_like_this": 0.7, "not_this": -0.5, "cart": 1.0, "purchase": 1.5,
    "rating": 1.0,
}  # fmt: skip
"""How much an event says for (or, below zero, against) an item; a rating is scaled by (value - 3) / 2."""

Algorithm = Literal["auto", "als", "als-large", "neighbours", "next-choices"]
"""Which part of a taste model is used alone; auto: the blend of parts that held-out choices favour."""

Identifier = Annotated[str, Field(min_length=1, max_length=500)]


class Interaction(Record):
    """One event. Users are pseudonyms; items may be unknown to the catalogue yet."""

    user: Identifier
    item_id: Identifier
    event: EventKind
    value: float | None = None
    at: float = Field(ge=0, description="seconds since 1970, UTC")

    @property
    def strength(self) -> float:
        """How much it says for the item, below zero against it; the value of other kinds than ratings is left out."""
        scale = ((self.value if self.value is not None else 3.0) - 3.0) / 2.0 if self.event == "rating" else 1.0
        return STRENGTHS[self.event] * scale


class Neighbour(Record):
    """An item that people chose who chose another one."""

    item_id: str
    people: int = Field(ge=0, description="how many people chose both")
    strength: float = Field(description="cosine of the two items' people, 0 to 1, shrunk where they are few")


class Lead(Record):
    """By how much a blend is better than the best of its parts: the mean difference in NDCG@10 over people."""

    over: str
    difference: float
    low: float = Field(description="of the 95 % bootstrap interval")
    high: float


class Preference(Record):
    """What a user said of their own taste, as a correction of what was learned: "no leather", "this brand"."""

    attribute: str = Field(min_length=1, max_length=100, description="brand, category, colour, ...")
    value: str = Field(min_length=1, max_length=500)
    weight: float = Field(ge=-1, le=1, strict=True, description="-1: never, 1: always")


class EventStats(Record):
    """What an event store holds, without anybody's id."""

    events: int
    people: int
    items: int
    kinds: dict[str, int]
    preferences: int
    first_at: float | None
    last_at: float | None
    largest_share: float = Field(ge=0, le=1, description="share of all events that the busiest user has")
    suspicious: list[str] = Field(description="activity that training should not trust, in sentences")
