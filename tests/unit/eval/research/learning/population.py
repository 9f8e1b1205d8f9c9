"""A simulated population with a known taste and a known position bias, over rankings that a policy logged."""

import numpy as np

from assistant.impressions import Impression, LoggedCandidate, RankedSignal
from eval.research.learning.presses import ClickedRanking

CANDIDATES, PLACES = 8, 3
IN_FORCE = {"dense": 0.5, "keyword": 1.5}
"""The policy that logged: it listens to keywords, and people like what is dense."""


def population(turns: int, *, eta: float = 1.0, seed: int = 11) -> list[ClickedRanking]:
    """Rankings by the policy in force, and presses: a place is looked at with ``place ** -eta``, dense is liked."""
    numbers = np.random.default_rng(seed)
    return [_ranking(turn, numbers, eta) for turn in range(turns)]


def _ranking(turn: int, numbers: np.random.Generator, eta: float) -> ClickedRanking:
    dense, keyword = numbers.permutation(CANDIDATES) + 1, numbers.permutation(CANDIDATES) + 1
    scores = IN_FORCE["dense"] / (60 + dense) + IN_FORCE["keyword"] / (60 + keyword)
    best = [int(item) for item in np.argsort(-scores)]
    shown = best[:PLACES]
    items = [
        LoggedCandidate(
            item_id=str(item),
            position=shown.index(item) + 1 if item in shown else None,
            votes=[_vote("dense", int(dense[item])), _vote("keyword", int(keyword[item]))],
        )
        for item in best
    ]
    looked = numbers.random(PLACES) < np.arange(1, PLACES + 1.0) ** -eta
    liked = numbers.random(PLACES) < np.array([0.6 if dense[item] <= 3 else 0.05 for item in shown])
    rewards = {str(item): 1.0 for item, press in zip(shown, looked & liked, strict=True) if press}
    logged = Impression(
        session_id=f"s{turn}", turn=1, user="u", at=float(turn), policy="", method="rrf", k=60, weights=IN_FORCE,
        items=items,
    )  # fmt: skip
    return ClickedRanking(logged, rewards)


def _vote(source: str, rank: int) -> RankedSignal:
    return RankedSignal(source=source, rank=rank, score=1 / rank, share=(CANDIDATES - rank) / (CANDIDATES - 1))
