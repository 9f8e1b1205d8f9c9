"""What other weights would have earned on rankings that were logged: inverse propensity scoring.

Under the position-based model a press is looking at a place times liking its item. An item shown at place ``p`` that
other weights put at place ``q`` is worth ``propensity(q) / propensity(p)`` of its press there (the item-position
estimator of Li, Abbasi-Yadkori, Kveton, Muthukrishnan, Vinay and Wen, KDD 2018). Weights are clipped.

A log without chance in it says nothing of items that were not shown. So weights are judged by how they order the items
that were shown, where nothing is missing and the estimate is unbiased but for clipping, if the position bias is the
assumed one. The difference that decides is that of presses a looked-at place, self-normalised (Swaminathan and
Joachims, NIPS 2015): where presses do not depend on the place it stays at nought, whatever bias is assumed, and the
plain estimate does not. What new weights would show themselves is estimated from below, with nothing earned by unseen
items.
Intervals are by bootstrap over sessions, because presses of one session depend on each other.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assistant.impressions import Impression
from eval.research.learning.presses import ClickedRanking
from eval.research.learning.records import Estimate, OffPolicy, Propensities
from tools.rank_fusion import reciprocal_rank

CLIP: Final = 10.0
BOOTSTRAP: Final = 2_000
Rows = NDArray[np.float64]


class _Turn(NamedTuple):
    """One ranking's sums over its shown places."""

    turns: float
    places: float
    pressed: float
    reordered: float
    weights: float
    weights_squared: float
    weighted: float
    unseen: float


_ESTIMATED: Final = ("turns", "places", "pressed", "reordered", "weights", "weighted")


def order(impression: Impression, factors: Mapping[str, float]) -> list[str]:
    """The candidates' ids as rank fusion orders them with each source's weight in force times its factor."""
    scores = {
        item.item_id: sum(
            reciprocal_rank(vote.rank, weight=_weight(impression, vote.source, factors) / vote.lists, k=impression.k)
            for vote in item.votes
        )
        for item in impression.items
    }
    return sorted(scores, key=lambda item_id: -scores[item_id])


def _weight(impression: Impression, source: str, factors: Mapping[str, float]) -> float:
    return impression.weights.get(source, 1.0 if source == "browse" else 0.0) * factors.get(source, 1.0)


def off_policy(
    rankings: Sequence[ClickedRanking], factors: Mapping[str, float], propensities: Propensities, *, seed: int = 7
) -> OffPolicy:
    """What the weights in force times the factors would have earned, beside what was earned.

    Args:
        rankings: held out: none that the factors were fitted on. At least one.
        factors: by source, of the weight that was in force in each turn.
        propensities: the position bias.
        seed: of the bootstrap.
    """
    by_session: defaultdict[str, list[_Turn]] = defaultdict(list)
    for one in rankings:
        by_session[one.impression.session_id].append(_weighed(one, factors, propensities))
    sums = np.array([np.sum(turns, axis=0) for turns in by_session.values()])  # (sessions, fields)
    drawn = np.random.default_rng(seed).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=BOOTSTRAP)
    whole, samples = _Turn(*sums.sum(axis=0)), drawn @ sums
    turns, places, pressed, reordered, weights, weighted = (
        samples[:, _Turn._fields.index(name)] for name in _ESTIMATED
    )
    old_per_place, new_per_place = whole.pressed / whole.places, whole.weighted / max(whole.weights, 1e-9)
    per_place = weighted / np.maximum(weights, 1e-9) - pressed / places
    return OffPolicy(
        old=_estimate(whole.pressed / whole.turns, pressed / turns),
        new=_estimate(whole.reordered / whole.turns, reordered / turns),
        difference=_estimate(new_per_place - old_per_place, per_place),
        at_least=_estimate(whole.weighted / whole.turns, weighted / turns),
        old_per_place=round(float(old_per_place), 4),
        new_per_place=round(float(new_per_place), 4),
        unseen=round(float(whole.unseen / whole.places), 4),
        effective=round(float(whole.weights**2 / whole.weights_squared), 1) if whole.weights else 0.0,
    )


def _weighed(one: ClickedRanking, factors: Mapping[str, float], propensities: Propensities) -> _Turn:
    shown = {item.item_id: item.position for item in one.impression.items if item.position is not None}
    ranked = order(one.impression, factors)
    again = _weights([item_id for item_id in ranked if item_id in shown], shown, propensities)
    own = _weights(ranked[: len(shown)], shown, propensities)
    return _Turn(
        turns=1,
        places=len(shown),
        pressed=sum(one.rewards.values()),
        reordered=sum(weight * one.rewards.get(item_id, 0.0) for item_id, weight in again.items()),
        weights=sum(own.values()),
        weights_squared=sum(weight**2 for weight in own.values()),
        weighted=sum(weight * one.rewards.get(item_id, 0.0) for item_id, weight in own.items()),
        unseen=len(shown) - len(own),
    )


def _weights(ranked: Sequence[str], shown: Mapping[str, int], propensities: Propensities) -> dict[str, float]:
    """What a press of each shown item is worth at its new place."""
    return {
        item_id: min(CLIP, propensities.at(place) / propensities.at(shown[item_id]))
        for place, item_id in enumerate(ranked, start=1)
        if item_id in shown
    }


def _estimate(value: float, samples: Rows) -> Estimate:
    low, high = np.quantile(samples, [0.025, 0.975])
    return Estimate(value=round(float(value), 4), low=round(float(low), 4), high=round(float(high), 4))
