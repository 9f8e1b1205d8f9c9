"""A real Chroma server for tests, in a folder of its own."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server_process import ServerProcess


class ChromaServer(ServerProcess):
    """One server on a port of this machine; what it holds lasts when it is stopped."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str | Path]:
        return [Path(sys.executable).with_name("chroma"), "run", "--path", self.folder, "--port", str(self.port)]


@pytest.fixture
def chroma_server(tmp_path: Path) -> Iterator[ChromaServer]:
    """A running server."""
    server = ChromaServer(tmp_path / "chroma-server")
    server.start()
    yield server
    server.stop()
