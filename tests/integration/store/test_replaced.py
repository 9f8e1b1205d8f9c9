"""A catalogue that another process drops, replaces or fills again is seen by those that have it open."""

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.catalogues import entry, fill
from tests.fakes.encoders import hash_vector
from tools.errors import StoreError
from tools.records import Item
from tools.store import Catalogue, drop
from tools.store.database import DATABASE

CHILD = """
import sys
from pathlib import Path
from tests.fakes.catalogues import entry, fill
from tools.records import Item
from tools.store import Catalogue, drop
folder = Path(sys.argv[1])
if "drop" in sys.argv:
    drop(folder)
for name in sys.argv[3:]:
    with Catalogue.open(folder) as catalogue:
        fill(catalogue, [entry(Item(id=name, title=f"New {name}", category="New"), pictures=1)])
"""


def child(folder: Path, *words: str) -> None:
    """Another process's work."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder), *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def old(folder: Path) -> Catalogue:
    """An open catalogue of three items, which has answered every kind of question already."""
    catalogue = Catalogue.open(folder)
    fill(catalogue, [entry(Item(id=f"old-{n}", title=f"Old {n}", category="Old"), pictures=1) for n in range(3)])
    assert (catalogue.count(), catalogue.vocabulary().categories) == (3, ["Old"])
    assert len(catalogue.nearest("text", hash_vector(b"x"), 5)) == 3
    return catalogue


def answers(catalogue: Catalogue, names: set[str]) -> None:
    """Everything that can be asked is answered from the present catalogue."""
    assert {item.id for item in catalogue.items()} == names
    assert catalogue.vocabulary().categories == (["New"] if names else [])
    assert {found for found, _ in catalogue.nearest("text", hash_vector(b"x"), 5)} == names
    assert {found for found, *_ in catalogue.keyword("old new", 5)} == names


def test_a_drop_by_another_process_is_seen_at_once(tmp_path: Path) -> None:
    with old(tmp_path) as catalogue:
        before = catalogue.version()
        child(tmp_path, "drop")
        answers(catalogue, set())
        assert catalogue.version() > before
        child(tmp_path, "fill", "a")
        answers(catalogue, {"a"})
    with Catalogue.open(tmp_path, read_only=True) as again:
        answers(again, {"a"})


def test_a_drop_and_a_new_ingestion_are_seen_at_once(tmp_path: Path) -> None:
    with old(tmp_path) as catalogue:
        child(tmp_path, "drop", "a", "b")
        answers(catalogue, {"a", "b"})
        with catalogue.writing() as writer:
            writer.remove(["a"])
        answers(catalogue, {"b"})
        assert sqlite3.connect(tmp_path / DATABASE).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_files_that_were_deleted_by_hand_and_made_anew_are_seen(tmp_path: Path) -> None:
    with old(tmp_path) as catalogue:
        before = catalogue.version()
        for path in tmp_path.glob(f"{DATABASE}*"):
            path.unlink()
        shutil.rmtree(tmp_path / "chroma")
        child(tmp_path, "fill", "a")
        answers(catalogue, {"a"})
        assert catalogue.version() > before
    with Catalogue.open(tmp_path) as again:
        answers(again, {"a"})


def test_a_catalogue_that_was_deleted_is_empty_and_for_readers_gone(tmp_path: Path) -> None:
    with old(tmp_path) as catalogue, Catalogue.open(tmp_path, read_only=True) as reader:
        for path in tmp_path.glob(f"{DATABASE}*"):
            path.unlink()
        with pytest.raises(StoreError, match="There is no catalogue"):
            reader.count()
        assert catalogue.count() == 0
        assert reader.count() == 0


def test_a_drop_that_nobody_watches_leaves_no_file(tmp_path: Path) -> None:
    old(tmp_path).close()
    drop(tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".lock"] == []
