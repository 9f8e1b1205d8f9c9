"""Several processes on one catalogue, and an index on a Chroma server."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fakes.catalogues import entry, fill
from tests.integration.store.conftest import Shop, make_entries, queries
from tests.integration.store.test_index import assert_right
from tools.errors import StoreError
from tools.records import Item
from tools.store import Catalogue, drop

ROOT = Path(__file__).parents[3]


def run(code: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run Python in another process."""
    prelude = "import sys, os, time; from tests.integration.store.test_processes import *\n"
    command = [sys.executable, "-c", prelude + code, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=check, timeout=60)


def add(folder: Path, name: str, count: int) -> None:
    with Catalogue.open(folder) as catalogue:
        fill(catalogue, added(name, count))


def added(name: str, count: int) -> list:
    return [entry(Item(id=f"{name}{n}", title=f"{name} {n}", price=2, category="C1"), pictures=1) for n in range(count)]


@pytest.mark.parametrize("count", [20, 1500])
def test_what_another_process_writes_is_found(shop: Shop, count: int) -> None:
    assert_right(shop)
    run("add(Path(sys.argv[1]), 'other', int(sys.argv[2]))", str(shop.catalogue.folder), str(count))
    shop.entries += added("other", count)
    assert_right(shop, least=0.95)
    fill(shop.catalogue, added("mine", 10))
    shop.entries += added("mine", 10)
    assert_right(shop, least=0.95)
    assert shop.told == []


def test_a_second_process_that_writes_is_sent_away(shop: Shop) -> None:
    code = """
try:
    add(Path(sys.argv[1]), "x", 1)
except StoreError as exc:
    print(exc)
"""
    with shop.catalogue.writing():
        assert "Another process is writing" in run(code, str(shop.catalogue.folder)).stdout
    assert run(code, str(shop.catalogue.folder)).stdout == ""


def test_a_process_killed_while_the_index_follows_harms_nothing(tmp_path: Path) -> None:
    entries = make_entries(3000)
    code = "fill(Catalogue.open(Path(sys.argv[1])), make_entries(3000))"
    for _ in range(4):
        prelude = "import sys; from tests.integration.store.test_processes import *\n"
        process = subprocess.Popen([sys.executable, "-c", prelude + code, str(tmp_path)], cwd=ROOT)
        while process.poll() is None and not list((tmp_path / "chroma").glob("index-*")):
            time.sleep(0.01)
        time.sleep(0.3)
        process.kill()
        process.wait()
    with Catalogue.open(tmp_path, notify=lambda _: None) as catalogue:
        assert catalogue.count() == 3000
        assert_right(Shop(catalogue, entries, []), least=0.95)


def test_the_index_on_a_chroma_server(chroma: str, tmp_path: Path) -> None:
    entries = make_entries()
    with (
        Catalogue.open(tmp_path / "a", chroma_url=chroma) as one,
        Catalogue.open(tmp_path / "b", chroma_url=chroma) as two,
    ):
        fill(one, entries)
        fill(two, entries[:50])
        assert_right(Shop(one, entries, []))
        assert_right(Shop(two, entries[:50], []))
    assert not (tmp_path / "a" / "chroma").exists()
    drop(tmp_path / "a", chroma_url=chroma)
    with Catalogue.open(tmp_path / "b", chroma_url=chroma) as two:
        assert_right(Shop(two, entries[:50], []))
        import chromadb

        client = chromadb.HttpClient(port=int(chroma.rsplit(":", 1)[1]))
        assert len(client.list_collections()) == 3
        for collection in client.list_collections():
            client.delete_collection(collection.name)
        assert_right(Shop(two, entries[:50], []))


def test_a_chroma_server_that_is_away_is_one_sentence(tmp_path: Path) -> None:
    with Catalogue.open(tmp_path, chroma_url="http://127.0.0.1:9") as catalogue:
        with pytest.raises(StoreError, match=r"Chroma server does not answer.*chroma_url"):
            fill(catalogue, make_entries(5))
        assert catalogue.count() == 5
        assert len(catalogue.nearest("text", queries()[0], 3)) == 3  # so few are scored exactly
