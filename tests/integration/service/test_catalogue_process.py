"""The service as a process of its own, with the real encoders: killed in an import, its client gone, its disk small."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.models

SERVE = "import sys; from assistant.cli import main; sys.argv = ['assistant', 'serve', '--no-llm']; main()"
IMPORT = "/api/catalogue/import"


@dataclass(frozen=True)
class Served:
    """A running service."""

    process: "subprocess.Popen[bytes]"
    http: httpx.Client

    def when(self, job_id: str, true: Any, seconds: float = 120.0) -> Any:  # noqa: ANN401
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            job = self.http.get(f"/api/jobs/{job_id}").raise_for_status().json()
            if true(job):
                return job
            time.sleep(0.25)  # more often, a slow import would meet the limit of requests
        raise AssertionError(job)


@contextmanager
def served(data: Path) -> Iterator[Served]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    variables = {
        "ASSISTANT_DATA": str(data),
        "ASSISTANT_SERVICE__PORT": str(port),
        "ASSISTANT_LLM__PROFILE": "remote",
        "ASSISTANT_LLM__BASE_URL": "http://127.0.0.1:9/v1",
        "ASSISTANT_LLM__MODEL": "none",
    }
    process = subprocess.Popen([sys.executable, "-c", SERVE], env={**os.environ, **variables})
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            _wait_until_up(http, process)
            yield Served(process, http)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def _wait_until_up(http: httpx.Client, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + 90
    while time.monotonic() < end and process.poll() is None:
        try:
            if http.get("/healthz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the service did not come up")


def lines(count: int, sentences: int = 15) -> bytes:
    text = "Steel bolt {}. " * sentences
    rows = ({"id": f"bolt-{n}", "title": f"Bolt {n}", "description": text.replace("{}", f"{n}")} for n in range(count))
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def test_an_import_that_was_killed_is_interrupted_and_goes_on(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with served(data) as service:
        job_id = service.http.post(IMPORT, content=lines(1_200, 1)).json()["job_id"]
        seen = service.when(job_id, lambda job: job["stage"] == "ingesting" and job["done"] >= 512)
        assert seen["state"] == "running"  # the batch before the last that was counted is written
        service.process.kill()
        service.process.wait(10)
    with served(data) as service:
        job = service.http.get(f"/api/jobs/{job_id}").json()
        assert (job["state"], job["stage"], job["total"]) == ("interrupted", "ended", 1_200)
        assert not list((data / "imports").glob("*.jsonl"))
        kept = service.http.get("/api/catalogue/stats").json()["items"]
        assert 64 <= kept < 1_200
        again = service.http.post(IMPORT, content=lines(kept + 10, 1)).json()["job_id"]
        summary = service.when(again, lambda job: job["state"] == "done")["summary"]
        assert (summary["unchanged"], summary["new"]) == (kept, 10)
        found = service.http.get("/api/catalogue/items", params={"query": "bolt 7", "limit": 5}).json()
        assert "bolt-7" in [item["item_id"] for item in found["items"]]


def test_a_client_that_hangs_up_leaves_nothing_and_the_next_import_runs(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with served(data) as service:
        host, port = service.http.base_url.host, service.http.base_url.port
        with socket.create_connection((host, port or 0)) as client:
            head = f"POST {IMPORT} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 9000000\r\n\r\n"
            client.sendall(head.encode() + lines(1_000))
            end = time.monotonic() + 20
            while not list((data / "imports").glob("*.jsonl")) and time.monotonic() < end:  # a service still warms up
                time.sleep(0.05)
            assert service.http.post(IMPORT, content=lines(1)).status_code == 409, "one is being received"
        end = time.monotonic() + 20
        while list((data / "imports").glob("*.jsonl")) and time.monotonic() < end:
            time.sleep(0.05)
        assert not list((data / "imports").glob("*.jsonl"))
        assert service.http.get("/api/jobs").json() == {"jobs": []}
        job_id = service.http.post(IMPORT, content=lines(3)).json()["job_id"]
        assert service.when(job_id, lambda job: job["state"] != "running")["summary"]["new"] == 3


def test_stopping_the_service_interrupts_the_import_soon(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with served(data) as service:
        job_id = service.http.post(IMPORT, content=lines(3_000)).json()["job_id"]
        service.when(job_id, lambda job: job["stage"] == "ingesting" and job["done"] > 0)
        began = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        service.process.wait(40)
        assert time.monotonic() - began < 30
    job = json.loads((data / "imports" / f"{job_id}.json").read_text())
    assert (job["state"], job["error"]) == ("interrupted", None)
    assert not list((data / "imports").glob("*.jsonl"))
