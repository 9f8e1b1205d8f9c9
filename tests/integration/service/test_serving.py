"""`assistant serve` as a process: how it starts, how it is stopped, and what clients that misbehave leave behind.

No model is in these homes: turns run without encoders, and say so; what counts here is that they begin and end.
"""

import contextlib
import json
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest

from assistant.llm import process as llm_process
from tests.fakes.openai_server import Reply, Request
from tests.integration.service.serve_process import START_SECONDS, Place, Server, place, small_talk
from tests.unit.llm.conftest import FAKE, free_port

__all__ = ["place"]


def silent(_: Request) -> Reply:
    """A model that never answers."""
    return Reply(hang=True)


def test_it_serves_without_models_and_names_each_with_its_command(place: Place) -> None:
    server = place.start("--no-llm")
    said = [line["message"] for line in server.log() if line["level"] == "WARNING"]
    for name in ("whisper-base", "efficientnet-lite2", "embeddinggemma-300m"):
        assert any(f"assistant models pull {name}" in message for message in said), said
    ready = server.client.get("/readyz")
    assert ready.status_code == 503
    assert "assistant models pull embeddinggemma-300m" in ready.json()["parts"]["text"]
    assert ready.json()["parts"]["catalogue"] == ready.json()["parts"]["llm"] == "ok"
    code, seconds = server.stop()
    assert code == 0
    assert seconds < 10


def test_a_port_that_is_taken_is_one_sentence_and_exit_code_3(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = place.start("--no-llm", "--port", str(port), wait=False)
        assert server.process.wait(60) == 3
    (line,) = server.errors.read_text().splitlines()
    assert line.startswith(f"error: Port {port} is in use by another program")
    assert f"--port {port + 1}" in line


def test_a_sessions_file_that_is_none_is_one_sentence_and_exit_code_3(place: Place) -> None:
    (place.folder / "data" / "sessions.sqlite").write_bytes(b"no database at all, but long enough to be one" * 50)
    server = place.start("--no-llm", wait=False)
    assert server.process.wait(60) == 3
    last = server.errors.read_text().splitlines()[-1]
    assert last.startswith("error: ")
    assert "sessions.sqlite" in last
    assert "Traceback" not in server.errors.read_text()


def test_a_stop_lets_a_running_turn_finish(place: Place) -> None:
    place.model.script(lambda body: Reply("A late answer.", delay=1.5))
    server = place.start("--no-llm", bounds="stop_seconds=30")
    session = server.session()
    with server.asking(session, "Hello!") as told:
        code, seconds = server.stop()
    assert code == 0
    assert seconds < 25
    assert told[-1][0] == "done", told
    again = place.start("--no-llm").client.get(f"/api/sessions/{session}").json()
    assert again["turns"] == 1


def test_a_stop_cancels_a_turn_that_takes_too_long_and_tells_its_stream(place: Place) -> None:
    place.model.script(silent)
    server = place.start("--no-llm", bounds="stop_seconds=1")
    with server.asking(server.session(), "Hello!") as told:
        code, seconds = server.stop()
    assert code == 0
    assert 1 <= seconds < 12
    name, data = told[-1]
    assert (name, data["problem"]["detail"]) == ("error", "The turn was stopped.")
    assert not [line for line in server.log() if line["level"] == "ERROR"]


def test_ctrl_c_ends_well_and_a_second_one_quits_at_once(place: Place) -> None:
    idle = place.start("--no-llm")
    assert idle.stop(signal.SIGINT)[0] == 0
    place.model.script(silent)
    busy = place.start("--no-llm", bounds="stop_seconds=60")
    with busy.asking(busy.session(), "Hello!"):
        busy.process.send_signal(signal.SIGINT)
        time.sleep(1)
        assert busy.process.poll() is None
        code, seconds = busy.stop(signal.SIGINT)
    assert code == 130
    assert seconds < 3


def test_a_killed_service_loses_no_finished_turn_and_keeps_nothing_of_the_unfinished(place: Place) -> None:
    server = place.start("--no-llm")
    session = server.session()
    assert server.say(session, "Hello!").status_code == 200
    before = server.client.get(f"/api/sessions/{session}").json()
    place.model.script(silent)
    with server.asking(session, "Thank you!"):
        server.process.kill()
        server.process.wait()
    place.model.script(small_talk)
    after = place.start("--no-llm")
    assert after.client.get(f"/api/sessions/{session}").json() == before
    assert not (place.folder / "data" / "uploads" / ".incoming").exists()
    assert after.say(session, "Hello again!").status_code == 200
    assert after.client.get(f"/api/sessions/{session}").json()["turns"] == 2


def test_a_turn_that_a_full_disk_cannot_keep_is_a_problem_and_the_next_one_is_kept(place: Place) -> None:
    server = place.start("--no-llm")
    session = server.session()
    assert server.say(session, "Hello!").status_code == 200
    before = server.client.get(f"/api/sessions/{session}").json()
    process, wal = psutil.Process(server.process.pid), place.folder / "data" / "sessions.sqlite-wal"
    unlimited = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (wal.stat().st_size, unlimited[1]))  # no file may grow beyond it
    for _ in range(2):
        refused = server.say(session, "Thank you!")
        assert refused.status_code == 503
        assert "it is as it was before" in refused.json()["detail"]
    assert server.client.get(f"/api/sessions/{session}").json() == before
    process.rlimit(psutil.RLIMIT_FSIZE, unlimited)
    assert server.say(session, "Hello again!").status_code == 200
    assert server.client.get(f"/api/sessions/{session}").json()["turns"] == 2
    server.stop()
    assert place.start("--no-llm").client.get(f"/api/sessions/{session}").json()["turns"] == 2


