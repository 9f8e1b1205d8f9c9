"""Several shops learn together: what leaves a shop, and the model that it makes of what all of them sent.

A shop sends counts of items and of pairs of items (`SharedCounts`), of at most `MOST_SHARED` choices of each person,
and only those of enough people; or, with an epsilon, counts with noise. They are added up outside. From the total a
shop takes off what it sent itself and adds its own counts as they are, unclipped and without noise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags_array, triu

from tools.errors import BadInput
from tools.taste.blend import NEIGHBOURS, NEXT
from tools.taste.choices import Choices
from tools.taste.collaborative import ALS_SIZES, AlsFactors, ItemWeights, Matrix
from tools.taste.federated.exchange.counts import SharedCounts
from tools.taste.model import TasteModel
from tools.taste.neighbours import (
    MOST,
    NEXT_MOST,
    NEXT_SHRINK,
    SHRINK,
    Neighbourhood,
    nearest,
    next_weights,
    pair_counts,
)
from tools.taste.privacy_ledger import PrivacyLedger
from tools.taste.private_counts import CERTAIN, Cooccurrence, Spent
from tools.taste.private_release import PrivateCounts, release
from tools.taste.private_training import DAMPING, of_counts, of_items
from tools.taste.training import Say, TooFewError, TrainingPlan, assembled, train

MOST_SHARED: Final = 200
"""So many of a person's latest choices are counted in what leaves the shop."""

FEWEST_TO_FIT: Final = 1_000
"""With fewer held-out choices of a shop the prior weights do better than fitted ones (docs/federated.md)."""

TRUSTED: Final = 0.5
"""Noisy pairs of the others are used where at least so great a share of them is more than noise."""

ROUNDING: Final = 1e-3
"""Sums of order weights below it are what rounding leaves."""


def share(choices: Choices, least: int) -> SharedCounts:
    """Exact counts; items, pairs and orders of fewer than ``least`` people are left out.

    Raises:
        TooFewError: nobody chose anything.
    """
    if not choices.user_count:
        raise TooFewError("There are no choices yet, so there is nothing to share.")
    chosen = choices.only(choices.matrix.data > 0)
    clipped = chosen.only(chosen.place < MOST_SHARED)
    both = triu(pair_counts(clipped.matrix), k=1).tocsr()
    both.data[both.data < least] = 0
    both.eliminate_zeros()
    close = next_weights(clipped, lambda _step: 1.0)  # how many people chose the two soon after each other
    close.data = (close.data >= least).astype(np.float32)
    order = next_weights(clipped).multiply(close).tocsr()
    chosen_by = clipped.chosen_by().astype(np.int64)
    chosen_by[chosen_by < least] = 0
    return _shared(choices.item_ids, choices.user_count, chosen_by, both, order, 0.0)


def share_privately(
    choices: Choices, items: Sequence[str], epsilon: float, version: int, ledger: PrivacyLedger
) -> SharedCounts:
    """Counts with noise, of the items of a catalogue; see `private_release.release`.

    Raises:
        BudgetSpent: these events have cost too much already.
        BadInput: epsilon is out of its range.
        StoreError: the ledger cannot be written.
    """
    return of_private(items, release(of_items(choices, items), epsilon, version, ledger, certain=-np.inf))


def of_private(items: Sequence[str], counts: PrivateCounts) -> SharedCounts:
    """Private counts of these items as shared ones; the small ones are in, so that noise cancels out in sums."""
    people, pairs = int(counts.users.counts[0]), triu(counts.pairs.counts, k=1).tocsr()
    none = csr_matrix(pairs.shape, dtype=np.float32)
    return _shared(items, people, counts.popularity.counts, pairs, none, counts.pairs.deviation**2)


def known_items(choices: Choices, items: Sequence[str], total: SharedCounts) -> Choices:
    """The choices with a column also for those items of a catalogue that nobody chose here, but somebody elsewhere."""
    elsewhere, matrix = set(total.items), choices.matrix
    ids = tuple(dict.fromkeys((*choices.item_ids, *(item for item in items if item in elsewhere))))
    widened = csr_matrix((matrix.data, matrix.indices, matrix.indptr), shape=(len(choices), len(ids)))
    return replace(choices, matrix=widened, item_ids=ids)


def train_federated(
    choices: Choices, total: SharedCounts, own: SharedCounts, vectors: Mapping[str, Matrix],
    say: Say = lambda _text: None,
) -> TasteModel:  # fmt: skip
    """Learn from a shop's own choices and from the counts of the others; blended and measured as in `train`.

    Args:
        choices: with a column for every item that is learned of, see `known_items`.
        total: of all shops.
        own: what this shop sent.
        vectors: as in `train`.

    Raises:
        BadInput: the total does not hold what this shop sent.
    """
    others = _Counted.of(total, choices.item_ids).without(_Counted.of(own, choices.item_ids)).significant()

    def learn(
        choices: Choices, vectors: Mapping[str, Matrix], names: tuple[str, ...], plan: TrainingPlan, say: Say
    ) -> TasteModel:
        say(f"learning from {choices.matrix.nnz:,} choices, and the counts of {others.people:,} people elsewhere")
        return _learned(choices, others, vectors, names, plan)

    model = train(choices, vectors, TrainingPlan(fewest_to_fit=FEWEST_TO_FIT), say, learn=learn)
    return replace(model, card=model.card.model_copy(update={"people": choices.user_count + others.people}))


