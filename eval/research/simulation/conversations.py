"""One simulated conversation through the assistant's public door: messages, buttons, and what is shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml

from assistant.front import Assistant
from assistant.records import Done, Reply
from eval.research.simulation.users import Likeness, SimulatedUser

PHRASES: Final = Path(__file__).resolve().parent.parent / "data" / "simulation.yaml"


@dataclass(frozen=True)
class SimulatedConversation:
    """How a conversation went: the turn in which the target was shown, or None."""

    user: SimulatedUser
    hit: int | None
    shown: list[list[str]]

    def turns(self, limit: int) -> int:
        """Turns until the hit; where there was none, one more than were tried."""
        return self.hit or limit + 1

    @property
    def items(self) -> int:
        """How many different items were shown: what is shown again says nothing new."""
        return len({item_id for items in self.shown for item_id in items})


@dataclass(frozen=True)
class UserAnswer:
    """What a user thinks of shown items: liked and rejected ids; one may be neither."""

    liked: list[str]
    rejected: list[str]


async def play(
    assistant: Assistant, user: SimulatedUser, likeness: Likeness, *, limit: int, noise: float
) -> SimulatedConversation:
    """Talk until the target is shown, or for ``limit`` turns; the session is forgotten.

    Args:
        assistant: an open one; its language model is not needed.
        user: who talks.
        likeness: how the user sees items.
        limit: most turns.
        noise: standard deviation of what the user sees of an item's likeness, anew each time it is looked at.
    """
    numbers, shown, session = np.random.default_rng(user.seed), list[list[str]](), None
    usual = likeness.usual(user.target, likeness.ids)
    message, hit = wish(user), None
    for turn in range(1, limit + 1):
        reply = await _say(assistant, message, session, user)
        session, items = reply.session_id, [item.item_id for item in reply.recommendations]
        shown.append(items)
        if user.target in items:
            hit = turn
            break
        answer = judge(items, likeness, user.target, usual=usual, noise=noise, numbers=numbers)
        await _press(assistant, session, user, answer)
        message = say_again(user, items, answer)
    if session is not None:
        await assistant.forget(session)
    return SimulatedConversation(user, hit, shown)


def judge(
    items: Sequence[str], likeness: Likeness, target: str, *, usual: float, noise: float, numbers: np.random.Generator
) -> UserAnswer:
    """The item that looks most like the target is liked, if it does so more than usual; the others are rejected."""
    if not items:
        return UserAnswer([], [])
    seen = likeness.to(target, items) + numbers.normal(0.0, noise, len(items))
    best = int(np.argmax(seen))
    liked = [items[best]] if seen[best] > usual else []
    return UserAnswer(liked, [item_id for item_id in items if item_id not in liked])


def say_again(user: SimulatedUser, items: Sequence[str], answer: UserAnswer) -> str:
    """The next message: the same wish again, after what is not wanted, where the user says that in words."""
    again = wish(user)
    if not (user.by_words and answer.rejected):
        return again
    places = phrases()["places"]
    said = ", ".join(phrase("rejected", place=places[items.index(item_id)]) for item_id in answer.rejected)
    return f"{said[0].upper()}{said[1:]}. {again}"


def owner(user: SimulatedUser) -> str:
    """The pseudonym by which the product knows the user."""
    return f"simulated-{user.number}"


def wish(user: SimulatedUser) -> str:
    """What the user asks for, the same in every turn."""
    return phrase("wish", kind=user.kind) if user.kind else phrase("open")


def phrase(name: str, **slots: str) -> str:
    """A sentence of the users'."""
    return str(phrases()[name]).format(**slots)


@cache
def phrases() -> dict[str, Any]:
    """All of them, by name."""
    found: dict[str, Any] = yaml.safe_load(PHRASES.read_text("utf-8"))
    return found


async def _say(assistant: Assistant, message: str, session: str | None, user: SimulatedUser) -> Reply:
    stream = assistant.stream(message, session_id=session, owner=owner(user))
    last = [event async for event in stream][-1]
    assert isinstance(last, Done)  # noqa: S101 - the last event of a stream is
    return last.reply


async def _press(assistant: Assistant, session: str, user: SimulatedUser, answer: UserAnswer) -> None:
    """Likes are pressed; what is rejected is pressed by those who don't say it."""
    for item_id in answer.liked:
        await assistant.note(session, item_id, "like")
    for item_id in [] if user.by_words else answer.rejected:
        await assistant.note(session, item_id, "not_this")
