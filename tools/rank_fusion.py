"""Reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009): its formula, its constant, the signals' weights.

An item's fused score is the sum of `reciprocal_rank` over the lists that hold it.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RRF_K: Final = 60.0
WEIGHTS: Final[Mapping[str, float]] = {
    "picture": 2.0,
    "picture_text": 0.3,
    "text_picture": 0.3,
    "sound": 2.0,
    "dense": 1.0,
    "keyword": 0.7,
    "session": 1.0,
    "profile": 1.0,
    "collaborative": 1.0,
    "popular": 1.0,
    "imported": 1.0,
}
"""By signal, where the settings say nothing else; docs/retrieval.md says how those of the searches were found."""

JOINT_WEIGHTS: Final[Mapping[str, float]] = {"picture_text": 0.5, "text_picture": 0.5}
"""Instead of those of `WEIGHTS`, where the picture encoder has a text tower of its own (CLIP)."""

Ranks = TypeVar("Ranks", float, "NDArray[np.float64]")


def reciprocal_rank(rank: Ranks, *, weight: float = 1.0, k: float = RRF_K) -> Ranks:
    """What a list says of its item at a rank, the best being 1, or of several items at theirs."""
    return weight / (k + rank)
