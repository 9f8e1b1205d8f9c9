"""Two runs held against each other: which cases count, what is said, and what can't be said."""

from pathlib import Path

import numpy as np
import pytest

from assistant.errors import BadInput
from eval.compare.comparing import ComparisonRequest, compare
from eval.compare.words import headline, sentence
from eval.runs.reading import Run
from tests.unit.eval.made_runs import KINDS, Made, make_run


def two_runs(tmp_path: Path, *, gained: int = 0, lost: int = 0, same: int = 0) -> tuple[Run, Run]:
    """Two runs in which so many cases flip or stay."""
    kinds = ["gained"] * gained + ["lost"] * lost + ["same"] * same
    before = [Made(f"case-{n}", passed=kind != "gained") for n, kind in enumerate(kinds)]
    after = [Made(f"case-{n}", passed=kind != "lost") for n, kind in enumerate(kinds)]
    return make_run(tmp_path / "old", before), make_run(tmp_path / "new", after)


def test_enough_gained_cases_are_better_and_named(tmp_path: Path) -> None:
    comparison = compare(*two_runs(tmp_path, gained=9, lost=1, same=10), ComparisonRequest(KINDS))
    assert comparison.passed.verdict == "better"
    assert comparison.passed.difference == pytest.approx(0.4)
    assert comparison.gained == [f"case-{n}" for n in range(9)]
    assert comparison.lost == ["case-9"]
    assert headline(comparison).startswith(
        "new is better than old in passing: 0.950 against 0.550 (+0.400, 95 % interval +"
    )
    assert headline(comparison).endswith("p = 0.021), over 20 cases. 9 cases gained, 1 lost.")


def test_the_other_way_round_it_is_worse(tmp_path: Path) -> None:
    old, new = two_runs(tmp_path, gained=9, lost=1, same=10)
    assert compare(new, old, ComparisonRequest(KINDS)).passed.verdict == "worse"


def test_a_few_flips_tell_nothing_and_the_number_that_would_is_said(tmp_path: Path) -> None:
    comparison = compare(*two_runs(tmp_path, gained=3, lost=1, same=36), ComparisonRequest(KINDS))
    assert comparison.passed.verdict == "can't tell"
    assert "Can't tell with these 40 cases whether new and old differ in passing" in headline(comparison)
    assert "To see a difference of 0.050 takes about 312 cases." in headline(comparison)


def test_the_difference_asked_about_replaces_the_one_seen(tmp_path: Path) -> None:
    comparison = compare(*two_runs(tmp_path, gained=3, lost=1, same=36), ComparisonRequest(KINDS, detect=0.1))
    assert comparison.passed.detect == 0.1
    assert comparison.passed.needed is not None and comparison.passed.needed < 100


def test_runs_without_a_difference_are_never_better(tmp_path: Path) -> None:
    comparison = compare(*two_runs(tmp_path, same=5), ComparisonRequest(KINDS))
    assert comparison.passed.verdict == "can't tell"
    assert (comparison.passed.p, comparison.passed.low, comparison.passed.needed) == (1.0, None, None)
    assert "can't be said" in headline(comparison)


def test_one_case_is_no_evidence(tmp_path: Path) -> None:
    comparison = compare(*two_runs(tmp_path, gained=1), ComparisonRequest(KINDS))
    assert comparison.passed.verdict == "can't tell"
    assert "with this 1 case" in headline(comparison)


def values_run(folder: Path, name: str, values: list[dict[str, float]]) -> Run:
    return make_run(folder / name, [Made(f"case-{n}", values=measures) for n, measures in enumerate(values)])


