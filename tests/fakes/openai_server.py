"""A small OpenAI-compatible server that says what a test tells it to, over real HTTP.

    with FakeOpenAIServer(replies=[Reply(json={"a": 1}), Reply(status=500)]) as server:
        settings = server.settings()          # the remote profile, pointing at it
        ...
        assert server.requests[0]["messages"][0]["content"] == "..."

Replies are a queue (the last one is repeated when it has run out), or a function of the request's body. What goes over
the wire has the shape that vLLM 0.32 sends.
"""

import contextlib
import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from assistant.settings import Settings, load_settings

Request = dict[str, Any]

EVERY_STEP = {"planner": "model", "ranking": "vote"}
"""Settings of ``turn`` that give a scripted model every step, though it was never probed."""

EVERY_STEP_VARIABLES = {f"ASSISTANT_TURN__{name.upper()}": who for name, who in EVERY_STEP.items()}
"""The same as environment variables of a command."""


@dataclass(frozen=True)
class Reply:
    """What one request is answered with.

    ``text`` or ``json`` is the message; the rest bends the answer away from a good one.
    """

    text: str = ""
    json: Any = None
    """Sent as compact JSON text."""
    calls: Sequence[tuple[str, Any]] = ()
    """Tool calls: name, and arguments as JSON-able data or as the very text of the arguments."""
    reasoning: str | None = None
    """Thoughts in a field of their own, as servers with a reasoning parser send them."""
    finish_reason: str = "stop"
    top_tokens: dict[str, float] | None = None
    """The likeliest first tokens with their log probabilities, where the request wants some."""
    usage: dict[str, Any] | None = field(
        default_factory=lambda: {
            "prompt_tokens": 20,
            "completion_tokens": 5,
            "total_tokens": 25,
            "prompt_tokens_details": {"cached_tokens": 16},
        }
    )
    delay: float = 0.0
    """Seconds before anything is sent."""
    hang: bool = False
    """Never answers; notices when the client hangs up."""
    status: int = 200
    """Anything else is sent with an OpenAI error body."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with an error."""
    error: str = "Something went wrong in the engine."
    raw: bytes | None = None
    """Sent instead of a chat completion, with `status`."""
    reset: bool = False
    """Closes the connection without an answer."""
    cut_after: int | None = None
    """A stream breaks off after so many pieces, without an end."""

    @property
    def content(self) -> str:
        """The message's text."""
        return self.text if self.json is None else json.dumps(self.json, ensure_ascii=False, separators=(",", ":"))


Script = Sequence[Reply] | Callable[[Request], Reply]


