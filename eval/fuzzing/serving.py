"""The real application behind the product's own HTTP protocol on a real port, and requests as raw bytes."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from assistant.engines import taste_of
from assistant.front import Assistant
from assistant.service.app import create_app
from assistant.service.http.server import configured
from assistant.settings import ServiceSettings, Settings, load_settings
from eval.fuzzing import shop
from eval.fuzzing.counting import HANG_SECONDS, ErrorLog
from tools.store import Catalogue

NOWHERE = "http://127.0.0.1:9/v1"
"""An address where no language model listens: every turn is answered by the rules alone."""
FIRST_BYTES = 65_536
START_SECONDS = 300.0


@dataclass(frozen=True)
class FuzzAnswer:
    """What came back; status 0 where the connection was closed without an answer, None where nothing came in time."""

    status: int | None
    head: bytes = b""
    body: bytes = b""


@dataclass(frozen=True)
class FuzzedService:
    """A running service."""

    host: str
    port: int
    folder: Path
    document: dict[str, Any]
    log: ErrorLog = field(default_factory=ErrorLog)

    def send(self, content: bytes, *, whole: bool = True, seconds: float = HANG_SECONDS) -> FuzzAnswer:
        """Send bytes on a connection of their own; read the answer to its end, or its head where not ``whole``."""
        try:
            with socket.create_connection((self.host, self.port), timeout=seconds) as connection:
                _send_all(connection, content)
                return _parsed(_read(connection, whole=whole, until=time.monotonic() + seconds))
        except TimeoutError:
            return FuzzAnswer(None)

    def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        kind: str = "application/json",
        seconds: float = HANG_SECONDS,
    ) -> FuzzAnswer:
        """A well-formed request with a body of that content type."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}:{self.port}", "Connection: close"]
        lines += ["Accept: application/json", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
        return self.send("\r\n".join([*lines, "", ""]).encode("ascii") + body, seconds=seconds)


def _send_all(connection: socket.socket, content: bytes) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):  # refused before it was read: the answer may still be there
        connection.sendall(content)


def _read(connection: socket.socket, *, whole: bool, until: float) -> bytes:
    parts: list[bytes] = []
    try:
        while part := connection.recv(FIRST_BYTES):
            parts.append(part)
            if not whole and b"\r\n\r\n" in part:
                break
            if time.monotonic() > until:
                raise TimeoutError
    except ConnectionResetError:
        pass
    return b"".join(parts)


def _parsed(content: bytes) -> FuzzAnswer:
    if content.startswith(b"HTTP/1.1 100"):  # go on: the answer comes after it
        content = content.partition(b"\r\n\r\n")[2]
    head, _, body = content.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    return FuzzAnswer(status, head, body)


@contextmanager
def serving(folder: Path) -> Iterator[FuzzedService]:
    """The service over a small catalogue in this folder, in a thread; no language model, no limit of requests."""
    settings = _settings(folder)
    quick = service_bounds(body_seconds=1, header_seconds=5, connections_per_address=10_000)
    with quick, Catalogue.open(settings.data_folder) as catalogue:
        shop.stock(catalogue, folder / "stock")
        engines = shop.engines(catalogue)
        knowing = engines.with_taste(taste_of(settings, lambda: catalogue))
        app = create_app(settings, Assistant(settings, engines=knowing))
        with socket.create_server(("127.0.0.1", 0), backlog=200) as listening:
            served = FuzzedService("127.0.0.1", listening.getsockname()[1], folder, app.openapi())
            with served.log.listening(), _running(app, settings, listening):
                _wait_until_ready(served)
                yield served


def _wait_until_ready(served: FuzzedService) -> None:
    """The first turns of a service that still loads would count as hangs on a busy machine."""
    end = time.monotonic() + START_SECONDS
    while served.request("GET", "/readyz").status != HTTPStatus.OK:
        if time.monotonic() > end:
            raise RuntimeError("the service did not get ready")
        time.sleep(0.1)


def _settings(folder: Path) -> Settings:
    llm = {"profile": "remote", "base_url": NOWHERE, "model": "none"}
    service = {"requests_per_minute": 10**9}
    privacy = {"key_file": folder / "users.key"}
    return load_settings(data=folder / "data", llm=llm, service=service, privacy=privacy)


@contextmanager
def service_bounds(**changed: float) -> Iterator[None]:
    """Other bounds of the HTTP service than its constants, for this process: so that they are reached in a second."""
    before = ServiceSettings.bounds
    ServiceSettings.bounds = replace(before, **changed)  # type: ignore[arg-type] # sizes are whole numbers
    try:
        yield
    finally:
        ServiceSettings.bounds = before


@contextmanager
def _running(app: FastAPI, settings: Settings, listening: socket.socket) -> Iterator[None]:
    config = configured(app, settings.service)
    config.lifespan = "on"
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    end = time.monotonic() + START_SECONDS
    while not server.started and thread.is_alive() and time.monotonic() < end:
        time.sleep(0.01)
    if not server.started:
        raise RuntimeError("the service did not start")
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(30)
