"""Events as what is learned from: one strength for each person and item."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tools.taste.events import EventBatch

DECISIVE: Final = 0.5
"""From this strength on, for or against, an event settles what a person thinks of an item; a view does not."""

MOST_OF_ONE: Final = 1_000
"""So many of a person's latest items count; a bot that likes everything has no more say than a keen person."""

DAY: Final = 86_400.0


@dataclass(frozen=True)
class Choices:
    """What people think of items.

    Attributes:
        matrix: strengths, sparse float32 (people, items); above zero chosen, below refused.
        at: when each entry of the matrix was last touched, float64 (entries,), in the matrix's order.
        item_ids: one an item.
        left_out: how many entries were dropped because one person had too many.
    """

    matrix: csr_matrix
    at: NDArray[np.float64]
    item_ids: tuple[str, ...]
    left_out: int = 0

    @property
    def user_count(self) -> int:
        """How many people chose anything."""
        return int(((self.matrix > 0).sum(axis=1) > 0).sum())

    def chosen_by(self) -> NDArray[np.int32]:
        """How many people chose each item (items,)."""
        return np.asarray((self.matrix > 0).sum(axis=0), dtype=np.int32).ravel()

    def only_items_with_entries(self) -> "Choices":
        """These choices without the items that nobody chose or refused."""
        used = np.flatnonzero(np.asarray((self.matrix != 0).sum(axis=0)).ravel())
        ids = tuple(self.item_ids[column] for column in used)
        return replace(self, matrix=self.matrix[:, used], item_ids=ids)

    def without(self, entries: NDArray[np.int64]) -> "Choices":
        """These choices without some entries of the matrix."""
        rows = np.repeat(np.arange(self.matrix.shape[0]), np.diff(self.matrix.indptr))
        mask = np.ones(self.matrix.nnz, np.bool_)
        mask[entries] = False
        data, columns = self.matrix.data[mask], self.matrix.indices[mask]
        return replace(self, matrix=csr_matrix((data, (rows[mask], columns)), self.matrix.shape), at=self.at[mask])


def gather(
    batches: Iterable[EventBatch],
    item_ids: Sequence[str],
    *,
    most: int = MOST_OF_ONE,
    now: float | None = None,
    half_life_days: float | None = None,
) -> Choices:
    """One entry for each person and item of the events.

    The latest decisive event says whether the item was chosen or refused, the strongest event of that sign how much;
    the same again adds nothing. People are those that occur, numbered anew; items without any choice stay.

    Args:
        batches: events whose ``items`` are places in ``item_ids``; their order does not matter.
        most: how many of a person's latest items count.
        now: with ``half_life_days``, from when strengths decay: an entry that old counts half.
    """
    columns = [(batch.users, batch.items, batch.strengths, batch.at) for batch in batches]
    if not columns:
        return Choices(csr_matrix((0, len(item_ids)), dtype=np.float32), np.zeros(0), tuple(item_ids))
    users, items, strengths, at = (np.concatenate(column) for column in zip(*columns, strict=True))
    users, items, strengths, at = _settled(users.astype(np.int64), items.astype(np.int64), strengths, at)
    recent = _recency_rank(users, at) < most
    left_out = int(len(recent) - recent.sum())
    users, items, strengths, at = users[recent], items[recent], strengths[recent], at[recent]
    if half_life_days is not None and now is not None:
        strengths = strengths * 0.5 ** (np.maximum(now - at, 0.0) / (half_life_days * DAY))
    _, user_rows = np.unique(users, return_inverse=True)
    order = np.lexsort((items, user_rows))
    shape = (int(user_rows.max()) + 1 if len(user_rows) else 0, len(item_ids))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(user_rows, minlength=shape[0]))])
    matrix = csr_matrix((strengths[order].astype(np.float32), items[order].astype(np.int32), indptr), shape=shape)
    return Choices(matrix, at[order], tuple(item_ids), left_out)


Columns = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], NDArray[np.float64]]


def _settled(
    users: NDArray[np.int64], items: NDArray[np.int64], strengths: NDArray[np.float32], at: NDArray[np.float64]
) -> Columns:
    """One row for each person and item that says anything for or against."""
    says = strengths != 0
    users, items, strengths, at = users[says], items[says], strengths[says], at[says]
    if not len(users):
        return users, items, strengths, at
    order = np.lexsort((at, items, users))
    users, items, strengths, at = users[order], items[order], strengths[order], at[order]
    new = (np.diff(users, prepend=-1) != 0) | (np.diff(items, prepend=-1) != 0)
    starts = np.flatnonzero(new)
    position = np.arange(len(users))
    decisive = np.maximum.reduceat(np.where(np.abs(strengths) >= DECISIVE, position, -1), starts)
    last = np.append(starts[1:], len(users)) - 1
    sign = np.sign(strengths[np.where(decisive >= 0, decisive, last)])
    agrees = np.sign(strengths) == np.repeat(sign, np.diff(np.append(starts, len(users))))
    strongest = np.maximum.reduceat(np.where(agrees, np.abs(strengths), 0.0), starts)
    return users[starts], items[starts], (sign * strongest).astype(np.float32), at[last]


def _recency_rank(users: NDArray[np.int64], at: NDArray[np.float64]) -> NDArray[np.int64]:
    """0 for each person's latest entry, 1 for the one before it, and so on."""
    order = np.lexsort((-at, users))
    ordered = users[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1) != 0)
    sizes = np.diff(np.append(starts, len(ordered)))
    rank = np.empty(len(users), dtype=np.int64)
    rank[order] = np.arange(len(ordered)) - np.repeat(starts, sizes)
    return rank
