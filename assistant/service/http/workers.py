"""Several workers on one listening socket: started, started again when they die, and stopped in order.

uvicorn has a supervisor of its own, but it enters the application in a way that `assistant.service.http.server` does
not use, and kills a worker whose threads are busy for five seconds, as they are while models are loaded.
"""

import logging
import multiprocessing
import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from types import FrameType
from typing import Final

from prometheus_client.multiprocess import mark_process_dead

from assistant.errors import ProductError, ServiceMissing
from assistant.service.http.server import INTERRUPTED
from assistant.service.telemetry import logs
from assistant.service.telemetry.metrics import SHARED_FOLDER
from assistant.settings import Settings
from assistant.storage import remove_incoming

logger = logging.getLogger("assistant.serve")

YOUNG_SECONDS: Final = 10.0
"""A worker that dies younger is started again only after so long."""
PATIENCE_SECONDS: Final = 15.0
"""How long a worker may take to close, beyond what its turns get."""
FAILURES: Final = 5
"""After so many young deaths in a row nothing is tried any more."""

Work = Callable[[Settings, socket.socket], None]


def run(work: Work, settings: Settings, listening: socket.socket) -> None:
    """Have as many processes work as the settings say, until a signal says stop.

    Raises:
        ServiceMissing: the workers die again and again; the log says why.
    """
    remove_incoming(settings.data_folder)
    with tempfile.TemporaryDirectory(prefix="assistant-measures-") as measures:
        os.environ[SHARED_FOLDER] = measures
        Workers(work, settings, listening).run()


class Workers:
    """The processes and what becomes of them.

    Args:
        work: runs in each process; a function of a module, since processes are started anew.
    """

    def __init__(self, work: Work, settings: Settings, listening: socket.socket) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._arguments = work, settings, listening
        self._count = settings.service.workers
        self._stop_seconds = settings.service.bounds.stop_seconds
        self._began: dict[SpawnProcess, float] = {}
        self._failures = 0
        self._stopping = False

    def run(self) -> None:
        """Start, watch, stop. Errors as of `run` above."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        try:
            while not self._stopping and self._failures < FAILURES:
                while len(self._began) < self._count:
                    self._start()
                wait([process.sentinel for process in self._began], timeout=1)
                self._look()
        finally:
            self._end()
        if self._failures >= FAILURES:
            raise ServiceMissing("The workers end as soon as they are started; the log above says why.")

    def _end(self) -> None:
        """Have every worker end in order; one that does not is killed."""
        for process in self._began:
            process.terminate()
        end = time.monotonic() + self._stop_seconds + PATIENCE_SECONDS
        for process in self._began:
            process.join(max(0.0, end - time.monotonic()))
            process.kill()
            process.join()

    def _start(self) -> None:
        if self._failures:
            time.sleep(min(YOUNG_SECONDS, 2.0**self._failures))
        process = self._context.Process(target=_child, args=self._arguments, name="assistant-worker")
        process.start()
        self._began[process] = time.monotonic()

    def _look(self) -> None:
        for process in [process for process in self._began if process.exitcode is not None]:
            age = time.monotonic() - self._began.pop(process)
            mark_process_dead(process.pid)  # type: ignore[no-untyped-call]
            self._failures = self._failures + 1 if age < YOUNG_SECONDS else 0
            if not self._stopping:
                logger.warning("worker %s ended with %s; starting another", process.pid, process.exitcode)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True


def _child(work: Work, settings: Settings, listening: socket.socket) -> None:
    logs.set_up(settings.service)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # until the server takes over, as Ctrl-C
    try:
        work(settings, listening)
    except ProductError as exc:
        logger.error("%s", exc)
        raise SystemExit(exc.exit_code) from None
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
