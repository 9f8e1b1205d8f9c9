"""Two runs held against each other, case by case."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from assistant.errors import BadInput
from eval.compare.records import SHARE, Better, Difference, LeftOut, RunComparison, Slice, Verdict, WholeMeasure
from eval.compare.statistics import (
    ALPHA,
    cases_to_see_flips,
    cases_to_see_mean,
    flips,
    holm,
    mean_interval,
    permutation_p,
)
from eval.runs.reading import Run
from eval.runs.records import CaseScore, RunManifest

SEED = 20_261_122
STAGES = "seconds."
"""Begins the names of measures of single stages, which would only swell the family of tests."""

PASSED = "passed"
PASSED_DESCRIPTION = "share of cases with every check passed"
Pair = tuple[CaseScore, CaseScore]


class MeasureKind(Protocol):
    """What is known of a measure, as the table of measures has it."""

    @property
    def description(self) -> str: ...
    @property
    def better(self) -> Better: ...
    @property
    def unit(self) -> str: ...


class _Unknown:
    """A measure that the table of measures does not have: no way is good."""

    description = ""
    better: Better = "none"
    unit = ""


UNKNOWN: MeasureKind = _Unknown()


@dataclass(frozen=True)
class ComparisonRequest:
    """What is asked of two runs.

    Attributes:
        kinds: what is known of the measures, in the order to show them.
        only: measures to look at instead of all; fewer questions need less correction. Each is also shown by tag.
        detect: the difference that would matter, for passed, for shares and for measures of ``only``; None, and for
            all others, the difference seen.
        seed: of all random numbers.
    """

    kinds: Mapping[str, MeasureKind]
    only: Sequence[str] = ()
    detect: float | None = None
    seed: int = SEED


def compare(before: Run, after: Run, question: ComparisonRequest) -> RunComparison:
    """Compare two runs over the cases that both were asked in the same words; the verdicts are about ``after``.

    Raises:
        BadInput: no case can be compared, neither run has a measure that is asked for, or ``detect`` is no difference.
    """
    if question.detect is not None and not 0 < question.detect < math.inf:
        raise BadInput(f"--detect takes a number above 0, not {question.detect}.")
    shared, left_out = _same_cases(before, after)
    if not shared:
        why = f": {left_out_in_words(left_out, before.name, after.name)}" if left_out.count else "."
        raise BadInput(f"{before.name} and {after.name} have no case that can be compared{why}")
    before_scores, after_scores = before.scored, after.scored
    pairs = [(before_scores[case], after_scores[case]) for case in shared]
    return RunComparison(
        before=before.name,
        after=after.name,
        cases=shared,
        left_out=left_out,
        passed=_passed(pairs, question),
        lost=[a.case for a, b in pairs if a.passed and not b.passed],
        gained=[a.case for a, b in pairs if b.passed and not a.passed],
        measures=_measures(pairs, question),
        slices=_slices(pairs, question),
        whole=_whole(before, after),
        notes=_notes(before, after, left_out),
    )


def _same_cases(before: Run, after: Run) -> tuple[list[str], LeftOut]:
    """Ids in the first run's order whose content is the same in both, and what is left out for which reason."""
    shared: list[str] = []
    before_scores, after_scores = before.scored, after.scored
    left_out = LeftOut(
        only_before=[case for case in before_scores if case not in after_scores],
        only_after=[case for case in after_scores if case not in before_scores],
    )
    same_suite = before.manifest.suite_sha256 == after.manifest.suite_sha256
    for case in (case for case in before_scores if case in after_scores):
        contents = before.content(case), after.content(case)
        if same_suite or (None not in contents and contents[0] == contents[1]):
            shared.append(case)
        else:
            (left_out.unknown if None in contents else left_out.changed).append(case)
    return shared, left_out


