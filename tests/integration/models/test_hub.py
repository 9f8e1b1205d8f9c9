"""The hub as the second source, against a small hub on this machine that speaks its protocol."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from assistant.errors import PullError
from assistant.models import pull
from assistant.models.store import read_manifest

from ...fakes.toy_model import PipFinds, SettingsFor, Shelf, sha256

REVISION = "0123456789abcdef0123456789abcdef01234567"


class LittleHub:
    """Serves files of nobody/toy at one revision."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.answer(body=False)

            def do_GET(self) -> None:
                self.answer(body=True)

            def answer(self, *, body: bool) -> None:
                content = hub.content(self.path)
                self.send_response(404 if content is None else 200)
                if content is None:
                    self.send_header("X-Error-Code", "RevisionNotFound" if "/api/" in self.path else "EntryNotFound")
                self.send_header("ETag", f'"{sha256(content or b"")}"')
                self.send_header("X-Repo-Commit", REVISION)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                if body and content:
                    self.wfile.write(content)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def content(self, path: str) -> bytes | None:
        if path.startswith(f"/api/models/nobody/toy/revision/{REVISION}"):
            return json.dumps({"id": "nobody/toy", "sha": REVISION, "siblings": []}).encode()
        return self.files.get(path.removeprefix(f"/nobody/toy/resolve/{REVISION}/"))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, pip_finds: PipFinds) -> Iterator[LittleHub]:
    """The little hub; the package registry cannot be reached."""
    pip_finds("http://127.0.0.1:9/simple")
    little = LittleHub()
    monkeypatch.setenv("HF_ENDPOINT", little.url)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    yield little
    little.server.shutdown()
    little.server.server_close()


def add_hub(shelf: Shelf, *, revision: str = REVISION) -> None:
    """Give the toy a hub source; its small file is pinned by the revision alone."""
    source = {
        "type": "hub",
        "repository": "nobody/toy",
        "revision": revision,
        "files": {"weights.bin": "data/w.bin", "sub/config.json": "config.json"},
        "by_revision": ["sub/config.json"],
    }
    shelf.entry["sources"].append(source)


def test_hub_serves_when_the_package_registry_does_not(shelf: Shelf, settings_for: SettingsFor, hub: LittleHub) -> None:
    add_hub(shelf)
    hub.files = {"data/w.bin": shelf.content, "config.json": b'{"another": "edition"}'}
    folder = pull(settings_for(shelf, hub=True), ["toy"])[0]
    assert (folder / "weights.bin").read_bytes() == shelf.content
    assert (folder / "sub" / "config.json").read_bytes() == b'{"another": "edition"}'
    manifest = read_manifest(folder)
    assert manifest is not None
    assert manifest.source == f"hub nobody/toy@{REVISION}"


@pytest.mark.parametrize(
    ("files", "revision", "cause"),
    [
        (
            {"data/w.bin": b"other", "config.json": b"{}"},
            REVISION,
            "data/w.bin of nobody/toy on the hub has the wrong hash",
        ),
        ({"config.json": b"{}"}, REVISION, "a file is not there"),
        ({}, "f" * 40, "the repository or the revision is not there"),
    ],
)
def test_hub_without_the_right_file_is_named_beside_the_first_cause(
    shelf: Shelf, settings_for: SettingsFor, hub: LittleHub, files: dict[str, bytes], revision: str, cause: str
) -> None:
    add_hub(shelf, revision=revision)
    hub.files = files
    with pytest.raises(PullError) as caught:
        pull(settings_for(shelf, hub=True), ["toy"])
    assert "the package registry cannot be reached" in str(caught.value)
    assert cause in str(caught.value)
    assert "\n" not in str(caught.value)
