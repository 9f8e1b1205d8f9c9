"""Ingestion ended at any point, by whatever: the same command goes on, and the result is that of a clean run."""

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.catalogues import lines, picture, write
from tests.integration.ingest.conftest import assert_searchable, contents
from tools.store import Catalogue

ROOT = Path(__file__).parents[3]
COUNT = 400


def start(data: Path, file: Path, *options: str, before: Callable[[], None] | None = None) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.integration.ingest.child", str(file), *options]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "ASSISTANT_DATA": str(data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=before,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=100)
    return process.returncode, out, err


def items_in(data: Path) -> int:
    if not (data / "catalogue.sqlite").is_file():
        return -1
    with Catalogue.open(data) as catalogue:
        return catalogue.count()


def wait_for(process: subprocess.Popen[str], data: Path, count: int) -> None:
    while process.poll() is None and items_in(data) < count:
        time.sleep(0.005)


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("feed")
    return write(folder, lines(COUNT))


@pytest.fixture(scope="module")
def clean(feed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What a run that nobody disturbs gives."""
    data = tmp_path_factory.mktemp("clean")
    code, out, err = finish(start(data, feed))
    assert code == 0, err
    assert json.loads(out)["new"] == COUNT
    with Catalogue.open(data) as catalogue:
        return contents(catalogue)


def assert_clean(data: Path, clean: dict[str, object]) -> None:
    with Catalogue.open(data) as catalogue:
        assert contents(catalogue) == clean
        assert_searchable(catalogue, COUNT)


def test_killed_again_and_again(feed: Path, clean: dict[str, object], tmp_path: Path) -> None:
    random.seed(7)
    kills = 0
    for part in range(6):
        process = start(tmp_path, feed)
        wait_for(process, tmp_path, part * COUNT // 7)
        time.sleep(random.uniform(0, 0.15))
        process.kill()
        kills += finish(process)[0] == -signal.SIGKILL
    assert kills >= 4
    before = items_in(tmp_path)
    code, out, err = finish(start(tmp_path, feed))
    assert code == 0, err
    summary = json.loads(out)
    assert (summary["unchanged"], summary["new"]) == (before, COUNT - before)
    assert_clean(tmp_path, clean)


def test_killed_while_items_change_and_go(feed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "feed"
    shutil.copytree(feed.parent, folder)
    data, path = tmp_path / "data", folder / feed.name
    assert finish(start(data, path))[0] == 0
    rows = [{**row, "title": f"Changed {row['id']}"} for row in lines(COUNT)[: COUNT // 2]]
    for n in range(0, COUNT // 2, 3):
        picture(folder / "images" / f"{n}-0.png", 900_000 + n)
    write(folder, rows)
    for delay in (0.1, 0.3, 0.5):
        process = start(data, path, "--prune")
        time.sleep(1 + delay)
        process.kill()
        finish(process)
    assert finish(start(data, path, "--prune"))[0] == 0
    assert finish(start(tmp_path / "fresh", path))[0] == 0
    with Catalogue.open(data) as survivor, Catalogue.open(tmp_path / "fresh") as fresh:
        assert contents(survivor) == contents(fresh)
        assert_searchable(survivor, COUNT // 2)


def test_ctrl_c_ends_soon_with_one_sentence(feed: Path, clean: dict[str, object], tmp_path: Path) -> None:
    process = start(tmp_path, feed)
    wait_for(process, tmp_path, 50)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    code, out, err = finish(process)
    assert time.monotonic() - began < 5
    assert (code, out) == (130, "")
    assert err.strip().splitlines()[-1].startswith("Interrupted")
    assert "Traceback" not in err
    assert 0 < items_in(tmp_path) < COUNT
    assert finish(start(tmp_path, feed))[0] == 0
    assert_clean(tmp_path, clean)


def test_a_second_ingestion_at_the_same_time_is_sent_away(feed: Path, clean: dict[str, object], tmp_path: Path) -> None:
    first = start(tmp_path, feed)
    wait_for(first, tmp_path, 30)
    first.send_signal(signal.SIGSTOP)  # on a fast machine it would be done before the second has started
    code, out, err = finish(start(tmp_path, feed))
    first.send_signal(signal.SIGCONT)
    assert (code, out) == (3, "")
    assert "Another process is writing to the catalogue" in err
    assert finish(first)[0] == 0
    assert_clean(tmp_path, clean)


def _small_files() -> None:
    """No file may grow beyond 300 kB, as on a disk that is full; writing more fails instead of ending the process."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))


def _may_mount(folder: Path) -> bool:
    mount = ["mount", "-t", "tmpfs", "-o", "size=900k", "tmpfs", str(folder)]
    return os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0


def test_a_full_disk_is_one_sentence_and_with_room_it_goes_on(
    feed: Path, clean: dict[str, object], tmp_path: Path
) -> None:
    (data := tmp_path / "data").mkdir()
    mounted = _may_mount(data)
    try:
        code, out, err = finish(start(data, feed, before=None if mounted else _small_files))
        assert (code, out) == (3, ""), err
        assert "Traceback" not in err
        sentence = err.strip().splitlines()[-1]
        assert sentence.startswith("error: ")
        assert "disk is full" in sentence or not mounted
        if mounted:
            subprocess.run(["mount", "-o", "remount,size=200m", str(data)], check=True)
        assert finish(start(data, feed))[0] == 0
        assert_clean(data, clean)
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(data)], check=True)