def test_each_measure_has_a_verdict_in_its_own_direction(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    before = [{"ndcg@5": 0.5 + n, "seconds": 2 + n, "tool_calls": 2.0} for n in draw.normal(0, 0.05, 30)]
    after = [{"ndcg@5": 0.7 + n, "seconds": 3 + n, "tool_calls": 4 + n} for n in draw.normal(0, 0.05, 30)]
    comparison = compare(
        values_run(tmp_path, "old", before), values_run(tmp_path, "new", after), ComparisonRequest(KINDS)
    )
    assert [(difference.measure, difference.verdict) for difference in comparison.measures] == [
        ("ndcg@5", "better"), ("seconds", "worse"), ("tool_calls", "different"),
    ]  # fmt: skip
    better = comparison.measures[0]
    assert better.low is not None and better.high is not None
    assert better.low < better.difference < better.high
    assert better.p_holm == pytest.approx(3 * better.p)
    assert "new differs from old in tool_calls" in sentence(comparison.measures[2], "old", "new")


def test_many_measures_of_noise_are_corrected_for_their_number(tmp_path: Path) -> None:
    draw = np.random.default_rng(12)
    names = [f"noise-{n}" for n in range(20)]
    runs = [
        values_run(tmp_path, run, [dict(zip(names, row, strict=True)) for row in draw.normal(size=(40, 20))])
        for run in ("old", "new")
    ]
    comparison = compare(runs[0], runs[1], ComparisonRequest({}))
    assert min(difference.p for difference in comparison.measures) < 0.05, "some noise looks like something by itself"
    assert {difference.verdict for difference in comparison.measures} == {"can't tell"}


def test_only_cases_that_have_a_measure_in_both_runs_count_for_it(tmp_path: Path) -> None:
    before = values_run(tmp_path, "old", [{"ndcg@5": 0.5}, {"ndcg@5": 0.1}, {}, {}])
    after = values_run(tmp_path, "new", [{"ndcg@5": 0.9}, {}, {"ndcg@5": 0.2}, {}])
    ndcg = compare(before, after, ComparisonRequest(KINDS)).measures[0]
    assert (ndcg.cases, ndcg.in_one_only) == (1, 2)
    assert ndcg.difference == pytest.approx(0.4)
    assert ndcg.verdict == "can't tell"


def test_all_zeros_are_told_without_numbers_that_nobody_knows(tmp_path: Path) -> None:
    before, after = (values_run(tmp_path, name, [{"ndcg@5": 0.0}] * 8) for name in ("old", "new"))
    ndcg = compare(before, after, ComparisonRequest(KINDS)).measures[0]
    assert (ndcg.difference, ndcg.p, ndcg.low, ndcg.high, ndcg.needed) == (0.0, 1.0, None, None, None)


def test_only_cases_of_the_same_content_are_compared(tmp_path: Path) -> None:
    before = make_run(tmp_path / "old", [Made("same"), Made("changed"), Made("gone")])
    after = make_run(
        tmp_path / "new", [Made("changed", text="white shoes"), Made("same"), Made("added")], suite_sha256="s2"
    )
    comparison = compare(before, after, ComparisonRequest(KINDS))
    assert comparison.cases == ["same"]
    assert comparison.left_out.count == 3
    assert "3 cases are left out: 1 only in old, 1 only in new, 1 changed between the two." in comparison.notes


def test_what_was_not_kept_is_not_taken_for_the_same(tmp_path: Path) -> None:
    cases = [Made("one"), Made("two")]
    before = make_run(tmp_path / "old", cases, keep_cases=False)
    again = make_run(tmp_path / "again", cases, keep_cases=False)
    other = make_run(tmp_path / "new", cases, suite_sha256="s2")
    assert compare(before, again, ComparisonRequest(KINDS)).cases == ["one", "two"]
    with pytest.raises(BadInput, match="2 not known to be the same"):
        compare(before, other, ComparisonRequest(KINDS))


def test_runs_without_a_common_case_are_refused(tmp_path: Path) -> None:
    before, after = make_run(tmp_path / "old", [Made("one")]), make_run(tmp_path / "new", [Made("two")])
    with pytest.raises(BadInput, match="no case that can be compared: 2 cases are left out: 1 only in old, 1 only"):
        compare(before, after, ComparisonRequest(KINDS))


def test_slices_are_corrected_for_their_number_and_the_worst_stands_first(tmp_path: Path) -> None:
    tags = [("voice",) if n < 7 else ("photo",) if n < 14 else ("text",) for n in range(21)]
    before = [Made(f"case-{n}", passed=n >= 7, tags=tag) for n, tag in enumerate(tags)]
    after = [Made(f"case-{n}", passed=not 7 <= n < 9, tags=tag) for n, tag in enumerate(tags)]
    comparison = compare(
        make_run(tmp_path / "old", before), make_run(tmp_path / "new", after), ComparisonRequest(KINDS)
    )
    assert [(part.tag, part.difference.cases) for part in comparison.slices] == [
        ("photo", 7),
        ("text", 7),
        ("voice", 7),
    ]
    voice = comparison.slices[2].difference
    assert voice.p == pytest.approx(2 / 2**7)
    assert voice.p_holm == pytest.approx(2 * voice.p), "text differs in no case and does not count"
    assert voice.verdict == "better"


def test_a_measure_asked_for_stands_alone_and_is_shown_by_tag(tmp_path: Path) -> None:
    rows = [{"ndcg@5": n / 10, "seconds": 1.0} for n in range(8)]
    before, after = values_run(tmp_path, "old", rows), values_run(tmp_path, "new", rows)
    comparison = compare(before, after, ComparisonRequest(KINDS, only=["ndcg@5"]))
    assert [part.measure for part in comparison.measures] == ["ndcg@5"]
    assert [part.difference.measure for part in comparison.slices] == ["passed", "ndcg@5"]
    with pytest.raises(BadInput, match="Neither run has the measure speed; they have: passed, ndcg@5, seconds"):
        compare(before, after, ComparisonRequest(KINDS, only=["speed"]))


def test_what_stands_between_two_runs_is_noted(tmp_path: Path) -> None:
    before = make_run(tmp_path / "old", [Made("one")], whole={"coverage": 0.5})
    after = make_run(
        tmp_path / "new", [Made("one")], catalogue_sha256="c2", seed=8, machine={"cores": 4, "load_before": 9.0}
    )
    notes = " ".join(compare(before, after, ComparisonRequest(KINDS)).notes)
    assert "catalogues differ" in notes and "seeds differ: 7 and 8" in notes and "machines differ" in notes
    loaded = make_run(tmp_path / "loaded", [Made("one")], machine={"cores": 2, "load_before": 9.0})
    comparison = compare(before, loaded, ComparisonRequest(KINDS))
    assert comparison.notes == []
    assert [(measure.measure, measure.before, measure.after) for measure in comparison.whole] == [
        ("coverage", 0.5, None)
    ]


def test_the_same_runs_always_give_the_same_comparison(tmp_path: Path) -> None:
    draw = np.random.default_rng(4)
    runs = [values_run(tmp_path, run, [{"ndcg@5": v} for v in draw.normal(size=30)]) for run in ("old", "new")]
    assert compare(*runs, ComparisonRequest(KINDS)) == compare(*runs, ComparisonRequest(KINDS))
