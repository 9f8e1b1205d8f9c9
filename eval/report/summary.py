"""A run in numbers: means with intervals, slices, costs, requirements, and comparisons with other runs."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from assistant.errors import BadInput
from eval.compare.comparing import PASSED, SEED, UNKNOWN, MeasureKind, Question, compare
from eval.compare.statistics import mean_interval, rate_interval
from eval.report.records import Cost, Mean, Requirement, RunReport, SliceMeans
from eval.runs.reading import Run
from eval.runs.records import CaseScore, TurnAnswer

MEASURES_IN_SLICES = 5
"""Columns of the table of slices besides passed: the first that the run has."""


def summarise_run(
    run: Run, others: Sequence[Run], kinds: Mapping[str, MeasureKind], required: Mapping[str, float] | None = None
) -> RunReport:
    """Everything that is reckoned for a report.

    Args:
        run: the run that the report is about.
        others: baselines or variants; the run is compared with each.
        kinds: what is known of the measures, in the order to show them.
        required: measure -> the bound that it must keep; whether at least or at most is the measure's own direction.

    Raises:
        BadInput: a requirement names a measure that has no good direction, or runs have no case in common.
    """
    scores = run.scores.cases
    means = _means(scores, kinds)
    passed = passed_mean(scores)
    turns = [turn for answer in run.answers.values() for turn in answer.turns]
    return RunReport(
        run=run.name,
        suite=run.scores.suite,
        cases=len(scores),
        cached=sum(answer.cached for answer in run.answers.values()),
        unanswered=[answer.case for answer in run.answers.values() if any(turn.error for turn in answer.turns)],
        passed=passed,
        failed=[score.case for score in scores if not score.passed],
        requirements=_requirements([passed, *means], run.scores.whole, kinds, required or {}),
        means=means,
        whole=run.scores.whole,
        slices=_slices(scores, means),
        seconds=_seconds(turns),
        tokens=_tokens(turns),
        against=[compare(other, run, Question(kinds)) for other in others],
    )


def passed_mean(scores: Sequence[CaseScore]) -> Mean:
    """The share of cases that passed, with Wilson's interval."""
    passed = sum(score.passed for score in scores)
    interval = rate_interval(passed, len(scores))
    return Mean(
        measure=PASSED,
        description="share of cases with every check passed",
        unit="share",
        cases=len(scores),
        mean=passed / len(scores) if scores else 0.0,
        low=interval and interval.low,
        high=interval and interval.high,
    )


def _means(scores: Sequence[CaseScore], kinds: Mapping[str, MeasureKind]) -> list[Mean]:
    present = {name for score in scores for name in score.values}
    names = [*(name for name in kinds if name in present), *sorted(present - set(kinds))]
    return [_mean(name, scores, kinds.get(name, UNKNOWN)) for name in names]


def _mean(name: str, scores: Sequence[CaseScore], kind: MeasureKind) -> Mean:
    values = [score.values[name] for score in scores if name in score.values]
    interval = mean_interval(values, seed=SEED)
    return Mean(
        measure=name,
        description=kind.description,
        unit=kind.unit,
        better=kind.better,
        cases=len(values),
        mean=float(np.mean(values)),
        low=interval and interval.low,
        high=interval and interval.high,
    )


def _slices(scores: Sequence[CaseScore], means: Sequence[Mean]) -> list[SliceMeans]:
    """By tag; the lowest pass rate first, and of equal ones the one with more cases."""
    shown = [one for one in means if one.better != "none"][:MEASURES_IN_SLICES]
    by_tag: defaultdict[str, list[CaseScore]] = defaultdict(list)
    for score in scores:
        for tag in dict.fromkeys(score.tags):
            by_tag[tag].append(score)
    slices = [
        SliceMeans(
            tag=tag,
            cases=len(part),
            passed=passed_mean(part),
            means={
                kind.measure: _mean(kind.measure, part, kind)
                for kind in shown
                if any(kind.measure in score.values for score in part)
            },
        )
        for tag, part in by_tag.items()
    ]
    return sorted(slices, key=lambda one: (one.passed.mean, -one.cases, one.tag))


def _seconds(turns: Iterable[TurnAnswer]) -> list[Cost]:
    """The whole turn, the wait for the first sign of life, then each stage, longest first."""
    taken: defaultdict[str, list[float]] = defaultdict(list)
    whole: defaultdict[str, list[float]] = defaultdict(list)
    for turn in turns:
        whole["whole turn"].append(turn.seconds)
        if turn.first_event_seconds is not None:
            whole["until the first event"].append(turn.first_event_seconds)
        for stage, seconds in turn.stages.items():
            taken[stage].append(seconds)
    stages = sorted((_cost(*one) for one in taken.items()), key=lambda cost: -cost.total)
    return [*(_cost(*one) for one in whole.items()), *stages]


def _tokens(turns: Iterable[TurnAnswer]) -> list[Cost]:
    usages = [turn.reply.usage for turn in turns if turn.reply is not None]
    if not usages:
        return []
    return [
        _cost("model calls", [usage.llm_calls for usage in usages]),
        _cost("prompt tokens", [usage.prompt_tokens for usage in usages]),
        _cost("of them read from the cache", [usage.cached_tokens for usage in usages]),
        _cost("completion tokens", [usage.completion_tokens for usage in usages]),
    ]


def _cost(what: str, values: Sequence[float]) -> Cost:
    mean, p95 = float(np.mean(values)), float(np.quantile(values, 0.95))
    return Cost(what=what, turns=len(values), mean=mean, p95=p95, total=math.fsum(values))


def _requirements(
    means: Sequence[Mean], whole: Mapping[str, float], kinds: Mapping[str, MeasureKind], required: Mapping[str, float]
) -> list[Requirement]:
    values = {
        name: Mean(measure=name, better=kinds.get(name, UNKNOWN).better, cases=0, mean=whole[name]) for name in whole
    }
    values |= {one.measure: one for one in means}
    return [_requirement(name, bound, values.get(name), kinds) for name, bound in required.items()]


def _requirement(name: str, bound: float, mean: Mean | None, kinds: Mapping[str, MeasureKind]) -> Requirement:
    better = mean.better if mean else kinds.get(name, UNKNOWN).better
    if better == "none":
        raise BadInput(f"{name} can't be required: it is not known whether more or less of it is good.")
    sign = 1 if better == "higher" else -1
    ends = [end for end in (mean.low, mean.high) if end is not None] if mean else []
    met = mean is not None and sign * mean.mean >= sign * bound
    return Requirement(
        measure=name,
        bound=bound,
        at="least" if better == "higher" else "most",
        value=mean.mean if mean else None,
        met=met,
        sure=bool(ends) and all((sign * end >= sign * bound) == met for end in ends),
    )
