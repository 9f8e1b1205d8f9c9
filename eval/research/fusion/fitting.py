"""Fitting gates on labelled rankings: a listwise loss over everything that a ranking could have put first.

The loss of a ranking is the sum over its items of ``-gain * log softmax(scale * score)`` (ListNet, Cao et al., ICML
2007). With graded labels a gain is the share of ``2 ** grade - 1``; with presses it is the press over the propensity of
its place, which makes the loss unbiased under position bias (Joachims, Swaminathan and Schnabel, WSDM 2017).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch

from assistant.impressions import RankedSignal
from eval.research.fusion.gates import Context, FusionGates, known
from tools.rank_fusion import RRF_K, reciprocal_rank

STEPS: Final = 200
FIRST_SCALE: Final = 30.0
"""How sharp the softmax over items is at first; it is fitted along. Neighbouring ranks differ by 0.016 of a score."""


@dataclass(frozen=True)
class LabelledRanking:
    """One ranking to learn from.

    Attributes:
        votes: every item's votes, by id; items that cannot have been labelled must be left out.
        gains: how much it speaks for an item, by id; 0 where there is no entry.
        prior: the weights that were in force, by source.
    """

    votes: Mapping[str, Sequence[RankedSignal]]
    gains: Mapping[str, float]
    prior: Mapping[str, float]


def fit(
    rankings: Sequence[LabelledRanking],
    prior: Mapping[str, float],
    *,
    contexts: Sequence[Context] = ("always",),
    with_scores: bool = False,
    l2: float = 0.01,
    k: float = RRF_K,
) -> FusionGates:
    """Gates that put what gained first; deterministic.

    Args:
        rankings: those without any gain say nothing and are left out.
        prior: the weights that the gates start from, by source; other sources are not fitted.
        contexts: which known things may move a gate.
        with_scores: whether normalised scores may count besides ranks.
        l2: how strongly the numbers are held at 0, where the gates are the prior.
        k: of the rank part.
    """
    sources = sorted(source for source, weight in prior.items() if weight > 0)
    batch = _Batch.of([one for one in rankings if any(one.gains.values())], sources, contexts, k)
    logits = torch.zeros(len(sources), len(contexts), dtype=torch.float64, requires_grad=True)
    shares = torch.zeros(len(sources), dtype=torch.float64, requires_grad=with_scores)
    sharpness = torch.tensor(FIRST_SCALE, dtype=torch.float64).log().requires_grad_()
    numbers = [logits, sharpness, *([shares] if with_scores else [])]
    optimiser = torch.optim.LBFGS(numbers, max_iter=STEPS, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimiser.zero_grad()
        loss = batch.loss(logits, shares, sharpness) + l2 * (logits.square().sum() + shares.square().sum())
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    if len(batch.gains):
        optimiser.step(closure)  # type: ignore[no-untyped-call]
    return FusionGates(
        k=k,
        prior=dict(prior),
        logits={
            s: dict(zip(contexts, row, strict=True)) for s, row in zip(sources, map(_rounded, logits), strict=True)
        },
        scores=dict(zip(sources, _rounded(shares), strict=True)) if with_scores else {},
    )


@dataclass(frozen=True)
class _Batch:
    """Rankings side by side, padded: b rankings of at most n items, s sources, c contexts."""

    ranks: torch.Tensor  # (b, n, s)
    shares: torch.Tensor  # (b, n, s)
    there: torch.Tensor  # (b, n): whether it is an item
    gains: torch.Tensor  # (b, n)
    present: torch.Tensor  # (b, s): whether the ranking has the source
    prior: torch.Tensor  # (b, s): logarithms
    contexts: torch.Tensor  # (b, c)

    @classmethod
    def of(
        cls, rankings: Sequence[LabelledRanking], sources: Sequence[str], contexts: Sequence[Context], k: float
    ) -> "_Batch":
        longest = max((len(one.votes) for one in rankings), default=0)
        rows, shape = len(rankings), (len(rankings), longest, len(sources))
        ranks, shares, there, gains = np.zeros(shape), np.zeros(shape), np.zeros(shape[:2], bool), np.zeros(shape[:2])
        present, told = np.zeros((rows, len(sources)), bool), np.zeros((rows, len(contexts)))
        for row, one in enumerate(rankings):
            context = known(vote.source for given in one.votes.values() for vote in given)
            told[row] = [name in context for name in contexts]
            for column, (item_id, given) in enumerate(one.votes.items()):
                there[row, column], gains[row, column] = True, one.gains.get(item_id, 0.0)
                for vote in (vote for vote in given if vote.source in sources and one.prior.get(vote.source, 0.0) > 0):
                    place = sources.index(vote.source)
                    ranks[row, column, place] += reciprocal_rank(vote.rank, weight=k + 1, k=k) / vote.lists
                    shares[row, column, place] += vote.share / vote.lists
                    present[row, place] = True
        prior = np.log([[max(one.prior.get(source, 0.0), 1e-9) for source in sources] for one in rankings])
        arrays = (ranks, shares, there, gains, present, prior.reshape(rows, len(sources)), told)
        return cls(*(torch.from_numpy(array) for array in arrays))

    def loss(self, logits: torch.Tensor, shares: torch.Tensor, sharpness: torch.Tensor) -> torch.Tensor:
        """The mean over gains; padding never counts."""
        gates = (self.prior + self.contexts @ logits.T).masked_fill(~self.present, -1e9).softmax(dim=1)
        scores = ((self.ranks + shares * self.shares) * gates[:, None, :]).sum(dim=2)
        chances = (sharpness.exp() * scores).masked_fill(~self.there, -1e9).log_softmax(dim=1)
        return -(self.gains * chances).sum() / self.gains.sum()


def _rounded(numbers: torch.Tensor) -> list[float]:
    return [round(float(number), 4) for number in numbers.detach()]
