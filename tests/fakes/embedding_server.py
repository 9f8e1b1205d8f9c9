"""A server of embeddings over real HTTP, with the wire format of vLLM or of text-embeddings-inference (TEI).

Texts that share words are near each other; vectors are not of unit length. It refuses what the real ones refuse: too
long texts, too many texts at once (TEI), another model (vLLM), a wrong key.
"""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from tests.fakes.encoders import WordText

Answer = tuple[int, bytes]
WORDS = WordText()


class FakeEmbeddingServer:
    """Serves ``/v1/embeddings``."""

    def __init__(
        self,
        kind: Literal["vllm", "tei"] = "vllm",
        *,
        longest: int = 512,
        batch: int = 32,
        key: str = "none",
        port: int = 0,
    ) -> None:
        """``longest``: words of a text; ``batch``: texts of a request, for TEI; ``key``: the one that is accepted."""
        self.kind, self.longest, self.batch, self.key = kind, longest, batch, key
        self.model = "served-model"
        self.bodies: list[dict[str, Any]] = []
        self.delay = 0.0
        self.connections: set[socket.socket] = set()
        self.answers: Iterator[Answer | None] = iter(())
        """What the next requests are answered with; None is a broken connection."""
        self.change: Callable[[dict[str, Any]], object] = lambda answer: answer
        """Bends a good answer."""
        self._server = ThreadingHTTPServer(("127.0.0.1", port), type("Handler", (_Handler,), {"fake": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> "FakeEmbeddingServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def texts(self) -> list[str]:
        """Every text that was sent, also in requests that were refused."""
        return [text for body in self.bodies for text in body["input"]]

    def stop(self) -> None:
        """Stop listening and drop every connection, as the end of a process does."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        for connection in list(self.connections):
            with contextlib.suppress(OSError):  # its client was quicker
                connection.shutdown(socket.SHUT_RDWR)

    def answer(self, body: dict[str, Any], authorization: str) -> Answer:
        """As the real servers answer."""
        texts = body["input"]
        if self.key not in ("none", authorization.removeprefix("Bearer ")):
            return (401, b'{"error":"Unauthorized"}') if self.kind == "vllm" else (401, b"")
        if self.kind == "vllm" and body["model"] != self.model:
            return self._refused(404, f"The model `{body['model']}` does not exist.", "NotFoundError")
        if self.kind == "tei" and len(texts) > self.batch:
            return self._refused(
                413, f"batch size {len(texts)} > maximum allowed batch size {self.batch}", "Validation"
            )
        if any(not text for text in texts):
            return self._refused(413 if self.kind == "tei" else 400, "`inputs` cannot be empty", "Validation")
        if most := max(len(text.split()) for text in texts) > self.longest:
            words = f"This model's maximum context length is {self.longest} tokens, and the input has {most}."
            return self._refused(413 if self.kind == "tei" else 400, words, "BadRequestError")
        rows = WORDS.encode([text if text.strip() else "-" for text in texts]) * 3.5
        data = [{"object": "embedding", "index": n, "embedding": row.tolist()} for n, row in enumerate(rows)]
        data = data[::-1]  # the order is the index's, not the list's
        usage = {"prompt_tokens": 5, "total_tokens": 5}
        more = {"id": "embd-1", "created": 1} if self.kind == "vllm" else {}
        return 200, json.dumps(
            self.change({**more, "object": "list", "data": data, "model": self.model, "usage": usage})
        ).encode()

    def _refused(self, status: int, message: str, kind: str) -> Answer:
        error = {"message": message, "type": kind, "code": status}
        return status, json.dumps({"error": {**error, "param": None}} if self.kind == "vllm" else error).encode()


class _Handler(BaseHTTPRequestHandler):
    fake: FakeEmbeddingServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.fake.connections.add(self.connection)

    def finish(self) -> None:
        self.fake.connections.discard(self.connection)
        super().finish()

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/embeddings":
            self._send((404, b'{"detail":"Not Found"}'))
            return
        self.fake.bodies.append(body)
        time.sleep(self.fake.delay)
        answer = next(self.fake.answers, ())
        if answer is None:
            self.close_connection = True
            return
        self._send(answer or self.fake.answer(body, self.headers.get("Authorization", "")))

    def _send(self, answer: Answer) -> None:
        status, content = answer
        with contextlib.suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