class FakeOpenAIServer:
    """Serves ``/v1/chat/completions``, ``/v1/models``, ``/health`` and ``/metrics`` on a port of this machine."""

    def __init__(
        self, replies: Script = (Reply("Hello."),), *, model: str = "fake-model", healthy: bool = True, port: int = 0
    ) -> None:
        """``port`` 0 is a free one; that of a server which was stopped may be given to another."""
        self.model = model
        self.healthy = healthy
        self.requests: list[Request] = []
        """The bodies of the chat requests, in the order in which they came."""
        self.headers: list[dict[str, str]] = []
        self.hang_ups = 0
        """How many clients went away before their answer was complete."""
        self.side_by_side = 0
        """The most chat requests that were under way at one time."""
        self._under_way = 0
        self._replies = replies
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._stopped = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), type("Handler", (_Handler,), {"fake": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> "FakeOpenAIServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def base_url(self) -> str:
        """The address for clients."""
        return f"http://127.0.0.1:{self.port}/v1"

    def settings(self, **llm: object) -> Settings:
        """Settings of the remote profile that lead here; keywords are further keys of the llm section."""
        return load_settings(llm={"profile": "remote", "base_url": self.base_url, "model": self.model, **llm})

    def script(self, replies: Script) -> None:
        """Answer like this from now on."""
        with self._lock:
            self._replies = replies

    def stop(self) -> None:
        """Stop listening and drop every connection, as the end of a process does."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        with self._lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):  # its client was quicker
                    connection.shutdown(socket.SHUT_RDWR)

    def wait_for_request(self, asked: Callable[[Request], bool], seconds: float = 20.0) -> bool:
        """True as soon as such a chat request has come."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not any(map(asked, list(self.requests))):
            time.sleep(0.01)
        return any(map(asked, list(self.requests)))

    def wait_for_hang_up(self, seconds: float = 20.0) -> bool:
        """True as soon as a client has gone away before its answer was complete."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.hang_ups:
            time.sleep(0.01)
        return bool(self.hang_ups)

    @contextlib.contextmanager
    def _taking(self, body: Request, headers: dict[str, str]) -> Iterator[Reply]:
        with self._lock:
            self.requests.append(body)
            self.headers.append(headers)
            self._under_way += 1
            self.side_by_side = max(self.side_by_side, self._under_way)
            script = self._replies
            if not callable(script):
                reply = script[0]
                self._replies = script[1:] or script
        try:
            yield script(body) if callable(script) else reply
        finally:
            with self._lock:
                self._under_way -= 1


class _Handler(BaseHTTPRequestHandler):
    fake: FakeOpenAIServer
    disable_nagle_algorithm = True
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        with self.fake._lock:
            self.fake._connections.add(self.connection)

    def finish(self) -> None:
        with self.fake._lock:
            self.fake._connections.discard(self.connection)
        super().finish()

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        if self.path == "/health":
            self._send(200 if self.fake.healthy else 503, b"")
        elif self.path == "/v1/models":
            self._json(
                200, {"object": "list", "data": [{"id": self.fake.model, "object": "model", "owned_by": "vllm"}]}
            )
        elif self.path == "/version":
            self._json(200, {"version": "0.0.fake"})
        elif self.path == "/metrics":
            self._send(200, b"vllm:prefix_cache_queries_total 0\n", "text/plain")
        else:
            self._json(404, {"detail": "Not Found"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/chat/completions":
            self._json(404, {"detail": "Not Found"})
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.fake._taking(body, headers) as reply, contextlib.suppress(OSError):
            self._answer(body, reply)

    def _answer(self, body: Request, reply: Reply) -> None:
        waiting = 3600.0 if reply.hang else reply.delay
        if reply.reset or not self._wait(waiting):
            self._drop()
        else:
            self._answer_now(body, reply)

    def _answer_now(self, body: Request, reply: Reply) -> None:
        if reply.raw is not None:
            self._send(reply.status, reply.raw)
        elif reply.status != 200:
            error = {"message": reply.error, "type": "Error", "param": None, "code": reply.status}
            self._json(reply.status, {"error": error}, reply.headers)
        elif body.get("model") != self.fake.model:
            message = f"The model `{body.get('model')}` does not exist."
            self._json(404, {"error": {"message": message, "type": "NotFoundError", "param": "model", "code": 404}})
        elif body.get("stream"):
            self._stream(body, reply)
        else:
            self._json(200, _completion(self.fake.model, reply))

    def _stream(self, body: Request, reply: Reply) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        include_usage = (body.get("stream_options") or {}).get("include_usage")
        for sent, event in enumerate(_events(self.fake.model, reply, include_usage=bool(include_usage))):
            gone = self._gone()
            self.fake.hang_ups += gone
            if gone or (reply.cut_after is not None and sent > reply.cut_after):
                self._drop()
                return
            self._chunk(f"data: {event}\n\n".encode())
            time.sleep(0.005)
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        try:
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()
        except OSError:
            self.fake.hang_ups += 1
            raise

    def _wait(self, seconds: float) -> bool:
        """False when the client hung up or the server stopped before the time was over."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.fake._stopped.wait(0.01):
                return False
            if self._gone():
                self.fake.hang_ups += 1
                return False
        return True

    def _gone(self) -> bool:
        waiting = select.poll()
        waiting.register(self.connection, select.POLLIN)
        readable = waiting.poll(0)
        try:
            return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""
        except OSError:  # reset: it went away with pieces unread
            return True

    def _drop(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _json(self, status: int, content: object, headers: Mapping[str, str] | None = None) -> None:
        self._send(status, json.dumps(content).encode(), headers=headers)

    def _send(
        self, status: int, content: bytes, kind: str = "application/json", headers: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _completion(model: str, reply: Reply) -> dict[str, Any]:
    message = {
        "role": "assistant",
        "content": reply.content,
        "refusal": None,
        "annotations": None,
        "audio": None,
        "function_call": None,
        "reasoning": reply.reasoning,
        "tool_calls": _tool_calls(reply.calls),
    }
    choice = {
        "index": 0,
        "message": message,
        "logprobs": _logprobs(reply.top_tokens),
        "finish_reason": "tool_calls" if reply.calls and reply.finish_reason == "stop" else reply.finish_reason,
        "stop_reason": None,
    }
    return {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": model,
        "choices": [choice],
        "usage": reply.usage,
        "service_tier": None,
        "system_fingerprint": "vllm-0.32.0-fake",
        "prompt_logprobs": None,
        "kv_transfer_params": None,
    }


def _tool_calls(calls: Sequence[tuple[str, Any]]) -> list[dict[str, Any]]:
    written = [(name, said if isinstance(said, str) else json.dumps(said)) for name, said in calls]
    return [
        {"id": f"call-{number}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for number, (name, arguments) in enumerate(written)
    ]


def _logprobs(tokens: dict[str, float] | None) -> dict[str, Any] | None:
    if tokens is None:
        return None
    told = [{"token": t, "logprob": logprob, "bytes": list(t.encode())} for t, logprob in tokens.items()]
    return {"content": [{**told[0], "top_logprobs": told}]}


def _events(model: str, reply: Reply, *, include_usage: bool) -> Iterator[str]:
    """The data lines of a stream."""
    base = {"id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": model}

    def event(delta: dict[str, Any], finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return json.dumps({**base, "choices": [choice]})

    yield event({"role": "assistant", "content": ""})
    if reply.reasoning:
        yield event({"reasoning": reply.reasoning})
    for piece in _pieces(reply.content):
        yield event({"content": piece})
    yield event({}, reply.finish_reason)
    if include_usage and reply.usage:
        yield json.dumps({**base, "choices": [], "usage": reply.usage})
    yield "[DONE]"


def _pieces(text: str, length: int = 4) -> list[str]:
    """Token-sized parts."""
    return [text[start : start + length] for start in range(0, len(text), length)]
