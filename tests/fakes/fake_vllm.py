"""Stands in for the vLLM environment's Python: takes vLLM's command line and behaves as ``--fake MODE`` says.

Modes: good, slow, never, dies, killed, unhealthy, stubborn. Like vLLM it has an engine process of its own.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FAILURE = """\
(EngineCore pid=7) ERROR 11-22 05:54:12 [core.py:1] Traceback (most recent call last):
(EngineCore pid=7) ERROR 11-22 05:54:12 [core.py:1]   File "core.py", line 1, in run
(EngineCore pid=7) ERROR 11-22 05:54:12 [core.py:1] ValueError: Available memory on node 0 is less than requested.
(APIServer pid=6) Traceback (most recent call last):
(APIServer pid=6) RuntimeError: Engine core initialization failed. See root cause above.
"""


def main() -> None:
    """Behave like a vLLM server."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-m", dest="module")
    for name in ("--model", "--served-model-name", "--host", "--fake"):
        parser.add_argument(name)
    parser.add_argument("--port", type=int)
    options, _ = parser.parse_known_args()
    print("(APIServer pid=6) INFO 11-22 05:54:12 [api_utils.py:347] vLLM server version 0.0.0", flush=True)
    behave(options)


def behave(options: argparse.Namespace) -> None:
    """One of the modes."""
    if options.fake == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if options.fake == "dies":
        print(FAILURE, flush=True)
        sys.exit(1)
    engine = subprocess.Popen(["sleep", "1000"])
    Path(options.model, "engine.pid").write_text(str(engine.pid))
    if options.fake == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if options.fake != "stubborn":
        signal.signal(signal.SIGTERM, lambda *_: (engine.terminate(), os._exit(0)))
    if options.fake == "never":
        time.sleep(1000)
    time.sleep(1.0 if options.fake == "slow" else 0.1)
    serve(options)


def serve(options: argparse.Namespace) -> None:
    """Answer the questions that `assistant llm` asks."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Quiet."""

        def do_GET(self) -> None:
            healthy = options.fake != "unhealthy"
            content = json.dumps({"data": [{"id": options.served_model_name}]}).encode()
            self.send_response(200 if healthy else 503)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    ThreadingHTTPServer((options.host, options.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
