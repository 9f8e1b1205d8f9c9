"""The relay that writes down what goes over the wire, and what is read from the times."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

from eval.bench.wire import covered, recording, rounds, side_by_side


@pytest.mark.parametrize(
    ("spans", "seconds", "chain", "most"),
    [
        ([], 0, 0, 0),
        ([(0, 2), (3, 4)], 3, 2, 1),
        ([(0, 2), (1, 3), (1.5, 2.5)], 3, 1, 3),
        ([(0, 1), (1, 4), (1.2, 3), (1.4, 3.5)], 4, 2, 3),
        ([(0, 10), (1, 2)], 10, 1, 2),
    ],
)
def test_times_are_read(spans: list[tuple[float, float]], seconds: float, chain: int, most: int) -> None:
    assert (covered(spans), rounds(spans), side_by_side(spans)) == (pytest.approx(seconds), chain, most)


class Echo(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"usage": {"prompt_tokens": 7}, "said": request["messages"][1]["content"]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_the_relay_passes_on_and_writes_down() -> None:
    server = HTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    body = {"messages": [{"role": "system", "content": "be"}, {"role": "user", "content": "hi"}]}
    with recording(f"http://127.0.0.1:{server.server_address[1]}/v1") as wire:
        answer = httpx.post(f"http://127.0.0.1:{wire.port}/v1/chat/completions", json=body)
    server.shutdown()
    assert answer.json()["said"] == "hi"
    assert [(exchange.prompt_tokens, exchange.purpose) for exchange in wire.exchanges] == [(7, "text")]
    assert wire.exchanges[0].system == '[{"role": "system", "content": "be"}, null]'
