"""Records of catalogue files: encodings, limits, broken lines."""

import codecs
import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant.errors import BadInput
from assistant.ingest.files import CatalogueFile, RawRecord
from assistant.ingest.report import Rejection

LIMIT = 300
Write = Callable[[bytes, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(content: bytes, name: str) -> Path:
        (path := tmp_path / name).write_bytes(content)
        return path

    return written


def read(path: Path, limit: int = LIMIT) -> list[RawRecord | Rejection]:
    return list(CatalogueFile(path, line_bytes=limit).records())


def good(records: list[RawRecord | Rejection]) -> list[dict[str, Any]]:
    return [record.values for record in records if isinstance(record, RawRecord)]


def bad(records: list[RawRecord | Rejection]) -> list[tuple[int, str]]:
    return [(record.line, record.reason) for record in records if isinstance(record, Rejection)]


LINES = '{"id": "1", "title": "Crème"}\n\n{"id": "2"}\n'


@pytest.mark.parametrize(
    "content",
    [
        LINES.encode(),
        codecs.BOM_UTF8 + LINES.encode(),
        LINES.replace("\n", "\r\n").encode(),
        LINES.rstrip().encode(),
        codecs.BOM_UTF16_LE + LINES.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + LINES.encode("utf-16-be"),
    ],
)
@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.txt"])
def test_every_usual_encoding_gives_the_same_records(write: Write, content: bytes, name: str) -> None:
    records = read(write(content, name))
    assert good(records) == [{"id": "1", "title": "Crème"}, {"id": "2"}]
    assert [record.line for record in records] == [1, 3]


def test_bad_json_lines_are_rejected_one_by_one(write: Write) -> None:
    lines = [
        b'{"id": "1"}',
        b"{broken",
        b'{"id": "2", "title": "caf\xe9"}',
        b"[1, 2]",
        b'{"id": "3", "price": NaN}',
        b"9" * 5000,
        b"[" * 200,
        b'{"id": "4"}',
    ]
    records = read(write(b"\n".join(lines), "a.jsonl"))
    assert [record["id"] for record in good(records)] == ["1", "3", "4"]
    reasons = dict(bad(records))
    assert reasons[2].startswith("not valid JSON: Expecting property name")
    assert "not UTF-8 (byte 0xe9 at byte 26)" in reasons[3]
    assert "iconv -f WINDOWS-1252 -t UTF-8" in reasons[3]
    assert reasons[4].startswith("not a JSON object")
    assert reasons[6] == "longer than 300 bytes"
    assert reasons[7].startswith("not valid JSON")


def test_a_long_line_is_skipped_without_being_held(write: Write) -> None:
    path = write(b'{"id": "' + b"x" * 5_000_000 + b'"}\n{"id": "2"}\n', "a.jsonl")
    records = read(path)
    assert bad(records) == [(1, "longer than 300 bytes")]
    assert good(records) == [{"id": "2"}]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_with_each_delimiter(write: Write, delimiter: str) -> None:
    rows = [["id", "title", "notes"], ["1", 'a "quoted", word; and\ttab', "two\nlines"], ["2", "", ""]]
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    records = read(write(codecs.BOM_UTF8 + out.getvalue().encode(), "a.csv"))
    assert good(records) == [{"id": "1", "title": rows[1][1], "notes": "two\nlines"}, {"id": "2"}]
    assert [record.line for record in records] == [2, 4]


def test_bad_csv_rows_are_rejected_one_by_one(write: Write) -> None:
    lines = [
        b"id,title",
        b'1,5" screen',
        b"2,one,too many",
        b"3",
        b"4,caf\xe9",
        b'5,"open',
        b"6,fine",
        b"7," + b"x" * 400,
    ]
    records = read(write(b"\n".join(lines), "a.csv"))
    assert good(records) == [{"id": "1", "title": '5" screen'}, {"id": "6", "title": "fine"}]
    reasons = dict(bad(records))
    assert reasons[3] == "it has 3 cells, and the header has 2"
    assert reasons[4] == "it has 1 cells, and the header has 2"
    assert reasons[5].startswith("not UTF-8")
    assert reasons[6] == "a quotation mark is never closed"
    assert reasons[8] == "longer than 300 bytes"


def test_an_open_quotation_mark_loses_one_line_of_a_long_file(write: Write) -> None:
    rows = [f"{n},word" for n in range(500)]
    rows[100] = '100,"word'
    records = read(write("\n".join(["id,title", *rows]).encode(), "a.csv"))
    assert len(good(records)) == 499
    assert bad(records) == [(102, "a quotation mark is never closed")]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.jsonl", b"", "is empty"),
        ("a.json", b'[{"id": 1}', r"is not one JSON document: not a JSON array"),
        ("a.json", b'{"id": 1,\n}', r"line 2 is not valid JSON"),
        ("a.xml", b"<?xml version='1.0'?><rss><item>", r"line 1 is not well-formed XML"),
        ("a.xml", b"<?xml version='1.0'?><shop><thing/></shop>", r"XML without the items of RSS"),
        ("a.csv", b"\x89PNG\r\n\x1a\nrest", "is a PNG picture, not a catalogue"),
        ("a.jsonl", b"ab\0cd", "not a catalogue"),
        ("a.csv", b"title,price\nx,1\n", "no column named id.*title, price"),
        ("a.csv", b"id,title,Title\n", "more than one column named title"),
        ("a.csv", b"id,caf\xe9\n", "line 1: not UTF-8"),
        ("a.jsonl", codecs.BOM_UTF32_LE + b"x\0\0\0", "UTF-32"),
    ],
)
def test_files_that_are_no_catalogue(write: Write, name: str, content: bytes, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        read(write(content, name))


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="There is no file"):
        CatalogueFile(tmp_path / "none.csv", line_bytes=LIMIT)
    with pytest.raises(BadInput, match="is a folder"):
        CatalogueFile(tmp_path, line_bytes=LIMIT)
    with pytest.raises(BadInput, match="not a regular file"):
        CatalogueFile(Path("/dev/null"), line_bytes=LIMIT)


