"""A real server that a test starts, stops and starts again."""

import contextlib
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path

from tests.unit.llm.conftest import free_port

START_SECONDS = 30.0


@dataclass
class ServerProcess(ABC):
    """One server on a port of this machine, with its files in a folder."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    @abstractmethod
    def command(self) -> list[str | Path]: ...

    def start(self) -> None:
        """Return when it takes connections."""
        self.process = subprocess.Popen(self.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert self.process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.02)

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
