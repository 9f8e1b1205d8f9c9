"""A fake vLLM environment, started and stopped by the real code."""

import contextlib
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from assistant.llm import server
from assistant.settings import Settings, load_settings

FAKE = Path(__file__).resolve().parents[2] / "fakes" / "fake_vllm.py"

MakeSettings = Callable[..., Settings]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def make_settings(tmp_path: Path) -> Iterator[MakeSettings]:
    """Settings whose vLLM is the fake, in a home of the test's own; what it starts is ended with the test."""
    python = tmp_path / "python"
    python.write_text(f"#!{sys.executable}\n{FAKE.read_text()}")
    python.chmod(0o755)
    model = tmp_path / "weights"
    model.mkdir()
    port = free_port()
    made: list[Settings] = []

    def make(mode: str = "good", **llm: object) -> Settings:
        keys = {"python": python, "model": str(model), "port": port, "extra_args": ["--fake", mode], **llm}
        made.append(load_settings(home=tmp_path / "home", llm=keys))
        return made[-1]

    yield make
    for settings in made:
        server.down(settings)
    with contextlib.suppress(OSError, ValueError, psutil.NoSuchProcess):
        psutil.Process(engine_pid(tmp_path)).kill()


def engine_pid(folder: Path) -> int:
    """The process id of the fake's engine."""
    return int((folder / "weights" / "engine.pid").read_text())
