"""The built-in suite `smoke` on the real models and real vLLM, as commands.

What a small model says is its own; what must hold of every answer, whatever it says, is checked here.
"""

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml

from assistant.settings import load_settings
from eval.sample import sample_folder
from tests.e2e.conftest import RealServer
from tests.integration.bad_input.conftest import PROGRAM, Ended

pytestmark = [pytest.mark.models, pytest.mark.vllm]

PROMISES = ["exists", "price", "violation", "claims"]
"""Kinds of checks that every answer is held to, whatever was asked."""

Eval = Callable[..., Ended]


@dataclass(frozen=True)
class Done:
    """A run of the suite, and the command line that it was made with."""

    eval: Eval
    told: dict[str, Any]

    @property
    def folder(self) -> Path:
        return Path(self.told["folder"])

    def lines(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / name).read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def done(vllm_server: RealServer, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The suite, run once in a home of its own with the models and the sample of the real one."""
    home = tmp_path_factory.mktemp("home")
    (home / "models").symlink_to(load_settings().models_folder)
    (home / "sample").symlink_to(sample_folder(load_settings()))
    environment = vllm_server.environment | {"ASSISTANT_HOME": str(home), "ASSISTANT_DATA": str(home / "data")}

    def run_eval(*arguments: str | Path) -> Ended:
        command = [str(PROGRAM), "eval", *map(str, arguments)]
        ended = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    return Done(run_eval, run_smoke(run_eval))


def run_smoke(run_eval: Eval) -> dict[str, Any]:
    ended = run_eval("run", "smoke", "--json")
    assert ended.code == 0, ended
    (told,) = json.loads(ended.stdout)["runs"]
    assert isinstance(told, dict)
    return told


def test_every_case_is_answered_by_the_model_and_every_promise_kept(done: Done) -> None:
    checks = [
        check for case in json.loads((done.folder / "scores.json").read_text())["cases"] for check in case["checks"]
    ]
    assert {check["kind"] for check in checks} >= set(PROMISES)
    assert [check for check in checks if check["kind"] in (*PROMISES, "injection") and not check["ok"]] == []
    measures = done.told["measures"]
    assert (measures["cases"], measures["unanswered"], done.told["cached"]) == (10, 0, 0)
    assert measures["model_calls"] > 1
    assert (measures["invented_items"], measures["violations"], measures["unsupported_claims"]) == (0, 0, 0)
    turns = [turn for answer in done.lines("answers.jsonl") for turn in answer["turns"]]
    assert [turn["model_failures"] for turn in turns] == [0] * 12


def test_the_report_is_written_for_people_and_for_build_servers(done: Done, tmp_path: Path) -> None:
    page, xml = tmp_path / "report.html", tmp_path / "junit.xml"
    ended = done.eval("report", done.folder.name, "--html", page, "--junit", xml, "--fail-over", "invented_items=0")
    assert ended.code == 0, ended
    assert "met: invented_items at most" in ended.stdout
    assert page.read_text("utf-8").startswith("<!doctype html>")
    (suite,) = JUnitXml.fromfile(str(xml))
    assert (suite.tests, suite.errors, suite.failures) == (10, 0, len(done.told["failed"]))


def test_a_second_run_asks_the_model_nothing(done: Done) -> None:
    """Under another name, so that every answer must come from the cache; a server that is gone could not be asked."""
    ended = done.eval("run", "smoke", "--name", "again", "--json")
    assert ended.code == 0, ended
    (again,) = json.loads(ended.stdout)["runs"]
    assert (again["run"], again["cached"]) == ("again", 10)
    assert again["measures"] == done.told["measures"]