def _measures(pairs: Sequence[Pair], question: ComparisonRequest) -> list[Difference]:
    """All measures (or those asked for) but passed; one family."""
    present = {name for pair in pairs for score in pair for name in score.values} - {PASSED}
    unknown = [name for name in question.only if name not in present and name != PASSED]
    if unknown:
        raise BadInput(f"Neither run has the measure {unknown[0]}; they have: passed, {', '.join(sorted(present))}.")
    in_order = measures_in_order(present, question.kinds)
    names = [name for name in question.only or in_order if name != PASSED]
    return list(_family({name: (name, pairs) for name in names}, question).values())


def measures_in_order(present: Collection[str], kinds: Mapping[str, MeasureKind]) -> list[str]:
    """Measures in the order of the table of measures, others after them; seconds of single stages are left out."""
    further = sorted(name for name in present if name not in kinds and not name.startswith(STAGES))
    return [name for name in [*kinds, *further] if name in present and name != PASSED]


def _slices(pairs: Sequence[Pair], question: ComparisonRequest) -> list[Slice]:
    """Passed, and each measure asked for, by tag, worst first; all tags of a measure are one family."""
    slices: list[Slice] = []
    for name in dict.fromkeys([PASSED, *question.only]):
        family = _family({tag: (name, part) for tag, part in _by_tag(pairs).items()}, question)
        of_measure = [Slice(tag=tag, difference=difference) for tag, difference in family.items()]
        slices += sorted(of_measure, key=lambda part: _goodness(part.difference))
    return slices


def _by_tag(pairs: Sequence[Pair]) -> dict[str, list[Pair]]:
    tags = sorted({tag for _, after in pairs for tag in after.tags})
    return {tag: [pair for pair in pairs if tag in pair[1].tags] for tag in tags}


def _family(parts: Mapping[str, tuple[str, Sequence[Pair]]], question: ComparisonRequest) -> dict[str, Difference]:
    """Differences that are looked at together: p-values, verdicts and cases needed are corrected for their number.

    What differs in no case does not count in that number: its test can't be significant (Tarone 1990).

    Args:
        parts: key -> measure and pairs; those in which no case has the measure are left out.
    """
    filled = {key: (name, part) for key, (name, part) in parts.items() if any(_has(name, pair) for pair in part)}
    has_difference = {key: any(_differs(name, pair) for pair in part) for key, (name, part) in filled.items()}
    tests = max(sum(has_difference.values()), 1)
    differences = {key: _difference(name, part, question, tests=tests) for key, (name, part) in filled.items()}
    corrected = holm([differences[key].p for key in differences if has_difference[key]])
    p_holm = dict(zip((key for key in differences if has_difference[key]), corrected, strict=True))
    return {key: _with_p(difference, p_holm.get(key, difference.p)) for key, difference in differences.items()}


def _with_p(difference: Difference, p_holm: float) -> Difference:
    return difference.model_copy(
        update={"p_holm": p_holm, "verdict": _verdict(difference.difference, p_holm, difference.better)}
    )


def _difference(name: str, pairs: Sequence[Pair], question: ComparisonRequest, *, tests: int) -> Difference:
    return _passed(pairs, question, tests=tests) if name == PASSED else _measure(name, pairs, question, tests=tests)


def _passed(pairs: Sequence[Pair], question: ComparisonRequest, *, tests: int = 1) -> Difference:
    """Passed against failed: McNemar's test, and a bootstrap interval of the difference of pass rates."""
    counted = flips([a.passed for a, _ in pairs], [b.passed for _, b in pairs])
    interval = mean_interval([float(b.passed) - float(a.passed) for a, b in pairs], seed=question.seed)
    detect = counted.difference if question.detect is None else question.detect
    return Difference(
        measure=PASSED,
        description=PASSED_DESCRIPTION,
        unit=SHARE,
        better="higher",
        cases=counted.cases,
        before=(counted.both + counted.lost) / counted.cases,
        after=(counted.both + counted.gained) / counted.cases,
        difference=counted.difference,
        low=interval and interval.low,
        high=interval and interval.high,
        p=counted.p_value,
        p_holm=counted.p_value,
        detect=detect or None,
        needed=cases_to_see_flips(counted, detect, tests=tests),
        verdict=_verdict(counted.difference, counted.p_value, "higher"),
    )


