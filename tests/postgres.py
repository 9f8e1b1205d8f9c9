"""A PostgreSQL server for tests, from Debian's binaries, on a socket of its own; nothing of the system's is used."""

import os
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path
from urllib.parse import quote

import psycopg

from tools.place import StateServer

OPTIONS = "-c listen_addresses='' -c fsync=off -c full_page_writes=off -c max_connections=200"


def binaries() -> Path | None:
    """The folder of the newest server's programs; None where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("pg_ctl")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


class Postgres:
    """A running server; `stop` and `start` as often as a test likes."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="assistant-postgres-"))
        if os.getuid() == 0:  # the server refuses to run as root
            shutil.chown(self._folder, "postgres")
        self._run("initdb", "-D", str(self._folder / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N")
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._control("start", "-w", "-l", str(self._folder / "log"), "-o", f"{OPTIONS} -k {self._folder}")

    def stop(self) -> None:
        """Stop it at once; connections are cut."""
        self._control("stop", "-m", "immediate", "-w")

    def restart(self) -> None:
        """Have it run, whether or not it does."""
        if not self._runs():
            self.start()

    def _runs(self) -> bool:
        try:
            psycopg.connect(host=str(self._folder), user="postgres", dbname="postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def remove(self) -> None:
        """Stop it for good."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def place(self) -> StateServer:
        """A new and empty database, which is a schema of its own."""
        schema = f"t{uuid.uuid4().hex[:12]}"
        with psycopg.connect(host=str(self._folder), user="postgres", dbname="postgres", autocommit=True) as db:
            db.execute(f'create schema "{schema}"')
        query = f"host={quote(str(self._folder))}&options={quote(f'-csearch_path={schema}')}"
        return StateServer(f"postgresql://postgres:sesame@/postgres?{query}")

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", "-D", str(self._folder / "data"), *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        command = [*as_user, str(self._programs / program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stderr + done.stdout
