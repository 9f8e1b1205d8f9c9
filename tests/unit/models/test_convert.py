"""The converter's process: errors in one sentence, progress, and an end with its parent."""

import errno
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assistant.errors import PullError
from assistant.models.convert import run_converter
from assistant.models.processes import own_module

from ...fakes.toy_model import Shelf


def test_progress_and_result_come_from_the_other_process(shelf: Shelf, tmp_path: Path) -> None:
    raw, out = tmp_path / "raw", tmp_path / "out"
    raw.mkdir()
    out.mkdir()
    (raw / "weights.bin").write_bytes(b"abc")
    seen: list[tuple[int, int]] = []
    run_converter("toy", shelf.registry().get("toy"), raw, out, lambda *step: seen.append(step))
    assert (out / "weights.bin").read_bytes() == b"abc"
    assert seen[-1] == (3, 3)


def test_failure_of_a_converter_is_one_sentence(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "model.bin").write_bytes(b"no such thing")
    shelf.entry["converter"] = "whisper-ct2"
    with pytest.raises(PullError, match=r"^The conversion of toy failed: [^\n]*\.$"):
        run_converter("toy", shelf.registry().get("toy"), tmp_path, tmp_path / "out", lambda *_: None)


def test_killed_converter_is_said_with_the_memory_it_needs(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]
    monkeypatch.setattr("assistant.models.convert.own_module", lambda *_: (command, {}))
    model = shelf.registry().get("toy").model_copy(update={"convert_memory": 1_200_000_000})
    with pytest.raises(PullError, match=r"was killed \(signal 9\); it needs about 1\.2 GB of memory"):
        run_converter("toy", model, tmp_path, tmp_path, lambda *_: None)


def test_full_disk_of_the_converter_is_an_os_error(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = '{"error": "No space left on device", "errno": 28}'
    command = [sys.executable, "-c", f"print({report!r}); raise SystemExit(1)"]
    monkeypatch.setattr("assistant.models.convert.own_module", lambda *_: (command, {}))
    with pytest.raises(OSError) as caught:
        run_converter("toy", shelf.registry().get("toy"), tmp_path, tmp_path, lambda *_: None)
    assert caught.value.errno == errno.ENOSPC


def test_converter_ends_when_its_parent_does(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    fifo = tmp_path / "raw" / "weights.bin"
    fifo.parent.mkdir()
    fifo.write_bytes(b"")
    command, environment = own_module(
        "assistant.models.convert_child", "files", str(fifo.parent), str(tmp_path / "out")
    )
    hang = "import time, assistant.models.convert_files as c; c.convert = lambda *a: time.sleep(60); "
    hang += "import sys; from assistant.models.convert_child import main; main(sys.argv[1:])"
    process = subprocess.Popen([sys.executable, "-c", hang, *command[-3:]], stdin=subprocess.PIPE, env=environment)
    time.sleep(0.5)
    assert process.poll() is None
    process.stdin.close()
    assert process.wait(60) == 2