def test_a_thousand_clients_that_vanish_leave_nothing_behind(place: Place) -> None:
    server = place.start("--no-llm", bounds="header_seconds=2, body_seconds=2")
    session = server.session()
    for number in range(300):  # whatever grows with first use, and with many turns at once, has grown
        vanish(server, session, number)
    place.model.script(silent)
    settle(server)
    before = server.measures()
    began = time.monotonic()
    for number in range(1_000):
        vanish(server, session, number)
    settle(server)
    after = server.measures()
    assert time.monotonic() - began < 120
    assert after["assistant_turns_running"] == after["assistant_turn_streams"] == 0
    assert after["assistant_tasks"] <= before["assistant_tasks"] + 2
    # SQLite keeps the files of closed connections while another one holds a lock; 400 of the clients began a turn
    assert after["process_open_fds"] <= before["process_open_fds"] + 120
    grown = after["process_resident_memory_bytes"] - before["process_resident_memory_bytes"]
    assert grown < 64 * 2**20, f"{grown / 2**20:.0f} MiB"
    place.model.script(small_talk)
    assert server.say(session, "Hello!").status_code == 200
    assert server.stop()[0] == 0


def head_of(session: str, body: bytes) -> bytes:
    """The head of a message."""
    return (
        f"POST /api/sessions/{session}/messages HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()


def vanish(server: Server, session: str, number: int) -> None:
    """Connect and go away: at once, within a head, within a body, after a message, or while its stream runs."""
    body = json.dumps({"text": f"Hello {number}!"}).encode()
    head = head_of(session, body)
    sent = (b"", head[:40], head + body[:5], head + body, head + body)[number % 5]
    with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", server.port)) as connection:
        if number % 2:  # a reset instead of an end
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.sendall(sent)
        if number % 5 == 4:
            connection.recv(64)


def settle(server: Server, seconds: float = 60) -> None:
    """Wait until no turn runs and the tasks of what was given up have ended."""
    end = time.monotonic() + seconds
    calm = 0
    while calm < 5:
        assert time.monotonic() < end, server.measures()
        now = server.measures()
        calm = calm + 1 if not now["assistant_turns_running"] and now["assistant_tasks"] < 12 else 0
        time.sleep(0.3)


def test_clients_that_say_too_little_or_take_nothing_are_cut_off(place: Place) -> None:
    server = place.start("--no-llm", bounds="header_seconds=1, send_seconds=2")
    address = ("127.0.0.1", server.port)
    session = server.session()
    assert server.say(session, "Hello!").status_code == 200
    with socket.create_connection(address) as mute, socket.create_connection(address) as halting:
        halting.sendall(b"GET /healthz HT")
        began = time.monotonic()
        mute.settimeout(20)
        halting.settimeout(20)
        assert (mute.recv(1), halting.recv(1)) == (b"", b"")
        assert 0.5 < time.monotonic() - began < 10
    deaf = []
    for _ in range(5):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(address)
        connection.sendall(b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 8)
        deaf.append(connection)
    began = time.monotonic()
    assert server.client.get(f"/api/sessions/{session}").status_code == 200  # the others do not wait for them
    ours = {connection.getsockname()[1] for connection in deaf}
    process = psutil.Process(server.process.pid)
    while any(one.raddr and one.raddr.port in ours for one in process.net_connections("tcp")):
        assert time.monotonic() - began < 60
        time.sleep(0.2)
    for connection in deaf:
        connection.close()


def test_a_head_without_end_is_refused(place: Place) -> None:
    server = place.start("--no-llm")
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ")
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                connection.sendall(b"x" * 4096)
        answer = b""
        with contextlib.suppress(ConnectionError):  # it may be closed with some of what was sent unread
            while part := connection.recv(65536):
                answer += part
    assert answer[:12] in (b"HTTP/1.1 400", b"")
    assert [line for line in server.log() if line["message"] == "Invalid HTTP request received."]
    assert server.client.get("/healthz").status_code == 200


def test_a_stream_that_nobody_reads_holds_up_no_turn(place: Place) -> None:
    server = place.start("--no-llm")
    session, body = server.session(), json.dumps({"text": "Hello!"}).encode()
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        deaf.connect(("127.0.0.1", server.port))
        head = (
            f"POST /api/sessions/{session}/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        )
        deaf.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        end = time.monotonic() + 30
        while server.client.get(f"/api/sessions/{session}").json()["turns"] < 1:
            assert time.monotonic() < end
            time.sleep(0.1)
    assert server.stop()[0] == 0


@pytest.mark.parametrize("by_whom", ["serve", "somebody else"])
def test_vllm_is_stopped_by_who_started_it(place: Place, by_whom: str) -> None:
    managed = managed_vllm(place, "good")
    commands = [sys.executable, "-c", "from assistant.cli import main; main()", "llm"]
    environment = place.environment(free_port(), **managed)
    if by_whom != "serve":
        subprocess.run([*commands, "up"], env=environment, check=True, capture_output=True)
    server = place.start(**managed)
    record = llm_process.read_record(place.folder / "run" / "vllm.json")
    assert record is not None
    assert psutil.pid_exists(record.pid)
    assert server.stop()[0] == 0
    assert alive(record.pid) == (by_whom != "serve")
    subprocess.run([*commands, "down"], env=environment, check=True, capture_output=True)


def test_a_stop_while_vllm_starts_leaves_nothing_running(place: Place) -> None:
    managed = managed_vllm(place, "never")
    server = place.start(wait=False, **managed)
    record, end = None, time.monotonic() + START_SECONDS
    while record is None:
        assert time.monotonic() < end
        record = llm_process.read_record(place.folder / "run" / "vllm.json")
        time.sleep(0.1)
    engine = place.folder / "weights" / "engine.pid"
    while not engine.exists():
        assert time.monotonic() < end
        time.sleep(0.1)
    code, _ = server.stop()
    assert code == 130
    assert not alive(record.pid)
    assert not alive(int(engine.read_text()))


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits for its parent does not."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def managed_vllm(place: Place, mode: str) -> dict[str, object]:
    """Settings whose vLLM is the fake."""
    python, weights = place.folder / "python", place.folder / "weights"
    python.write_text(f"#!{sys.executable}\n{FAKE.read_text()}")
    python.chmod(0o755)
    weights.mkdir()
    return {
        "llm__profile": "cpu",
        "llm__base_url": None,
        "llm__python": python,
        "llm__model": weights,
        "llm__port": free_port(),
        "llm__extra_args": json.dumps(["--fake", mode]),
        "run": place.folder / "run",
    }
