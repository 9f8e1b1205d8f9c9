"""What a service leaves on the disk, says of its machine, and lets one client take from the others: as a process."""

import contextlib
import json
import socket
import stat
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.integration.privacy.traces import traces_of
from tests.integration.service.doors.conftest import png
from tests.integration.service.test_serving import Place, Server, place, silent, small_talk

__all__ = ["place"]

SECRET = "zanzibarine"


def left(place: Place, picture: bytes) -> list[str]:
    """Files with the secret word, or with the picture."""
    data = place.folder / "data"
    pictures = [str(path) for path in data.rglob("*") if path.is_file() and picture in path.read_bytes()]
    return traces_of(data, [SECRET]) + pictures


@contextlib.contextmanager
def begun(server: Server, session: str, picture: bytes) -> Iterator[None]:
    """While a turn runs whose message has been accepted."""
    form = {"data": {"text": f"{SECRET}, please", "message_id": "m"}, "files": {"images": ("a.png", picture)}}
    path = f"/api/sessions/{session}/messages"
    with contextlib.suppress(httpx.HTTPError), server.client.stream("POST", path, **form) as stream:
        for line in stream.iter_lines():
            if line == "event: accepted":
                break
        yield


def test_a_turn_that_is_stopped_or_killed_leaves_no_word_and_no_picture(place: Place) -> None:
    picture = png("teal")
    server = place.start("--no-llm")
    session = server.session()
    assert server.say(session, "Hello!").status_code == 200
    place.model.script(silent)
    with begun(server, session, picture):
        assert left(place, picture)
        assert server.client.delete(f"/api/sessions/{session}/messages/m").status_code == 204
    assert left(place, picture) == []

    with begun(server, session, picture):
        server.process.kill()
        server.process.wait()
    assert left(place, picture)
    place.model.script(small_talk)
    again = place.start("--no-llm")
    assert left(place, picture) == []
    assert again.say(session, "Hello again!").status_code == 200
    assert again.client.get(f"/api/sessions/{session}").json()["turns"] == 2


def test_a_turn_that_fails_leaves_nothing_either(place: Place) -> None:
    server = place.start("--no-llm")
    session = server.session()
    files = {"images": ("broken.png", png("teal")[:40] + SECRET.encode())}
    answer = server.client.post(f"/api/sessions/{session}/messages", data={"text": SECRET}, files=files)
    assert answer.status_code in (400, 422)
    assert left(place, SECRET.encode()) == []


def test_a_deleted_session_leaves_no_byte_beside_sessions_that_stay(place: Place) -> None:
    picture = png("teal")
    server = place.start("--no-llm")
    stays, goes = server.session(), server.session()
    for n in range(5):
        assert server.say(stays, f"Hello {n}!").status_code == 200
        form = {"data": {"text": f"Hello {SECRET} {n}"}, "files": {"images": ("a.png", picture)}}
        path = f"/api/sessions/{goes}/messages"
        assert server.client.post(path, **form, headers={"Accept": "application/json"}).status_code == 200
    server.client.patch(f"/api/sessions/{goes}", json={"title": f"About {SECRET}"}).raise_for_status()
    assert left(place, picture)
    assert server.client.delete(f"/api/sessions/{goes}").status_code == 204
    assert left(place, picture) == []
    assert server.client.get(f"/api/sessions/{stays}").json()["turns"] == 5


