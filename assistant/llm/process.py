"""The server's processes: remembering what was started, finding it again, ending it and nothing else.

What was started stands in ``vllm.json``: process id and creation time (a reused id is noticed), address and model.
The server leads a session of its own, so that its engine processes are found even when it died and left them behind.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import asdict, dataclass
from errno import EADDRINUSE
from pathlib import Path
from typing import Final

import psutil

from assistant.errors import LLMUnavailable
from assistant.llm.profiles import Launch

GRACE_SECONDS: Final = 15.0
SOCKETS: Final = "sockets"
"""Relative to the log's folder, where the server runs: a socket's path may have no more than 107 characters."""

# psutil derives creation times from the boot time, which the clock's adjustments move a little
_CREATED_TOLERANCE_SECONDS: Final = 2.0


@dataclass(frozen=True)
class ServerRecord:
    """What vllm.json holds."""

    pid: int
    created: float
    boot: str
    host: str
    port: int
    profile: str
    model: str
    command: list[str]
    started_at: float

    @property
    def base_url(self) -> str:
        """The OpenAI-compatible address."""
        return f"http://{self.host}:{self.port}/v1"


# ---------------------------------------------------------------------------------------------------------- the record


def read_record(path: Path) -> ServerRecord | None:
    """The remembered server; None when there is none or the file is not one of ours."""
    try:
        return ServerRecord(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_record(path: Path, record: ServerRecord) -> None:
    """Write atomically: a reader sees the old record or the new one."""
    fresh = path.with_suffix(".json.new")
    fresh.write_text(json.dumps(asdict(record), indent=1) + "\n", encoding="utf-8")
    fresh.replace(path)


# ------------------------------------------------------------------------------------------------------------ starting


def spawn(launch: Launch, *, log: Path, host: str, port: int, profile: str, model: str) -> ServerRecord:
    """Start the server detached, its output in `log`; the log of the start before is kept as ``.log.1``.

    vLLM leaves its sockets behind: they lie beside the log, and those of the start before are removed.
    """
    with contextlib.suppress(FileNotFoundError):
        log.replace(log.with_suffix(".log.1"))
    shutil.rmtree(log.parent / SOCKETS, ignore_errors=True)
    (log.parent / SOCKETS).mkdir()
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - the command is built by profiles.py
            launch.command,
            env={**launch.environment, "VLLM_RPC_BASE_PATH": SOCKETS},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
            start_new_session=True,
        )
    process.returncode = 0  # it outlives us: nobody polls this object, and dropping it must not warn
    created = psutil.Process(process.pid).create_time()
    return ServerRecord(process.pid, created, _boot(), host, port, profile, model, launch.command, time.time())


# ------------------------------------------------------------------------------------------------------- finding again


def alive(record: ServerRecord) -> bool:
    """Does the very process that was started still run?"""
    leader = _process(record.pid)
    return leader is not None and record.boot == _boot() and _is_recorded(leader, record) and not _is_zombie(leader)


def exit_code(record: ServerRecord) -> int | None:
    """How the server ended: negative for a signal; None when it is not this process's child or still runs."""
    try:
        pid, wait_status = os.waitpid(record.pid, os.WNOHANG)
    except ChildProcessError:
        return None
    return os.waitstatus_to_exitcode(wait_status) if pid else None


def members(record: ServerRecord) -> list[psutil.Process]:
    """Every living process of the server's session, the leader first."""
    if record.boot != _boot():
        return []
    leader = _process(record.pid)
    if leader is not None and not _is_recorded(leader, record):
        return []  # the id was given away again, which cannot happen while a session of that number has a process
    processes = [process for process in psutil.process_iter() if _in_session(process, record)]
    return sorted(processes, key=lambda process: (process.pid != record.pid, process.pid))


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.Error:
        return None


def _is_recorded(process: psutil.Process, record: ServerRecord) -> bool:
    try:
        return abs(process.create_time() - record.created) <= _CREATED_TOLERANCE_SECONDS
    except psutil.Error:
        return False


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return True


def _in_session(process: psutil.Process, record: ServerRecord) -> bool:
    try:
        if os.getsid(process.pid) != record.pid:
            return False
        return process.create_time() >= record.created - _CREATED_TOLERANCE_SECONDS and not _is_zombie(process)
    except (OSError, psutil.Error):
        return False


def _boot() -> str:
    """Names this run of the machine: after a restart, process ids mean nothing."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return str(int(psutil.boot_time()))


# ------------------------------------------------------------------------------------------------------------- stopping


def stop(record: ServerRecord, *, grace_seconds: float = GRACE_SECONDS) -> None:
    """Ask the server to end, then end whatever of its session is left.

    Raises:
        LLMUnavailable: a process does not end.
    """
    _send(members(record)[:1], signal.SIGTERM)  # the leader ends its engine processes in order
    processes = _running_after(record, grace_seconds)
    _send(processes, signal.SIGKILL)
    processes = _running_after(record, grace_seconds) if processes else []
    if processes:
        raise LLMUnavailable(
            f"Process {processes[0].pid} of vLLM does not end; end it by hand: kill -9 {processes[0].pid}"
        )


def _running_after(record: ServerRecord, seconds: float) -> list[psutil.Process]:
    """What still runs when the time is over; returns as soon as nothing does.

    Not psutil's waiting: it takes zombies for living, and in a container nobody may be there to reap them.
    """
    end = time.monotonic() + seconds
    while True:
        exit_code(record)  # reaps the server when it was our child
        processes = members(record)
        if not processes or time.monotonic() > end:
            return processes
        time.sleep(0.05)


def _send(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


# ------------------------------------------------------------------------------------------------------------ the port


def listener(port: int) -> psutil.Process | None:
    """The process that listens on a local port; None when there is none or it cannot be told."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.Error:
        return None
    pids = (c.pid for c in connections if c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == port)
    pid = next(pids, None)
    return _process(pid) if pid else None


def why_unusable(host: str, port: int) -> str:
    """One clause about what keeps us from listening there; empty when nothing does."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as exc:
        if exc.errno != EADDRINUSE:
            return f"The address {host}:{port} cannot be used: {exc.strerror or exc}"
        owner = listener(port)
        owner_text = f" ({owner.name()}, process {owner.pid})" if owner else ""
        return f"Port {port} is in use by another program{owner_text}"
    return ""
