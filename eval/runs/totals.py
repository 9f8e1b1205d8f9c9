"""A run in one number a measure."""

from collections import defaultdict

from eval.runs.records import RunScores


def totals(scores: RunScores) -> dict[str, float]:
    """Measure -> value of the whole run: those over all cases, else the mean over the cases that have it.

    ``passed`` is the share of cases that passed.
    """
    by_measure: defaultdict[str, list[float]] = defaultdict(list)
    for case in scores.cases:
        by_measure["passed"].append(float(case.passed))
        for measure, value in case.values.items():
            by_measure[measure].append(value)
    means = {measure: sum(values) / len(values) for measure, values in by_measure.items()}
    return means | scores.whole