def test_everything_in_the_data_folder_is_for_its_owner_alone(place: Place) -> None:
    data = place.folder / "data"
    data.chmod(0o755)  # as an earlier version made it
    server = place.start("--no-llm")
    session = server.session()
    form = {"data": {"text": "Hello!"}, "files": {"images": ("a.png", png("teal"))}}
    server.client.post(f"/api/sessions/{session}/messages", **form).raise_for_status()
    server.client.post("/api/me/events", json={"events": [{"item_id": "i1", "event": "like"}]}).raise_for_status()
    assert data.stat().st_mode & stat.S_IRWXG == data.stat().st_mode & stat.S_IRWXO == 0
    made_now = [path for path in data.rglob("*") if path.stat().st_ctime >= server.began]
    assert len(made_now) > 3
    assert [path for path in made_now if path.stat().st_mode & 0o077] == []


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"json": {"text": ""}}, 400),
        ({"json": {"text": "x" * 9_000}}, 400),
        ({"json": {"text": "x", "drop_constraints": [{"field": "max_price", "value": 3}]}}, 400),
        ({"json": {"text": "x", "images": [{"name": "a.png", "data": "AAAA"}]}}, 422),
        ({"content": '{"text": "x", "drop_constraints": [{"field": "\\ud800", "value": 1}]}'}, 422),
        ({"content": '{"text": "x", "drop_constraints": [{"field": "a", "value": NaN}]}'}, 422),
        ({"json": {"text": "x", "drop_constraints": [{"field": "a" * 500, "value": 1}]}}, 422),
        (
            {
                "data": {"text": "x", "drop_constraints": '[{"field": "\\ud800", "value": 1e999}]'},
                "files": {"images": b""},
            },
            422,
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_bad_message_has_one_status_in_whatever_form_its_answer_is_asked_for(
    serving: Server, sent: dict[str, object], status: int
) -> None:
    path = f"/api/sessions/{serving.session()}/messages"
    kind = {"Content-Type": "application/json"} if "content" in sent else {}
    details = set()
    for accept in ({}, {"Accept": "application/json"}, {"Accept": "text/event-stream"}, {"Accept": "*/*"}):
        answer = serving.client.post(path, **sent, headers=kind | accept)  # type: ignore[arg-type]
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        details.add(answer.json()["detail"])
    assert len(details) == 1


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One service for requests that leave nothing behind."""
    with contextlib.contextmanager(place.__wrapped__)(tmp_path_factory.mktemp("place")) as made:  # type: ignore[attr-defined]
        yield made.start("--no-llm", service__requests_per_minute=1_000_000)


def test_no_answer_names_a_folder_of_the_machine(place: Place) -> None:
    server = place.start("--no-llm")
    client, session, data = server.client, server.session(), place.folder / "data"
    answers = [server.say(session, "Hello!")]
    form = {"data": {"text": "Hello!"}, "files": {"images": ("a.png", png("teal"))}}
    answers.append(client.post(f"/api/sessions/{session}/messages", **form))
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    mcp = {"Accept": "application/json, text/event-stream"}

    def everything() -> Iterator[httpx.Response]:
        for path in (
            "/api/info", "/readyz", "/metrics", "/api/me", "/api/me/export", "/api/me/profile", "/api/sessions",
            f"/api/sessions/{session}", f"/api/sessions/{session}/export", "/api/catalogue", "/api/catalogue/items",
            "/api/catalogue/items/i1", "/api/catalogue/items/i1/images/0", "/api/catalogue/imports/x", "/api/tools",
            f"/api/sessions/{session}/attachments/img1", "/v1/models", "/openapi.json",
        ):  # fmt: skip
            yield client.get(path)
        for name, arguments in (
            ("search_by_text", {"query": "chair"}), ("describe_image", {"image": "item:i1"}),
            ("transcribe_audio", {"audio": "audio-" + "0" * 32}), ("browse", {}), ("get_item", {"item_id": "x"}),
        ):  # fmt: skip
            yield client.post(f"/api/tools/{name}", json={"arguments": arguments})
            yield client.post("/mcp", json={**call, "params": {"name": name, "arguments": arguments}}, headers=mcp)
        yield client.post(
            "/mcp", json={**call, "params": {"name": "recommend", "arguments": {"text": "x"}}}, headers=mcp
        )
        yield client.post("/v1/chat/completions", json={"model": "x", "messages": []})
        yield client.post("/api/catalogue/items", json=[{"id": "z", "title": "Z", "image": "nowhere.png"}])
        yield client.post(
            "/api/catalogue/import", content=b'{"title": 1}\n', headers={"Content-Type": "application/x-ndjson"}
        )
        yield server.say(session, "Hello!")

    answers += everything()
    for name in ("interactions.sqlite", "keys.sqlite", "sessions.sqlite", "catalogue.sqlite"):
        for path in data.glob(f"{name}-*"):
            path.unlink()
        (data / name).write_bytes(b"no database, but long enough to be one" * 50)
        answers += everything()
    assert {500, 502} & {answer.status_code for answer in answers} == set()
    assert {200, 404, 503} <= {answer.status_code for answer in answers}
    named = [(str(answer.url), answer.text) for answer in answers if str(place.folder).encode() in answer.content]
    assert named == []


def test_one_address_cannot_take_every_connection(place: Place) -> None:
    server = place.start("--no-llm", bounds="connections_per_address=10, body_total_seconds=2")
    address = ("127.0.0.1", server.port)
    head = b"POST /api/sessions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\n"
    other = httpx.Client(
        base_url=f"http://127.0.0.1:{server.port}", transport=httpx.HTTPTransport(local_address="127.0.0.2"), timeout=30
    )
    server.client.close()  # its connection counts
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.create_connection(address, timeout=30)) for _ in range(10)]
        for connection in held:
            connection.sendall(head)
        time.sleep(0.3)
        with socket.create_connection(address, timeout=30) as refused:
            answer = b"".join(iter(lambda: refused.recv(4096), b""))
        assert answer.startswith(b"HTTP/1.1 429 ")
        assert (
            json.loads(answer.partition(b"\r\n\r\n")[2])["detail"] == "Too many connections are open from this address."
        )
        assert other.get("/api/sessions").status_code == 200
        began = time.monotonic()
        while time.monotonic() - began < 1.5:  # trickling does not help
            for connection in held:
                connection.sendall(b" ")
            time.sleep(0.2)
        for connection in held:
            assert connection.recv(4096).startswith(b"HTTP/1.1 408 ")
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=30) as again:
        assert again.get("/api/sessions").status_code == 200
    other.close()


def test_a_start_behind_a_proxy_without_keys_says_so_in_one_sentence(place: Place) -> None:
    server = place.start("--no-llm", service__hosts='["shop.example"]')
    said = [line["message"] for line in server.log() if "assistant keys create" in line["message"]]
    assert len(said) == 1
    assert server.client.get("/api/sessions", headers={"Host": "shop.example"}).status_code == 401
    assert server.client.get("/api/sessions").status_code == 200
    required = place.start("--no-llm", wait=False, service__require_key="true")
    assert required.process.wait(60) == 2
    assert "assistant keys create NAME" in required.errors.read_text()
