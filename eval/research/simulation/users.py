"""Who is simulated: a hidden target, a noisy eye for what is like it, and a way to answer.

What a user finds alike never comes from the product's own vectors: it is read off category, words and price, so that an
encoder which errs is not agreed with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from assistant.errors import BadInput
from tools.records import Item

LEVEL: Final = ">"
CATEGORY: Final = 0.5
WORDS: Final = 0.3
PRICE: Final = 0.2
"""How much each of the three makes two items alike; together 1."""


@dataclass(frozen=True)
class SimulatedUser:
    """One simulated user.

    Attributes:
        number: names the user.
        target: the id of the item that is looked for.
        kind: the department of it that the user tells; empty for one who tells nothing.
        by_words: rejects in words; else by buttons.
        seed: of the user's noise.
    """

    number: int
    target: str
    kind: str
    by_words: bool
    seed: int


@dataclass(frozen=True)
class Likeness:
    """How alike items are in a person's eyes, 0 to 1: ``matrix`` (n, n) in the order of ``ids``."""

    ids: Sequence[str]
    matrix: NDArray[np.float64]

    @classmethod
    def of(cls, items: Sequence[Item]) -> "Likeness":
        """By category, words of title and description, and price."""
        texts = [f"{item.title} {item.title} {item.description}" for item in items]
        rows = TfidfVectorizer(stop_words="english", sublinear_tf=True).fit_transform(texts)
        words = np.asarray((rows @ rows.T).todense())
        paths = [[level.strip() for level in (item.category or "").split(LEVEL)] for item in items]
        categories = np.array([[_shared(one, other) for other in paths] for one in paths])
        prices = np.log([max(item.price or 0.0, 0.01) for item in items])
        near = np.exp(-np.abs(prices[:, None] - prices[None, :]))
        return cls([item.id for item in items], CATEGORY * categories + WORDS * words + PRICE * near)

    def to(self, target: str, shown: Sequence[str]) -> NDArray[np.float64]:
        """How like the target each shown item is (n,)."""
        places = {item_id: place for place, item_id in enumerate(self.ids)}
        found: NDArray[np.float64] = self.matrix[places[target], [places[item_id] for item_id in shown]]
        return found

    def usual(self, target: str, among: Sequence[str]) -> float:
        """How like the target the items that a user may meet usually are: the median."""
        return float(np.median(self.to(target, [item_id for item_id in among if item_id != target])))


def draw_users(items: Mapping[str, Item], count: int, *, seed: int, words: float, silent: float) -> list[SimulatedUser]:
    """Users over all targets in turn, so that every item is looked for about equally often.

    Args:
        items: by id; those without a category are not looked for.
        count: how many users.
        seed: of targets' order, of who tells a department, who rejects in words, and of the users' own noise.
        words: the share of users who reject in words.
        silent: the share of users who tell no department.

    Raises:
        BadInput: no item has a category.
    """
    targets = sorted(item_id for item_id, item in items.items() if item.category)
    if not targets:
        raise BadInput("Simulated users tell an item's category, and no item of the catalogue has one.")
    numbers = np.random.default_rng(seed)
    order = [str(target) for _ in range(-(-count // len(targets))) for target in numbers.permutation(targets)]
    return [
        SimulatedUser(
            number,
            target,
            kind="" if numbers.random() < silent else _department(items[target]),
            by_words=bool(numbers.random() < words),
            seed=int(numbers.integers(2**31)),
        )
        for number, target in enumerate(order[:count])
    ]


def _department(item: Item) -> str:
    return (item.category or "").split(LEVEL)[0].strip()


def _shared(one: Sequence[str], other: Sequence[str]) -> float:
    """The share of two category paths that is the same from the top; items without a category share nothing."""
    same = 0
    for first, second in zip(one, other, strict=False):
        if not first or first != second:
            break
        same += 1
    return same / max(len(one), len(other))
