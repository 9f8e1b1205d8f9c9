"""Counts of choices that shops add up: numbers of items and pairs of items, none of any person.

NumPy alone is needed: Flower's environment, which adds the counts up, has nothing else of this project.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class SharedCounts:
    """What one shop tells, or several together.

    Attributes:
        items: ids, ascending, none twice.
        people: how many people.
        chosen: how many of them chose each item, int64 (items,).
        pairs: places in ``items``, int64 (pairs, 2); ascending, the smaller place first, none twice.
        both: how many people chose both, int64 (pairs,); below zero only by noise.
        order: by how much people chose the second soon after the first, and the first soon after the second, float32
            (pairs, 2), see `tools.taste.neighbours.next_weights`; zeros where the counts are noisy.
        variance: of the noise in each of ``both``; 0 for exact counts.
    """

    items: tuple[str, ...]
    people: int
    chosen: NDArray[np.int64]
    pairs: NDArray[np.int64]
    both: NDArray[np.int64]
    order: NDArray[np.float32]
    variance: float = 0.0

    @classmethod
    def total(cls, several: Sequence[Self]) -> Self:
        """All together; items of the same id are the same item.

        Raises:
            ValueError: there are none.
        """
        if not several:
            raise ValueError("There are no counts to add up.")
        items = sorted({item for one in several for item in one.items})
        rows = {item: row for row, item in enumerate(items)}
        row_of = [np.array([rows[item] for item in one.items], np.int64) for one in several]
        chosen = np.zeros(len(items), np.int64)
        for one, places in zip(several, row_of, strict=True):
            chosen[places] += one.chosen
        keys = [places[one.pairs] @ (len(items), 1) for one, places in zip(several, row_of, strict=True)]
        pairs, place = np.unique(np.concatenate(keys), return_inverse=True)
        both, order = np.zeros(len(pairs), np.int64), np.zeros((len(pairs), 2), np.float64)
        np.add.at(both, place, np.concatenate([one.both for one in several]))
        np.add.at(order, place, np.concatenate([one.order for one in several]))
        return cls(
            tuple(items), sum(one.people for one in several), chosen, np.stack(np.divmod(pairs, len(items)), axis=1),
            both, order.astype(np.float32), sum(one.variance for one in several),
        )  # fmt: skip

    def arrays(self) -> Arrays:
        """What `load` and `of_arrays` take: NumPy arrays without objects."""
        return {
            "items": np.frombuffer(json.dumps(self.items).encode("ascii"), np.uint8),
            "people": np.array([self.people]), "chosen": self.chosen, "pairs": self.pairs.astype(np.int32),
            "both": self.both, "order": self.order, "variance": np.array([self.variance]),
        }  # fmt: skip

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Made again, and checked, since it comes from somebody else.

        Raises:
            ValueError: these are no such counts.
        """
        try:
            items = tuple(json.loads(np.asarray(arrays["items"], np.uint8).tobytes()))
            counts = cls(
                items, int(arrays["people"][0]), np.asarray(arrays["chosen"], np.int64),
                np.asarray(arrays["pairs"], np.int64).reshape(-1, 2), np.asarray(arrays["both"], np.int64),
                np.asarray(arrays["order"], np.float32).reshape(-1, 2), float(arrays["variance"][0]),
            )  # fmt: skip
        except (KeyError, IndexError, TypeError) as exc:
            raise ValueError("These are no shared counts.") from exc
        counts._check()
        return counts

    def _check(self) -> None:
        size, (first, second) = len(self.items), self.pairs.T
        right = (
            all(isinstance(item, str) for item in self.items) and list(self.items) == sorted(set(self.items))
            and len(self.chosen) == size and len(self.pairs) == len(self.both) == len(self.order)
            and bool(np.all((first >= 0) & (first < second) & (second < size)))
            and bool(np.all(np.diff(self.pairs @ (size, 1)) > 0))
            and bool(np.isfinite(self.order).all()) and 0 <= self.variance < np.inf
        )  # fmt: skip
        if not right:
            raise ValueError("These shared counts are damaged.")

    def save(self, path: Path) -> None:
        """Write a NumPy archive.

        Raises:
            OSError: it cannot be written.
        """
        arrays: dict[str, Any] = self.arrays()
        with path.open("wb") as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            OSError: it cannot be read.
            ValueError: it holds something else.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return cls.of_arrays(dict(arrays))
        except (EOFError, BadZipFile, TypeError) as exc:
            raise ValueError("These are no shared counts.") from exc
