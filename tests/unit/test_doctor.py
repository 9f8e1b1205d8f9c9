"""The doctor's report, also when little is there."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assistant import doctor
from assistant.cli import app
from assistant.settings import Settings, load_settings
from tests.chroma_server import ChromaServer
from tests.chroma_server import chroma_server as chroma_server
from tests.fakes.openai_server import FakeOpenAIServer
from tests.redis_server import RedisServer
from tests.redis_server import redis_server as redis_server


@pytest.fixture
def bare(tmp_path: Path) -> Settings:
    return load_settings(home=tmp_path / "home", llm={"python": str(tmp_path / "none" / "python"), "port": 1})


def line(report: doctor.Report, part: str) -> doctor.Diagnosis:
    return next(check for check in report.checks if check.part == part)


def test_a_bare_home(bare: Settings) -> None:
    report = doctor.examine(bare)
    assert not report.ok
    assert line(report, "Python").state == "present"
    assert line(report, "application packages").state == "present"
    assert "no Python at" in line(report, "vLLM environment").detail
    assert line(report, "model embeddinggemma-300m").mend == "assistant models pull embeddinggemma-300m"
    assert line(report, "catalogue").mend.startswith("assistant ingest")
    assert line(report, "vLLM server").state == "missing"
    assert line(report, "home folder").state == "present"
    assert not bare.home.exists()


def test_the_remote_profile_needs_no_environment(bare: Settings) -> None:
    with FakeOpenAIServer() as server:
        report = doctor.examine(server.settings().model_copy(update={"home": bare.home}))
    assert line(report, "vLLM environment").state == "present"
    assert line(report, "vLLM server").state == "present"
    assert not any("qwen" in check.part for check in report.checks)


def test_servers_of_the_state_and_the_vectors(
    bare: Settings, redis_server: RedisServer, chroma_server: ChromaServer
) -> None:
    for is_there, state in ((True, "present"), (False, "missing")):
        if not is_there:
            redis_server.stop()
            chroma_server.stop()
        settings = load_settings(
            home=bare.home,
            llm=bare.llm.model_dump(),
            chroma_url=chroma_server.url,
            state={"redis": redis_server.url.replace("//", "//:sesame@") if not is_there else redis_server.url},
        )
        report = doctor.examine(settings)
        assert [line(report, name).state for name in ("Redis server", "Chroma server")] == [state, state]
    assert line(report, "Redis server").mend.startswith("redis-server")
    assert line(report, "Chroma server").mend.startswith("chroma run")
    assert "sesame" not in str(report)


def test_a_check_that_fails_is_a_line(bare: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def ill(_settings: Settings) -> None:
        raise RuntimeError("broken file")

    monkeypatch.setattr(doctor, "_models", ill)
    assert line(doctor.examine(bare), "models").detail == "cannot be examined: RuntimeError: broken file"


def test_a_damaged_catalogue_is_a_line(bare: Settings) -> None:
    bare.data_folder.mkdir(parents=True)
    (bare.data_folder / "catalogue.sqlite").write_bytes(b"no database" * 100)
    assert line(doctor.examine(bare), "catalogue").state == "missing"


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    report = doctor.examine(load_settings(home=tmp_path / "file" / "home", llm={"port": 1}))
    assert line(report, "home folder").state == "missing"


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_HOME", str(tmp_path))
    monkeypatch.setenv("ASSISTANT_LLM__PORT", "1")
    told = CliRunner().invoke(app, ["doctor", "--json"])
    assert told.exit_code == 3
    assert json.loads(told.stdout)["ok"] is False
    shown = CliRunner().invoke(app, ["doctor"])
    assert shown.exit_code == 3
    assert "mend it with" in shown.stdout
    assert "Begin with: " in shown.stdout


def test_verdict() -> None:
    from assistant.cli.doctor import verdict

    fine = doctor.Diagnosis("disk", "present", "")
    lacking = doctor.Diagnosis("vLLM server", "missing", "stopped", "assistant llm up")
    assert verdict(doctor.Report([fine])) == "Everything that the main path needs is here."
    assert verdict(doctor.Report([fine, lacking])) == "1 missing. Begin with: assistant llm up"
