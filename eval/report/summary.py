"""A run in numbers: means with intervals, slices, costs, requirements, and comparisons with other runs."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from eval.compare.comparing import (
    PASSED,
    PASSED_DESCRIPTION,
    SEED,
    UNKNOWN,
    ComparisonRequest,
    MeasureKind,
    compare,
    measures_in_order,
)
from eval.compare.records import SHARE
from eval.compare.statistics import mean_interval, rate_interval
from eval.measures.scoring import summarise
from eval.report.records import Cost, Mean, Requirement, RunReport, SliceMeans
from eval.runs.reading import Run
from eval.runs.records import CaseScore, TurnAnswer
from eval.runs.thresholds import Threshold

COUNT = "count"
"""The unit of measures that are also added up."""

MAIN = ("ndcg", "intent_accuracy", "tool_recall", "constraint_accuracy", "claims_supported", "violations", "seconds")
"""Columns of the table of slices besides passed: those that the run has."""


def summarise_run(
    run: Run, others: Sequence[Run], kinds: Mapping[str, MeasureKind], thresholds: Sequence[Threshold] = ()
) -> RunReport:
    """Everything that is reckoned for a report.

    Args:
        run: the run that the report is about.
        others: baselines or variants; the run is compared with each.
        kinds: what is known of the measures, in the order to show them.
        thresholds: bounds that measures must keep.

    Raises:
        BadInput: a threshold names a measure that the run does not have, or runs have no case in common.
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
        requirements=[_requirement(threshold, run, [passed, *means]) for threshold in thresholds],
        means=means,
        whole=run.scores.whole,
        slices=_slices(scores, means),
        seconds=_seconds(turns),
        tokens=_tokens(turns),
        against=[compare(other, run, ComparisonRequest(kinds)) for other in others],
    )


def passed_mean(scores: Sequence[CaseScore]) -> Mean:
    """The share of cases that passed, with Wilson's interval."""
    passed = sum(score.passed for score in scores)
    interval = rate_interval(passed, len(scores))
    return Mean(
        measure=PASSED,
        description=PASSED_DESCRIPTION,
        unit=SHARE,
        cases=len(scores),
        mean=passed / len(scores) if scores else 0.0,
        low=interval and interval.low,
        high=interval and interval.high,
    )


def _means(scores: Sequence[CaseScore], kinds: Mapping[str, MeasureKind]) -> list[Mean]:
    present = {name for score in scores for name in score.values}
    return [_mean(name, scores, kinds.get(name, UNKNOWN)) for name in measures_in_order(present, kinds)]


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
        total=math.fsum(values) if kind.unit == COUNT else None,
        low=interval and interval.low,
        high=interval and interval.high,
    )


def _slices(scores: Sequence[CaseScore], means: Sequence[Mean]) -> list[SliceMeans]:
    """By tag; the lowest pass rate first, and of equal ones the one with more cases."""
    main_means = [mean for mean in means if mean.measure in MAIN]
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
                for kind in main_means
                if any(kind.measure in score.values for score in part)
            },
        )
        for tag, part in by_tag.items()
    ]
    return sorted(slices, key=lambda part: (part.passed.mean, -part.cases, part.tag))


def _seconds(turns: Iterable[TurnAnswer]) -> list[Cost]:
    """The whole turn, the wait for the first sign of life, then each stage, longest first."""
    by_stage: defaultdict[str, list[float]] = defaultdict(list)
    whole: defaultdict[str, list[float]] = defaultdict(list)
    for turn in turns:
        whole["whole turn"].append(turn.seconds)
        if turn.first_event_seconds is not None:
            whole["until the first event"].append(turn.first_event_seconds)
        for stage, seconds in turn.stages.items():
            by_stage[stage].append(seconds)
    stages = sorted((_cost(*entry) for entry in by_stage.items()), key=lambda cost: -cost.total)
    return [*(_cost(*entry) for entry in whole.items()), *stages]


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


def _cost(name: str, values: Sequence[float]) -> Cost:
    mean, p95 = float(np.mean(values)), float(np.quantile(values, 0.95))
    return Cost(what=name, turns=len(values), mean=mean, p95=p95, total=math.fsum(values))


def _requirement(threshold: Threshold, run: Run, means: Sequence[Mean]) -> Requirement:
    """Whether a threshold is met, and whether its measure's whole interval lies on that side.

    Raises:
        BadInput: the run has no such measure.
    """
    values = summarise(run.scores)
    met = threshold.missed(values) is None
    means = [mean for mean in means if mean.measure == threshold.measure and mean.total is None]
    ends = [end for mean in means for end in (mean.low, mean.high) if end is not None]
    return Requirement(
        measure=threshold.measure,
        bound=threshold.bound,
        at="most" if threshold.over else "least",
        value=values[threshold.measure],
        met=met,
        sure=all((threshold.missed({threshold.measure: end}) is None) == met for end in ends) if ends else None,
    )
