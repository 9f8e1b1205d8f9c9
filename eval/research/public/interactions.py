"""Interactions of users with items, and what is known of the items: the one form all loaders give."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from assistant.errors import BadInput
from tools.taste.choices import Choices


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

    def only(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "Interactions":
        """The chosen events (a flag for each, or their rows), with the same users and items."""
        return replace(
            self, user=self.user[chosen], item=self.item[chosen], value=self.value[chosen], time=self.time[chosen]
        )

    def in_order(self) -> "Interactions":
        """One user after the other, each user's events by time, those of one second as they stand here.

        An item that a user came back to counts where it was met first.
        """
        order = np.lexsort((self.time, self.user))
        pair = self.user[order].astype(np.int64) * len(self.items) + self.item[order]
        return self.only(order[np.sort(np.unique(pair, return_index=True)[1])])

    def counts(self) -> NDArray[np.int64]:
        """How many events each user has, (users,)."""
        return np.bincount(self.user, minlength=len(self.users)).astype(np.int64)

    def places(self) -> NDArray[np.int64]:
        """0 for a user's first event, 1 for the next, and so on, (n,); the events are `in_order`."""
        counts = self.counts()
        return np.arange(len(self)) - (np.cumsum(counts) - counts)[self.user]

    def choices(self) -> Choices:
        """Strength 1 where the user had anything to do with the item; the events are `in_order`."""
        order = np.lexsort((self.item, self.user))
        shape, indptr = (len(self.users), len(self.items)), np.concatenate([[0], np.cumsum(self.counts())])
        matrix = csr_matrix((np.ones(len(self), np.float32), self.item[order], indptr), shape=shape)
        from_the_end = self.counts()[self.user] - 1 - self.places()
        return Choices(matrix, from_the_end[order].astype(np.int32), tuple(self.items))


@dataclass(frozen=True)
class Dataset:
    """Interactions, and for each item (in the order of ``interactions.items``) its text and perhaps vectors.

    Attributes:
        texts: title and what else describes the item, one string each.
        features: further vectors by modality, float32 (items, d): MMRec's picture and text features, say.
        licence: who may do what with it.
        timed: whether times are known; else they are only an order.
    """

    name: str
    interactions: Interactions
    texts: list[str]
    licence: str
    features: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    timed: bool = True


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
