"""The service on a real port, over a real small catalogue with the real encoders, and a scripted language model."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from assistant import Assistant, front
from assistant.engines import taste_of
from assistant.service.app import create_app
from assistant.settings import Settings, load_settings
from tests.fakes.openai_server import EVERY_STEP, FakeOpenAIServer
from tests.integration.bad_input.conftest import model, shop_data, shop_engines, shop_file
from tools.toolbox import Engines

__all__ = ["model", "shop_data", "shop_engines", "shop_file"]


@dataclass(frozen=True)
class Event:
    """One server-sent event."""

    id: str
    name: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Running:
    """A running service and a client of it."""

    settings: Settings
    url: str
    client: httpx.Client

    def session(self, **further: Any) -> str:  # noqa: ANN401
        """A new session's id."""
        answer = self.client.post("/api/sessions", json={}, **further)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["session_id"])

    def say(self, session: str, text: str = "", **fields: Any) -> httpx.Response:  # noqa: ANN401
        """Send a JSON message and wait for the whole answer."""
        headers = {"Accept": "application/json", **fields.pop("headers", {})}
        path = f"/api/sessions/{session}/messages"
        return self.client.post(path, json={"text": text, **fields}, headers=headers)


def events(lines: Iterator[str]) -> Iterator[Event]:
    """The events of a stream, as they come."""
    found: dict[str, str] = {}
    for line in lines:
        if line.startswith(":"):
            continue
        if not line and found:
            yield Event(found["id"], found["event"], json.loads(found["data"]))
            found = {}
        elif line:
            name, _, value = line.partition(": ")
            found[name] = value


def problem(answer: httpx.Response, status: int) -> str:
    """The sentence of a refusal; its form is checked."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == status
    assert told["request_id"] == answer.headers["x-request-id"]
    assert "Traceback" not in told["detail"]
    assert "\n" not in told["detail"]
    return str(told["detail"])


Serve = Callable[..., contextlib.AbstractContextManager[Running]]


@contextlib.contextmanager
def serving(settings: Settings, engines: Engines) -> Iterator[Running]:
    """A service in a thread, on a free port. It rehearses one message before it is ready; `assistant serve` all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(front, "SAMPLES", front.SAMPLES[:1])
        yield from _serving(settings, engines)


def _serving(settings: Settings, engines: Engines) -> Iterator[Running]:
    knowing = engines.with_taste(taste_of(settings, lambda: engines.catalogue))
    app = create_app(settings, Assistant(settings, engines=knowing))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="warning", proxy_headers=False, timeout_graceful_shutdown=5)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        with httpx.Client(base_url=url, timeout=60) as client:
            yield Running(settings, url, client)
        server.should_exit = True
        thread.join(120)  # warming up is not cut off, and takes long on a busy machine
        assert not thread.is_alive()


@pytest.fixture
def serve(shop_engines: Engines, model: FakeOpenAIServer, tmp_path: Path) -> Serve:
    """Starts a service with sessions of its own; keywords are settings of ``service``."""

    def serve_(data: Path = tmp_path / "own", **service: object) -> contextlib.AbstractContextManager[Running]:
        remote = {"profile": "remote", "base_url": model.base_url, "model": model.model}
        return serving(load_settings(data=data, llm=remote, turn=EVERY_STEP, service=service), shop_engines)

    return serve_


@pytest.fixture
def service(serve: Serve) -> Iterator[Running]:
    """A service with the usual settings."""
    with serve() as running:
        yield running


@pytest.fixture(scope="session")
def picture(shop_file: Path) -> bytes:
    """The shop's own picture of its ball."""
    return next((shop_file.parent / "images").glob("ball*")).read_bytes()
