"""Several shops that learn together, beside each alone and all events in one place: NDCG@10 on MovieLens-100K.

The people are dealt to shops at random; each person's last film is to be foretold by their own shop's model, among all
films that they have not seen. Every shop's catalogue holds all films.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eval.compare.statistics import mean_interval, permutation_p
from eval.research.public.interactions import Interactions
from eval.research.public.split import leave_last_out
from tools.records import Record
from tools.taste.choices import Choices, gather
from tools.taste.events import EventBatch
from tools.taste.federated.exchange.counts import SharedCounts
from tools.taste.federated_training import known_items, of_private, share, train_federated, train_on_total
from tools.taste.model import TasteModel
from tools.taste.private_counts import rho_of
from tools.taste.private_release import count
from tools.taste.private_training import of_items
from tools.taste.training import TrainingPlan, train

SHOPS: Final = 5
EPSILONS: Final = (8.0, 4.0, 1.0)
LEAST_PEOPLE: Final = 3
PLANS: Final = {"": TrainingPlan(), ", prior weights": TrainingPlan(fewest_to_fit=10**9)}
"""How what learns from events is blended: the product's fit to held-out choices, and without any fit, as shops do here
that learn together: they hold out fewer than `federated_training.FEWEST_TO_FIT`."""
K: Final = 10
SEED: Final = 7

Say = Callable[[str], None]
Values = NDArray[np.float64]
"""NDCG@10 of each person, shop by shop."""


class FederatedFigure(Record):
    """One way to learn, over all people: the mean with its 95 % bootstrap interval, and beside each shop alone.

    Attributes:
        of_pooled: the mean as a share of that of all events in one place.
        gain: the mean over that of each shop alone, with its interval and the p-value of a permutation test.
    """

    name: str
    ndcg: float
    low: float
    high: float
    of_pooled: float
    gain: float
    gain_low: float
    gain_high: float
    p: float


@dataclass(frozen=True)
class Shop:
    """What one shop knows, and the questions to it.

    Attributes:
        choices: of items that were chosen there.
        asked: of each person the history, the latest first, and the film that came next.
    """

    choices: Choices
    asked: Sequence[tuple[Mapping[str, float], str]]

    def values(self, model: TasteModel) -> list[float]:
        """NDCG@10 of each person."""
        lists = [[item for item, _ in model.score(past, k=K, exclude=past)] for past, _ in self.asked]
        return [
            1.0 / float(np.log2(2 + best.index(target))) if target in best else 0.0
            for best, (_, target) in zip(lists, self.asked, strict=True)
        ]


def shops(interactions: Interactions, number: int = SHOPS) -> list[Shop]:
    """The people dealt to shops at random."""
    split, items = leave_last_out(interactions), interactions.items
    known, target = split.known, dict(zip(split.test.user.tolist(), split.test.item.tolist(), strict=True))
    shop_of = np.random.default_rng(SEED).permutation(len(interactions.users)) % number
    return [_shop(known.only(shop_of[known.user] == one), target, items) for one in range(number)]


def _shop(events: Interactions, target: Mapping[int, int], items: Sequence[str]) -> Shop:
    user, item, time, ones = events.user, events.item, events.time, np.ones(len(events), np.float32)
    choices = gather([EventBatch(user.astype(np.int64), item.astype(np.int64), ones, time.astype(np.float64))], items)
    asked = [
        ({items[row]: 1.0 for row in item[user == one][::-1]}, items[target[one]])
        for one in np.unique(user).tolist()
        if one in target
    ]
    return Shop(choices.only_items_with_entries(), asked)


def compare(interactions: Interactions, *, repeats: int = 3, say: Say = lambda _: None) -> list[FederatedFigure]:
    """Every way to learn.

    Args:
        repeats: releases with noise to average over.
    """
    items, members = interactions.items, shops(interactions)
    say("all events in one place")
    everybody = shops(interactions, 1)[0].choices
    values = {
        f"all events in one place{ending}": _joined(members, [train(everybody, {}, plan)] * len(members))
        for ending, plan in PLANS.items()
    }
    say("each shop alone")
    for ending, plan in PLANS.items():
        values[f"each shop alone{ending}"] = _joined(members, [train(one.choices, {}, plan) for one in members])
    alone = values["each shop alone"]
    say("together, exact counts")
    sent = [share(one.choices, LEAST_PEOPLE) for one in members]
    values["together, exact counts"] = _joined(members, together(members, items, sent))
    for epsilon in EPSILONS:
        say(f"together, epsilon {epsilon:g}")
        runs = [_with_noise(members, items, epsilon) for _ in range(repeats)]
        for name, column in zip(("together", "from the total alone"), zip(*runs, strict=True), strict=True):
            values[f"{name}, epsilon {epsilon:g}"] = np.mean(column, axis=0)
    pooled = float(next(iter(values.values())).mean())
    return [_figure(name, column, alone, pooled) for name, column in values.items()]


def together(members: Sequence[Shop], items: Sequence[str], sent: Sequence[SharedCounts]) -> list[TasteModel]:
    """Each shop's model of its own choices and what the others sent."""
    total = SharedCounts.total(sent)
    return [
        train_federated(known_items(one.choices, items, total), total, own, {})
        for one, own in zip(members, sent, strict=True)
    ]


def _with_noise(members: Sequence[Shop], items: Sequence[str], epsilon: float) -> tuple[Values, Values]:
    """With a shop's own choices as they are, and from the total alone."""
    rho = rho_of(epsilon)
    sent = [of_private(items, count(of_items(one.choices, items), rho, certain=-np.inf)) for one in members]
    common = train_on_total(items, SharedCounts.total(sent))
    return _joined(members, together(members, items, sent)), _joined(members, [common] * len(members))


def _joined(members: Sequence[Shop], models: Sequence[TasteModel]) -> Values:
    return np.concatenate([shop.values(model) for shop, model in zip(members, models, strict=True)])


def _figure(name: str, values: Values, alone: Values, pooled: float) -> FederatedFigure:
    interval, gains = mean_interval(values.tolist(), seed=SEED), values - alone
    gain = mean_interval(gains.tolist(), seed=SEED)
    mean = float(values.mean())
    numbers = {
        "ndcg": mean, "low": interval.low if interval else mean, "high": interval.high if interval else mean,
        "of_pooled": mean / pooled, "gain": float(gains.mean()), "gain_low": gain.low if gain else 0.0,
        "gain_high": gain.high if gain else 0.0, "p": permutation_p(gains.tolist(), seed=SEED),
    }  # fmt: skip
    return FederatedFigure(name=name, **{key: round(number, 4) for key, number in numbers.items()})


def table(figures: Sequence[FederatedFigure]) -> Iterator[str]:
    """The figures for people."""
    interval = "95 % interval"
    yield f"{'NDCG@10':<38}{'mean':>8}{interval:>20}{'of pooled':>11}{'over alone':>12}{interval:>20}{'p':>9}"
    for one in figures:
        yield (
            f"{one.name:<38}{one.ndcg:>8.4f}{f'{one.low:.4f} to {one.high:.4f}':>20}{one.of_pooled:>11.1%}"
            f"{one.gain:>+12.4f}{f'{one.gain_low:+.4f} to {one.gain_high:+.4f}':>20}{one.p:>9.4f}"
        )
