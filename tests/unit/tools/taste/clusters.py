"""Made choices with two tastes: who likes red things likes no blue ones. What a right algorithm must find is known."""

import numpy as np
from numpy.typing import NDArray

from tools.taste.choices import Choices, gather
from tools.taste.events import EventBatch

DAY = 86_400.0
REDS = [f"red-{n}" for n in range(12)]
BLUES = [f"blue-{n}" for n in range(12)]
ITEMS = REDS + BLUES


def events(user_count: int = 80, each: int = 6, seed: int = 3) -> EventBatch:
    """Person n likes ``each`` things of one colour, red for even numbers, one a day."""
    draw = np.random.default_rng(seed)
    users, items = [], []
    for person in range(user_count):
        users += [person] * each
        items += [int(number) + 12 * (person % 2) for number in draw.choice(12, each, replace=False)]
    at = np.tile(np.arange(each) * DAY, user_count)
    return EventBatch(np.array(users), np.array(items), np.ones(len(users), np.float32), at)


def choices(user_count: int = 80) -> Choices:
    """The same as one matrix."""
    return gather([events(user_count)], ITEMS)


def contents(ids: list[str], seed: int = 5) -> NDArray[np.float32]:
    """Unit vectors in which colours lie apart, with noise, (len(ids), 8)."""
    rows = np.random.default_rng(seed).normal(scale=0.15, size=(len(ids), 8))
    rows[:, 0] += [item_id.startswith("red") for item_id in ids]
    rows[:, 1] += [item_id.startswith("blue") for item_id in ids]
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def colours(ids: list[str]) -> list[str]:
    """The colour of each."""
    return [item_id.split("-")[0] for item_id in ids]
