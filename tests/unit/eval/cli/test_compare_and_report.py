"""``assistant eval compare`` and ``assistant eval report`` as a user gives them."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from junitparser import JUnitXml

from assistant.cli import main
from tests.unit.eval.made_runs import Made, make_run

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run a command of ``assistant eval`` over two runs: exit code, standard output, standard error."""
    runs = tmp_path / "home" / "eval" / "runs"
    make_run(runs / "old", [Made(f"case-{n}", passed=n > 8, values={"ndcg": n / 20}) for n in range(20)])
    make_run(runs / "new", [Made(f"case-{n}", passed=n != 19, values={"ndcg": n / 20 + 0.1}) for n in range(20)])
    half = make_run(runs / "half", [Made("case-1"), Made("case-2")]).folder
    (half / "answers.jsonl").write_text("", encoding="utf-8")
    monkeypatch.setenv("ASSISTANT_HOME", str(tmp_path / "home"))

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["assistant", "eval", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        output = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, output.out, output.err

    return run


def test_compare_says_the_verdict_first_then_the_tables_and_the_flipped_cases(call: Call) -> None:
    code, out, err = call("compare", "old", "new")
    assert (code, err) == (0, "")
    assert out.startswith("new is better than old in passing: 0.950 against 0.550 (+0.400,")
    rows = {line.split()[0]: line for line in out.splitlines()[1:] if line.split()}
    assert rows["ndcg"].rstrip().endswith("better")
    assert "passed [text]" in out
    assert "Lost: case-19\n" in out
    assert "Gained: case-0, case-1," in out


def test_compare_in_json_is_one_object(call: Call) -> None:
    code, out, _ = call("compare", "new", "old", "--measure", "ndcg", "--detect", "0.05", "--json")
    comparison = json.loads(out)
    assert code == 0
    assert (comparison["before"], comparison["after"], comparison["passed"]["verdict"]) == ("new", "old", "worse")
    assert [(measure["measure"], measure["detect"]) for measure in comparison["measures"]] == [("ndcg", 0.05)]


def test_compare_writes_both_runs_beside_each_other(call: Call, tmp_path: Path) -> None:
    code, _, _ = call("compare", "old", "new", "--html", str(tmp_path / "reports" / "difference.html"))
    page = (tmp_path / "reports" / "difference.html").read_text(encoding="utf-8")
    assert code == 0
    assert page.startswith("<!doctype html>")
    assert page.index("case-19") < page.index("case-18")


def test_report_writes_a_page_xml_and_markdown(call: Call, tmp_path: Path) -> None:
    files = {kind: tmp_path / f"report.{kind}" for kind in ("html", "junit", "markdown")}
    code, out, err = call(
        "report", "new", "old", *(part for kind, file in files.items() for part in (f"--{kind}", str(file)))
    )
    assert (code, err) == (0, "")
    assert out.startswith("19 of 20 cases passed: 0.950 (95 % interval 0.764 to 0.991).\n")
    assert "new is better than old in passing" in out
    assert "Failed: case-19\n" in out
    assert "Against old" in files["html"].read_text(encoding="utf-8")
    assert [suite.name for suite in JUnitXml.fromfile(str(files["junit"]))] == ["new", "old"]
    assert files["markdown"].read_text(encoding="utf-8").startswith("**new** on made: 19 of 20 cases passed")


def test_a_brief_report_has_the_verdicts_and_says_where_the_page_is(call: Call, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    code, out, _ = call("report", "new", "old", "--brief", "--fail-under", "passed=0.9", "--html", str(page))
    first, requirement, *further_lines = out.splitlines()
    assert code == 0
    assert first.startswith("19 of 20 cases passed")
    assert requirement == "  met: passed at least 0.900, is 0.950"
    _, passing, ranking, *end = further_lines
    assert passing.startswith("new is better than old in passing")
    assert ranking.startswith("new is better than old in ndcg")
    assert end == ["", "Failed: case-19", f"Written: {page}"]


def test_report_in_json_is_one_object(call: Call) -> None:
    code, out, _ = call("report", "new", "--json")
    report = json.loads(out)
    assert (code, report["run"], report["failed"], report["against"]) == (0, "new", ["case-19"], [])


def test_a_missed_threshold_ends_with_1(call: Call) -> None:
    assert call("report", "new", "--fail-under", "passed=0.9")[0] == 0
    code, out, _ = call("report", "new", "--fail-under", "passed=0.99")
    assert code == 1
    assert "missed: passed at least 0.990, is 0.950" in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["compare", "old", "none"], "error: There is no run none. Known: half, new, old."),
        (["compare", "old", "half"], "error: The run half has not ended: 0 of 2 cases are answered; run it again"),
        (["report", "../no-such-run"], "error: There is no run ../no-such-run."),
        (["report", ".."], "error: '..' is no name of a run"),
        (["compare", "old", "new", "--measure", "speed"], "error: Neither run has the measure speed"),
        (["report", "new", "--fail-under", "passed=high"], "error: --fail-under takes MEASURE=NUMBER"),
        (["report", "new", "--html", "/dev/null/report.html"], "error: /dev/null/report.html can't be written"),
        (["compare", "old", "new", "--detect", "nan"], "error: --detect takes a number above 0"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_2(call: Call, arguments: list[str], sentence: str) -> None:
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith(sentence)
    assert err.count("\n") == 1


def test_a_report_of_some_cases_leaves_the_others_out(call: Call) -> None:
    code, out, err = call("report", "new", "--only", "case-19", "--only", "case-3", "--brief")
    assert (code, err) == (0, "")
    assert out.startswith("1 of 2 cases passed")
    code, _, err = call("report", "new", "--only", "tag:none")
    assert code == 2
    assert "has no tag 'none'" in err


def test_failures_are_printed_with_what_was_asked_shown_and_wrong(call: Call) -> None:
    code, out, _ = call("report", "new", "--failures")
    assert code == 0
    assert out.startswith("case-19 [")
    assert "  > " in out
    assert "  ! " in out
    assert "case-3" not in out


def test_hidden_cases_are_counted_and_not_shown(call: Call, tmp_path: Path) -> None:
    code, out, err = call("report", "new", "--hide", "case-19", "--html", str(tmp_path / "page.html"))
    assert (code, err) == (0, "")
    assert out.startswith("19 of 20 cases passed")
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "<strong>case-18</strong>" in page
    assert "<strong>case-19</strong>" not in page
    assert call("report", "new", "--hide", "case-19", "--failures")[1].strip() == ""
