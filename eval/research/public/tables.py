"""What `assistant eval research movielens` and `dataset` tell: numbers by recommender and group."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.compare.statistics import Interval, holm, mean_interval, permutation_p
from eval.research.public.protocol import MEASURES, RecommenderOutcome, measured

PUBLISHED = Path(__file__).parent.parent / "data" / "published.json"
"""Figures of papers on the same files by the same protocol, by data set, with their source."""

SUBJECT = "hybrid"
COMPARED_BY = "ndcg@10"


def as_numbers(outcomes: Sequence[RecommenderOutcome], seed: int) -> dict[str, Any]:
    """Everything measured: group -> recommender -> measure -> mean, and how the hybrid differs from each other.

    ``versus`` holds, by group and recommender, the mean difference of NDCG@10 (hybrid - other), its 95 % bootstrap
    interval, and the p-value of the paired permutation test, corrected by Holm over the recommenders.
    """
    groups: dict[str, dict[str, dict[str, Any]]] = {
        group: {one.name: measured(one.groups[group]) for one in outcomes if group in one.groups}
        for group in outcomes[0].groups
    }
    return {
        "users": {group: len(outcomes[0].groups[group]) for group in groups},
        "parameters": {outcome.name: outcome.parameters for outcome in outcomes if outcome.parameters},
        "means": {group: {name: _means(one) for name, one in by_name.items()} for group, by_name in groups.items()},
        "versus": {group: _versus(by_name, seed) for group, by_name in groups.items()},
    }


def published(dataset: str) -> list[dict[str, Any]]:
    """Figures of papers for a data set of this name: ``recommender``, ``ndcg@10`` and ``source`` of each."""
    found: dict[str, list[dict[str, Any]]] = json.loads(PUBLISHED.read_text("utf-8"))
    return found.get(dataset, [])


def lines(numbers: Mapping[str, Any]) -> list[str]:
    """The same for people, as plain text."""
    told = []
    for group, by_name in numbers["means"].items():
        told += ["", f"{group} ({numbers['users'][group]:,} tested)", _row("", MEASURES, f"{SUBJECT} - it, NDCG@10")]
        for name, means in by_name.items():
            cells = [f"{means[measure]:.4f}" for measure in MEASURES]
            told.append(_row(name, cells, _difference(numbers["versus"][group].get(name))))
    for one in numbers.get("published", []):
        told += ["", f"Published for all users: {one['recommender']}, NDCG@10 {one['ndcg@10']:.4f} ({one['source']})."]
    return told


def _means(values: Mapping[str, Any]) -> dict[str, float]:
    return {measure: round(float(values[measure].mean()), 4) for measure in MEASURES}


def _versus(values: Mapping[str, Mapping[str, Any]], seed: int) -> dict[str, dict[str, Any]]:
    by_name = {name: one[COMPARED_BY] for name, one in values.items()}
    others = [name for name in by_name if name != SUBJECT]
    differences = [(by_name[SUBJECT] - by_name[name]).tolist() for name in others]
    # who has no difference takes no part in a permutation test, and most of a large set have none
    corrected = holm([permutation_p([value for value in values if value], seed=seed) for values in differences])
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
    return f"  {name:<18}" + "".join(f"{cell:>11}" for cell in cells) + f"   {last}".rstrip()
