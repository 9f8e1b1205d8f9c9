"""What was pressed, joined to the rankings that it was pressed in, and how likely each place is looked at."""

import bisect
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, cast, get_args

from assistant.impressions import Impression, Press
from eval.research.learning.records import Propensities
from tools.taste.records import STRENGTHS, EventKind

LEAST_TO_MEASURE: Final = 200
"""From how many places given by chance, at each position, the position bias is measured and not assumed."""

LEAST_PRESSES_TO_MEASURE: Final = 20


@dataclass(frozen=True)
class ClickedRanking:
    """A ranking and what was pressed in it.

    Attributes:
        rewards: by item id, 0 to 1: the strength of what was pressed for it; 0 after something against it.
    """

    impression: Impression
    rewards: dict[str, float] = field(default_factory=dict)


def judged(impressions: Iterable[Impression], presses: Iterable[Press]) -> list[ClickedRanking]:
    """Each press goes to the last ranking of its session, until then, in which the item was shown; others are left."""
    rankings = [ClickedRanking(impression) for impression in impressions]
    shown: defaultdict[tuple[str, str], list[ClickedRanking]] = defaultdict(list)
    for one in sorted(rankings, key=lambda one: one.impression.at):
        for item in one.impression.items:
            if item.position is not None:
                shown[one.impression.session_id, item.item_id].append(one)
    for session_id, item_id, event, at in sorted(presses, key=lambda press: press[3]):
        candidates = shown.get((session_id, item_id), [])
        place = bisect.bisect_right([one.impression.at for one in candidates], at)
        if place and event in get_args(EventKind):
            _press(candidates[place - 1].rewards, item_id, STRENGTHS[cast(EventKind, event)])
    return rankings


def _press(rewards: dict[str, float], item_id: str, strength: float) -> None:
    """The strongest press counts, and one against the item takes back those before it."""
    rewards[item_id] = max(rewards.get(item_id, 0.0), min(1.0, strength)) if strength > 0 else 0.0


def propensities(rankings: Sequence[ClickedRanking], *, eta: float) -> Propensities:
    """How likely each place is looked at, against the first.

    Where enough rankings were shown in an order given by chance (every shown item's propensity is one over how many
    were shown), the share of presses by place measures it: items are equally good at all places then (Joachims et al.
    2017, section 5.3). Else it is assumed to be ``position ** -eta``, as they do for the simulation of section 6.1.
    """
    longest = max((item.position or 0 for one in rankings for item in one.impression.items), default=0)
    by_chance = [one for one in rankings if _by_chance(one.impression)]
    counts, pressed = [0] * longest, [0.0] * longest
    for one in by_chance:
        for item in one.impression.items:
            if item.position is not None:
                counts[item.position - 1] += 1
                pressed[item.position - 1] += one.rewards.get(item.item_id, 0.0)
    if longest and min(counts) >= LEAST_TO_MEASURE and min(pressed) >= LEAST_PRESSES_TO_MEASURE:
        rates = [presses / count for presses, count in zip(pressed, counts, strict=True)]
        return Propensities(by_position=[round(rate / rates[0], 4) for rate in rates], how="randomised")
    assumed = [round(position**-eta, 4) for position in range(1, max(1, longest) + 1)]
    return Propensities(by_position=assumed, how="power law", eta=eta)


def _by_chance(impression: Impression) -> bool:
    shown = [item.propensity for item in impression.items if item.position is not None]
    return len(shown) > 1 and all(abs(propensity - 1 / len(shown)) < 1e-9 for propensity in shown)
