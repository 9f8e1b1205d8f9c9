"""One real vLLM server for all end-to-end tests, on a port and in a run folder of its own."""

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import pytest

from assistant.llm import process, server
from assistant.settings import Settings, load_settings


@dataclass(frozen=True)
class RealServer:
    """A running server: settings for Python, environment variables for commands."""

    settings: Settings
    environment: dict[str, str]
    first_up: server.ServerStatus


@pytest.fixture(scope="session")
def vllm_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    """vLLM on the cpu profile with the models of the real home; when it is stopped, nothing of it may be left."""
    run = tmp_path_factory.mktemp("vllm-run")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    llm = {**load_settings().llm.model_dump(exclude_defaults=True), "profile": "cpu", "base_url": None, "port": port}
    settings = load_settings(run=run, llm=llm)
    variables = {"ASSISTANT_RUN": str(run), "ASSISTANT_LLM__PORT": str(port), "ASSISTANT_LLM__PROFILE": "cpu"}
    first_up = server.up(settings)
    record = process.read_record(server.record_path(settings))
    assert record is not None
    members = process.members(record)
    try:
        yield RealServer(settings, {**os.environ, **variables}, first_up)
    finally:
        server.down(settings)
        left = [p for p in members if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
        assert left == []
        assert process.why_unusable("127.0.0.1", port) == ""
        assert not server.record_path(settings).exists()
