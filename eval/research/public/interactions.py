"""Interactions of users with items, and what is known of the items: the one form all loaders give."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from assistant.errors import BadInput


@dataclass(frozen=True)
class Interactions:
    """``n`` events in columns, in no order; ``user`` and ``item`` are rows of ``users`` and ``items``.

    Attributes:
        users: ids, one a user.
        items: ids, one an item; an item without any event may be among them.
        user: int32 (n,).
        item: int32 (n,).
        value: float32 (n,), the rating, 1 where there is none.
        time: int64 (n,), seconds since 1970.
    """

    users: list[str]
    items: list[str]
    user: NDArray[np.int32]
    item: NDArray[np.int32]
    value: NDArray[np.float32]
    time: NDArray[np.int64]

    def __len__(self) -> int:
        """How many events."""
        return len(self.user)

    def only(self, chosen: NDArray[np.bool_]) -> "Interactions":
        """The chosen events, with the same users and items."""
        return replace(
            self, user=self.user[chosen], item=self.item[chosen], value=self.value[chosen], time=self.time[chosen]
        )

    def and_also(self, other: "Interactions") -> "Interactions":
        """These events and those of the same users and items."""
        return replace(
            self,
            user=np.concatenate([self.user, other.user]),
            item=np.concatenate([self.item, other.item]),
            value=np.concatenate([self.value, other.value]),
            time=np.concatenate([self.time, other.time]),
        )

    def times(self) -> csr_matrix:
        """When the user first had to do with the item: sparse float64 (users, items), seconds since 1970."""
        pairs, places = np.unique(self.user.astype(np.int64) * len(self.items) + self.item, return_inverse=True)
        first = np.full(len(pairs), np.inf)
        np.minimum.at(first, places, self.time)
        rows = (pairs // len(self.items), pairs % len(self.items))
        return csr_matrix((first, rows), shape=(len(self.users), len(self.items)))

    def matrix(self) -> csr_matrix:
        """1 where the user had anything to do with the item: sparse float32 (users, items)."""
        shape = (len(self.users), len(self.items))
        found = csr_matrix((np.ones(len(self), dtype=np.float32), (self.user, self.item)), shape=shape)
        found.data[:] = 1.0  # the same pair twice is one
        return found


@dataclass(frozen=True)
class Dataset:
    """Interactions, and for each item (in the order of ``interactions.items``) its text and perhaps vectors.

    Attributes:
        texts: title and what else describes the item, one string each.
        features: further vectors by modality, float32 (items, d): MMRec's picture and text features, say.
        licence: who may do what with it.
    """

    name: str
    interactions: Interactions
    texts: list[str]
    licence: str
    features: dict[str, NDArray[np.float32]] = field(default_factory=dict)


def collect(events: Iterable[tuple[str, str, float, int]], items: Iterable[str] = ()) -> Interactions:
    """Events (user id, item id, value, seconds) as columns; ``items`` are known besides those with events.

    Raises:
        BadInput: there is no event.
    """
    users: dict[str, int] = {}
    known: dict[str, int] = {item: row for row, item in enumerate(dict.fromkeys(items))}
    rows: list[tuple[int, int, float, int]] = []
    for user, item, value, time in events:
        rows.append((users.setdefault(user, len(users)), known.setdefault(item, len(known)), value, time))
    if not rows:
        raise BadInput("The file holds no interaction.")
    user_rows, item_rows, values, times = zip(*rows, strict=True)
    return Interactions(
        list(users), list(known),
        np.array(user_rows, dtype=np.int32), np.array(item_rows, dtype=np.int32),
        np.array(values, dtype=np.float32), np.array(times, dtype=np.int64),
    )  # fmt: skip


def core(interactions: Interactions, least: int) -> Interactions:
    """The ``least``-core: users and items with fewer events are removed until none is left (McAuley's Amazon sets)."""
    kept = np.ones(len(interactions), dtype=np.bool_)
    while True:
        users = np.bincount(interactions.user[kept], minlength=len(interactions.users))
        items = np.bincount(interactions.item[kept], minlength=len(interactions.items))
        few = kept & ((users[interactions.user] < least) | (items[interactions.item] < least))
        if not few.any():
            return interactions.only(kept)
        kept &= ~few
