"""How far a judge agrees with the grades by hand, held against values worked out on paper."""

import pytest

from eval.cli.judge import report_text
from eval.judge.agreement import agreement, report
from eval.judge.judging import judge_prompt
from eval.judge.records import Judgement


def graded(*grades: tuple[int | None, int], shown: bool = True) -> list[Judgement]:
    """Judgements from (grade by hand, the judge's grade)."""
    return [
        Judgement(case=f"case-{n}", turn=0, item="x", shown=shown, label=label, grade=grade)
        for n, (label, grade) in enumerate(grades)
    ]


@pytest.mark.parametrize(
    ("grades", "kappa", "spearman"),
    [
        # squared differences: 2 of 6 observed against 2.5 on average expected, so 1 - (1/3) / 2.5
        ([(0, 0), (1, 1), (2, 2), (3, 2), (3, 3), (0, 1)], 1 - (1 / 3) / 2.5, None),
        ([(0, 3), (1, 2), (2, 1), (3, 0)], -1, -1),
        ([(0, 0), (1, 1), (3, 3)], 1, 1),
        ([(0, 1), (1, 2), (2, 3)], 1 - 1 / (5 / 3 + 14 / 3 - 2 * 1 * 2), 1),
    ],
)
def test_kappa_weighs_by_the_square_of_the_difference(
    grades: list[tuple[int | None, int]], kappa: float, spearman: float | None
) -> None:
    result = agreement(graded(*grades))
    assert result.pairs == len(grades)
    assert result.kappa == pytest.approx(kappa)
    assert spearman is None or result.spearman == pytest.approx(spearman)


@pytest.mark.parametrize("grades", [[], [(3, 3), (3, 3)], [(0, 2), (3, 2)], [(None, 1), (None, 3)]])
def test_agreement_is_not_told_where_one_side_never_varies(grades: list[tuple[int | None, int]]) -> None:
    result = agreement(graded(*grades))
    assert (result.kappa, result.spearman) == (None, None)


def test_what_has_no_grade_by_hand_counts_for_the_mean_and_not_for_the_agreement() -> None:
    judgements = [*graded((0, 0), (3, 3), (None, 3)), *graded((2, 2), shown=False)]
    judge_report = report("run", "a-judge", judge_prompt(), judgements, pairs=6)
    assert judge_report.agreement.pairs == 3
    assert (judge_report.believed, judge_report.mean, judge_report.shown, judge_report.failed) == (True, 2.0, 3, 2)
    assert judge_report.prompt == f"{judge_prompt().version} {judge_prompt().sha256}"


def test_agreement_is_told_before_the_mean() -> None:
    lines = report_text(report("run", "a-judge", judge_prompt(), graded((0, 0), (3, 3)), pairs=2)).splitlines()
    assert lines[1] == "Agreement with the grades by hand: weighted kappa 1.00, Spearman 1.00, 2 items."
    assert lines[2] == "Mean grade of the 2 shown items: 1.50 of 3."


@pytest.mark.parametrize("grades", [[(0, 3), (3, 0)], [(3, 3)], [(0, 1), (1, 0), (2, 3), (3, 1), (0, 2)]])
def test_a_judge_that_agrees_too_little_is_not_believed(grades: list[tuple[int | None, int]]) -> None:
    judge_report = report("run", "a-judge", judge_prompt(), graded(*grades), pairs=len(grades))
    assert not judge_report.believed
    text = report_text(judge_report)
    assert "The judge is not believed: that takes a kappa of 0.6" in text
    assert "Mean grade" not in text
