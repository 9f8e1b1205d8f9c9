"""What other weights would have earned on rankings that were logged: inverse propensity scoring.

Under the position-based model a press is looking at a place times liking its item. An item shown at place ``p`` that
other weights put at place ``q`` is worth ``propensity(q) / propensity(p)`` of its press there (the item-position
estimator of Li, Abbasi-Yadkori, Kveton, Muthukrishnan, Vinay and Wen, KDD 2018). Weights are clipped; beside the
clipped estimate, which what was not shown biases down and never up, stands the self-normalised one (Swaminathan and
Joachims, NIPS 2015). Intervals are by bootstrap over sessions, because presses of one session depend on each other.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assistant.learning.presses import Judged
from assistant.learning.records import Estimate, Impression, OffPolicy, Propensities

CLIP: Final = 10.0
BOOTSTRAP: Final = 2_000
Rows = NDArray[np.float64]


@dataclass(frozen=True)
class _Turn:
    """One ranking's sums over its shown places."""

    places: int
    pressed: float
    weights: float
    weights_squared: float
    weighted: float
    wanted: int
    unseen: int


def order(impression: Impression, factors: Mapping[str, float]) -> list[str]:
    """The candidates' ids as rank fusion orders them with each source's weight in force times its factor."""
    scores = {
        item.item_id: sum(
            impression.weights.get(vote.source, 1.0 if vote.source == "browse" else 0.0)
            * factors.get(vote.source, 1.0) / vote.lists / (impression.k + vote.rank)
            for vote in item.votes
        )
        for item in impression.items
    }  # fmt: skip
    return sorted(scores, key=lambda item_id: -scores[item_id])


def off_policy(
    rankings: Sequence[Judged], factors: Mapping[str, float], propensities: Propensities, *, seed: int = 7
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
    sums = np.array([_summed(turns) for turns in by_session.values()])  # (sessions, 8)
    drawn = np.random.default_rng(seed).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=BOOTSTRAP)
    samples = drawn @ sums
    turns, places, pressed, weights, squared, weighted, wanted, unseen = sums.sum(axis=0)
    drawn_turns = samples[:, 0]
    return OffPolicy(
        old=_estimate(pressed / turns, samples[:, 2] / drawn_turns),
        new=_estimate(weighted / turns, samples[:, 5] / drawn_turns),
        difference=_estimate((weighted - pressed) / turns, (samples[:, 5] - samples[:, 2]) / drawn_turns),
        old_per_place=round(float(pressed / places), 4),
        new_per_place=round(float(weighted / weights), 4) if weights else 0.0,
        unseen=round(float(unseen / wanted), 4),
        effective=round(float(weights**2 / squared), 1) if squared else 0.0,
    )


def _weighed(one: Judged, factors: Mapping[str, float], propensities: Propensities) -> _Turn:
    shown = {item.item_id: item.position for item in one.impression.items if item.position is not None}
    wanted = order(one.impression, factors)[: len(shown)]
    weights = {
        item_id: min(CLIP, propensities.at(place) / propensities.at(shown[item_id]))
        for place, item_id in enumerate(wanted, start=1)
        if item_id in shown
    }
    return _Turn(
        places=len(shown),
        pressed=sum(one.rewards.values()),
        weights=sum(weights.values()),
        weights_squared=sum(weight**2 for weight in weights.values()),
        weighted=sum(weight * one.rewards.get(item_id, 0.0) for item_id, weight in weights.items()),
        wanted=len(wanted),
        unseen=len(wanted) - len(weights),
    )


def _summed(turns: Sequence[_Turn]) -> list[float]:
    names = ("places", "pressed", "weights", "weights_squared", "weighted", "wanted", "unseen")
    return [len(turns), *(sum(getattr(turn, name) for turn in turns) for name in names)]


def _estimate(value: float, samples: Rows) -> Estimate:
    low, high = np.quantile(samples, [0.025, 0.975])
    return Estimate(value=round(float(value), 4), low=round(float(low), 4), high=round(float(high), 4))
