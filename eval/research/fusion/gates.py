"""Learned fusion: a linear model over each source's rank and score, gated by a softmax over the sources at hand.

The gate is attention over sources as in mixtures of experts (Jacobs, Jordan, Nowlan and Hinton, Neural Computation
1991). The model is a table of numbers in a JSON file: nothing is run when it is read, and a person can read it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, ValidationError

from assistant.errors import StoreError
from assistant.impressions import RankedSignal
from tools.rank_fusion import RRF_K, reciprocal_rank
from tools.records import Record

Context = Literal["always", "text", "photo", "session", "history"]
"""What is known in a turn; ``always`` is the constant."""

BUILT_IN: Final = Path(__file__).with_name("gates.json")
"""Fitted on the conversations of the suite shop-dev: `assistant eval research fit-fusion shop-dev`."""

TELLS: Final[dict[str, Context]] = {
    "dense": "text", "keyword": "text", "text_picture": "text", "picture": "photo", "picture_text": "photo",
    "session": "session", "profile": "history", "collaborative": "history",
}  # fmt: skip
"""What a source's being there says of the turn."""


class FusionGates(Record):
    """Learned fusion: which sources are listened to, given what is known in the turn.

    An item's score is the sum over sources of ``gate * (rank part + scores[source] * share)``, the gates a softmax over
    the sources that the turn has of ``log prior + logits[source] . context``. With all numbers 0 it orders as weighted
    rank fusion with the prior does.
    """

    k: float = Field(RRF_K, gt=0, description="of the rank part, (k + 1) / (k + rank)")
    prior: dict[str, float] = Field(description="weight by source before anything was learned")
    logits: dict[str, dict[Context, float]] = Field({}, description="by source: what each known thing adds")
    scores: dict[str, float] = Field({}, description="by source: how much its normalised score counts besides its rank")
    fitted_on: str = Field("", description="on what, and how many rankings")


def known(sources: Iterable[str]) -> set[Context]:
    """What a turn with these sources knows."""
    return {"always", *(TELLS[source] for source in sources if source in TELLS)}


def gate(gates: FusionGates, sources: Iterable[str]) -> dict[str, float]:
    """How much each of a turn's sources counts; they sum to 1. A source without a prior counts nothing."""
    present = sorted(set(sources))
    context = known(present)
    logits = {
        source: math.log(gates.prior[source])
        + sum(value for name, value in gates.logits.get(source, {}).items() if name in context)
        for source in present
        if gates.prior.get(source, 0.0) > 0
    }
    highest = max(logits.values(), default=0.0)
    powers = {source: math.exp(logit - highest) for source, logit in logits.items()}
    return {source: power / sum(powers.values()) for source, power in powers.items()}


def gated_scores(gates: FusionGates, votes: Mapping[str, Sequence[RankedSignal]]) -> dict[str, float]:
    """Each item's score, larger is better.

    Args:
        votes: by item id.
    """
    listened = gate(gates, (vote.source for given in votes.values() for vote in given))
    return {
        item_id: sum(listened.get(vote.source, 0.0) / vote.lists * part(gates, vote) for vote in given)
        for item_id, given in votes.items()
    }


def part(gates: FusionGates, vote: RankedSignal) -> float:
    """What one vote says before it is gated: the rank part, at most 1, and the weighted share."""
    return reciprocal_rank(vote.rank, weight=gates.k + 1, k=gates.k) + gates.scores.get(vote.source, 0.0) * vote.share


@cache
def built_in() -> FusionGates:
    """The gates fitted on the suite shop-dev."""
    return read_gates(BUILT_IN)


def read_gates(path: Path) -> FusionGates:
    """Gates from a file.

    Raises:
        StoreError: the file is not there or holds something else.
    """
    try:
        return FusionGates.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as exc:
        raise StoreError(f"The learned fusion {path} cannot be read.") from exc
