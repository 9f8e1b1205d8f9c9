"""A run as JUnit XML, which build servers read: a suite a run, a test case a case."""

import re
from collections.abc import Iterable

from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite

from eval.runs.reading import Run
from eval.runs.records import CaseScore, Check

NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 can't carry, not even escaped."""


def junit_xml(runs: Iterable[Run]) -> str:
    """The XML of these runs, as text."""
    document = JUnitXml("assistant eval")
    for run in runs:
        document.add_testsuite(_suite(run))
    document.update_statistics()
    return str(document.tostring(), "utf-8")


def _suite(run: Run) -> TestSuite:
    suite = TestSuite(clean(run.name))
    suite.timestamp = run.manifest.started
    suite.add_property("suite", clean(run.scores.suite))
    suite.add_property("variant", clean(run.manifest.variant.name))
    for score in run.scores.cases:
        suite.add_testcase(_case(run, score))
    suite.update_statistics()
    return suite


def _case(run: Run, score: CaseScore) -> TestCase:
    """A case that was not answered is an error, one that failed a check a failure."""
    turns = run.answers[score.case].turns
    case = TestCase(clean(score.case), classname=clean(run.scores.suite), time=sum(turn.seconds for turn in turns))
    errors = [f"turn {number}: {turn.error}" for number, turn in enumerate(turns, start=1) if turn.error]
    failed = [check for check in score.checks if not check.ok]
    if errors:
        case.result = [_with_text(Error(clean(errors[0])), errors)]
    elif not score.passed:
        kinds = ", ".join(dict.fromkeys(check.kind for check in failed))
        case.result = [_with_text(Failure(clean(kinds), "check"), [_in_words(check) for check in failed])]
    return case


def _with_text(result: Error | Failure, lines: Iterable[str]) -> Error | Failure:
    result.text = clean("\n".join(lines))
    return result


def _in_words(check: Check) -> str:
    return f"turn {check.turn + 1}, {check.kind}: {check.detail} Expected {check.expected!r}, got {check.got!r}."


def clean(text: str) -> str:
    """Text that XML can carry; what it can't carry becomes U+FFFD."""
    return NOT_IN_XML.sub("\ufffd", text)
