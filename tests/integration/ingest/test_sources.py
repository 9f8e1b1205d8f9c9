"""Parquet, folders, and files in object storage: the same items as from a file of JSON lines."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assistant.errors import BadInput, ServiceMissing
from assistant.ingest.sources import all_files, expanded
from tests.fakes.catalogues import lines, picture, write
from tests.integration.ingest.conftest import Bench
from tests.integration.ingest.test_endings import finish, start
from tools.store import Catalogue


def items(catalogue: Catalogue) -> dict[str, dict[str, Any]]:
    return {item.id: item.model_dump() for item in catalogue.items()}


def test_rows_of_parquet_are_as_lines_of_json(bench: Bench) -> None:
    rows = [{**row, "weight": None if n % 2 else n / 2} for n, row in enumerate(lines(600))]
    rows.append({**rows[5], "title": "The same id again"})
    jsonl = write(bench.folder, rows)
    parquet = bench.folder / "products.parquet"
    pq.write_table(pa.Table.from_pylist([*rows, {"title": "No id"}]), parquet)
    first = bench(parquet)
    assert (first.lines, first.new, first.rejected, first.duplicates) == (602, 600, 1, 1)
    assert bench.reasons("line") == {602: "it has no id"}
    from_parquet = items(bench.catalogue)
    second = bench(jsonl)
    assert (second.unchanged, second.changed) == (600, 0)
    assert items(bench.catalogue) == from_parquet
    assert from_parquet["item-5"]["title"] == "The same id again"
    assert from_parquet["item-2"]["attributes"]["weight"] == 1.0


def test_values_that_json_does_not_have(bench: Bench) -> None:
    import datetime
    import decimal

    bench.folder.mkdir()
    row = {
        "id": "a", "title": "Chair", "price": decimal.Decimal("12.50"), "since": datetime.date(2026, 1, 2),
        "raw": b"\0", "depth": float("nan"), "sizes": [1, 2], "made": {"by": "hand"},
    }  # fmt: skip
    pq.write_table(pa.Table.from_pylist([row]), bench.folder / "a.parquet")
    bench(bench.folder / "a.parquet")
    item = bench.catalogue.get("a")
    assert item is not None
    assert item.price == 12.5
    assert item.attributes == {"since": "2026-01-02", "sizes": [1, 2], "made": {"by": "hand"}}


def test_a_damaged_parquet_file_is_one_sentence(bench: Bench) -> None:
    bench.folder.mkdir()
    (path := bench.folder / "a.parquet").write_bytes(b"PAR1" + bytes(100))
    with pytest.raises(BadInput, match=r"a\.parquet is no Parquet file that can be read: "):
        bench(path)


def test_a_folder_is_its_catalogue_files(bench: Bench) -> None:
    folder = bench.folder / "parts"
    rows = lines(20)
    write(folder, rows[:10], "part-0.jsonl")
    write(folder, rows[10:], "part-1.jsonl")
    (folder / "_SUCCESS").touch()
    (folder / ".part-2.jsonl.crc").write_bytes(b"crc")
    (folder / "notes.md").write_text("Not a catalogue.")
    assert [file.name for file in expanded(folder)] == ["part-0.jsonl", "part-1.jsonl"]
    assert bench(*expanded(folder)).new == 20


def test_a_url_is_copied_with_the_pictures_that_its_lines_name(bench: Bench, tmp_path: Path) -> None:
    here = write(tmp_path / "there", lines(12)).parent
    shutil.copy(here / "images/0-0.png", here / "images/unused.png")
    storage = fsspec.filesystem("memory")
    storage.put(f"{here}/", "/shop/", recursive=True)
    for url in ("memory://shop/products.jsonl", "memory://shop"):
        files, storages = all_files([url], bench.catalogue.folder)
        summary = bench(*files, storages=storages)
        assert (summary.lines, summary.pictures_lost, summary.changed) == (12, 0, 0)
    item = bench.catalogue.get("item-3")
    assert item is not None
    assert Path(item.images[0]).is_relative_to(bench.catalogue.folder / "feeds")
    assert not list(bench.catalogue.folder.rglob("unused.png"))


def test_a_url_twice_copies_and_embeds_what_has_changed(bench: Bench, tmp_path: Path) -> None:
    feed = write(tmp_path / "there", [*lines(12), {"id": "x", "title": "Outside", "images": ["../secret.png"]}])
    picture(tmp_path / "secret.png", 7)

    def again() -> tuple[int, int, int]:
        files, storages = all_files([f"file://{feed}"], bench.catalogue.folder)
        summary = bench(*files, storages=storages)
        return summary.new, summary.changed, summary.pictures_embedded

    assert again() == (13, 0, 12)
    assert bench.reasons("picture") == {13: "../secret.png: it lies outside the catalogue file's folder"}
    assert again() == (0, 0, 0)
    picture(feed.parent / "images/4-0.png", 424_242)
    os.utime(feed.parent / "images/4-0.png", (1, 1))
    assert again() == (0, 1, 1)


def test_what_cannot_be_reached_is_one_sentence(tmp_path: Path) -> None:
    for url, kind, sentence in (
        (
            "memory://nowhere/products.csv",
            BadInput,
            r"^There is no catalogue file at memory://nowhere/products\.csv\.$",
        ),
        ("s4://shop/a.csv", BadInput, "^s4://shop/a.csv cannot be read: Protocol not known: s4"),
        ("abfs://shop/a.csv", ServiceMissing, "^abfs:// cannot be read: Install adlfs"),
        ("http://127.0.0.1:9/a.csv", BadInput, "^There is no catalogue file at http://127.0.0.1:9/a.csv"),
    ):
        with pytest.raises(kind, match=sentence):
            all_files([url], tmp_path)


def test_the_command_takes_urls_and_folders(tmp_path: Path) -> None:
    feed = write(tmp_path / "there", lines(5))
    code, out, err = finish(start(tmp_path / "data", Path(feed.parent)))
    assert code == 0, err
    assert json.loads(out)["new"] == 5
    command = [sys.executable, "-m", "tests.integration.ingest.child", f"file://{feed}"]
    environment = {**os.environ, "ASSISTANT_DATA": str(tmp_path / "data2")}
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout)["pictures_embedded"] == 5
