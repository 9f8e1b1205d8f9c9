"""Item-item neighbours: which items were chosen by the same people, by how many, and how strongly they belong together.

The strength is the cosine of the two items' people (Sarwar et al. 2001), shrunk where few people chose both (Bell and
Koren 2007): n_ij / sqrt(n_i n_j) * n_ij / (n_ij + shrink). Everybody counts once, however often they came.

Order-aware neighbours are the same with another n_ij: a pair counts the less the further apart a person chose the two,
and the way back half.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from tools.taste.choices import Histories

MOST = 50
SHRINK = 10.0
BLOCK_WORK = 20_000_000
"""Pairs of events looked at in one block of items: it bounds the memory at some hundred megabytes."""

NEXT_MOST = 100
NEXT_SHRINK = 2.0
NEXT_TAU = 5.0
NEXT_SPAN = 20
"""Pairs further apart would count less than exp(-19 / 5) = 0.02."""
NEXT_BACK = 0.5


@dataclass(frozen=True)
class Neighbourhood:
    """Each item's nearest items: sparse (items, items), a row an item; both matrices hold the same pairs.

    Attributes:
        strengths: float32, 0 to 1.
        counts: int32, how many people chose both.
    """

    strengths: csr_matrix
    counts: csr_matrix

    @classmethod
    def of(cls, matrix: csr_matrix, *, most: int = MOST, shrink: float = SHRINK) -> Self:
        """Count in a matrix of strengths (people, items); only what is above zero was chosen."""
        chosen = csr_matrix((matrix > 0), dtype=np.int32)
        user_counts = np.asarray(chosen.sum(axis=0)).ravel()
        parts = [nearest(block, user_counts, most, shrink, start=start) for start, block in _blocks(chosen)]
        strengths, counts = (vstack(column, format="csr") for column in zip(*parts, strict=True))
        return cls(strengths, counts)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What `load` takes."""
        rows = self.strengths
        return {"strengths": rows.data, "counts": self.counts.data, "indices": rows.indices, "indptr": rows.indptr}

    @classmethod
    def load(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Made again."""
        indices, indptr = arrays["indices"], arrays["indptr"]
        shape = (len(indptr) - 1, len(indptr) - 1)
        return cls(*(csr_matrix((arrays[name], indices, indptr), shape=shape) for name in ("strengths", "counts")))


def next_choices(histories: Histories, *, most: int = NEXT_MOST, shrink: float = NEXT_SHRINK) -> csr_matrix:
    """Order-aware neighbours, sparse float32 (items, items): row i says what people chose who had just chosen i.

    n_ij is the sum over people of exp(-(d - 1) / 5), d the distance of the two in the order of what the person chose,
    halved where j came before i; no pair further apart than `NEXT_SPAN` counts.
    """
    user_counts = np.asarray((histories.matrix > 0).sum(axis=0)).ravel()
    blocks = _next_blocks(histories)
    return vstack([nearest(block, user_counts, most, shrink, start=start)[0] for start, block in blocks], format="csr")


def pair_counts(matrix: csr_matrix) -> csr_matrix:
    """How many people chose both, sparse int32 (items, items), the diagonal how many chose each; see `Neighbourhood`.

    Every pair is in memory; `Neighbourhood.of` keeps the strongest only.
    """
    return vstack([block for _, block in _blocks(csr_matrix((matrix > 0), dtype=np.int32))], format="csr")


def by_distance(step: int) -> float:
    """What the second of two items counts that is ``step`` places after the first, or before it where below 0."""
    return float(np.exp(-(abs(step) - 1) / NEXT_TAU)) * (1.0 if step > 0 else NEXT_BACK)


def next_weights(histories: Histories, weigh: Callable[[int], float] = by_distance) -> csr_matrix:
    """n_ij of `next_choices`, sparse float32 (items, items), of every pair; or the sum of what ``weigh`` says."""
    return vstack([block for _, block in _next_blocks(histories, weigh)], format="csr")


def _next_blocks(histories: Histories, weigh: Callable[[int], float] = by_distance) -> Iterator[tuple[int, csr_matrix]]:
    """Rows of n_ij, a block of items at a time; never empty."""
    chosen = histories.only(histories.matrix.data > 0)
    user_counts = np.bincount(chosen.matrix.indices, minlength=chosen.matrix.shape[1])
    row, place, items = chosen.row, chosen.place, chosen.matrix.indices
    order = np.lexsort((-place, row))
    users, items = row[order], items[order]
    by_item = np.argsort(items, kind="stable")
    ends = np.cumsum(user_counts, dtype=np.int64)
    start = 0
    while start < len(user_counts):
        done = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + BLOCK_WORK // (8 * NEXT_SPAN))))
        events = by_item[done : ends[stop - 1]]
        yield start, _next_pairs(users, items, events, (stop - start, len(user_counts)), start, weigh)
        start = stop


def _next_pairs(
    users: NDArray[np.int64], items: NDArray[np.int32], events: NDArray[np.int64],
    shape: tuple[int, int], start: int, weigh: Callable[[int], float],
) -> csr_matrix:  # fmt: skip
    """n_ij of the items of some events (places in ``users`` and ``items``), rows being items from ``start`` on."""
    rows, columns, weights = [], [], []
    for step in (*range(1, NEXT_SPAN + 1), *range(-NEXT_SPAN, 0)):
        other = events + step
        inside = (other >= 0) & (other < len(users))
        event, other = events[inside], other[inside]
        same = users[event] == users[other]
        rows.append(items[event[same]] - start)
        columns.append(items[other[same]])
        weights.append(np.full(len(columns[-1]), weigh(step), np.float32))
    entries = np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns))
    return csr_matrix(entries, shape=shape)  # the same pair again adds up


def _blocks(chosen: csr_matrix) -> Iterator[tuple[int, csr_matrix]]:
    """Rows of how many people chose both, a block of items at a time; never empty."""
    by_item = chosen.T.tocsr()
    sizes = np.diff(chosen.indptr)
    work = np.cumsum(by_item @ sizes)
    start = 0
    while start < by_item.shape[0]:
        done = work[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(work, done + BLOCK_WORK)))
        yield start, (by_item[start:stop] @ chosen).tocsr()
        start = stop


def nearest(
    block: csr_matrix, user_counts: NDArray[np.int64], most: int, shrink: float, *, start: int = 0, noise: float = 0.0
) -> tuple[csr_matrix, csr_matrix]:
    """The strongest pairs of each row of the block, without the item itself, as strengths and counts.

    Args:
        block: n_ij, sparse (rows, items), rows being items from ``start`` on.
        user_counts: how many people chose each, (items,).
        noise: stands beside all counts, so that rare items, of which it is the greater part, get weaker pairs.
    """
    row = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
    mask = block.indices != row + start
    row, column, pair_counts = row[mask], block.indices[mask], block.data[mask]
    chosen = np.maximum(user_counts, 1).astype(np.float64) + noise
    cosine = np.minimum(pair_counts / np.sqrt(chosen[row + start] * chosen[column]), 1.0)
    strength = (cosine * pair_counts / (pair_counts + shrink + noise)).astype(np.float32)
    order = np.lexsort((column, -strength, row))
    row, column, pair_counts, strength = row[order], column[order], pair_counts[order], strength[order]
    starts = np.searchsorted(row, np.arange(block.shape[0]))
    near = np.arange(len(row)) - starts[row] < most
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row[near], minlength=block.shape[0]))]).astype(np.int32)
    parts = (strength[near], pair_counts[near].astype(np.int32))
    strengths, counts = (csr_matrix((data, column[near], indptr), shape=block.shape) for data in parts)
    return strengths, counts
