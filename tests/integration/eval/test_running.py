"""Whole runs of a small suite: the real encoders over the small shop, and a scripted language model."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from assistant.errors import LLMUnavailable
from assistant.settings import Settings, load_settings
from eval.runs.folder import ANSWERS, MANIFEST, read_answers
from eval.runs.records import CaseAnswer, RunManifest
from eval.runs.run import run_suite
from eval.runs.variants import parse_variant
from eval.suite.catalogue import suite_settings
from eval.suite.load import load_suite
from tests.fakes.openai_server import EVERY_STEP, EVERY_STEP_VARIABLES, FakeOpenAIServer, Reply, Request
from tests.integration.bad_input.conftest import PROGRAM, Ended, ended, obliging

pytestmark = pytest.mark.models

SUITE = """
suite: two
description: Two conversations in a small shop.
catalogue: catalogue.jsonl
cases:
  - id: chair
    tags: [text]
    because: Oak Chair costs 80, Cafe Chair 95.
    turns:
      - {text: a chair under 90 dollars, expect: {first: [oak]}}
      - {text: in black please}
  - id: mug
    tags: [picture]
    because: There is one mug.
    turns:
      - {text: a coffee mug, pictures: [{of: mug, mirror: true}], expect: {first: [mug]}}
"""


@pytest.fixture(scope="session")
def suite_file(shop_file: Path) -> Path:
    """The suite, beside the shop's catalogue."""
    path = shop_file.parent / "two.yaml"
    path.write_text(SUITE, "utf-8")
    return path


