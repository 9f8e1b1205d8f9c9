"""All private counts at once, within a budget: what the training of a taste model uses where epsilon is set."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from tools.taste.privacy_ledger import PrivacyLedger
from tools.taste.private_counts import (
    BOUND,
    CERTAIN,
    DELTA,
    PAIRED,
    Cooccurrence,
    NoisyCounts,
    Spent,
    most_chosen,
    private_cooccurrence,
    private_popularity,
    rho_of,
)

FOR_PEOPLE, FOR_ITEMS = 0.02, 0.23
"""Shares of rho for how many people there are, and for the counts of items; the counts of pairs get the rest."""


@dataclass(frozen=True)
class PrivateCounts:
    """How many people there are, and chose each item, and both of two items, with the noise in."""

    users: NoisyCounts
    popularity: NoisyCounts
    pairs: Cooccurrence

    @property
    def spent(self) -> Spent:
        """What all cost together."""
        return self.users.spent + self.popularity.spent + self.pairs.spent


def release(
    matrix: csr_matrix, epsilon: float, version: int, ledger: PrivacyLedger, *,
    bound: int = BOUND, paired: int = PAIRED, certain: float = CERTAIN,
) -> PrivateCounts:  # fmt: skip
    """Count people, items and pairs privately, and write down before what it costs.

    Args:
        matrix: strengths, sparse (people, items); above zero is chosen. Items are those of the catalogue, which are
            public: an item that stands in events alone must not be among them.
        epsilon: what all together may cost.
        version: of the events that the matrix was made of.
        ledger: where it is written down.
        bound: how many items of one person count.
        paired: among how many items, the most chosen ones, pairs are counted.
        certain: counts of pairs below so many standard deviations of their noise are dropped.

    Raises:
        BudgetSpent: these events have cost too much already; nothing is counted.
        BadInput: epsilon or bound is out of its range.
        StoreError: the ledger cannot be written.
    """
    rho = rho_of(epsilon)
    ledger.spend("people, items and pairs", version, epsilon, bound=bound, delta=DELTA)
    return count(matrix, rho, bound=bound, paired=paired, certain=certain)


def count(
    matrix: csr_matrix, rho: float, *, bound: int = BOUND, paired: int = PAIRED, certain: float = CERTAIN
) -> PrivateCounts:
    """The same without a ledger, for measurements on public data."""
    everybody = csr_matrix(np.ones((matrix.shape[0], 1), dtype=np.float32))
    users = private_popularity(everybody, FOR_PEOPLE * rho, 1)
    popularity = private_popularity(matrix, FOR_ITEMS * rho, bound)
    pair_rho = (1 - FOR_PEOPLE - FOR_ITEMS) * rho
    pairs = private_cooccurrence(matrix, pair_rho, bound, items=most_chosen(popularity, paired), certain=certain)
    return PrivateCounts(users, popularity, pairs)
