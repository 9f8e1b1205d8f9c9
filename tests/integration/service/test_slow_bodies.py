"""Bodies that stall or grow too large: refused in words, whatever reads them."""

import json
import socket
import time
from urllib.parse import urlsplit

import pytest

from eval.fuzzing.serving import service_bounds
from tests.integration.service.conftest import Running, Serve

pytestmark = pytest.mark.models

HEAD = "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\n{more}\r\n\r\n"


def send(
    service: Running, path: str, more: str, body: bytes, kind: str = "application/json"
) -> tuple[int, dict, float]:
    """Send a head and some of a body, then nothing; the status, the problem, and after how many seconds."""
    at = urlsplit(service.url)
    began = time.monotonic()
    with socket.create_connection((at.hostname, at.port), timeout=20) as connection:
        connection.sendall(HEAD.format(method="POST", path=path, kind=kind, more=more).encode() + body)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    head, _, content = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    assert b"x-request-id" in head.lower()
    return int(head.split()[1]), json.loads(content), time.monotonic() - began


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/sessions", "application/json"),
        ("/api/sessions/{}/messages", "application/json"),
        ("/api/sessions/{}/messages", "multipart/form-data; boundary=x"),
    ],
)
def test_a_body_that_stalls_is_ended_with_408(serve: Serve, path: str, kind: str) -> None:
    with service_bounds(body_seconds=0.5), serve() as service:
        status, told, seconds = send(service, path.format(service.session()), "Content-Length: 100", b"--x\r\n", kind)
    assert (status, told["status"]) == (408, 408)
    assert told["detail"] == "The request's body brought nothing for 0.5 seconds."
    assert 0.4 < seconds < 5


def test_a_body_that_comes_slowly_but_steadily_is_read(serve: Serve) -> None:
    body = json.dumps({"title": "Slow and steady"}).encode()
    with service_bounds(body_seconds=2.5), serve() as service:

        def slowly():  # noqa: ANN202
            for byte in body[:8]:
                time.sleep(0.4)  # longer in all than the bound, and each pause far below it even on a busy machine
                yield bytes([byte])
            yield body[8:]

        answer = service.client.post("/api/sessions", content=slowly(), headers={"Content-Type": "application/json"})
        assert answer.status_code == 201
        assert answer.json()["title"] == "Slow and steady"


def test_a_chunked_body_beyond_the_limit_is_a_413_and_not_fastapi_s_400(serve: Serve) -> None:
    with service_bounds(json_bytes=1024), serve() as service:
        part = b"400\r\n" + b" " * 1024 + b"\r\n"
        status, told, _ = send(service, "/api/sessions", "Transfer-Encoding: chunked\r\nConnection: close", part * 2)
    assert (status, told["status"]) == (413, 413)
