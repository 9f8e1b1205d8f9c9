"""The embedded index brought up to date by a process of its own, while its parent goes on writing.

Chroma keeps Python's lock while it takes in vectors, a third of the time of an ingestion without encoders, so a thread
would gain nothing. Errors other than `StoreError`, and the process's own end, are the parent's cue to do it itself.
"""

import signal
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path

from tools.errors import StoreError
from tools.store.database import Database
from tools.store.vector_index import Notify, VectorIndex

Open = Callable[..., VectorIndex]


class ProcessEndedError(Exception):
    """The process has ended, or could not be started."""


class IndexProcess:
    """One process that follows one catalogue; it ends with `close`, or with its parent."""

    def __init__(self, folder: Path, notify: Notify, open_index: Open) -> None:
        """Start it.

        Args:
            folder: of the catalogue.
            notify: told what the process says.
            open_index: opens the index of a database, and is given ``notify``; it is pickled.

        Raises:
            ProcessEndedError: there is no memory for it.
        """
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(theirs, folder, open_index), daemon=True, name="index")
        self._notify = notify
        self._is_busy = False
        resource_tracker.ensure_running()  # its own start would lift the block
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # of Ctrl-C, which reaches the parent as well
        try:
            self._process.start()
        except OSError as exc:
            raise ProcessEndedError(str(exc)) from exc
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            theirs.close()

    def follow_soon(self) -> None:
        """Have it begin, unless it is still at it; errors as of `follow`."""
        while self._is_busy and self._connection.poll():
            self._receive()
        if not self._is_busy:
            self._send()

    def follow(self) -> None:
        """Have it bring the index up to the present state.

        Raises:
            StoreError: it could not.
            ProcessEndedError: it has ended.
        """
        self._wait()
        self._send()
        self._wait()

    def _wait(self) -> None:
        while self._is_busy:
            self._receive()

    def _send(self) -> None:
        try:
            self._connection.send(True)
        except OSError as exc:
            raise ProcessEndedError(str(exc)) from exc
        self._is_busy = True

    def _receive(self) -> None:
        try:
            kind, text = self._connection.recv()
        except (EOFError, OSError) as exc:
            raise ProcessEndedError(str(exc)) from exc
        if kind == "told":
            self._notify(text)
            return
        self._is_busy = False
        if kind == "failed":
            raise StoreError(text)

    def close(self) -> None:
        """Let it end what it is at, and end."""
        self._connection.close()
        self._process.join()


def _tell(connection: "Connection[tuple[str, str], bool]", text: str) -> None:
    with suppress(OSError):  # a parent that has ended is no reason to leave the index half done
        connection.send(("told", text))


def _run(connection: "Connection[tuple[str, str], bool]", folder: Path, open_index: Open) -> None:
    with (
        suppress(EOFError, OSError, StoreError),  # the parent has ended, or will say why nothing can be opened
        closing(Database(folder, read_only=True)) as database,
        closing(open_index(database, notify=partial(_tell, connection))) as index,
    ):
        while connection.recv():
            try:
                index.follow()
                connection.send(("done", ""))
            except StoreError as exc:
                connection.send(("failed", str(exc)))
