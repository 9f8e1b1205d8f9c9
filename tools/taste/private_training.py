"""A taste model made of private counts alone, so that it is as private as they are (post-processing).

What is learned from single people's choices in other ways (factors, order, the blend's weights, figures
on held-out choices) is left out: its parts are popularity and item-item neighbours.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tools.taste import neighbours
from tools.taste.blend import NEIGHBOURS, POPULARITY, STAGES, Blend
from tools.taste.choices import Choices
from tools.taste.collaborative import ItemWeights
from tools.taste.model import BlendPart, ModelCard, TasteModel
from tools.taste.neighbours import MOST, SHRINK, Neighbourhood
from tools.taste.privacy_ledger import PrivacyLedger
from tools.taste.private_counts import BOUND, DELTA
from tools.taste.private_release import release
from tools.taste.training import FEWEST_PEOPLE, TooFewError

NEIGHBOURS_WEIGHT: Final = 0.5
"""Weight of neighbours beside popularity's 1, found on MovieLens-100K, where the pairs are all to be trusted."""

DAMPING: Final = 4.0
"""So many deviations of the noise stand beside the counts in a cosine: pairs of rare items are mostly noise."""


def train_private(
    choices: Choices, items: Sequence[str], epsilon: float, version: int, ledger: PrivacyLedger
) -> TasteModel:
    """Learn a model of the items of a catalogue from private counts.

    Args:
        items: ids of the whole catalogue, which is public; choices of anything else are left out.
        epsilon: what the counts may cost.
        version: of the events.
        ledger: where it is written down.

    Raises:
        TooFewError: by the private counts there are too few people.
        BudgetSpent: these events have cost too much already.
        BadInput: epsilon is out of its range.
        StoreError: the ledger cannot be written.
    """
    began = time.monotonic()
    counts = release(of_items(choices, items), epsilon, version, ledger)
    pairs = counts.pairs
    model = of_counts(
        items, int(counts.users.counts[0]), counts.popularity.counts, pairs.counts, pairs.deviation, pairs.trust
    )
    parameters = {"epsilon": epsilon, "delta": DELTA, "bound": BOUND, "neighbours": MOST}
    card = model.card.model_copy(update={"parameters": parameters, "seconds": round(time.monotonic() - began, 2)})
    return replace(model, card=card)


def of_counts(
    items: Sequence[str],
    user_count: int,
    chosen_by: NDArray[np.int64],
    pairs: csr_matrix,
    deviation: float,
    trust: float,
) -> TasteModel:
    """A model of counts alone.

    Args:
        items: ids.
        user_count: how many people there are.
        chosen_by: how many chose each item, (items,).
        pairs: how many chose both, (items, items).
        deviation: of the noise in ``pairs``.
        trust: the share of the pairs that are more than noise, 0 to 1.

    Raises:
        TooFewError: there are too few people.
    """
    if user_count < FEWEST_PEOPLE:
        raise TooFewError(f"By the private counts there are fewer than {FEWEST_PEOPLE} people to learn from.")
    near = nearest(pairs, chosen_by, deviation)
    card = ModelCard(
        version=f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{uuid4().hex[:6]}", trained_at=time.time(),
        events=int(chosen_by.sum()), people=user_count, items=len(items), algorithm=NEIGHBOURS,
    )  # fmt: skip
    parts = {NEIGHBOURS: BlendPart(ItemWeights(near.strengths))}
    return TasteModel(card, tuple(items), chosen_by.astype(np.int32), near, parts, blend_of(trust))


def blend_of(trust: float) -> Blend:
    """Popularity, and neighbours as far as the pairs can be trusted; fitting would look at people's choices again."""
    weights = {NEIGHBOURS: NEIGHBOURS_WEIGHT * trust, POPULARITY: 1.0}
    stages = np.tile(np.array(list(weights.values()), np.float32), (len(STAGES), 1))
    return replace(Blend.prior(list(weights)), weights=stages)


def of_items(choices: Choices, items: Sequence[str]) -> csr_matrix:
    """The choices (people, items) of exactly these items, in their order; zeros for those that nobody chose."""
    column_of = {item_id: column for column, item_id in enumerate(choices.item_ids)}
    columns = np.array([column_of.get(item_id, len(column_of)) for item_id in items], dtype=np.int64)
    user_count = choices.matrix.shape[0]
    padded = csr_matrix(
        (choices.matrix.data, choices.matrix.indices, choices.matrix.indptr), shape=(user_count, len(column_of) + 1)
    )
    return padded.tocsc()[:, columns].tocsr()


def nearest(pairs: csr_matrix, user_counts: NDArray[np.int64], deviation: float) -> Neighbourhood:
    """Each item's nearest items, by counts with noise.

    Args:
        pairs: how many people chose both, (items, items).
        user_counts: how many chose each, (items,).
        deviation: of the noise in ``pairs``; 0 for exact counts.
    """
    return Neighbourhood(*neighbours.nearest(pairs, user_counts, MOST, SHRINK, noise=DAMPING * deviation))
