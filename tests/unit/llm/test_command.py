"""What `assistant llm` prints."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assistant.cli.llm import app, format_status
from assistant.llm.server import ServerStatus
from assistant.settings import Settings
from tests.fakes.openai_server import FakeOpenAIServer, Reply
from tests.fakes.probed_model import right_answer
from tests.unit.llm.conftest import MakeSettings


@pytest.fixture
def settings(make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    made = make_settings("slow")
    monkeypatch.setattr("assistant.cli.llm.load_settings", lambda: made)
    return made


def test_a_server_s_life(settings: Settings) -> None:
    run = CliRunner()
    assert run.invoke(app, ["status"]).exit_code == 3
    up = run.invoke(app, ["up"])
    assert up.exit_code == 0
    assert up.stdout.startswith("vLLM is ready after ")
    assert "Starting vLLM, 0 s" in up.stderr
    assert run.invoke(app, ["up"]).stdout.startswith("vLLM runs already: ")
    status = run.invoke(app, ["status", "--json"])
    assert status.exit_code == 0
    assert json.loads(status.stdout)["state"] == "ready"
    assert "vLLM server version 0.0.0" in run.invoke(app, ["logs", "-n", "5"]).stdout
    assert run.invoke(app, ["logs", "-n", "0"]).stdout == ""
    assert run.invoke(app, ["down"]).stdout.startswith("Stopped vLLM (")
    assert run.invoke(app, ["down"]).stdout.startswith("Nothing to stop")


def test_the_remote_profile_says_that_nothing_is_managed(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeOpenAIServer() as server:
        made = server.settings()
        monkeypatch.setattr("assistant.cli.llm.load_settings", lambda: made)
        assert "nothing is started here" in CliRunner().invoke(app, ["up"]).stdout
        assert "nothing is managed here" in CliRunner().invoke(app, ["down"]).stdout
        assert CliRunner().invoke(app, ["status"]).exit_code == 0
    assert CliRunner().invoke(app, ["status"]).exit_code == 3
    assert CliRunner().invoke(app, ["logs"]).exit_code != 0


def test_status_in_words() -> None:
    text = format_status(
        ServerStatus("stopped", "cpu", "m", "http://h/v1", detail="Port 1 is in use by another program")
    )
    assert text.splitlines() == [
        "server    stopped",
        "profile   cpu",
        "model     m",
        "address   http://h/v1",
        "note      Port 1 is in use by another program.",
        "start it  assistant llm up",
    ]


def test_a_probe_is_kept_and_repeated_only_when_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeOpenAIServer(right_answer) as server:
        made = server.settings(probe=True).model_copy(update={"home": tmp_path})
        monkeypatch.setattr("assistant.cli.llm.load_settings", lambda: made)
        first = CliRunner().invoke(app, ["up"])
        assert "40 tasks" in first.stdout
        assert "40 of 40" in first.stderr
        asked = len(server.requests)
        assert "tasks" not in CliRunner().invoke(app, ["up"]).stdout
        assert len(server.requests) == asked
        again = CliRunner().invoke(app, ["probe", "--json"])
        assert json.loads(again.stdout)["steps"] == dict.fromkeys(["plans", "asks", "ranks", "explains"], True)
        assert len(server.requests) == 2 * asked


def test_a_server_that_fails_in_the_probe_is_up_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeOpenAIServer([Reply(status=500)]) as server:
        made = server.settings(probe=True).model_copy(update={"home": tmp_path})
        monkeypatch.setattr("assistant.cli.llm.load_settings", lambda: made)
        up = CliRunner().invoke(app, ["up"])
    assert up.exit_code == 0
    assert "assistant llm probe" in up.stderr
    assert not (tmp_path / "probed.json").exists()
