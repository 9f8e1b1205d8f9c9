"""PostgreSQL, Redis and Chroma as processes of their own, on ports of this machine, to be stopped and started."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from assistant.errors import ServiceMissing
from eval.bench.stage import free_port

START_SECONDS = 60.0
STOP_SECONDS = 10.0


@dataclass
class SharedServer:
    """One server."""

    name: str
    command: Sequence[str]
    port: int
    process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    def start(self) -> None:
        """Start it, and wait until it takes connections.

        Raises:
            ServiceMissing: it does not.
        """
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(self.command, stdout=quiet, stderr=quiet, cwd="/")  # noqa: S603 - of this module
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise ServiceMissing(f"{self.name} does not start.")

    def stop(self) -> None:
        """End it at once, as in a crash; PostgreSQL's own processes end with it."""
        if self.process:
            self.process.send_signal(signal.SIGQUIT)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:  # a command in the background ignores SIGQUIT, and so does what it starts
                self.process.kill()
                self.process.wait()


@dataclass(frozen=True)
class SharedServers:
    """The servers, and the settings that name them, as keywords of `eval.bench.service.serving`."""

    all: tuple[SharedServer, ...]
    settings: dict[str, str]


@contextmanager
def shared_servers() -> Iterator[SharedServers]:
    """All three, running.

    Raises:
        ServiceMissing: one is not installed.
    """
    folder = Path(tempfile.mkdtemp(prefix="assistant-servers-"))
    folder.chmod(0o755)
    ports = [free_port() for _ in range(3)]
    servers = (
        SharedServer("PostgreSQL", _postgres(folder, ports[0]), ports[0]),
        SharedServer("Redis", _redis(ports[1]), ports[1]),
        SharedServer("Chroma", _chroma(folder, ports[2]), ports[2]),
    )
    try:
        for server in servers:
            server.start()
        yield SharedServers(
            servers,
            {
                "state__url": f"postgresql://postgres@127.0.0.1:{ports[0]}/postgres",
                "state__redis": f"redis://127.0.0.1:{ports[1]}/0",
                "chroma_url": f"http://127.0.0.1:{ports[2]}",
            },
        )
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _postgres(folder: Path, port: int) -> list[str]:
    """A new database, run by the user postgres where this one is root, as whom the server refuses to run."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parts[-2]))
    on_path = shutil.which("initdb")
    if not found and not on_path:
        raise ServiceMissing("PostgreSQL is not installed; install it with: apt install postgresql.")
    programs = found[-1] if found else Path(on_path or "").parent
    home = folder / "postgres"
    home.mkdir()
    as_user = []
    if os.getuid() == 0:
        shutil.chown(home, "postgres")
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=KILL"]
    data = str(home / "data")
    make = [*as_user, str(programs / "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
    subprocess.run(make, check=True, capture_output=True, cwd="/")  # noqa: S603 - of this module
    options = ["-p", str(port), "-k", str(home), "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"]
    return [*as_user, str(programs / "postgres"), "-D", data, *options]


def _redis(port: int) -> list[str]:
    program = shutil.which("redis-server")
    if program is None:
        raise ServiceMissing("Redis is not installed; install it with: apt install redis-server.")
    return [program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]


def _chroma(folder: Path, port: int) -> list[str]:
    program = Path(sys.executable).with_name("chroma")
    return [str(program), "run", "--path", str(folder / "chroma"), "--host", "127.0.0.1", "--port", str(port)]