@pytest.fixture(scope="session")
def made_home(suite_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the models and the suite's catalogue in it."""
    home = tmp_path_factory.mktemp("home")
    (home / "models").symlink_to(load_settings().models_folder)
    suite_settings(load_suite(str(suite_file)), load_settings(home=home))
    return home


@dataclass(frozen=True)
class Bench:
    """Runs the suite, here or as a command, in a home of its own."""

    home: Path
    suite: Path
    model: FakeOpenAIServer

    @property
    def settings(self) -> Settings:
        remote = {"profile": "remote", "base_url": self.model.base_url, "model": self.model.model}
        return load_settings(home=self.home, data=self.home / "data", llm=remote, turn=EVERY_STEP)

    def run(self, variant: str = "assistant", **options: Any) -> Path:  # noqa: ANN401
        suite = load_suite(str(self.suite))
        return run_suite(suite, parse_variant(variant), self.settings, suite_file=str(self.suite), **options)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        env = os.environ | {
            "ASSISTANT_HOME": str(self.home),
            "ASSISTANT_DATA": str(self.home / "data"),
            "ASSISTANT_LLM__PROFILE": "remote",
            "ASSISTANT_LLM__BASE_URL": self.model.base_url,
            **EVERY_STEP_VARIABLES,
            "ASSISTANT_LLM__MODEL": self.model.model,
        }
        command = [str(PROGRAM), "eval", "run", str(self.suite), *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, env=env)

    def command(self, *arguments: str) -> Ended:
        return ended(self.start(*arguments))

    def runs(self) -> list[Path]:
        return sorted((self.home / "eval" / "runs").glob("*"))


@pytest.fixture
def bench(made_home: Path, suite_file: Path, model: FakeOpenAIServer, tmp_path: Path) -> Bench:
    (tmp_path / "eval").mkdir()
    for name in ("models", "eval/catalogues"):
        (tmp_path / name).symlink_to(made_home / name)
    return Bench(tmp_path, suite_file, model)


def answers(run: Path) -> dict[str, CaseAnswer]:
    return {answer.case: answer for answer in read_answers(run / ANSWERS)}


def is_about_mugs(body: Request) -> bool:
    user_messages = [message["content"] for message in body["messages"] if message["role"] == "user"]
    return "mug" in json.dumps(user_messages[-1]).casefold().rpartition("customer")[2]


@dataclass
class StopsAtMugs:
    """Answers questions about chairs; the first one about mugs is told to the test, and hangs."""

    reached: threading.Event

    def __call__(self, body: Request) -> Reply:
        if "coffee mug" not in body["messages"][-1]["content"]:
            return obliging(body)
        self.reached.set()
        return Reply(hang=True)


def test_every_case_is_answered_and_the_run_says_how_it_was_made(bench: Bench) -> None:
    run = bench.run()
    by_case = answers(run)
    chair, mug = by_case["chair"].turns, by_case["mug"].turns
    assert [turn.error for turn in (*chair, *mug)] == [None] * 3
    assert chair[0].shown == ["oak"]
    assert mug[0].ranking[:3] == mug[0].shown
    assert mug[0].ranking[0] == mug[0].provisional[0] == "mug"
    assert len(mug[0].ranking) > len(mug[0].shown), "the candidates that follow the shown ones are there"
    assert {"describe_image", "search_by_image", "plan", "rank", "explain"} <= set(mug[0].stages)
    assert chair[0].reply and chair[1].reply
    assert chair[0].reply.session_id == chair[1].reply.session_id
    manifest = RunManifest.model_validate_json((run / MANIFEST).read_bytes())
    assert manifest.cases == ["chair", "mug"]
    assert manifest.finished
    assert set(manifest.models) == {"llm", "llm steps", "speech", "picture", "text"}
    assert len(manifest.models["text"].split()[-1]) == 64
    assert "plan" in manifest.prompts
    assert manifest.packages["chromadb"]
    assert manifest.packages["vllm"]


def test_an_unchanged_case_is_not_paid_for_twice(bench: Bench) -> None:
    first = bench.run()
    request_count = len(bench.model.requests)
    assert bench.run() == first
    again = answers(bench.run(name="again"))
    assert len(bench.model.requests) == request_count, "no call of the model"
    assert all(answer.cached for answer in again.values())
    assert {case: a.model_copy(update={"cached": False}) for case, a in again.items()} == answers(first)
    bench.run("other:turn.rounds=4", only=["chair"])
    assert len(bench.model.requests) > request_count


def test_an_answer_that_a_failing_model_spoiled_is_asked_for_again(bench: Bench) -> None:
    def failing(body: Request) -> Reply:
        return Reply(status=500) if is_about_mugs(body) else obliging(body)

    bench.model.script(failing)
    spoiled = answers(bench.run(name="spoiled", parallel=1))
    assert spoiled["mug"].turns[0].model_failures
    assert not any(turn.model_failures for turn in spoiled["chair"].turns)
    bench.model.script(obliging)
    again = answers(bench.run(name="again"))
    assert {case: answer.cached for case, answer in again.items()} == {"chair": True, "mug": False}
    assert not again["mug"].turns[0].model_failures


def test_a_model_that_goes_away_ends_the_run_and_what_it_answered_is_kept(bench: Bench) -> None:
    def leaving(body: Request) -> Reply:
        if is_about_mugs(body):
            bench.model.stop()
            return Reply(reset=True)
        return obliging(body)

    bench.model.script(leaving)
    with pytest.raises(LLMUnavailable, match="does not answer"):
        bench.run(name="left", parallel=1)
    assert list(answers(bench.runs()[0])) == ["chair"]


def test_without_history_each_turn_is_a_conversation_of_its_own(bench: Bench) -> None:
    first, second = answers(bench.run("no-history", only=["chair"]))["chair"].turns
    assert first.reply and second.reply
    assert first.reply.session_id != second.reply.session_id
    assert "max_price" in first.reply.constraints
    assert "max_price" not in second.reply.constraints


def test_a_turn_with_nothing_left_to_say_is_an_answer_with_an_error(bench: Bench) -> None:
    by_case = answers(bench.run("mute:without=text"))
    assert [turn.error for turn in by_case["chair"].turns] == ["Nothing of this turn is left to say."] * 2
    assert by_case["mug"].turns[0].error is None


def test_a_turn_that_fails_does_not_end_the_run(bench: Bench) -> None:
    by_case = answers(bench.run("short:limits.message_characters=13"))
    error = by_case["chair"].turns[0].error
    assert error and "characters" in error
    assert by_case["mug"].turns[0].shown[0] == "mug"


Ending = Callable[["subprocess.Popen[str]"], Ended]


def killed(process: "subprocess.Popen[str]") -> Ended:
    process.kill()
    return ended(process)


def interrupted(process: "subprocess.Popen[str]") -> Ended:
    process.send_signal(signal.SIGINT)
    result = ended(process)
    assert result.code == 130
    assert result.stderr.strip().splitlines()[-1] == "Interrupted; what was finished is kept."
    assert "Traceback" not in result.stderr
    return result


@pytest.fixture(params=[killed, interrupted])
def ending(request: pytest.FixtureRequest) -> Iterator[Ending]:
    yield request.param


def test_an_interrupted_run_goes_on_with_the_same_command(bench: Bench, ending: Ending) -> None:
    stops = StopsAtMugs(threading.Event())
    bench.model.script(stops)
    process = bench.start("--parallel", "1", "--json")
    assert stops.reached.wait(300)
    first_result = ending(process)
    assert first_result.stdout == ""
    (run,) = bench.runs()
    content = (run / ANSWERS).read_bytes()
    assert list(answers(run)) == ["chair"]
    (run / ANSWERS).write_bytes(content + b'{"case": "mu')  # as a kill in the middle of a line leaves it
    bench.model.script(obliging)
    bench.model.requests.clear()
    result = bench.command("--parallel", "1", "--json", "--fail-under", "passed=1")
    assert result.code == 0, result
    assert bench.runs() == [run]
    assert (run / ANSWERS).read_bytes().startswith(content)
    assert list(answers(run)) == ["chair", "mug"]
    requests = [json.dumps(body) for body in bench.model.requests]
    assert not any("in black please" in body for body in requests), "what was answered is not asked again"
    (summary,) = json.loads(result.stdout)["runs"]
    assert (summary["run"], summary["measures"]["cases"], summary["cached"], summary["failed"]) == (run.name, 2, 0, [])


def test_a_threshold_that_is_not_met_ends_with_1(bench: Bench) -> None:
    result = bench.command(
        "--variant", "bm25", "--variant", "random", "--fail-under", "passed=1", "--only", "tag:picture"
    )
    assert result.code == 1, result
    assert "not met: random: passed is 0, under 1" in result.stdout
    assert "not met: bm25" not in result.stdout


def test_a_missing_model_is_said_before_anything_runs(bench: Bench) -> None:
    bench.model.stop()
    result = bench.command()
    assert (result.code, result.stdout) == (3, "")
    assert result.sentence.startswith("error: The language model fake-model at ")
    assert bench.runs() == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--variant", "nonsense"], "There is no variant 'nonsense'"),
        (["--variant", "a:turn.round=4"], "did you mean turn.rounds?"),
        (["--variant", "a:prompts=nowhere"], "no folder with prompts"),
        (["--only", "nobody"], "has no case 'nobody'"),
        (["--only", "tag:nothing"], "has no tag 'nothing'"),
        (["--name", "a/b"], "no name for a run"),
        (["--fail-under", "passed"], "MEASURE=NUMBER"),
        (["--variants", "nowhere.yaml"], "cannot be read"),
    ],
)
def test_wrong_usage_is_one_sentence(bench: Bench, arguments: list[str], reason: str) -> None:
    result = bench.command(*arguments)
    assert (result.code, result.stdout) == (2, "")
    assert reason in result.sentence
