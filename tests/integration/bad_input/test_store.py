"""The stores are harmed, the disk is full, ingestion is ended in the middle: the same command goes on."""

import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.bad_input import shop
from tests.integration.bad_input.conftest import PROGRAM, CommandLine, OpenAssistant, ended, interrupt
from tools.engines.parts import Engines
from tools.store import Catalogue

pytestmark = pytest.mark.models


def _delete(chroma: Path) -> None:
    shutil.rmtree(chroma)


def _scribble(chroma: Path) -> None:
    for path in [path for path in chroma.rglob("*") if path.is_file()]:
        path.write_bytes(b"\xde\xad\xbe\xef" * 64)


def _truncate(chroma: Path) -> None:
    for path in chroma.rglob("*.bin"):
        path.write_bytes(path.read_bytes()[:10])


@pytest.mark.parametrize("harm", [_delete, _scribble, _truncate])
async def test_a_harmed_chroma_folder_mends_itself(
    opened: OpenAssistant, shop_engines: Engines, own_data: Path, harm: Callable[[Path], None]
) -> None:
    async with opened() as assistant:
        before = await assistant.reply("a lamp for my desk")
    harm(own_data / "chroma")
    catalogue = Catalogue.open(own_data)
    engines = Engines(catalogue, shop_engines.text, shop_engines.pictures, shop_engines.speech)
    async with opened(engines) as assistant:
        after = await assistant.reply("a lamp for my desk")
    catalogue.close()
    assert [item.item_id for item in after.recommendations] == [item.item_id for item in before.recommendations]
    assert after.degraded == before.degraded


def test_a_missing_or_damaged_catalogue_is_told_with_the_command_that_mends_it(cli: CommandLine) -> None:
    assert "assistant ingest" in cli("catalogue", "stats").refused(3)
    cli.data.mkdir()
    (cli.data / "catalogue.sqlite").write_bytes(b"This is no database. " * 1_000)
    assert "assistant catalogue drop --yes" in cli("catalogue", "stats").refused(3)
    assert "assistant catalogue drop --yes" in cli("recommend", "--text", "a chair", "--json").refused(3)


def _texts(folder: Path, count: int) -> Path:
    """A catalogue file without pictures: only the text encoder is loaded."""
    kinds = [item["title"] for item in shop.ITEMS]
    lines = [
        {"id": f"i{n}", "title": f"{kinds[n % 12]} {n}", "price": n, "description": f"Number {n}."}
        for n in range(count)
    ]
    return shop.write_lines(folder / "texts.jsonl", lines)


def _written(data: Path) -> int:
    try:
        with sqlite3.connect(f"file:{data / 'catalogue.sqlite'}?mode=ro", uri=True, timeout=1) as connection:
            return int(connection.execute("select count(*) from items").fetchone()[0])
    except sqlite3.Error:
        return 0


def _wait_until_written(process: subprocess.Popen[str], data: Path, count: int) -> None:
    end = time.monotonic() + 100
    while process.poll() is None and _written(data) < count:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert process.poll() is None, "it was over before it could be ended"


def test_after_kill_and_ctrl_c_the_same_command_goes_on(cli: CommandLine, tmp_path: Path) -> None:
    path = _texts(tmp_path, 1_000)
    killed = cli.start("ingest", path)
    _wait_until_written(killed, cli.data, 200)
    killed.send_signal(signal.SIGKILL)
    assert ended(killed).code == -signal.SIGKILL
    interrupted = cli.start("ingest", path)
    _wait_until_written(interrupted, cli.data, 500)
    stopped = interrupt(interrupted)
    assert stopped.code == 130
    assert stopped.stderr.strip().splitlines()[-1].startswith("Interrupted")
    assert "Traceback" not in stopped.stderr
    kept = _written(cli.data)
    summary = cli.json("ingest", path, "--json")
    assert (summary["unchanged"], summary["new"]) == (kept, 1_000 - kept)
    stats = cli.json("catalogue", "stats", "--json")
    assert stats["items"] == 1_000
    assert stats["spaces"]["text"]["vectors"] == 1_000


FULL_THEN_ROOM = """
mount -t tmpfs -o size=200k tmpfs "$ASSISTANT_DATA" || exit 99
"$0" ingest "$1" || echo "ended $?"
mount -o remount,size=200m "$ASSISTANT_DATA"
exec "$0" ingest "$1"
"""
LIMITED_THEN_FREE = """
(ulimit -f 32; exec "$0" ingest "$1") || echo "ended $?"
exec "$0" ingest "$1"
"""


def test_a_full_disk_is_told_and_with_room_the_same_command_goes_on(cli: CommandLine, tmp_path: Path) -> None:
    cli.data.mkdir()
    mount = ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", str(cli.data)]
    may_mount = subprocess.run(mount, check=False).returncode == 0
    # Where a test may not mount anything, no file may grow beyond 16 KiB instead.
    start = ["unshare", "-rm", "sh", "-c", FULL_THEN_ROOM] if may_mount else ["sh", "-c", LIMITED_THEN_FREE]
    command = [*start, str(PROGRAM), str(_texts(tmp_path, 12))]
    done = subprocess.run(command, env=cli.env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done
    assert "Traceback" not in done.stderr
    assert done.stdout.startswith("ended 3\n")
    told = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(told) == 1
    assert "The disk is full" in told[0] or not may_mount
    assert "12 accepted (12 new" in done.stdout