def _measure(name: str, pairs: Sequence[Pair], question: ComparisonRequest, *, tests: int) -> Difference:
    """One measure over the cases that have it in both runs; there is at least one."""
    kind = question.kinds.get(name, UNKNOWN)
    having = [(a.values[name], b.values[name]) for a, b in pairs if _has(name, (a, b))]
    differences = [after - before for before, after in having]
    mean = float(np.mean(differences))
    interval = mean_interval(differences, seed=question.seed)
    p_value = permutation_p(differences, seed=question.seed)
    detect = question.detect if question.detect is not None and (kind.unit == SHARE or name in question.only) else mean
    return Difference(
        measure=name,
        description=kind.description,
        unit=kind.unit,
        better=kind.better,
        cases=len(having),
        in_one_only=sum((name in a.values) != (name in b.values) for a, b in pairs),
        before=float(np.mean([before for before, _ in having])),
        after=float(np.mean([after for _, after in having])),
        difference=mean,
        low=interval and interval.low,
        high=interval and interval.high,
        p=p_value,
        p_holm=p_value,
        detect=detect or None,
        needed=cases_to_see_mean(differences, detect, tests=tests),
        verdict=_verdict(mean, p_value, kind.better),
    )


def _differs(name: str, pair: Pair) -> bool:
    """Whether a case came out differently; what differs in no case can't be significant, however it is corrected."""
    if name == PASSED:
        return pair[0].passed != pair[1].passed
    return _has(name, pair) and pair[0].values[name] != pair[1].values[name]


def _has(name: str, pair: Pair) -> bool:
    """Whether a measure applies to a case in both runs."""
    return name == PASSED or all(name in score.values for score in pair)


def _verdict(difference: float, p_value: float, better: Better) -> Verdict:
    if p_value >= ALPHA or difference == 0:
        return "can't tell"
    if better == "none":
        return "different"
    return "better" if (difference > 0) == (better == "higher") else "worse"


def _goodness(difference: Difference) -> float:
    """The difference with its good direction upwards."""
    return -difference.difference if difference.better == "lower" else difference.difference


def _whole(before: Run, after: Run) -> list[WholeMeasure]:
    """Values of whole runs. They are over all cases of each run, which a note says where those differ."""
    before_values, after_values = before.scores.whole, after.scores.whole
    return [
        WholeMeasure(measure=name, before=before_values.get(name), after=after_values.get(name))
        for name in dict.fromkeys([*before_values, *after_values])
    ]


def _notes(before: Run, after: Run, left_out: LeftOut) -> list[str]:
    """What stands between the two runs besides what was changed on purpose."""
    first, second = before.manifest, after.manifest
    return [
        note
        for applies, note in (
            (left_out.count > 0, left_out_in_words(left_out, before.name, after.name)),
            (
                first.catalogue_sha256 != second.catalogue_sha256,
                "The catalogues differ: the right items may differ too.",
            ),
            (before.scores.k != after.scores.k, f"Ranks are cut at {before.scores.k} and at {after.scores.k}."),
            (first.seed != second.seed, f"The seeds differ: {first.seed} and {second.seed}."),
            (_hardware(first) != _hardware(second), "The machines differ: seconds don't compare."),
        )
        if applies
    ]


def left_out_in_words(left_out: LeftOut, before: str, after: str) -> str:
    """How many cases are not compared, and why."""
    reasons = (
        (left_out.only_before, f"only in {before}"),
        (left_out.only_after, f"only in {after}"),
        (left_out.changed, "changed between the two"),
        (left_out.unknown, "not known to be the same, as a run did not keep what was asked"),
    )
    counts = ", ".join(f"{len(cases)} {reason}" for cases, reason in reasons if cases)
    return f"{left_out.count} cases are left out: {counts}."


def _hardware(manifest: RunManifest) -> dict[str, Any]:
    """The machine without what changes from minute to minute."""
    return {key: value for key, value in manifest.machine.items() if not key.startswith("load")}
