"""What was pressed, joined to the rankings that it was pressed in, and how likely each place is looked at."""

import bisect
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast, get_args

from assistant.impressions import Impression, Press
from eval.research.learning.records import Propensities
from tools.taste.records import STRENGTHS, EventKind


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
    """How likely each place is looked at, against the first: ``position ** -eta`` (Joachims et al. 2017)."""
    longest = max((item.position or 0 for one in rankings for item in one.impression.items), default=0)
    return Propensities(by_position=[round(position**-eta, 4) for position in range(1, max(1, longest) + 1)], eta=eta)
