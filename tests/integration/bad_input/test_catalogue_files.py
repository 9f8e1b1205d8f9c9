"""Catalogue files as shops export them: what cannot be taken is named with its line, the rest goes in."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.integration.bad_input import files, shop
from tests.integration.bad_input.conftest import CommandLine

WINDOWS = "id,title\n1,Crème brûlée\n".encode("cp1252")
UNREADABLE: list[tuple[str, bytes, str]] = [
    ("empty.jsonl", b"", "empty.jsonl is empty"),
    ("utf32.jsonl", '{"id": "1"}'.encode("utf-32"), "is UTF-32; save the file as UTF-8"),
    ("windows.csv", WINDOWS, r"line 2: not UTF-8 \(byte 0xe8 at byte 5\)|not UTF-8 .*iconv -f WINDOWS-1252"),
    ("list.json", b'[{"id": "1", "title": "x"}', "is not one JSON document"),
    ("feed.xml", b"<rss><channel><item></channel>", "line 1 is not well-formed XML"),
    ("page.html", b"<html><body>No product</body></html>", "it states no product"),
    ("table.xlsx", b"PK\x03\x04rest", "is a ZIP archive or office document.*Save a spreadsheet as CSV"),
    ("names.csv", b"name,price\nChair,1\n", "no column named id in its header; its columns are: name, price"),
    ("notes.jsonl", b"remember the milk\n", "line 1: not valid JSON"),
    ("photo.csv", b"\xff\xd8\xff\xe0\0\x10JFIF", "is a JPEG picture, not a catalogue"),
]


@pytest.mark.models
def test_files_that_are_no_catalogue_are_refused_in_one_sentence(cli: CommandLine, tmp_path: Path) -> None:
    for name, content, reason in UNREADABLE:
        (path := tmp_path / name).write_bytes(content)
        sentence = cli("ingest", path).refused()
        assert re.search(reason, sentence), sentence
        assert name in sentence
    assert "There is no file" in cli("ingest", tmp_path / "nowhere.jsonl").refused()
    (tmp_path / "folder").mkdir()
    assert "is a folder" in cli("ingest", tmp_path / "folder").refused()


def _lines(folder: Path) -> list[dict[str, Any]]:
    """Lines with one fault each; line numbers from 1."""
    shop.draw(0).save(folder.parent / "outside.jpg")
    return [
        {"id": "twice", "title": "Old name"},
        {"id": "minus", "title": "Cheap", "price": -5},
        {"id": "words", "title": "Priceless", "price": "ask in the shop"},
        {
            "id": "html",
            "title": "<b>Bold</b> Lamp",
            "description": "<p>Nice &amp; <i>soft</i><script>bad()</script>",
        },
        {"id": "long", "title": "Novel", "description": "word " * 210_000},
        {"id": "escape", "title": "Climber", "image": "../outside.jpg"},
        {"id": "etc", "title": "Curious", "images": ["/etc/passwd", "images/ok.jpg", "../../../../etc/passwd"]},
        {"id": "fake", "title": "Pretender", "image": "notes.jpg"},
        {"id": "text", "title": "Text price", "price": "$1,299.00"},
        {"id": "twice", "title": "New name", "price": 3},
        {"title": "Nobody"},
    ]


@pytest.mark.models
def test_bad_lines_and_pictures_are_named_and_the_rest_goes_in(cli: CommandLine, tmp_path: Path) -> None:
    (folder := tmp_path / "feed").mkdir()
    (folder / "images").mkdir()
    shop.draw(1).save(folder / "images" / "ok.jpg")
    files.renamed_text(folder)
    path = shop.write_lines(folder / "feed.jsonl", _lines(folder))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes() + '{"id": "latin", "title": "Crème"}\n'.encode("cp1252"))
    done = cli("ingest", path, "--rejects", tmp_path / "rejects.jsonl", "--json")
    assert done.code == 0, done
    assert "Traceback" not in done.stderr
    summary = json.loads(done.stdout)
    assert (summary["lines"], summary["accepted"], summary["rejected"], summary["duplicates"]) == (12, 9, 2, 1)
    assert (summary["descriptions_cut"], summary["pictures_lost"], summary["fields_unread"]) == (1, 4, 2)
    rejects = [json.loads(line) for line in (tmp_path / "rejects.jsonl").read_text("utf-8").splitlines()]
    told = {(entry["line"], entry["kind"]): entry["reason"] for entry in rejects}
    assert "its price is negative (-5)" in told[2, "field"]
    assert "its price 'ask in the shop' is not a number" in told[3, "field"]
    assert "line 10 has the same id and replaces it" in told[1, "duplicate"]
    assert "outside the catalogue file's folder" in told[6, "picture"]
    assert "outside the catalogue file's folder" in told[7, "picture"]
    assert "is a text file, not a picture" in told[8, "picture"]
    assert told[11, "line"] == "it has no id"
    assert "not UTF-8" in told[12, "line"]
    items = {item["id"]: item for item in map(json.loads, cli("catalogue", "export").stdout.splitlines())}
    assert items["twice"]["title"] == "New name"
    assert (items["html"]["title"], items["html"]["description"]) == ("Bold Lamp", "Nice & soft")
    assert len(items["long"]["description"]) <= 20_000
    assert (items["text"]["price"], items["text"]["currency"]) == (1299, "USD")
    assert "passwd" not in json.dumps(items)
    again = cli.json("ingest", path, "--json")
    assert (again["accepted"], again["unchanged"], again["texts_embedded"]) == (0, 9, 0)
