"""Child processes that fetch files, watched by the size of what they have written."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TICK_SECONDS = 0.1


def own_module(module: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Command and environment that run a module of this product, whatever folder the user is in."""
    root = Path(__file__).resolve().parents[2]
    path = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    return [sys.executable, "-P", "-m", module, *arguments], {**os.environ, "PYTHONPATH": path}


@dataclass
class FetchProcess:
    """One command, the folder that it writes to and the file that takes its output."""

    command: Sequence[str]
    folder: Path
    log: Path
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the command; its output goes to the log file."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(  # noqa: S603 - commands are built by this package
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=dict(self.environment)
            )

    def poll(self) -> int | None:
        """The exit code, or None while the command runs."""
        return self.process.poll() if self.process else None

    def stop(self) -> None:
        """End the command if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=3)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def run_jobs(
    jobs: Sequence[FetchProcess],
    *,
    parallel: int,
    ended: Callable[[FetchProcess, int], None],
    tick: Callable[[int], None],
) -> None:
    """Run the jobs, ``parallel`` at a time; on any exception those that run are ended.

    Args:
        ended: called with each job that ended and its exit code; may raise to stop the rest.
        tick: called some times a second with the bytes that the running jobs have written so far.
    """
    waiting, running = list(jobs), list[FetchProcess]()
    try:
        while waiting or running:
            while waiting and len(running) < parallel:
                running.append(waiting.pop(0))
                running[-1].start()
            time.sleep(TICK_SECONDS)
            for job, code in [(job, job.poll()) for job in running]:
                if code is not None:
                    running.remove(job)
                    ended(job, code)
            tick(sum(folder_bytes(job.folder) for job in running))
    finally:
        for job in running:
            job.stop()


def folder_bytes(folder: Path) -> int:
    """Size of the files in a folder that others are writing to."""
    total = 0
    for parent, _, names in os.walk(folder):  # which passes over folders that vanish meanwhile; rglob raises
        for name in names:
            with contextlib.suppress(OSError):
                total += Path(parent, name).stat().st_size
    return total
