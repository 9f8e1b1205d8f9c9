"""JUnit XML: it parses back, and says what a build server needs."""

from pathlib import Path

from junitparser import Error, Failure, JUnitXml, TestSuite

from eval.report.junit import junit_xml
from eval.runs.reading import read_run
from eval.runs.records import CaseAnswer, TurnAnswer
from tests.unit.eval.made_runs import Made, answer_of, make_run


def suites_of(text: str) -> list[TestSuite]:
    return list(JUnitXml.fromstring(text.encode("utf-8")))


def test_a_suite_a_run_and_a_test_case_a_case(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / name, [Made("one"), Made("two", passed=False)]) for name in ("new", "old")]
    first, second = suites_of(junit_xml(runs))
    assert (first.name, first.tests, first.failures, first.errors) == ("new", 2, 1, 0)
    assert (second.name, second.time) == ("old", 3.0)
    passed, failed = first
    assert (passed.name, passed.classname, passed.is_passed, passed.time) == ("one", "made", True, 1.5)
    [failure] = failed.result
    assert isinstance(failure, Failure)
    assert failure.message == "must"
    assert failure.text is not None
    assert failure.text.startswith("turn 1, must: runx-running-shoe is not among the first 3. Expected")


def test_a_case_without_an_answer_is_an_error(tmp_path: Path) -> None:
    make_run(tmp_path / "run", [Made("one"), Made("two", passed=False)])
    unanswered = CaseAnswer(case="two", key="k", turns=[TurnAnswer(error="The server <went> away\x00.")])
    lines = [answer.model_dump_json() + "\n" for answer in (answer_of(Made("one")), unanswered)]
    (tmp_path / "run" / "answers.jsonl").write_text("".join(lines), encoding="utf-8")
    [suite] = suites_of(junit_xml([read_run(tmp_path / "run")]))
    assert (suite.failures, suite.errors) == (0, 1)
    [error] = list(suite)[1].result
    assert isinstance(error, Error)
    assert error.message == "turn 1: The server <went> away\ufffd."
