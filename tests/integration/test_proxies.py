"""The examples of docs for nginx and Caddy: right by the programs' own check, and tried between a client and a server.

Skipped where the programs are not installed (Debian: apt install nginx caddy).
"""

import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
PATH = f"{os.environ['PATH']}:/usr/sbin"
NGINX, CADDY, OPENSSL = (shutil.which(name, path=PATH) for name in ("nginx", "caddy", "openssl"))
NAME = "shop.example.org"
MIB = 2**20


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Upstream:
    """In the service's place: sends one event, and the second only when the client has the first."""

    port: int = 0
    first_was_read: threading.Event = field(default_factory=threading.Event)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    stage = Upstream()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            stage.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for text in (b"data: one\n\n", b"data: two\n\n"):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
                self.wfile.flush()
                stage.first_was_read.wait(20)
            self.wfile.write(b"0\r\n\r\n")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stage.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield stage
    server.shutdown()
    server.server_close()


@contextmanager
def running(command: list[str], port: int, env: dict[str, str] | None = None) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)
    try:
        end = time.monotonic() + 20
        while time.monotonic() < end and process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        assert process.poll() is None, process.communicate()[0]
        yield
    finally:
        process.terminate()
        print(process.communicate(timeout=20)[0])


def nginx(folder: Path, upstream: int) -> tuple[list[str], int]:
    """The example with free ports, a certificate of a moment and no privileges; the command that runs it."""
    key, certificate, port = folder / "key.pem", folder / "certificate.pem", free_port()
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={NAME}"]
    assert OPENSSL
    subprocess.run([OPENSSL, *made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    text = (EXAMPLES / "nginx.conf").read_text("utf-8")
    for old, new in {
        f"/etc/letsencrypt/live/{NAME}/fullchain.pem": str(certificate),
        f"/etc/letsencrypt/live/{NAME}/privkey.pem": str(key),
        "listen 80;": f"listen 127.0.0.1:{free_port()};",
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "server 127.0.0.1:8080;": f"server 127.0.0.1:{upstream};",
    }.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    text = re.sub(r"listen \[::\].*", "", text)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{kind}_temp_path {folder / kind};\n" for kind in kinds)
    user = "" if os.geteuid() else "user root;\n"  # the test's folder is closed to others
    head = f"{user}daemon off;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\n"
    whole = f"{head}http {{\naccess_log off;\n{places}{text}}}\n"
    (folder / "whole.conf").write_text(whole)
    return [str(NGINX), "-e", "stderr", "-p", str(folder), "-c", str(folder / "whole.conf")], port


def caddy(folder: Path, upstream: int) -> tuple[list[str], int]:
    port, text = free_port(), (EXAMPLES / "Caddyfile").read_text("utf-8")
    text = text.replace(f"{NAME} {{", f"http://{NAME}:{port} {{").replace("127.0.0.1:8080", f"127.0.0.1:{upstream}")
    (folder / "Caddyfile").write_text(f"{{\n\tadmin off\n\tauto_https off\n}}\n{text}")
    return [str(CADDY), "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")], port


@pytest.mark.skipif(not (NGINX and OPENSSL), reason="nginx or openssl is not installed")
def test_nginx_takes_the_example(tmp_path: Path) -> None:
    command, _ = nginx(tmp_path, 8080)
    done = subprocess.run([*command, "-t"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


@pytest.mark.skipif(not CADDY, reason="caddy is not installed")
def test_caddy_takes_the_example(tmp_path: Path) -> None:
    homes = {"XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    command = [str(CADDY), "validate", "--adapter", "caddyfile", "--config", str(EXAMPLES / "Caddyfile")]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **homes})
    assert done.returncode == 0, done.stderr
    assert "not formatted" not in done.stderr


Proxy = Callable[[Path, int], tuple[list[str], int]]


@pytest.mark.parametrize(
    ("proxy", "scheme"),
    [
        pytest.param(
            nginx, "https", marks=pytest.mark.skipif(not (NGINX and OPENSSL), reason="nginx is not installed")
        ),
        pytest.param(caddy, "http", marks=pytest.mark.skipif(not CADDY, reason="caddy is not installed")),
    ],
    ids=["nginx", "caddy"],
)
def test_events_come_at_once_and_sizes_and_names_are_passed_on(
    upstream: Upstream, tmp_path: Path, proxy: Proxy, scheme: str
) -> None:
    command, port = proxy(tmp_path, upstream.port)
    trusted = ssl.create_default_context()
    trusted.check_hostname, trusted.verify_mode = False, ssl.CERT_NONE  # its own certificate, on this machine
    homes = {**os.environ, "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    with (
        running(command, port, homes),
        httpx.Client(base_url=f"{scheme}://127.0.0.1:{port}", verify=trusted, timeout=15) as client,
    ):
        with client.stream("GET", "/api/items/a%2Fb", headers={"Host": NAME}) as answer:
            received = b""
            for part in answer.iter_raw():
                received += part
                if b"one" in received:
                    upstream.first_was_read.set()
        assert received.count(b"data: ") == 2
        path, headers = upstream.requests[0]
        assert path == "/api/items/a%2Fb"
        assert headers["host"].partition(":")[0] == NAME
        assert headers["x-forwarded-for"] == "127.0.0.1"
        assert headers["x-forwarded-proto"] == scheme
        large = b"x" * (141 * MIB)
        statuses = [
            client.post(path, content=large[:size], headers={"Host": NAME}).status_code
            for path, size in (("/api", 139 * MIB), ("/api/catalogue/import", 141 * MIB))
        ]
        assert statuses == [200, 200]
        refused = refused_status(client, large)
        assert refused in (413, None)  # None: the connection was closed while the body was still coming


def refused_status(client: httpx.Client, body: bytes) -> int | None:
    try:
        return client.post("/api", content=body, headers={"Host": NAME}).status_code
    except httpx.TransportError:
        return None
