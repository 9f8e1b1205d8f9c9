"""What happened before a simulated conversation: other people's choices, and the user's own."""

import contextlib
from dataclasses import dataclass
from typing import Final

import numpy as np

from assistant.engines import open_engines
from assistant.settings import Settings
from assistant.taste_training import train
from eval.research.simulation.conversations import owner
from eval.research.simulation.users import Likeness, SimulatedUser
from tools.taste.events import EventStore
from tools.taste.records import Interaction

EACH: Final = 6
"""How many items each of the others chose."""

DAY: Final = 86_400.0
BEGINNING: Final = 1.7e9
TEMPERATURE: Final = 0.08
"""How sharply a person chooses what is like the item before: e times as often for so much more likeness."""


@dataclass(frozen=True)
class Crowd:
    """Other people and the past.

    Attributes:
        others: how many people chose items before; with none no model is trained.
        history: how many items each user of the simulation chose before.
        seed: of all choices.
    """

    others: int
    history: int
    seed: int

    def join(self, settings: Settings) -> None:
        """Store the choices of the others in a data folder, and train its model."""
        if not self.others:
            return
        engines = open_engines(settings)
        try:
            likeness = Likeness.of(list(engines.catalogue.items()))
        finally:
            engines.catalogue.close()
        draw = np.random.default_rng(self.seed)
        with contextlib.closing(EventStore.open(settings.data_folder)) as events:
            for number in range(self.others):
                wanted = str(draw.choice(likeness.ids))
                events.add(_chosen(f"other-{number}", wanted, EACH, likeness, draw))
        train(settings)

    def remember(self, settings: Settings, user: SimulatedUser, likeness: Likeness) -> None:
        """Store what the user chose before; never the item that is looked for now."""
        if not self.history:
            return
        draw = np.random.default_rng([self.seed, user.seed])
        with contextlib.closing(EventStore.open(settings.data_folder)) as events:
            events.add(_chosen(owner(user), user.target, self.history, likeness, draw, without=user.target))


def _chosen(
    name: str, wanted: str, count: int, likeness: Likeness, draw: np.random.Generator, without: str = ""
) -> list[Interaction]:
    """Likes of different items, a day apart: each drawn by its likeness to the item that the person has in mind."""
    ids = [item_id for item_id in likeness.ids if item_id != without]
    weights = np.exp(likeness.to(wanted, ids) / TEMPERATURE)
    rows = draw.choice(len(ids), min(count, len(ids)), replace=False, p=weights / weights.sum())
    return [
        Interaction(user=name, item_id=ids[row], event="like", at=BEGINNING + place * DAY)
        for place, row in enumerate(rows)
    ]