cells = st.text(st.characters(blacklist_categories=["Cs", "Cc"]) | st.sampled_from('",;\n\t'), max_size=12)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(cells, cells), max_size=8), st.sampled_from([",", ";", "\t"]))
def test_whatever_the_csv_module_writes_is_read_back(
    tmp_path: Path, rows: list[tuple[str, str]], delimiter: str
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(["id", "title", "notes"])
    writer.writerows([[n, *row] for n, row in enumerate(rows)])
    (path := tmp_path / "a.csv").write_bytes(out.getvalue().encode())
    records = read(path, 100_000)
    expected = [
        {"id": str(n)} | {k: v for k, v in zip(("title", "notes"), row, strict=True) if v.strip()}
        for n, row in enumerate(rows)
    ]
    assert good(records) == expected
    assert bad(records) == []


@pytest.mark.parametrize(("name", "text"), [("a.jsonl", '{"title": "<svg"}'), ("a.csv", "id,title\n1,<svg>\n")])
def test_a_catalogue_that_speaks_of_drawings_is_none(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert len(good(read(tmp_path / name, 100_000))) == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8), lambda v: st.lists(v, max_size=3), max_leaves=5
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(st.text(max_size=5), json_values, min_size=1, max_size=4), min_size=1, max_size=6))
def test_whatever_the_json_module_writes_is_read_back(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    (path := tmp_path / "a.jsonl").write_bytes("\n".join(json.dumps(row) for row in rows).encode())
    assert good(read(path, 100_000)) == rows


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1, max_size=400), st.sampled_from(["a.csv", "a.jsonl", "a.txt"]))
def test_no_bytes_end_in_anything_but_records_or_one_sentence(tmp_path: Path, content: bytes, name: str) -> None:
    for prefix in (b"", b"id,title\n", b'{"id": 1}\n'):
        (path := tmp_path / name).write_bytes(prefix + content)
        try:
            records = read(path)
        except BadInput:
            continue
        assert all(record.line > 0 for record in records)