def train_on_total(items: Sequence[str], total: SharedCounts) -> TasteModel:
    """A model of the items of a catalogue from the total alone, as private as what went into it.

    Raises:
        TooFewError: there are too few people.
    """
    counted = _Counted.of(total, items).significant()
    return of_counts(items, counted.people, counted.chosen, counted.pairs, counted.deviation, counted.trust)


@dataclass(frozen=True)
class _Counted:
    """Counts in the order of a shop's items.

    Attributes:
        people: how many there are.
        chosen: how many chose each item, (items,).
        pairs: how many chose both, sparse (items, items), without a diagonal.
        order: see `next_weights`, sparse (items, items).
        variance: of the noise in ``pairs``.
        trust: the share of the pairs that are more than noise.
    """

    people: int
    chosen: NDArray[np.int64]
    pairs: csr_matrix
    order: csr_matrix
    variance: float = 0.0
    trust: float = 1.0

    @property
    def deviation(self) -> float:
        """Of the noise in ``pairs``."""
        return float(self.variance**0.5)

    @classmethod
    def of(cls, counts: SharedCounts, items: Sequence[str]) -> Self:
        """Those of these items; others are left out."""
        row_of = {item: row for row, item in enumerate(items)}
        rows = np.array([row_of.get(item, -1) for item in counts.items], np.int64)
        chosen, shape = np.zeros(len(items), np.int64), (len(items), len(items))
        chosen[rows[rows >= 0]] = counts.chosen[rows >= 0]
        pairs = rows[counts.pairs]
        known = (pairs >= 0).all(axis=1)
        (first, second), (there, back) = pairs[known].T, counts.order[known].T
        half = csr_matrix((counts.both[known], (first, second)), shape=shape)
        order = csr_matrix((there, (first, second)), shape=shape) + csr_matrix((back, (second, first)), shape=shape)
        return cls(counts.people, chosen, csr_matrix(half + half.T), csr_matrix(order), counts.variance)

    def without(self, own: "_Counted") -> "_Counted":
        """The counts of the others.

        Raises:
            BadInput: there are fewer than a shop's own.
        """
        variance = self.variance - own.variance
        pairs, chosen = csr_matrix(self.pairs - own.pairs), self.chosen - own.chosen
        exact = self.variance == 0
        if self.people < own.people or (chosen < 0).any() or variance < 0 or (exact and (pairs.data < 0).any()):
            raise BadInput("The total does not hold the counts that this shop sent; both must be of the same exchange.")
        order = csr_matrix(self.order - own.order)
        order.data[order.data < ROUNDING] = 0.0  # float32 sums
        order.eliminate_zeros()
        return _Counted(self.people - own.people, chosen, pairs, order, variance)

    def significant(self) -> "_Counted":
        """Without the pairs that may be noise."""
        pairs, counted = self.pairs.copy(), self.pairs.nnz // 2
        pairs.data[pairs.data <= CERTAIN * self.deviation] = 0
        pairs.eliminate_zeros()
        trust = Cooccurrence(pairs, Spent(0.0), self.deviation, counted).trust if self.variance else 1.0
        return replace(self, pairs=pairs, trust=trust)


def _learned(
    choices: Choices, others: _Counted, vectors: Mapping[str, Matrix], names: Sequence[str], plan: TrainingPlan
) -> TasteModel:
    """The parts that counts suffice for, of a shop's own choices and the counts of the others together."""
    own, pairs = choices.chosen_by().astype(np.int64), pair_counts(choices.matrix)
    chosen, paired, noise = others.chosen + own, own, 0.0
    if others.trust >= TRUSTED:  # otherwise the others say only how often each item was chosen
        pairs = csr_matrix(pairs + others.pairs + diags_array(others.chosen, dtype=np.int64))
        paired, noise = chosen, DAMPING * others.deviation
    near = Neighbourhood(*nearest(pairs, paired, MOST, SHRINK, noise=noise))
    in_order = csr_matrix(next_weights(choices) + others.order)
    following = nearest(in_order, own if others.variance else chosen, NEXT_MOST, NEXT_SHRINK)[0]
    weights = {NEIGHBOURS: ItemWeights(near.strengths), NEXT: ItemWeights(following)}
    factors = {name: AlsFactors.of_pairs(pairs, *ALS_SIZES[name]) for name in names}
    return assembled(choices, chosen.astype(np.int32), near, weights, factors, vectors, plan)


def _shared(
    ids: Sequence[str],
    people: int,
    chosen: NDArray[np.int64],
    both: csr_matrix,
    order: csr_matrix,
    variance: float,
) -> SharedCounts:
    """Counts by place as counts by id.

    Args:
        both: a half, (items, items).
        order: whole, (items, items); where ``both`` is zero it is left out.
    """
    whole = csr_matrix(both + both.T)
    told = np.flatnonzero((chosen != 0) | (np.diff(whole.indptr) > 0)).tolist()
    used = np.array(sorted(told, key=lambda row: ids[row]), np.int64)
    half, order = triu(whole[used][:, used], k=1).tocsr(), order[used][:, used]
    half.sort_indices()
    first, second = half.nonzero()
    sums = np.zeros((len(first), 2), np.float32)
    if len(first):  # SciPy answers with a matrix where nothing is asked
        sums = np.stack([np.asarray(order[places]).ravel() for places in ((first, second), (second, first))], axis=1)
    pairs = np.stack([first, second], axis=1).astype(np.int64)
    names, both = tuple(ids[row] for row in used.tolist()), half.data.astype(np.int64)
    return SharedCounts(names, people, chosen[used], pairs, both, sums.astype(np.float32), variance)
