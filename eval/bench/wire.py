"""A relay between the assistant and the language model's server that writes down what goes over the wire.

Counting requests, their times and their bodies here needs no hook inside the assistant: it only speaks to another port.
"""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

Span = tuple[float, float]

_HOP = {"host", "content-length", "connection", "transfer-encoding", "content-encoding", "accept-encoding"}


@dataclass(frozen=True)
class HttpExchange:
    """One request and its response; times are ``time.perf_counter``."""

    began: float
    ended: float
    request: dict[str, Any]
    response: dict[str, Any]

    @property
    def span(self) -> Span:
        """From first byte to last."""
        return self.began, self.ended

    @property
    def purpose(self) -> str:
        """The name of the JSON schema asked for; ``text`` where plain text is."""
        form = self.request.get("response_format") or {}
        return str(form.get("json_schema", {}).get("name", "text"))

    @property
    def system(self) -> str:
        """The system message and the tools: what should not change between turns."""
        first = self.request["messages"][0]
        return json.dumps([first if first["role"] == "system" else None, self.request.get("tools")], ensure_ascii=False)

    @property
    def prompt_tokens(self) -> int:
        """As the server counts them."""
        return int((self.response.get("usage") or {}).get("prompt_tokens") or 0)


@dataclass
class RecordingProxy:
    """What has gone over the wire so far, and where to connect."""

    port: int
    exchanges: list[HttpExchange] = field(default_factory=list)

    def since(self, moment: float) -> list[HttpExchange]:
        """The exchanges that began later."""
        return [exchange for exchange in self.exchanges if exchange.began >= moment]


@contextmanager
def recording(base_url: str) -> Iterator[RecordingProxy]:
    """A relay in front of the server at ``base_url`` (``.../v1``) on a port of its own."""
    target = base_url.removesuffix("/v1")
    wire = RecordingProxy(0)
    with httpx.Client(timeout=600) as client:
        relay = ThreadingHTTPServer(("127.0.0.1", 0), _handler(target, wire, client))
        wire.port = relay.server_address[1]
        thread = threading.Thread(target=relay.serve_forever, daemon=True)
        thread.start()
        try:
            yield wire
        finally:
            relay.shutdown()
            relay.server_close()


def _handler(target: str, wire: RecordingProxy, client: httpx.Client) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._pass(b"")

        def do_POST(self) -> None:
            self._pass(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def log_message(self, *_: object) -> None:
            pass

        def _pass(self, body: bytes) -> None:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
            began = time.perf_counter()
            try:
                response = client.request(self.command, target + self.path, content=body, headers=headers)
            except httpx.HTTPError:
                self.send_error(502)
                return
            if self.path.endswith("/chat/completions"):
                wire.exchanges.append(
                    HttpExchange(began, time.perf_counter(), json.loads(body), _object(response.content))
                )
            self.send_response(response.status_code)
            self.send_header("Content-Type", response.headers.get("Content-Type", "application/json"))
            self.send_header("Content-Length", str(len(response.content)))
            self.end_headers()
            self.wfile.write(response.content)

    return Handler


def _object(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def covered(spans: Sequence[Span]) -> float:
    """Seconds in which at least one span is open."""
    total, until = 0.0, float("-inf")
    for began, ended in sorted(spans):
        total += max(0.0, ended - max(began, until))
        until = max(until, ended)
    return total


def rounds(spans: Sequence[Span]) -> int:
    """The longest chain of spans of which each begins after the one before has ended."""
    count, free = 0, float("-inf")
    for began, ended in sorted(spans, key=lambda span: span[1]):
        if began >= free:
            count, free = count + 1, ended
    return count


def side_by_side(spans: Sequence[Span]) -> int:
    """The most spans that are open at one moment."""
    edges = sorted([(began, 1) for began, _ in spans] + [(ended, -1) for _, ended in spans])
    most = now = 0
    for _, change in edges:
        now += change
        most = max(most, now)
    return most
