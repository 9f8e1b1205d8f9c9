"""Both private counts at once, within a budget: what the training of a taste model uses where epsilon is set."""

from dataclasses import dataclass
from typing import Final

from scipy.sparse import csr_matrix

from tools.taste.privacy_ledger import Ledger
from tools.taste.private_counts import (
    BOUND,
    DELTA,
    PAIRED,
    Cooccurrence,
    Popularity,
    Spent,
    most_chosen,
    private_cooccurrence,
    private_popularity,
    rho_of,
)

FOR_ITEMS: Final = 0.25
"""Share of rho for the counts of items; the counts of pairs, which are smaller, get the rest."""


@dataclass(frozen=True)
class PrivateCounts:
    """How many people chose each item, and both of two items, with the noise in."""

    popularity: Popularity
    pairs: Cooccurrence

    @property
    def spent(self) -> Spent:
        """What both cost together."""
        return self.popularity.spent + self.pairs.spent


def release(
    matrix: csr_matrix, epsilon: float, version: int, ledger: Ledger, *, bound: int = BOUND, paired: int = PAIRED
) -> PrivateCounts:
    """Count items and pairs privately, and write down before what it costs.

    Args:
        matrix: strengths, sparse (people, items); above zero is chosen. Items are those of the catalogue, which are
            public: an item that stands in events alone must not be among them.
        epsilon: what both together may cost.
        version: of the events that the matrix was made of.
        ledger: where it is written down.
        bound: how many items of one person count.
        paired: among how many items, the most chosen ones, pairs are counted.

    Raises:
        BudgetSpent: these events have cost too much already; nothing is counted.
        BadInput: epsilon or bound is out of its range.
        StoreError: the ledger cannot be written.
    """
    rho = rho_of(epsilon)
    ledger.spend("popularity and pairs", version, epsilon, bound=bound, delta=DELTA)
    return count(matrix, rho, bound=bound, paired=paired)


def count(matrix: csr_matrix, rho: float, *, bound: int = BOUND, paired: int = PAIRED) -> PrivateCounts:
    """The same without a ledger, for measurements on public data."""
    popularity = private_popularity(matrix, FOR_ITEMS * rho, bound)
    items = most_chosen(popularity, paired)
    return PrivateCounts(popularity, private_cooccurrence(matrix, (1 - FOR_ITEMS) * rho, bound, items=items))
