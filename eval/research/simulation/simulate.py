"""The same users twice: with the conversation's interest in the ranking, and without; compared pair by pair."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from assistant.engines import open_engines
from assistant.front import Assistant
from assistant.ingest.progress import Progress
from assistant.settings import Settings
from eval.compare.statistics import mean_interval, permutation_p
from eval.research.simulation.conversations import SimulatedConversation, owner, play
from eval.research.simulation.crowd import Crowd
from eval.research.simulation.users import Likeness, SimulatedUser, draw_users
from eval.runs.baselines.turns import NoModel
from eval.suite.catalogue import suite_settings
from eval.suite.records import Suite
from tools.records import Record
from tools.taste.events import EventStore

NOISE: Final = 0.1
WORDS: Final = 0.3
SILENT: Final = 0.5
LIMIT: Final = 20
SESSION: Final = "session"
"""The source that is taken away, together with all taste: what is pressed becomes an event, and so a history, at once.
Everything else is the same, also that rejected items don't come back."""


Turns = NDArray[np.float64]


class Arm(Record):
    """One way of answering the same users."""

    turns: float = Field(description="mean turns until the hit; where there was none, one more than were tried")
    items: float = Field(description="mean number of different items shown until then")
    hits: float = Field(description="share of users who found their item")
    first: float = Field(
        description="share of users whose item was shown in the first turn, before anything is learned"
    )


class Simulated(Record):
    """What the simulation measured."""

    users: int
    seed: int
    noise: float
    limit: int
    without: Arm
    learning: Arm
    difference: float = Field(description="turns with learning less turns without, mean over users")
    low: float | None = Field(description="of its 95 % bootstrap interval; None where all users are the same")
    high: float | None
    p: float = Field(description="two-sided permutation test of the paired differences")
    fewer: float = Field(description="share of turns saved by learning")
    fewer_items: float = Field(description="share of different items saved: the order alone, without what is repeated")
    items_p: float = Field(description="permutation test of the paired differences in different items")
    fewer_with_department: float = Field(description="share of turns saved where users tell a department")
    fewer_without: float = Field(description="share of turns saved where users tell nothing")
    fewer_after_first: float = Field(description="the same of the turns after the first, where learning can act at all")


def simulate(
    suite: Suite,
    settings: Settings,
    *,
    users: int,
    seed: int,
    noise: float = NOISE,
    others: int = 0,
    history: int = 0,
    progress: Progress,
) -> Simulated:
    """Let simulated users look for items of the suite's catalogue, without a language model.

    Args:
        suite: whose catalogue is searched.
        settings: the user's; candidates are ordered by the fusion alone.
        users: how many; every item is looked for about equally often.
        seed: of everything that is drawn.
        noise: see `play`.
        others: so many other people chose items before, and a model is trained on them.
        history: so many items that are like the target each user chose before.
        progress: told what goes on.

    Raises:
        BadInput: no item has a category.
        ServiceMissing, StoreError: as a run of the suite.
    """
    settings = suite_settings(suite, settings, progress=progress)
    turn = settings.turn.model_copy(update={"ranking": "fused"})
    none = turn.model_copy(update={"weights": {**turn.weights, SESSION: 0.0}})
    off = settings.taste.model_copy(update={"enabled": False})
    arms = {
        "without learning": settings.model_copy(update={"turn": none, "taste": off}),
        "with learning": settings.model_copy(update={"turn": turn}),
    }
    crowd = Crowd(others, history, seed)
    played = {name: _arm(one, name, users, seed, noise, crowd, progress) for name, one in arms.items()}
    return measured(played["without learning"], played["with learning"], seed=seed, noise=noise)


def measured(
    without: Sequence[SimulatedConversation], learning: Sequence[SimulatedConversation], *, seed: int, noise: float
) -> Simulated:
    """Both arms and their paired difference."""
    before = np.array([one.turns(LIMIT) for one in without], dtype=np.float64)
    after = np.array([one.turns(LIMIT) for one in learning], dtype=np.float64)
    differences = [float(difference) for difference in after - before]
    items = [float(two.items - one.items) for one, two in zip(without, learning, strict=True)]
    interval = mean_interval(differences, seed=seed)
    return Simulated(
        users=len(without),
        seed=seed,
        noise=noise,
        limit=LIMIT,
        without=_told(without),
        learning=_told(learning),
        difference=round(float(np.mean(differences)), 3),
        low=round(interval.low, 3) if interval else None,
        high=round(interval.high, 3) if interval else None,
        p=round(permutation_p(differences, seed=seed), 4),
        fewer=round(float(1 - after.sum() / before.sum()), 3),
        fewer_items=round(1 - sum(one.items for one in learning) / sum(one.items for one in without), 3),
        items_p=round(permutation_p(items, seed=seed), 4),
        fewer_with_department=_saved(before, after, [bool(one.user.kind) for one in without]),
        fewer_without=_saved(before, after, [not one.user.kind for one in without]),
        fewer_after_first=round(float(1 - (after - 1).sum() / max(1.0, (before - 1).sum())), 3),
    )


def _saved(before: Turns, after: Turns, among: Sequence[bool]) -> float:
    """The share of turns saved for some users; 0 where there are none."""
    chosen = np.array(among)
    return round(float(1 - after[chosen].sum() / before[chosen].sum()), 3) if chosen.any() else 0.0


def _told(played: Sequence[SimulatedConversation]) -> Arm:
    return Arm(
        turns=round(float(np.mean([one.turns(LIMIT) for one in played])), 3),
        items=round(float(np.mean([one.items for one in played])), 3),
        hits=round(float(np.mean([one.hit is not None for one in played])), 3),
        first=round(float(np.mean([one.hit == 1 for one in played])), 3),
    )


def _arm(
    settings: Settings, name: str, users: int, seed: int, noise: float, crowd: Crowd, progress: Progress
) -> list[SimulatedConversation]:
    """All users on a copy of the catalogue of their own, so that no arm reads another one's sessions and events."""
    with tempfile.TemporaryDirectory(prefix="simulation") as folder:
        data = Path(folder) / "data"
        shutil.copytree(settings.data_folder, data, ignore=shutil.ignore_patterns("sessions.*", "interactions.*"))
        own = settings.over(data)
        crowd.join(own)
        return asyncio.run(_played(own, name, users, seed, noise, crowd, progress))


async def _played(
    settings: Settings, name: str, users: int, seed: int, noise: float, crowd: Crowd, progress: Progress
) -> list[SimulatedConversation]:
    engines = open_engines(settings)
    try:
        items = {item.id: item for item in engines.catalogue.items()}
        likeness = Likeness.of(list(items.values()))
        drawn = draw_users(items, users, seed=seed, words=WORDS, silent=SILENT)
        async with Assistant(settings, engines=engines, chat=NoModel(settings)) as assistant:
            with progress.stage(name, len(drawn), "users") as done:
                return [await _one(assistant, user, likeness, noise, crowd, done) for user in drawn]
    finally:
        engines.catalogue.close()


async def _one(
    assistant: Assistant,
    user: SimulatedUser,
    likeness: Likeness,
    noise: float,
    crowd: Crowd,
    done: Callable[[int], None],
) -> SimulatedConversation:
    """One user, whose events are forgotten afterwards: what one pressed must not tell on the next."""
    crowd.remember(assistant.settings, user, likeness)
    played = await play(assistant, user, likeness, limit=LIMIT, noise=noise)
    with contextlib.closing(EventStore.open(assistant.settings.data_folder)) as events:
        events.forget(owner(user))
    done(user.number + 1)
    return played
