"""A real Redis server for tests, in a folder of its own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.server_process import ServerProcess


class RedisServer(ServerProcess):
    """One server on a port of this machine; what it holds is lost when it is stopped."""

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str | Path]:
        address = ["--port", str(self.port), "--bind", "127.0.0.1"]
        return ["redis-server", *address, "--save", "", "--dir", self.folder]

    def held(self) -> list[str]:
        with redis.Redis.from_url(self.url, decode_responses=True) as client:
            return sorted(client.keys("assistant:*"))


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A running server; the test is skipped where Redis is not installed."""
    if not shutil.which("redis-server"):
        pytest.skip("Redis is not installed; apt install redis-server")
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()
