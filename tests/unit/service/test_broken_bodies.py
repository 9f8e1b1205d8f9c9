"""A body that is no HTTP behind a head that the application answers at once."""

import logging
import socket
import threading
import time

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from assistant.service.http.server import configured
from assistant.settings import ServiceSettings


async def hasty(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers without having read the body."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"done"})


def test_what_the_application_answers_to_it_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    config = configured(hasty, ServiceSettings())  # type: ignore[arg-type] # any ASGI application will do here
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening, caplog.at_level(logging.ERROR):
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        with socket.create_connection(listening.getsockname(), timeout=10) as client:
            client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
            answer = client.recv(1_000)
            time.sleep(0.5)
        server.should_exit = True
        thread.join(10)
    assert answer.startswith(b"HTTP/1.1 400")
    assert caplog.records == []
