"""The service on state in PostgreSQL: two of them share it, and an outage is said, survived, and loses nothing."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from assistant import Assistant
from tests.fakes.openai_server import FakeOpenAIServer, Reply, Request
from tests.integration.bad_input.conftest import CommandLine, obliging
from tests.integration.service.doors.conftest import Serve, new_key
from tests.postgres import Postgres
from tools.place import StateServer


@pytest.fixture
def server(postgres: Postgres) -> StateServer:
    return postgres.place()


@pytest.fixture
def whenever() -> list[Callable[[], None]]:
    """What happens at the next request to the language model."""
    return []


@pytest.fixture
def model(whenever: list[Callable[[], None]]) -> Iterator[FakeOpenAIServer]:
    def answer(request: Request) -> Reply:
        while whenever:
            whenever.pop()()
        return obliging(request)

    with FakeOpenAIServer(answer) as server:
        yield server


@contextmanager
def stopped(postgres: Postgres) -> Iterator[None]:
    """Started again at the end, unless that was done."""
    try:
        yield
    finally:
        postgres.restart()


def begin(client: httpx.Client) -> str:
    answer = client.post("/api/sessions", json={})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["session_id"])


def say(client: httpx.Client, session: str, text: str) -> httpx.Response:
    headers = {"Accept": "application/json"}
    return client.post(f"/api/sessions/{session}/messages", json={"text": text}, headers=headers)


def said(client: httpx.Client, session: str) -> list[str]:
    return [message["said"] for message in client.get(f"/api/sessions/{session}").json()["messages"]]


def test_two_services_share_conversations_keys_and_tastes(serve: Serve, server: StateServer) -> None:
    state = {"url": server.url}
    with serve(state=state, needs_key=True) as one, serve(state=state, needs_key=True) as two:
        key = new_key(one, "anna")
        with one.client(key) as here, two.client(key) as there:
            session = begin(here)
            shown = say(here, session, "a chair").json()["recommendations"]
            assert say(there, session, "a black chair").status_code == 200
            assert said(here, session) == said(there, session) == ["a chair", "a black chair"]
            liked = {"item_id": shown[0]["item_id"], "event": "like"}
            assert there.post(f"/api/sessions/{session}/feedback", json=liked).status_code in (200, 201, 204)
            assert here.get("/api/me").json() == there.get("/api/me").json()
            assert there.delete("/api/me").status_code in (200, 204)
            assert here.get("/api/sessions").json() == {"sessions": []}
        assert not list(one.settings.data_folder.glob("*.sqlite"))


async def test_a_branch_begins_on_another_machine(serve: Serve, server: StateServer) -> None:
    with serve(state={"url": server.url}) as one, one.client() as client:
        session = begin(client)
        for text in ("a chair", "a black chair", "a lamp"):
            assert say(client, session, text).status_code == 200
        settings = one.settings
    async with Assistant(settings) as two:
        branch = await two.branch(session, 2)
        assert (await two.memory(branch)).turns == 2
        assert [turn.said for turn in two.log.read(branch)] == ["a chair", "a black chair"]
        await two.forget(session)
        assert two.log.ids_of("local") == [branch]


def test_an_outage_in_a_turn_is_said_and_nothing_else_is_lost(
    serve: Serve, server: StateServer, postgres: Postgres, whenever: list[Callable[[], None]]
) -> None:
    with serve(state={"url": server.url}) as served, served.client() as client, stopped(postgres):
        session = begin(client)
        assert say(client, session, "a chair").status_code == 200
        whenever.append(postgres.stop)
        answers = [say(client, session, "a lamp"), say(client, session, "a lamp"), client.get("/api/sessions")]
        for answer in answers:
            assert answer.status_code == 503, answer.text
            assert answer.headers["Retry-After"] == "5"
            assert "check that PostgreSQL runs there" in answer.json()["detail"]
            assert "sesame" not in answer.text
            assert "\n" not in answer.json()["detail"]
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").json()["parts"]["state"] == "missing"
        postgres.restart()
        assert said(client, session) == ["a chair"]
        assert say(client, session, "a lamp").status_code == 200
        assert said(client, session) == ["a chair", "a lamp"]


def test_conversations_survive_restarts_at_any_moment(serve: Serve, server: StateServer, postgres: Postgres) -> None:
    """What was answered is kept, and what was refused is not."""
    kept: dict[str, list[str]] = {}
    over = threading.Event()

    def talk(client: httpx.Client, session: str) -> None:
        for number in range(100):
            if over.is_set():
                return
            if say(client, session, text := f"a chair number {number}").status_code == 200:
                kept[session].append(text)

    with serve(state={"url": server.url}) as served, served.client() as client, stopped(postgres):
        threads = []
        for _ in range(2):
            session = begin(client)
            kept[session] = []
            threads.append(threading.Thread(target=talk, args=(client, session)))
            threads[-1].start()
        for _ in range(3):
            time.sleep(1.5)
            postgres.stop()
            time.sleep(0.3)
            postgres.restart()
        time.sleep(1)
        over.set()
        for thread in threads:
            thread.join()
        end = time.monotonic() + 30
        while any(client.get(f"/api/sessions/{session}").status_code == 503 for session in kept):
            assert time.monotonic() < end
            time.sleep(0.5)
        assert all(len(texts) > 3 for texts in kept.values()), kept
        assert {session: said(client, session) for session in kept} == kept


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://u:sesame@127.0.0.1:1/x", "cannot be reached"),
        ("postgresql://u:sesame@nowhere.invalid/x", "cannot be reached"),
        ("mysql://u:sesame@h/x", "state.url"),
        ("postgresql://u:sesame@h:port/x", "state.url"),
        ("postgresql://", "state.url"),
        ("postgresql://u:p@sesame@h/x", "state.url"),
        (f"postgresql://u:sesame@{'h' * 300}/x", "state.url"),
        ("postgresql://u:sesame@127.0.0.1:1/x?foo=bar", "state.url"),
        ("sesame", "state.url"),
        ("postgresql://u:sesame@h/x\nselect", "state.url"),
    ],
)
def test_a_url_that_does_not_work_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, sentence: str
) -> None:
    monkeypatch.setenv("ASSISTANT_STATE__URL", url)
    done = CommandLine(tmp_path)("keys", "list")
    assert done.code in (2, 3)
    assert sentence in done.stderr
    assert "sesame" not in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2


def test_a_database_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: StateServer
) -> None:
    monkeypatch.setenv("ASSISTANT_STATE__URL", server.url.replace("/postgres?", "/absent?"))
    done = CommandLine(tmp_path)("keys", "list")
    assert "there is no such database" in done.stderr
