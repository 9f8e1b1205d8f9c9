"""Starting, finding again and stopping the server, over a fake vLLM."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from assistant.errors import LLMUnavailable, ModelMissing, ProductError, ServiceMissing
from assistant.llm import process, server
from assistant.settings import Settings, load_settings
from tests.fakes.openai_server import FakeOpenAIServer
from tests.unit.llm.conftest import MakeSettings, engine_pid


def is_running(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def record_of(settings: Settings) -> process.ServerRecord:
    record = process.read_record(server.record_path(settings))
    assert record is not None
    return record


def test_starts_once_and_stops_everything(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings("slow")
    seen: list[str] = []
    first = server.up(settings, lambda _seconds, doing: seen.append(doing))
    again = server.up(settings)
    assert (first.state, first.already_running, again.already_running) == ("ready", False, True)
    assert first.pid == again.pid == server.status(settings).pid == record_of(settings).pid
    assert "vLLM server version 0.0.0" in seen
    assert first.processes == 2
    assert os.getsid(engine_pid(tmp_path)) == first.pid
    stopped = server.down(settings)
    assert stopped is not None
    assert stopped.pid == first.pid
    assert not is_running(first.pid or 0)
    assert not is_running(engine_pid(tmp_path))
    assert not server.record_path(settings).exists()
    assert server.status(settings).state == "stopped"
    assert server.down(settings) is None


def test_two_at_once_start_one(make_settings: MakeSettings) -> None:
    settings = make_settings("slow")
    states: list[server.ServerStatus] = []
    threads = [threading.Thread(target=lambda: states.append(server.up(settings))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({state.pid for state in states}) == 1
    assert sorted(state.already_running for state in states) == [False, True, True]


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        ("dies", "ValueError: Available memory on node 0 is less than requested. Log: .*vllm.log$"),
        ("killed", "ended by SIGKILL, perhaps for lack of memory. Log: "),
        ("never", r"not ready after \d+ s .*last at: vLLM server version 0.0.0. Log: "),
        ("unhealthy", r"not ready after \d+ s"),
    ],
)
def test_a_start_that_fails_says_why_and_leaves_nothing(
    make_settings: MakeSettings, tmp_path: Path, mode: str, says: str
) -> None:
    settings = make_settings(mode, start_seconds=1)
    with pytest.raises(LLMUnavailable, match=says) as caught:
        server.up(settings)
    assert "\n" not in str(caught.value)
    assert not server.record_path(settings).exists()
    if mode != "dies":
        assert not is_running(engine_pid(tmp_path))


def test_one_that_ignores_the_request_to_end_is_made_to(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings("stubborn")
    server.up(settings)
    record = record_of(settings)
    process.stop(record, grace_seconds=0.3)
    assert not is_running(record.pid)
    assert not is_running(engine_pid(tmp_path))


def test_an_engine_whose_server_was_killed_is_found_and_ended(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings()
    first = server.up(settings)
    os.kill(first.pid or 0, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(first.pid)], timeout=5)
    engine = engine_pid(tmp_path)
    assert is_running(engine)
    assert server.status(settings).state == "failed"
    second = server.up(settings)
    assert second.pid != first.pid
    assert not is_running(engine)


def test_a_reused_process_id_is_not_ours(make_settings: MakeSettings) -> None:
    settings = make_settings()
    server.up(settings)
    record = record_of(settings)
    server.down(settings)
    stranger = subprocess.Popen(["sleep", "100"], start_new_session=True)
    try:
        process.write_record(
            server.record_path(settings), replace(record, pid=stranger.pid, created=record.created - 99)
        )
        assert server.status(settings).state == "failed"
        assert server.down(settings) is None
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_after_a_restart_of_the_machine_process_ids_mean_nothing(make_settings: MakeSettings) -> None:
    settings = make_settings()
    server.up(settings)
    record = record_of(settings)
    process.write_record(server.record_path(settings), replace(record, boot="another"))
    assert server.status(settings).state == "failed"
    assert process.members(record_of(settings)) == []
    process.write_record(server.record_path(settings), record)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}'])
def test_a_broken_record_counts_as_none(make_settings: MakeSettings, content: str) -> None:
    settings = make_settings()
    settings.run_folder.mkdir(parents=True)
    server.record_path(settings).write_text(content)
    assert server.status(settings).state == "stopped"
    assert server.down(settings) is None


def test_a_foreign_program_on_the_port(make_settings: MakeSettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings = make_settings(port=other.getsockname()[1])
        with pytest.raises(
            LLMUnavailable, match=rf"^Port \d+ is in use by another program \(.*{os.getpid()}\); free it, or"
        ):
            server.up(settings)
        assert "in use by another program" in server.status(settings).detail


def test_a_foreign_server_with_the_same_model_is_not_adopted(make_settings: MakeSettings) -> None:
    model = make_settings().llm.model
    with FakeOpenAIServer(model=model or "") as other:
        settings = make_settings(port=other.port)
        with pytest.raises(LLMUnavailable, match="in use by another program"):
            server.up(settings)
        assert not server.status(settings).answers


def test_another_model_than_the_one_that_runs(make_settings: MakeSettings, tmp_path: Path) -> None:
    first = server.up(make_settings())
    (tmp_path / "other").mkdir()
    other = make_settings(model=str(tmp_path / "other"))
    with pytest.raises(LLMUnavailable, match="change over with: assistant llm down && assistant llm up"):
        server.up(other)
    seen = server.status(other)
    assert (seen.pid, seen.model) == (first.pid, first.model)
    assert "the settings ask for" in seen.detail


def test_missing_parts(tmp_path: Path, make_settings: MakeSettings) -> None:
    with pytest.raises(ModelMissing, match=r"assistant models pull qwen2\.5-coder-0\.5b-instruct"):
        server.up(make_settings(model=None))
    with pytest.raises(ServiceMissing, match="no Python at"):
        server.up(make_settings(python=tmp_path / "nowhere" / "python"))


def test_missing_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("assistant.llm.profiles.project_folder", lambda: tmp_path)
    for profile, mend in (("cpu", "make setup"), ("gpu", "make setup-gpu")):
        with pytest.raises(ServiceMissing, match=f"is not here; make it with: {mend}$"):
            server.up(load_settings(home=tmp_path, llm={"profile": profile}))


def test_interrupting_the_wait_stops_what_was_started(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings("never")
    code = (
        "import os; from assistant.settings import load_settings; from assistant.llm import server\n"
        f"server.up(load_settings(home={str(settings.home)!r}, llm={settings.llm.model_dump(mode='json')!r}))"
    )
    waiting = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)
    while not (server.record_path(settings).exists() and (tmp_path / "weights" / "engine.pid").exists()):
        time.sleep(0.02)
    leader = record_of(settings).pid
    waiting.send_signal(signal.SIGINT)
    _, errors = waiting.communicate(timeout=20)
    assert b"KeyboardInterrupt" in errors
    assert not is_running(leader)
    assert not is_running(engine_pid(tmp_path))
    assert not server.record_path(settings).exists()


def test_stopping_while_another_waits(make_settings: MakeSettings) -> None:
    settings = make_settings("never")
    errors: list[ProductError] = []

    def start() -> None:
        try:
            server.up(settings)
        except ProductError as exc:
            errors.append(exc)

    thread = threading.Thread(target=start)
    thread.start()
    while not server.record_path(settings).exists():
        time.sleep(0.02)
    assert server.down(settings) is not None
    thread.join(timeout=20)
    assert "did not start" in str(errors[0])


def test_remote_manages_nothing() -> None:
    with FakeOpenAIServer() as other:
        settings = other.settings()
        up = server.up(settings)
        assert (up.state, up.answers, up.pid) == ("remote", True, None)
        assert server.down(settings) is None
        wrong = server.status(other.settings(model="missing"))
        assert not wrong.answers
        assert "it offers: fake-model" in wrong.detail
    gone = server.status(settings)
    assert (gone.state, gone.answers) == ("remote", False)
    assert gone.detail


def test_the_log_of_the_start_before_is_kept(make_settings: MakeSettings) -> None:
    settings = make_settings()
    for _ in range(2):
        server.up(settings)
        server.down(settings)
    assert "vLLM server version" in server.log_path(settings).with_suffix(".log.1").read_text()
