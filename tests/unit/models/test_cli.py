"""assistant models: what the commands print and the codes they end with."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assistant.cli.models import app
from assistant.errors import BadInput, ModelMissing, PullError

from ...fakes.toy_model import Shelf

runner = CliRunner()


@pytest.fixture
def home(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Environment of a home in which nothing is, and a registry with the toy."""
    monkeypatch.setenv("ASSISTANT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ASSISTANT_MODELS__REGISTRY", str(shelf.write_registry(tmp_path / "registry.json")))
    monkeypatch.setenv("ASSISTANT_TEXT__MODEL", "toy")
    return tmp_path / "home"


def row(name: str) -> dict:
    answer = runner.invoke(app, ["list", "--json"])
    return next(row for row in json.loads(answer.stdout)["models"] if row["name"] == name)


def test_list_shows_state_and_the_command_that_mends(home: Path) -> None:
    answer = runner.invoke(app, ["list"])
    assert answer.exit_code == 0
    assert "efficientnet-lite2" in answer.stdout
    assert "fetch with: assistant models pull" in answer.stdout
    assert (row("toy")["state"], row("toy")["needed"], row("toy")["licence"]) == ("absent", True, "MIT")


def test_pull_from_a_folder_then_path_and_verify(home: Path, shelf: Shelf) -> None:
    answer = runner.invoke(app, ["pull", "toy", "--from", str(shelf.folder)])
    assert answer.exit_code == 0
    assert answer.stdout == ""
    assert answer.stderr.splitlines()[-1] == f"toy: ready in {home / 'models' / 'toy'}"
    assert runner.invoke(app, ["path", "toy"]).stdout == f"{home / 'models' / 'toy'}\n"
    assert row("toy")["state"] == "ready"
    checked = runner.invoke(app, ["verify", "toy", "--json"])
    assert json.loads(checked.stdout) == {"models": [{"name": "toy", "problem": None}]}


def test_verify_tells_damage_and_how_to_mend_it(home: Path, shelf: Shelf) -> None:
    runner.invoke(app, ["pull", "toy", "--from", str(shelf.folder)])
    (home / "models" / "toy" / "weights.bin").write_bytes(b"x" * len(shelf.content))
    answer = runner.invoke(app, ["verify", "toy"])
    assert answer.stdout == "toy: weights.bin is not what the manifest says\n"
    assert isinstance(answer.exception, PullError)
    assert str(answer.exception) == "Not sound: toy; mend with: assistant models pull toy"
    assert answer.exception.exit_code == 3
    assert row("toy")["state"] == "damaged, see its DAMAGED.txt"


def test_verify_without_names_looks_at_what_is_needed(home: Path) -> None:
    answer = runner.invoke(app, ["verify", "--json"])
    problems = {result["name"]: result["problem"] for result in json.loads(answer.stdout)["models"]}
    assert problems["toy"] == "absent"
    assert "smollm2-135m-instruct" not in problems


@pytest.mark.parametrize("command", ["pull", "verify", "path"])
def test_unknown_name_lists_the_known(home: Path, command: str) -> None:
    answer = runner.invoke(app, [command, "nope"])
    assert isinstance(answer.exception, BadInput)
    assert "known: " in str(answer.exception)


def test_path_of_an_absent_model_says_how_to_fetch_it(home: Path) -> None:
    answer = runner.invoke(app, ["path", "whisper-base"])
    assert isinstance(answer.exception, ModelMissing)
    assert str(answer.exception).endswith("fetch it with: assistant models pull whisper-base")


def test_interrupt_is_said_and_ends_with_130(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("assistant.models.pull", interrupted)
    answer = runner.invoke(app, ["pull", "toy"])
    assert answer.exit_code == 130
    assert "the same command goes on from there" in answer.stderr
