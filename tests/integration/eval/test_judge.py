"""`assistant eval judge` over a run on the disk, with a judge that says what a test wants."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from assistant.errors import BadInput, ConfigError, LLMUnavailable
from eval.cli import app
from eval.judge.judging import PARALLEL
from eval.runs.reading import write_cases
from eval.runs.records import CaseAnswer, RunScores, TurnAnswer
from eval.suite.load import load_suite
from tests.fakes.catalogues import lines, write
from tests.fakes.openai_server import FakeOpenAIServer, Reply, Request
from tests.unit.eval.made_runs import manifest_of

SUITE = """
suite: small
description: Three questions.
catalogue: products.jsonl
cases:
  - {id: chairs, tags: [text], because: two, turns: [{text: a chair, expect: {relevant: {item-0: 3, item-7: 2}}}]}
  - {id: lamps, tags: [text], because: two lamps, turns: [{text: a lamp, expect: {relevant: {item-1: 3, item-8: 1}}}]}
  - {id: sofas, tags: [text], because: two sofas, turns: [{text: a sofa}]}
"""
SHOWN_IDS = {"chairs": ["item-0", "item-3"], "lamps": ["item-8"], "sofas": ["item-2"]}
BY_HAND = {0: 3, 7: 2, 1: 3, 8: 1, 3: 0, 2: 2}
"""Grades by the item's number; the sofa's is the judge's own."""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run of three cases; the settings' home is an empty folder."""
    monkeypatch.setenv("ASSISTANT_HOME", str(tmp_path / "home"))
    write(tmp_path, lines(9))
    file = tmp_path / "small.yaml"
    file.write_text(SUITE)
    suite, folder = load_suite(str(file)), tmp_path / "run"
    folder.mkdir()
    manifest = manifest_of("run", list(SHOWN_IDS), suite_file=str(file))
    (folder / "manifest.json").write_text(manifest.model_dump_json())
    answers = [
        CaseAnswer(case=case, key=case, turns=[TurnAnswer(shown=ids, ranking=ids)]) for case, ids in SHOWN_IDS.items()
    ]
    (folder / "answers.jsonl").write_text("".join(answer.model_dump_json() + "\n" for answer in answers))
    (folder / "scores.json").write_text(RunScores(run="run", suite="small", k=5, cases=[]).model_dump_json())
    write_cases(folder, suite.cases)
    return folder


Judge = Callable[..., Result]


@pytest.fixture
def judge(run: Path) -> Judge:
    """Runs the command."""

    def judge_(server: FakeOpenAIServer, *further: str) -> Result:
        arguments = ["judge", f"{run}/", "--base-url", server.base_url, "--model", server.model, *further]
        return CliRunner().invoke(app, arguments)

    return judge_


def as_by_hand(body: Request) -> Reply:
    """A judge that agrees with the grades by hand."""
    return Reply(json={"reason": "It is so.", "grade": BY_HAND[number(body)]})


def always_wrong(body: Request) -> Reply:
    """A judge that is sure of the contrary."""
    return Reply(json={"reason": "It is not so.", "grade": 3 - BY_HAND[number(body)]})


def number(body: Request) -> int:
    """The number of the item that is asked for."""
    product = json.loads(body["messages"][-1]["content"].rpartition("Product: ")[2])
    return int(product["title"].rpartition(" ")[2])


def test_a_judge_that_agrees_is_believed(judge: Judge, run: Path) -> None:
    with FakeOpenAIServer(as_by_hand) as server:
        result = judge(server, "--json")
        requests = server.requests
    assert result.exit_code == 0, result.exception
    report = json.loads(result.stdout)
    assert report["agreement"] == {"pairs": 5, "kappa": 1.0, "spearman": pytest.approx(1.0)}
    assert (report["believed"], report["mean"], report["shown"], report["failed"]) == (True, 1.5, 4, 0)
    assert len(requests) == 6
    assert requests[0]["response_format"]["json_schema"]["schema"]["properties"]["grade"] == {"enum": [0, 1, 2, 3]}
    stored_report = json.loads(next(run.glob("judge-*.json")).read_text())
    assert stored_report == report


def test_a_judge_that_disagrees_is_not(judge: Judge) -> None:
    with FakeOpenAIServer(always_wrong) as server:
        result = judge(server)
    assert result.stdout.splitlines()[1].startswith("Agreement with the grades by hand: weighted kappa -0.")
    assert "The judge is not believed" in result.stdout
    assert "Mean grade" not in result.stdout


def test_a_judge_that_went_away_goes_on_where_it_was(judge: Judge, run: Path) -> None:
    def failing(body: Request) -> Reply:
        return Reply(status=500) if number(body) == 2 else as_by_hand(body)

    with FakeOpenAIServer(failing) as server:
        broken = judge(server)
        assert isinstance(broken.exception, LLMUnavailable)
        assert "failed with HTTP 500; check --base-url, --model and --key-env" in str(broken.exception)
        judgements_file = next(run.glob("judge-*.jsonl"))
        before = len(judgements_file.read_text().splitlines())
        assert before >= 6 - PARALLEL, "the last is asked when so many have been answered"
        judgements_file.write_text(judgements_file.read_text() + '{"case": "cut o')
        server.script(as_by_hand)
        server.requests.clear()
        result = judge(server, "--json")
        assert len(server.requests) == 6 - before
    assert json.loads(result.stdout)["shown"] == 4
    assert len(judgements_file.read_text().splitlines()) == 6


def test_what_is_no_grade_is_counted_and_asked_again_the_next_time(judge: Judge) -> None:
    def babbling(body: Request) -> Reply:
        return Reply("Well, it depends.") if number(body) == 2 else as_by_hand(body)

    with FakeOpenAIServer(babbling) as server:
        first = judge(server)
        assert "Items without a usable grade: 1." in first.stdout
        server.script(as_by_hand)
        again = judge(server, "--json")
        assert len(server.requests) == 7
    assert json.loads(again.stdout)["failed"] == 0


def test_the_key_comes_from_the_named_variable(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeOpenAIServer(as_by_hand) as server:
        refused = judge(server, "--key-env", "JUDGE_KEY")
        assert isinstance(refused.exception, ConfigError)
        assert (
            str(refused.exception) == "The environment variable JUDGE_KEY is not set; it should hold the judge's key."
        )
        assert server.requests == []
        monkeypatch.setenv("JUDGE_KEY", "secret")
        result = judge(server, "--key-env", "JUDGE_KEY")
        assert {headers["authorization"] for headers in server.headers} == {"Bearer secret"}
    assert "secret" not in result.stdout


def test_a_damaged_file_of_judgements_is_named(judge: Judge, run: Path) -> None:
    with FakeOpenAIServer(as_by_hand) as server:
        judge(server)
        judgements_file = next(run.glob("judge-*.jsonl"))
        judgements_file.write_text('{"nonsense": 1}\n' + judgements_file.read_text())
        result = judge(server)
    assert isinstance(result.exception, BadInput)
    assert str(result.exception) == f"{judgements_file} is damaged; delete it to have the run judged again."
