"""The commands of the compose file's services, started as processes: no container engine is needed for what can break.

Names of services become addresses of this machine, ``/data`` a temporary folder; vLLM's place takes a scripted model.
"""

import os
import re
import shlex
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
import yaml

from assistant.settings import ServiceSettings
from tests.fakes.openai_server import FakeOpenAIServer

ROOT = Path(__file__).resolve().parents[2]
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / ".docker" / "compose.yaml").read_text())["services"]
DOCKERFILE = (ROOT / ".docker" / "Dockerfile").read_text()
PROGRAMS = Path(sys.executable).parent
PORT = 8080
"""In the image; here it is a free one."""


def interpolated(text: str, variables: dict[str, str]) -> str:
    """``${NAME:-default}`` as Compose reads it."""
    return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda match: variables.get(match[1]) or match[2], text)


@dataclass(frozen=True)
class Composed:
    """The services' environment on this machine."""

    data: Path
    port: int
    chroma_port: int
    llm: FakeOpenAIServer

    def environment(self, **variables: str) -> dict[str, str]:
        in_image = dict(re.findall(r"(ASSISTANT_\w+)=(\S+)", DOCKERFILE))
        given = {name: interpolated(value, variables) for name, value in SERVICES["api"]["environment"].items()}
        replaced = {
            "http://vllm:8000/v1": self.llm.base_url,
            "http://chroma:8000": f"http://127.0.0.1:{self.chroma_port}",
            "/data": str(self.data),
            "0.0.0.0": "127.0.0.1",
        }
        merged = {name: replaced.get(value, value) for name, value in {**in_image, **given}.items()}
        here = {"ASSISTANT_SERVICE__PORT": str(self.port), "ASSISTANT_SERVICE__REQUIRE_KEY": "true"}
        return {**os.environ, "PATH": f"{PROGRAMS}:{os.environ['PATH']}", **merged, **here}

    def command(self, *words: str | Path) -> str:
        """`docker compose run command WORDS`: standard output."""
        entry = [*SERVICES["command"]["entrypoint"], *words]
        done = subprocess.run(entry, env=self.environment(), capture_output=True, text=True, cwd=self.data)
        assert done.returncode == 0, done.stderr
        return done.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(healthy: list[str], process: "subprocess.Popen[bytes]", seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    environment = {**os.environ, "PATH": f"{PROGRAMS}:{os.environ['PATH']}"}
    while time.monotonic() < end and process.poll() is None:
        if subprocess.run(healthy, capture_output=True, env=environment).returncode == 0:
            return
        time.sleep(0.2)
    raise AssertionError(f"not healthy: {shlex.join(healthy)}")


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    port, data = free_port(), tmp_path_factory.mktemp("data")
    home = Path(os.environ.get("ASSISTANT_HOME") or ROOT / ".assistant")
    (data / "models").symlink_to((home / "models").resolve())
    command = [PROGRAMS / "chroma", "run", "--path", tmp_path_factory.mktemp("chroma"), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    kind, *healthy = SERVICES["chroma"]["healthcheck"]["test"]
    assert kind == "CMD"
    model = interpolated(SERVICES["api"]["environment"]["ASSISTANT_LLM__MODEL"], {})
    try:
        wait_for([word.replace("/8000", f"/{port}") for word in healthy], process)
        with FakeOpenAIServer(model=model) as llm:
            yield Composed(data, free_port(), port, llm)
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def api(composed: Composed, **variables: str) -> Iterator["subprocess.Popen[bytes]"]:
    """The image's command, healthy by its own check."""
    entry, command = (
        yaml.safe_load(words) for words in re.findall(r"^(?:ENTRYPOINT|CMD) (.+)$", DOCKERFILE, re.MULTILINE)
    )
    check = re.search(r"HEALTHCHECK .*\\\n\s*CMD (.+)", DOCKERFILE)
    assert check
    healthy = [word.replace(str(PORT), str(composed.port)) for word in yaml.safe_load(check[1])]
    process = subprocess.Popen([*entry, *command], env=composed.environment(**variables), cwd=composed.data)
    try:
        wait_for(healthy, process)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(int(SERVICES["api"]["stop_grace_period"].removesuffix("s")))


@pytest.mark.models
def test_the_services_answer_together(composed: Composed) -> None:
    key = re.search(r"rak_\S+", composed.command("keys", "create", "me"))
    assert key
    composed.command("ingest", ROOT / "docs" / "examples" / "products.csv")
    with (
        api(composed, SERVICE_HOSTS='["shop.example.org"]', SERVICE_PROXIES='["127.0.0.1"]') as process,
        httpx.Client(base_url=f"http://127.0.0.1:{composed.port}", timeout=120) as client,
    ):
        proxied = {"Host": "shop.example.org", "X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"}
        assert client.get("/api/sessions", headers=proxied).status_code == 401
        client.headers.update({"Authorization": f"Bearer {key[0]}", "Accept": "application/json"} | proxied)
        model = client.get("/api/info").json()["models"]["llm"]
        assert "Qwen" in str(model)
        session = client.post("/api/sessions").raise_for_status().json()["session_id"]
        answer = client.post(f"/api/sessions/{session}/messages", json={"text": "an oak chair"}).raise_for_status()
        assert answer.json()["recommendations"][0]["item_id"] == "oak-chair"
    assert process.returncode == 0
    chroma = httpx.get(
        f"http://127.0.0.1:{composed.chroma_port}/api/v2/tenants/default_tenant/databases/default_database/collections"
    )
    assert len(chroma.json()) >= 1
    assert not (composed.data / "data" / "chroma").exists()


def test_variables_reach_the_settings() -> None:
    environment = SERVICES["api"]["environment"]
    for name, setting in (("SERVICE_HOSTS", "HOSTS"), ("SERVICE_PROXIES", "PROXIES")):
        value = environment[f"ASSISTANT_SERVICE__{setting}"]
        assert interpolated(value, {}) == "[]"
        assert interpolated(value, {name: '["10.0.0.0/8"]'}) == '["10.0.0.0/8"]'
    assert ServiceSettings().port == PORT
    assert f'"127.0.0.1:{PORT}:{PORT}"' in (ROOT / ".docker" / "compose.yaml").read_text()


@pytest.mark.vllm
def test_vllm_takes_its_arguments() -> None:
    python = ROOT / ".venv-vllm" / "bin" / "python"
    words = [interpolated(word, {}) for word in SERVICES["vllm"]["command"]]
    program = (
        "import sys\n"
        "from vllm.entrypoints.launchers.cli_args import make_arg_parser\n"
        "from vllm.utils.argparse_utils import FlexibleArgumentParser\n"
        "print(make_arg_parser(FlexibleArgumentParser()).parse_args(sys.argv[1:]).model)\n"
    )
    done = subprocess.run([python, "-c", program, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "Qwen/Qwen3-4B-Instruct-2507"
