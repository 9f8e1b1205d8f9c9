"""A run in numbers."""

from pathlib import Path

import pytest

from assistant.errors import BadInput
from eval.report.markdown import markdown
from eval.report.run_page import verdict
from eval.report.summary import summarise_run
from eval.runs.thresholds import Threshold
from tests.unit.eval.made_runs import Kind, Made, make_run

KINDS = {
    "ndcg": Kind("how well the ranking fits"),
    "violations": Kind("items that break a constraint", "lower", "count"),
    "seconds": Kind("time to the last event", "lower", "s"),
}


def some_cases() -> list[Made]:
    """Eight cases: voice fails half of the time, text never."""
    return [
        Made(
            f"case-{n}",
            passed=n != 1 and n != 3,
            tags=("voice",) if n < 4 else ("text",),
            values={"ndcg": n / 8, "violations": float(n == 1), "seconds": 1.0 + n, "seconds.plan": 0.5},
        )
        for n in range(8)
    ]


def test_means_have_intervals_and_stand_in_the_order_of_the_table(tmp_path: Path) -> None:
    report = summarise_run(make_run(tmp_path / "run", some_cases()), [], KINDS)
    assert report.passed.mean == 0.75
    assert report.passed.low == pytest.approx(0.409, abs=0.001), "Wilson's interval of 6 of 8"
    assert [mean.measure for mean in report.means] == ["ndcg", "violations", "seconds"]
    ndcg, violations, _ = report.means
    assert ndcg.low is not None and ndcg.high is not None
    assert ndcg.low < ndcg.mean < ndcg.high
    assert (ndcg.total, violations.total, violations.mean) == (None, 1.0, 0.125)
    assert report.failed == ["case-1", "case-3"]


def test_the_worst_slice_stands_first(tmp_path: Path) -> None:
    report = summarise_run(make_run(tmp_path / "run", some_cases()), [], KINDS)
    assert [(part.tag, part.cases, part.passed.mean) for part in report.slices] == [("voice", 4, 0.5), ("text", 4, 1.0)]
    assert report.slices[0].means["ndcg"].mean == pytest.approx(0.1875)


def test_costs_are_told_by_stage_and_turn(tmp_path: Path) -> None:
    report = summarise_run(make_run(tmp_path / "run", some_cases()), [], KINDS)
    seconds = {cost.what: cost for cost in report.seconds}
    assert list(seconds) == ["whole turn", "until the first event", "plan", "search_by_text"]
    assert (seconds["plan"].turns, seconds["plan"].mean, seconds["plan"].total) == (8, 0.5, 4.0)
    tokens = {cost.what: cost.total for cost in report.tokens}
    assert tokens["model calls"] == 24
    assert tokens["prompt tokens"] == 7200


def test_thresholds_are_met_or_missed_and_said_first(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", some_cases(), whole={"coverage": 0.4})
    thresholds = [
        Threshold("passed", 0.7, over=False), Threshold("seconds", 4.0, over=True),
        Threshold("violations", 0.0, over=True), Threshold("ndcg", 0.05, over=False),
        Threshold("coverage", 0.3, over=False),
    ]  # fmt: skip
    report = summarise_run(run, [], KINDS, thresholds)
    rows = [
        (requirement.measure, requirement.at, requirement.value, requirement.met, requirement.sure)
        for requirement in report.requirements
    ]
    assert rows == [
        ("passed", "least", 0.75, True, False),
        ("seconds", "most", 4.5, False, False),
        ("violations", "most", 1.0, False, None),
        ("ndcg", "least", 0.4375, True, True),
        ("coverage", "least", 0.4, True, None),
    ]
    assert verdict(report) == (
        "6 of 8 cases passed: 0.750 (95 % interval 0.409 to 0.929). Missed: seconds, violations."
    )
    with pytest.raises(BadInput, match="no_such"):
        summarise_run(run, [], KINDS, [Threshold("no_such", 1.0, over=True)])


def test_other_runs_are_what_the_first_is_held_against(tmp_path: Path) -> None:
    run = make_run(tmp_path / "new", [Made(f"case-{n}") for n in range(10)])
    baseline = make_run(tmp_path / "bm25", [Made(f"case-{n}", passed=False) for n in range(10)])
    report = summarise_run(run, [baseline, run], KINDS)
    assert [(comparison.before, comparison.after, comparison.passed.verdict) for comparison in report.against] == [
        ("bm25", "new", "better"), ("new", "new", "can't tell"),
    ]  # fmt: skip


def test_markdown_has_a_table_of_measures_of_slices_and_of_differences(tmp_path: Path) -> None:
    run = make_run(tmp_path / "new", some_cases())
    other = make_run(tmp_path / "old|er", some_cases())
    text = markdown(summarise_run(run, [other], KINDS))
    assert "**new** on made: 6 of 8 cases passed" in text
    assert "| passed | 0.750 | 0.409 to 0.929 | 8 |" in text
    assert "| voice | 4 | 0.500 | 0.188 | 1 | 2.500 |" in text
    assert "| measure | new | old\\|er | difference |" in text
    assert "| passed | 0.750 | 0.750 | 0.000 | – | p = 1.000 | 8 | can't tell |" in text
