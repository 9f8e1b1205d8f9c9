"""The index is brought up to date by a process of its own while a catalogue is written."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.fakes.catalogues import vectors_of
from tests.fakes.encoders import identity
from tests.integration.store.conftest import Shop, make_entries
from tests.integration.store.test_index import assert_right
from tools.errors import StoreError
from tools.store import Catalogue, Writer, drop

ROOT = Path(__file__).parents[3]

PARENT = """
import sys, time
from pathlib import Path
from tests.integration.store.test_index_process import begin
from tools.store import Catalogue
if __name__ == "__main__":
    with Catalogue.open(Path(sys.argv[1])) as catalogue, catalogue.writing(index_process=True) as writer:
        begin(writer)
        print(writer._process._process.pid, flush=True)
        time.sleep(60)
"""


def begin(writer: Writer) -> None:
    """Write the first of `make_entries` and have the process begin."""
    for space in ("text", "visual", "joint"):
        writer.use_encoder(space, identity(f"fake {space}"))
    put(writer, slice(0, 300))
    writer.follow_soon()


def put(writer: Writer, which: slice) -> None:
    entries = make_entries()[which]
    writer.put(entries, vectors_of(entries))


def pid(writer: Writer) -> int:
    assert writer._process
    assert writer._process._process.pid
    return writer._process._process.pid


@pytest.mark.parametrize("sent", [None, signal.SIGINT, signal.SIGKILL])
def test_all_that_was_written_is_found(tmp_path: Path, sent: signal.Signals | None) -> None:
    told: list[str] = []
    with Catalogue.open(tmp_path, notify=told.append) as catalogue:
        with catalogue.writing(index_process=True) as writer:
            begin(writer)
            followed_by = pid(writer)
            if sent:
                psutil.Process(followed_by).send_signal(sent)
            put(writer, slice(300, 500))
            writer.follow_soon()
            put(writer, slice(500, None))
            writer.remove(["i1", "i599"])
            writer.tidy()
            assert (writer._process is None) == (sent == signal.SIGKILL)
            assert (catalogue._index._client is None) == (sent != signal.SIGKILL)  # type: ignore[attr-defined]
        assert not psutil.pid_exists(followed_by)
        entries = [one for one in make_entries() if one.item.id not in ("i1", "i599")]
        assert_right(Shop(catalogue, entries, told))


def test_what_the_process_cannot_do_is_said(tmp_path: Path) -> None:
    (tmp_path / "chroma").write_text("a file in the place of the folder")
    with Catalogue.open(tmp_path, notify=lambda _: None) as catalogue, catalogue.writing(index_process=True) as writer:
        begin(writer)
        with pytest.raises(StoreError, match=r"The Chroma index in .* cannot be used"):
            writer.tidy()


def test_a_server_s_index_is_followed_by_the_writer_itself(tmp_path: Path, chroma: str) -> None:
    with Catalogue.open(tmp_path, chroma_url=chroma) as catalogue, catalogue.writing(index_process=True) as writer:
        begin(writer)
        assert writer._process is None
        put(writer, slice(300, None))
        writer.tidy()
        assert_right(Shop(catalogue, make_entries(), []))
    drop(tmp_path, chroma_url=chroma)  # others count what the server has


def test_the_process_ends_with_its_parent(tmp_path: Path) -> None:
    (tmp_path / "parent.py").write_text(PARENT)
    command = [sys.executable, str(tmp_path / "parent.py"), str(tmp_path / "data")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        assert psutil.pid_exists(child)
        parent.kill()
    end = time.monotonic() + 20
    while psutil.pid_exists(child) and time.monotonic() < end:
        time.sleep(0.05)
    assert not psutil.pid_exists(child)
    with Catalogue.open(tmp_path / "data", notify=lambda _: None) as catalogue:
        assert_right(Shop(catalogue, make_entries()[:300], []))
