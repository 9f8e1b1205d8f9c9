"""`assistant serve` as a process, over a small catalogue and a scripted language model."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.fakes.catalogues import entry, fill
from tests.fakes.openai_server import EVERY_STEP_VARIABLES, FakeOpenAIServer, Reply, Request
from tests.unit.llm.conftest import free_port
from tools.records import Item
from tools.store import Catalogue

ROOT = Path(__file__).resolve().parents[3]
MAIN = "from assistant.cli import main; main()"
START_SECONDS = 300.0


@dataclass
class Server:
    """A running `assistant serve` and a client of it."""

    process: subprocess.Popen[bytes]
    port: int
    errors: Path
    client: httpx.Client = field(init=False)
    began: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60)

    def wait_until_up(self) -> None:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            assert self.process.poll() is None, self.errors.read_text()
            with contextlib.suppress(httpx.HTTPError):
                if self.client.get("/healthz").status_code == 200:
                    return
            time.sleep(0.1)
        raise AssertionError(self.errors.read_text())

    def session(self) -> str:
        return str(self.client.post("/api/sessions", json={}).raise_for_status().json()["session_id"])

    def say(self, session: str, text: str) -> httpx.Response:
        return self.client.post(
            f"/api/sessions/{session}/messages", json={"text": text}, headers={"Accept": "application/json"}
        )

    @contextlib.contextmanager
    def asking(self, session: str, text: str) -> Iterator[list[tuple[str, dict[str, Any]]]]:
        """A message whose stream is read beside; the list has its events when the block has ended."""
        told: list[tuple[str, dict[str, Any]]] = []
        begun = threading.Event()

        def read() -> None:
            path = f"/api/sessions/{session}/messages"
            with contextlib.suppress(httpx.HTTPError), self.client.stream("POST", path, json={"text": text}) as stream:
                name = ""
                for line in stream.iter_lines():
                    begun.set()
                    key, _, value = line.partition(": ")
                    if key == "event":
                        name = value
                    elif key == "data":
                        told.append((name, json.loads(value)))

        thread = threading.Thread(target=read)
        thread.start()
        assert begun.wait(30)
        yield told
        thread.join(60)
        assert not thread.is_alive()

    def measures(self) -> dict[str, float]:
        families = text_string_to_metric_families(self.client.get("/metrics").text)
        return {sample.name: sample.value for family in families for sample in family.samples if not sample.labels}

    def stop(self, sig: int = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; the exit code, and the seconds until the end."""
        began = time.monotonic()
        self.process.send_signal(sig)
        return self.process.wait(60), time.monotonic() - began

    def log(self) -> list[dict[str, Any]]:
        """The log; every line must be JSON."""
        return [json.loads(line) for line in self.errors.read_text().splitlines()]


@dataclass
class Place:
    """A home without models, a catalogue of a few items, and a scripted language model."""

    folder: Path
    model: FakeOpenAIServer
    started: list[Server] = field(default_factory=list)

    def environment(self, port: int, **settings: object) -> dict[str, str]:
        given = {
            "ASSISTANT_HOME": self.folder / "home",
            "ASSISTANT_DATA": self.folder / "data",
            "ASSISTANT_LLM__PROFILE": "remote",
            "ASSISTANT_LLM__BASE_URL": self.model.base_url,
            "ASSISTANT_LLM__MODEL": self.model.model,
            **EVERY_STEP_VARIABLES,
            "ASSISTANT_SERVICE__PORT": port,
            "ASSISTANT_SERVICE__REQUESTS_PER_MINUTE": 1_000_000,
            "ASSISTANT_SERVICE__TURNS_AT_ONCE": 1_000,
            "PYTHONPATH": ROOT,
        }
        named = {f"ASSISTANT_{name.upper()}": value for name, value in settings.items()}
        return {**os.environ, **{name: str(value) for name, value in {**given, **named}.items() if value is not None}}

    def start(self, *arguments: str, wait: bool = True, bounds: str = "", **settings: object) -> Server:
        """Start the command, with other bounds of the service (``body_seconds=2``); it is killed with the test."""
        set_bounds = (
            f"import assistant.settings as s; s.ServiceSettings.bounds = s.ServiceBounds(turns_in_all=1_000, {bounds})"
        )
        command = [sys.executable, "-c", f"{set_bounds}; {MAIN}", "serve"]
        port, errors = free_port(), self.folder / f"errors-{len(self.started)}.txt"
        with errors.open("wb") as err:
            process = subprocess.Popen(
                [*command, *arguments], env=self.environment(port, **settings), stderr=err, stdout=err, cwd=self.folder
            )
        self.started.append(Server(process, port, errors))
        if wait:
            self.started[-1].wait_until_up()
        return self.started[-1]


def small_talk(_: Request) -> Reply:
    """A model that answers everything as a chat."""
    return Reply("I help you to find things.")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with FakeOpenAIServer(small_talk) as model:
        place = Place(tmp_path, model)
        (tmp_path / "home").mkdir()
        catalogue = Catalogue.open(tmp_path / "data")
        fill(catalogue, [entry(Item(id=f"i{n}", title=f"Chair {n}", description="Oak.", price=n)) for n in range(5)])
        catalogue.close()
        yield place
        for server in place.started:
            server.client.close()
            if server.process.poll() is None:
                server.process.kill()
                server.process.wait()
