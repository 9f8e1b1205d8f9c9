"""The command line as a user meets it, a real small catalogue, and a language model that says what a test wants.

The catalogue is ingested once, by ``assistant ingest``, with the real encoders; tests that harm it take a copy.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from assistant import Assistant
from assistant.engines import open_engines
from assistant.settings import Settings, load_settings
from tests.fakes.openai_server import EVERY_STEP, EVERY_STEP_VARIABLES, FakeOpenAIServer, Reply, Request
from tests.integration.bad_input import shop
from tools.toolbox import Engines

PROGRAM = Path(sys.executable).with_name("assistant")
NOWHERE = "http://127.0.0.1:9/v1"
"""An address where nothing listens."""


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it printed."""

    code: int
    stdout: str
    stderr: str

    @property
    def sentence(self) -> str:
        """The one line on standard error; there must be no other, and no traceback."""
        lines = self.stderr.strip().splitlines()
        assert len(lines) == 1, self.stderr
        assert "Traceback" not in self.stderr
        return lines[0]

    def refused(self, code: int = 2) -> str:
        """The sentence of a command that was refused: nothing on standard output, this exit code."""
        assert (self.code, self.stdout) == (code, ""), self
        assert self.sentence.startswith("error: ")
        return self.sentence


@dataclass(frozen=True)
class CommandLine:
    """Runs ``assistant`` with a data folder of its own and a language model that is not there."""

    data: Path
    base_url: str = NOWHERE

    @property
    def env(self) -> dict[str, str]:
        """The environment of the commands."""
        return os.environ | {
            "ASSISTANT_DATA": str(self.data),
            "ASSISTANT_LLM__PROFILE": "remote",
            "ASSISTANT_LLM__BASE_URL": self.base_url,
            "ASSISTANT_LLM__MODEL": "fake-model",
            **EVERY_STEP_VARIABLES,
            "NO_COLOR": "1",
            "COLUMNS": "200",
        }

    def start(self, *arguments: str | Path, **further: Any) -> subprocess.Popen[str]:  # noqa: ANN401
        """A running command."""
        pipe = subprocess.PIPE
        given = {"stdin": subprocess.DEVNULL, "stdout": pipe, "stderr": pipe, "text": True, "env": self.env} | further
        return subprocess.Popen([str(PROGRAM), *map(str, arguments)], **given)

    def __call__(self, *arguments: str | Path, typed: str | None = None) -> Ended:
        """Run a command to its end; ``typed`` is its standard input."""
        stdin = {"stdin": subprocess.PIPE} if typed is not None else {}
        process = self.start(*arguments, **stdin)
        return ended(process, typed)

    def json(self, *arguments: str | Path) -> Any:  # noqa: ANN401
        """Run a command that must succeed; its standard output as JSON."""
        done = self(*arguments)
        assert done.code == 0, done
        return json.loads(done.stdout)


def ended(process: subprocess.Popen[str], typed: str | None = None) -> Ended:
    """Wait for a command's end."""
    try:
        stdout, stderr = process.communicate(typed, timeout=120)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return Ended(process.returncode, stdout, stderr)


def interrupt(process: subprocess.Popen[str]) -> Ended:
    """Ctrl-C."""
    process.send_signal(signal.SIGINT)
    return ended(process)


@pytest.fixture
def cli(tmp_path: Path) -> CommandLine:
    """The command line over an empty data folder."""
    return CommandLine(tmp_path / "data")


@pytest.fixture(scope="session")
def shop_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop's catalogue file, with its pictures beside it."""
    return shop.build(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="session")
def shop_data(shop_file: Path) -> Path:
    """A data folder with the shop in it; not to be changed."""
    data = shop_file.parent / "data"
    done = CommandLine(data)("ingest", shop_file)
    assert done.code == 0, done
    assert "12 accepted" in done.stdout
    return data


@pytest.fixture
def own_data(shop_data: Path, tmp_path: Path) -> Path:
    """A copy of the shop's data folder, to be harmed."""
    return Path(shutil.copytree(shop_data, tmp_path / "data"))


@pytest.fixture(scope="session")
def shop_engines(shop_data: Path) -> Iterator[Engines]:
    """The real engines over the shop, loaded once."""
    engines = open_engines(load_settings(data=shop_data))
    yield engines
    engines.catalogue.close()


def obliging(body: Request) -> Reply:
    """A model that plans nothing beyond the reading, ranks in the given order and explains with the title alone."""
    if purpose(body) == "plan":
        return Reply("done") if "tools" in body else Reply(json={"calls": []})
    if purpose(body) == "rank":
        listing = body["response_format"]["json_schema"]["schema"]["properties"]["ranking"]
        entries = [entry["properties"] for entry in listing["items"]["anyOf"]][: listing["minItems"]]
        ranking = [{"item": e["item"]["const"], "evidence": e["evidence"]["items"]["enum"][:1]} for e in entries]
        return Reply(json={"ranking": ranking})
    return Reply("It fits.")


def purpose(body: Request) -> str:
    """What a request is for: plan, rank or text; warm-up where it reads the plan's rules before any turn."""
    if "tools" in body:
        return "plan" if body["max_completion_tokens"] > 1 else "warm-up"
    return str((body.get("response_format") or {}).get("json_schema", {}).get("name") or "text")


ASKED, CHOICES = "Where will it stand?", ["In the kitchen", "In the garden"]


def asking(body: Request) -> Reply:
    """A model that asks back, whatever was found."""
    if purpose(body) != "plan":
        return obliging(body)
    return Reply(calls=[("ask_customer", {"question": ASKED, "choices": CHOICES})])


@pytest.fixture
def model() -> Iterator[FakeOpenAIServer]:
    """A language model's server that obliges until a test gives it another script."""
    with FakeOpenAIServer(obliging) as server:
        yield server


OpenAssistant = Callable[..., AbstractAsyncContextManager[Assistant]]


@pytest.fixture
def opened(shop_engines: Engines, model: FakeOpenAIServer, tmp_path: Path) -> OpenAssistant:
    """Opens an assistant over the shop's real engines, with sessions of its own; keywords are settings of ``llm``."""

    @asynccontextmanager
    async def open_(engines: Engines = shop_engines, **llm: object) -> AsyncIterator[Assistant]:
        remote = {"profile": "remote", "base_url": model.base_url, "model": model.model, **llm}
        settings: Settings = load_settings(data=tmp_path / "own", llm=remote, turn=EVERY_STEP)
        async with Assistant(settings, engines=engines) as assistant:
            yield assistant

    return open_
