"""Events as what is learned from: one strength for each person and item, and the order in which they came."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tools.taste.events import EventBatch
from tools.taste.records import Interaction

DECISIVE: Final = 0.5
"""From this strength on, for or against, an event settles what a person thinks of an item; a view does not."""

MOST_OF_ONE: Final = 1_000
"""So many of a person's latest items count; a bot that likes everything has no more say than a keen person."""


@dataclass(frozen=True)
class Histories:
    """What people chose and refused, and in which order.

    Attributes:
        matrix: strengths, sparse float32 (people, items), a row's items ascending; above zero chosen, below refused.
        place: int32 (entries,), in the order of the matrix's entries: 0 for a person's latest entry, 1 for the one
            before it, and so on.
    """

    matrix: csr_matrix
    place: NDArray[np.int32]

    def __len__(self) -> int:
        """How many people."""
        return int(self.matrix.shape[0])

    @property
    def row(self) -> NDArray[np.int64]:
        """The person of each entry, (entries,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.matrix.indptr))

    def chosen_counts(self) -> NDArray[np.int64]:
        """How many items each person chose, (people,)."""
        return np.bincount(self.row[self.matrix.data > 0], minlength=len(self)).astype(np.int64)

    def weighted(self, tau: float | None) -> csr_matrix:
        """The matrix with each strength times exp(-place / tau), so that the latest say most; None: as it is."""
        if tau is None:
            return self.matrix
        data = self.matrix.data * np.exp(-self.place / tau).astype(np.float32)
        return csr_matrix((data, self.matrix.indices, self.matrix.indptr), shape=self.matrix.shape)

    def rows(self, rows: NDArray[np.int64]) -> "Histories":
        """Some of the people, in this order."""
        matrix = self.matrix
        entries = csr_matrix((np.arange(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape)[rows]
        strengths = csr_matrix((matrix.data[entries.data], entries.indices, entries.indptr), shape=entries.shape)
        return Histories(strengths, self.place[entries.data])

    def only(self, mask: NDArray[np.bool_]) -> Self:
        """These histories with some of their entries (a flag for each); places are counted anew."""
        row = self.row[mask]
        indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(self)))])
        matrix = csr_matrix((self.matrix.data[mask], self.matrix.indices[mask], indptr), shape=self.matrix.shape)
        return replace(self, matrix=matrix, place=_places(row, self.place[mask].astype(np.int64)))


@dataclass(frozen=True)
class Choices(Histories):
    """What all people think of items.

    Attributes:
        item_ids: one an item.
        left_out: how many entries were dropped because one person had too many.
    """

    item_ids: tuple[str, ...]
    left_out: int = 0

    @property
    def user_count(self) -> int:
        """How many people chose anything."""
        return int((self.chosen_counts() > 0).sum())

    def chosen_by(self) -> NDArray[np.int32]:
        """How many people chose each item (items,)."""
        return np.asarray((self.matrix > 0).sum(axis=0), dtype=np.int32).ravel()

    def only_items_with_entries(self) -> "Choices":
        """These choices without the items that nobody chose or refused."""
        used, columns = np.unique(self.matrix.indices, return_inverse=True)
        shape = (len(self), len(used))
        matrix = csr_matrix((self.matrix.data, columns.astype(np.int32), self.matrix.indptr), shape=shape)
        return replace(self, matrix=matrix, item_ids=tuple(self.item_ids[column] for column in used))


def gather(batches: Iterable[EventBatch], item_ids: Sequence[str], *, most: int = MOST_OF_ONE) -> Choices:
    """One entry for each person and item of the events.

    The latest decisive event says whether the item was chosen or refused, the strongest event of that sign how much;
    the same again adds nothing, and an entry stands where its latest event does. People are those that occur, numbered
    anew; items without any choice stay. The events are reduced while they are read: what stays is 12 bytes an entry.

    Args:
        batches: events whose ``items`` are places in ``item_ids``, one person after the other, as
            `EventStore.matrix_rows` gives them. Events of one moment keep their order.
        most: how many of a person's latest items count.
    """
    parts = [_settled(batch, most) for batch in _by_person(batches)]
    if not parts:
        return Choices(csr_matrix((0, len(item_ids)), dtype=np.float32), np.zeros(0, np.int32), tuple(item_ids))
    sizes, items, strengths, place = (np.concatenate([part[name] for part in parts]) for name in range(4))
    matrix = csr_matrix((strengths, items, np.concatenate([[0], np.cumsum(sizes)])), shape=(len(sizes), len(item_ids)))
    return Choices(matrix, place, tuple(item_ids), sum(part[4] for part in parts))


def latest_first(events: Sequence[Interaction]) -> dict[str, float]:
    """Item to how much one person's events say for it (below 0: against it), the latest first; see `gather`.

    Args:
        events: the latest first.
    """
    rows = {item_id: row for row, item_id in enumerate(dict.fromkeys(event.item_id for event in events))}
    ids, of_one = list(rows), np.zeros(len(events), np.int64)
    items = np.array([rows[event.item_id] for event in events], np.int64)
    strengths = np.array([event.strength for event in events], np.float32)
    at = np.array([event.at for event in events], np.float64)
    choices = gather([EventBatch(of_one, items[::-1], strengths[::-1], at[::-1])], ids)
    order = np.argsort(choices.place)
    return {ids[choices.matrix.indices[entry]]: float(choices.matrix.data[entry]) for entry in order}


def _by_person(batches: Iterable[EventBatch]) -> Iterator[EventBatch]:
    """The batches cut anew, so that no person's events are in two of them."""
    rest: EventBatch | None = None
    for read in batches:
        batch = _joined(rest, read) if rest else read
        if len(batch.users):
            later = batch.users == batch.users[-1]
            rest = EventBatch(*(column[later] for column in batch))
            yield EventBatch(*(column[~later] for column in batch))
    if rest:
        yield rest


