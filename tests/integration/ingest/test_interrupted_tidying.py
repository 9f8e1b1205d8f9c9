"""An ingestion that is killed between its last batch and the tidying leaves nothing of removed items for good."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.ingest import Encoders, IngestOptions, ingest
from tests.fakes.catalogues import lines, write
from tests.fakes.encoders import HashPictures, HashText
from tools.store import Catalogue
from tools.store.database import DATABASE

CHILD = """
import os, signal, sys
from pathlib import Path
from assistant.ingest import Encoders, IngestOptions, ingest
from tests.fakes.encoders import HashPictures, HashText
from tools.store import Catalogue, Writer
Writer.tidy = lambda self: os.kill(os.getpid(), signal.SIGKILL)
with Catalogue.open(Path(sys.argv[1])) as catalogue:
    ingest(catalogue, [Path(sys.argv[2])], Encoders(HashText(), HashPictures()), IngestOptions(prune=True))
"""


def _again(catalogue: Catalogue, path: Path) -> None:
    assert ingest(catalogue, [path], Encoders(HashText(), HashPictures())).accepted == 0


@pytest.mark.parametrize("mend", [_again, lambda catalogue, _: catalogue.tidy()], ids=["same command", "next opening"])
def test_what_was_removed_is_gone_after_the_next_opening(
    tmp_path: Path, mend: Callable[[Catalogue, Path], None]
) -> None:
    feed, data = tmp_path / "feed", tmp_path / "data"
    with Catalogue.open(data) as catalogue:
        ingest(catalogue, [write(feed, lines(12))], Encoders(HashText(), HashPictures()), IngestOptions())
    path = write(feed, lines(5))
    killed = subprocess.run([sys.executable, "-c", CHILD, str(data), str(path)], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert _vectors(data) == (12, 24)
    with Catalogue.open(data) as catalogue:
        mend(catalogue, path)
        assert catalogue.count() == 5
        assert _vectors(data) == (5, 10)
        row = catalogue.vectors_of("visual", ["item-1"])["item-1"][0]
        assert len(catalogue.nearest("visual", row, 50)) == 5


def _vectors(data: Path) -> tuple[int, int]:
    """How many vectors of texts and of pictures there are (each picture has one in two spaces)."""
    with sqlite3.connect(data / DATABASE) as connection:
        count = dict(
            connection.execute(
                "SELECT s.space, count(*) FROM vectors v JOIN spaces s ON s.encoder = v.encoder GROUP BY s.space"
            )
        )
    return count["text"], count["visual"] + count["joint"]
