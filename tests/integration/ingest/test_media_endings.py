"""Ingestion of videos and recordings ended at any point: nothing is lost or doubled, and no process is left behind."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from eval.suite.made_sounds import MadeSound, encoded, play
from tests.fakes.catalogues import write
from tests.integration.ingest.conftest import contents
from tests.integration.ingest.test_endings import ROOT, finish, items_in
from tests.integration.ingest.test_speech_in_items import VOICE
from tests.made_videos import COLOURS, make_video
from tools import media_child
from tools.store import Catalogue

COUNT = 12


def start(data: Path, file: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.integration.ingest.media_child", str(file), *options],
        cwd=ROOT,
        env={**os.environ, "ASSISTANT_DATA": str(data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def decoding(folder: Path) -> list[psutil.Process]:
    """The processes that decode a file of this folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if media_child.__file__ in (process.info["cmdline"] or ()):
            try:
                source = str(Path(f"/proc/{process.pid}/fd/0").readlink())
            except OSError:
                continue
            found += [process] if source.startswith(str(folder)) else []
    return found


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < end:
        time.sleep(0.01)
    return met


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Items with a video of their own each, some with sound, a recording, and a video that is broken."""
    folder, names = tmp_path_factory.mktemp("feed"), list(COLOURS)
    rows = []
    for n in range(COUNT):
        make_video(folder / f"{n}.mp4", [(names[n % 4], 1.0 + 0.1 * n), (names[n // 4], 2.0)], sound=n % 2 == 0)
        sound = play(MadeSound("organ", 60 + 5 * n, 200 + 10 * n), np.random.default_rng(n))
        (folder / f"{n}.ogg").write_bytes(encoded(sound, "ogg", "libopus", 48_000))
        videos = [f"{n}.mp4", *(["broken.mp4"] if n % 5 == 0 else [])]
        rows.append({"id": str(n), "title": f"Item {n}", "video": videos, "audio": [f"{n}.ogg", "voice.flac"]})
    (folder / "broken.mp4").write_bytes((folder / "0.mp4").read_bytes()[:3000])
    (folder / "voice.flac").write_bytes(VOICE.read_bytes())
    return write(folder, rows)


@pytest.fixture(scope="module")
def clean(feed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What a run that nobody disturbs gives."""
    data = tmp_path_factory.mktemp("clean")
    code, out, err = finish(start(data, feed))
    assert code == 0, err
    summary = json.loads(out)
    assert (summary["new"], summary["sounds_heard"], summary["pictures_lost"]) == (COUNT, 1 + COUNT + COUNT // 2, 3)
    return state(data)


def state(data: Path) -> dict[str, object]:
    with Catalogue.open(data) as catalogue:
        found: dict[str, object] = contents(catalogue)
        assert catalogue.unused_frames() == []
    found["files"] = sorted(path.name for path in (data / "media" / "frames").iterdir())
    return found


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_ended_again_and_again(feed: Path, clean: dict[str, object], tmp_path: Path, how: signal.Signals) -> None:
    random.seed(how)
    ended = 0
    for _ in range(4):
        process = start(tmp_path, feed)
        wait_until(lambda: bool(decoding(feed.parent)))
        time.sleep(random.uniform(0, 1.0))
        began = time.monotonic()
        process.send_signal(how)
        code, out, err = finish(process)
        assert time.monotonic() - began < 10
        assert wait_until(lambda: not decoding(feed.parent), 1), "a process that decodes is left"
        assert "Traceback" not in err
        if code != 0:
            assert (code, out) == (130 if how == signal.SIGINT else -how, "")
            ended += 1
    assert ended >= 2
    before = items_in(tmp_path)
    code, out, err = finish(start(tmp_path, feed))
    assert code == 0, err
    summary = json.loads(out)
    assert (summary["unchanged"], summary["new"]) == (before, COUNT - before)
    assert state(tmp_path) == clean
    code, out, _ = finish(start(tmp_path, feed))
    assert (json.loads(out)["unchanged"], json.loads(out)["pictures_embedded"]) == (COUNT, 0)


def test_a_process_that_decodes_ends_with_its_parent(tmp_path: Path) -> None:
    clip = make_video(tmp_path / "clip.mp4", [("red", 240.0)], size=(640, 360), rate=25)
    script = f"from tools.video import *; from pathlib import Path; load_video(Path({str(clip)!r}), MediaLimits())"
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
    assert wait_until(lambda: bool(decoding(tmp_path)))
    parent.kill()
    parent.wait()
    assert wait_until(lambda: not decoding(tmp_path), 1)
