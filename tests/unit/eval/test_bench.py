"""What the measurements are built of: tables and generated lines."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from eval.bench.__main__ import main
from eval.bench.generate import write_lines
from eval.bench.report import Result, Table, describe_run, percent, show
from eval.bench.timed import Timed
from eval.bench.wire import Span
from tests.fakes.encoders import HashText


def test_generated_lines_are_always_the_same_and_keep_the_contract(tmp_path: Path) -> None:
    first = write_lines(tmp_path / "a.jsonl", 50).read_text()
    assert first == write_lines(tmp_path / "b.jsonl", 50).read_text()
    lines = [json.loads(line) for line in first.splitlines()]
    assert len({line["id"] for line in lines}) == 50
    assert all(line["title"] and line["description"] and line["price"] > 0 for line in lines)


def test_a_result_survives_json_and_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("Speed", ["what", "a", "b", "c"])
    table.add("rows", 12_000, 1.234, None)
    result = Result("speed", [table], ["as it ran"], {"ratio": 2.5})
    again = Result.from_json(json.loads(json.dumps(result.as_json())))
    show(again, Console(width=100))
    output = capsys.readouterr().out
    for expected in ("Speed", "12,000", "1.23", "–", "as it ran"):
        assert expected in output


def test_a_run_says_where_and_with_what() -> None:
    run = describe_run()
    assert run["machine"]["cores"] >= 1
    assert run["versions"]["torch"]
    assert percent(0.125) == "12.5 %"
    assert percent(None) == "–"


def test_an_unknown_measurement_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["speed"])
    assert ended.value.code == 2
    assert "unknown measurement: speed; known: reading" in capsys.readouterr().err


def test_a_timed_engine_is_taken_for_the_engine_and_notes_when_it_computes() -> None:
    spans: list[Span] = []
    engine = Timed(HashText(), spans)
    assert isinstance(engine, HashText)
    engine.encode_once(["a chair"])
    assert len(spans) == 1
    assert engine.identity.encoder == "hash-text"
    assert len(spans) == 1