def _joined(first: EventBatch, second: EventBatch) -> EventBatch:
    return EventBatch(
        np.concatenate([first.users, second.users]), np.concatenate([first.items, second.items]),
        np.concatenate([first.strengths, second.strengths]), np.concatenate([first.at, second.at]),
    )  # fmt: skip


Entries = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32], NDArray[np.int32], int]
"""Entries of each person (people,); their items, strengths and places, (entries,); and how many were left out."""


def _settled(batch: EventBatch, most: int) -> Entries:
    """One entry for each person and item of whom an event says anything for or against."""
    says = batch.strengths != 0
    users, items, strengths, at = (column[says] for column in batch)
    time = np.empty(len(at), np.int64)  # the order of all events: those of one moment as they came
    time[np.argsort(at, kind="stable")] = np.arange(len(at))
    order = np.lexsort((time, items, users))
    users, items, strengths, time = users[order], items[order], strengths[order], time[order]
    starts = np.flatnonzero((np.diff(users, prepend=-1) != 0) | (np.diff(items, prepend=-1) != 0))
    if not len(starts):
        nothing = np.zeros(0, np.int32)
        return np.zeros(0, np.int64), nothing, np.zeros(0, np.float32), nothing, 0
    decisive = np.maximum.reduceat(np.where(np.abs(strengths) >= DECISIVE, np.arange(len(users)), -1), starts)
    last = np.append(starts[1:], len(users)) - 1
    sign = np.sign(strengths[np.where(decisive >= 0, decisive, last)])
    agrees = np.sign(strengths) == np.repeat(sign, np.diff(np.append(starts, len(users))))
    strongest = np.maximum.reduceat(np.where(agrees, np.abs(strengths), 0.0), starts)
    users, items = users[starts], items[starts].astype(np.int32)
    place = _places(users, -time[last])
    kept = place < most
    sizes = np.unique(users[kept], return_counts=True)[1]
    return sizes, items[kept], (sign * strongest)[kept].astype(np.float32), place[kept], int((~kept).sum())


def _places(users: NDArray[np.int64], recency: NDArray[np.int64]) -> NDArray[np.int32]:
    """0 for each person's entry of the smallest ``recency``, 1 for the next, and so on."""
    order = np.lexsort((recency, users))
    sizes = np.unique(users, return_counts=True)[1]
    place = np.empty(len(users), dtype=np.int32)
    place[order] = np.arange(len(users)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return place
