"""What `assistant eval research movielens` and `dataset` tell: numbers by recommender and group."""

from collections.abc import Mapping, Sequence
from typing import Any

from eval.compare.statistics import Interval, holm, mean_interval, permutation_p
from eval.research.public.protocol import MEASURES, RecommenderOutcome

SUBJECT = "hybrid"
COMPARED_BY = "ndcg@10"


def as_numbers(outcomes: Sequence[RecommenderOutcome], seed: int) -> dict[str, Any]:
    """Everything measured: group -> recommender -> measure -> mean, and how the hybrid differs from each other.

    ``versus`` holds, by group and recommender, the mean difference of NDCG@10 (hybrid - other), its 95 % bootstrap
    interval, and the p-value of the paired permutation test, corrected by Holm over the recommenders.
    """
    groups = list(outcomes[0].groups)
    return {
        "users": {group: len(outcomes[0].groups[group][COMPARED_BY]) for group in groups},
        "parameters": {outcome.name: outcome.parameters for outcome in outcomes},
        "means": {group: {one.name: _means(one.groups[group]) for one in outcomes} for group in groups},
        "versus": {group: _versus(outcomes, group, seed) for group in groups},
    }


def lines(numbers: Mapping[str, Any]) -> list[str]:
    """The same for people, as plain text."""
    told = []
    for group, by_name in numbers["means"].items():
        told += ["", f"{group} ({numbers['users'][group]:,} tested)", _row("", MEASURES, f"{SUBJECT} - it, NDCG@10")]
        for name, means in by_name.items():
            cells = [f"{means[measure]:.4f}" for measure in MEASURES]
            told.append(_row(name, cells, _difference(numbers["versus"][group].get(name))))
    return told


def _means(values: Mapping[str, Any]) -> dict[str, float]:
    return {measure: round(float(values[measure].mean()), 4) for measure in MEASURES}


def _versus(outcomes: Sequence[RecommenderOutcome], group: str, seed: int) -> dict[str, dict[str, Any]]:
    by_name = {outcome.name: outcome.groups[group][COMPARED_BY] for outcome in outcomes}
    others = [name for name in by_name if name != SUBJECT]
    differences = [(by_name[SUBJECT] - by_name[name]).tolist() for name in others]
    corrected = holm([permutation_p(values, seed=seed) for values in differences])
    return {
        name: _told(values, mean_interval(values, seed=seed), p)
        for name, values, p in zip(others, differences, corrected, strict=True)
    }


def _told(values: Sequence[float], interval: Interval | None, p: float) -> dict[str, Any]:
    ends = [round(interval.low, 4), round(interval.high, 4)] if interval else None
    return {"difference": round(sum(values) / len(values), 4), "interval": ends, "p": round(p, 4)}


def _difference(versus: Mapping[str, Any] | None) -> str:
    if versus is None:
        return ""
    interval = versus["interval"]
    between = f" [{interval[0]:+.4f}, {interval[1]:+.4f}]" if interval else ""
    return f"{versus['difference']:+.4f}{between} p {versus['p']:.3g}"


def _row(name: str, cells: Sequence[str], last: str) -> str:
    return f"  {name:<12}" + "".join(f"{cell:>11}" for cell in cells) + f"   {last}".rstrip()
