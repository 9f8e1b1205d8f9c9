"""Fusion weights from logged rankings and presses: fitted, held out, and refused where the data can't carry them."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Final

from eval.research.fusion.fitting import LabelledRanking, fit
from eval.research.learning.offpolicy import off_policy
from eval.research.learning.presses import ClickedRanking, propensities
from eval.research.learning.records import Fitted, OffPolicy, Propensities

LEAST_PRESSES: Final = 100
LEAST_SESSIONS: Final = 30
LEAST_PER_POSITION: Final = 5
"""How many presses a place must have; with presses at one place only, nothing tells liking from looking."""

MOST_UNSEEN: Final = 0.5
"""From which share of places with items that were never shown a policy is too far from the one that was logged."""

HELD_OUT_OF_TEN: Final = 3
ETA: Final = 1.0
ETAS: Final = (0.0, 0.5, 1.0)
"""Strengths of the position bias for each of which new weights must be better; nothing in the log tells which holds."""


def learn(
    rankings: Sequence[ClickedRanking], weights: Mapping[str, float], *, eta: float = ETA, corrected: bool = True
) -> Fitted:
    """New weights, and what they are expected to bring on sessions that they were not fitted on.

    Args:
        rankings: logged; those in which nothing was pressed count in the estimate.
        weights: in force now, by source.
        eta: of the position bias, where it must be assumed.
        corrected: False: presses are taken as they come, as if every place were looked at; for comparison.
    """
    usable = [one for one in rankings if _can_teach(one)]
    bias = propensities(usable, eta=eta)
    told = {"turns": len(usable), "sessions": len({one.impression.session_id for one in usable})}
    counts = _presses_by_position(usable)
    fitted = Fitted(**told, presses=sum(counts.values()), propensities=bias, before=dict(weights))
    if reason := _too_little(fitted, counts):
        return fitted.model_copy(update={"refused": reason})
    training, held_out = _split(usable)
    factors = _factors(training, weights, bias if corrected else None)
    estimates = {eta: off_policy(held_out, factors, propensities(usable, eta=eta)) for eta in sorted({*ETAS, eta})}
    new = {source: round(weight * factors.get(source, 1.0), 4) for source, weight in weights.items()}
    fitted = fitted.model_copy(update={"weights": new, "held_out": estimates[eta]})
    return fitted.model_copy(update={"refused": _not_better(estimates)})


def _can_teach(one: ClickedRanking) -> bool:
    """The order was made by ranks of several items; another method's order says little about weights of ranks."""
    return one.impression.method == "rrf" and sum(item.position is not None for item in one.impression.items) > 1


def _factors(
    rankings: Sequence[ClickedRanking], weights: Mapping[str, float], bias: Propensities | None
) -> dict[str, float]:
    """By how much each weight is to be multiplied; the strength of all together stays as it is."""
    labelled = [_labelled(one, bias) for one in rankings if any(one.rewards.values())]
    gates = fit(labelled, weights, k=rankings[0].impression.k)
    raw = {source: math.exp(given["always"]) for source, given in gates.logits.items()}
    seen = {vote.source for one in rankings for item in one.impression.items for vote in item.votes} & raw.keys()
    before = sum(weights[source] for source in seen)
    scale = before / sum(weights[source] * raw[source] for source in seen) if before else 1.0
    return {source: raw[source] * scale for source in seen}


def _labelled(one: ClickedRanking, bias: Propensities | None) -> LabelledRanking:
    """The shown items alone: one that was not shown could not be pressed, whatever it is worth."""
    shown = {item.item_id: item for item in one.impression.items if item.position is not None}
    gains = {
        item_id: reward / (bias.at(shown[item_id].position or 1) if bias else 1.0)
        for item_id, reward in one.rewards.items()
    }
    return LabelledRanking({item_id: item.votes for item_id, item in shown.items()}, gains, one.impression.weights)


def _split(rankings: Sequence[ClickedRanking]) -> tuple[list[ClickedRanking], list[ClickedRanking]]:
    """By session, the same every time."""
    parts: tuple[list[ClickedRanking], list[ClickedRanking]] = ([], [])
    for one in rankings:
        digest = hashlib.sha256(one.impression.session_id.encode()).digest()
        parts[digest[0] % 10 < HELD_OUT_OF_TEN].append(one)
    return parts


def _presses_by_position(rankings: Sequence[ClickedRanking]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for one in rankings:
        for item in one.impression.items:
            if item.position is not None:
                pressed = one.rewards.get(item.item_id, 0.0) > 0
                counts[item.position] = counts.get(item.position, 0) + pressed
    return counts


def _too_little(fitted: Fitted, counts: Mapping[int, int]) -> str | None:
    if fitted.presses < LEAST_PRESSES:
        return f"There are {fitted.presses} presses on shown items; at least {LEAST_PRESSES} are needed."
    if fitted.sessions < LEAST_SESSIONS:
        return f"The presses come from {fitted.sessions} sessions; at least {LEAST_SESSIONS} are needed."
    if sum(count >= LEAST_PER_POSITION for count in counts.values()) < 2:
        return "Presses come from one place of the list only, so liking cannot be told from standing first."
    return None


def _not_better(estimates: Mapping[float, OffPolicy]) -> str | None:
    """Why the new weights are not to be trusted; they must be better whatever the position bias is."""
    worst = min(estimates, key=lambda eta: estimates[eta].difference.low)
    estimate = estimates[worst]
    if estimate.unseen > MOST_UNSEEN:
        return f"The fitted weights would show items of which {estimate.unseen:.0%} were never shown: no overlap."
    if estimate.difference.low <= 0:
        return (
            f"On held-out sessions no improvement can be shown for a position bias of {worst:g}: "
            f"{estimate.difference.value:+.3f} presses a looked-at place, 95 % interval "
            f"{estimate.difference.low:+.3f} to {estimate.difference.high:+.3f}."
        )
    return None
