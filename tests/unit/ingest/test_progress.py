"""Progress names each kind of work with its count, whichever thread tells."""

import io
from concurrent.futures import ThreadPoolExecutor

import pytest

from assistant.ingest import progress
from assistant.ingest.progress import PlainProgress, SilentProgress, Steps


def test_plain_lines_name_each_step_with_its_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PLAIN_SECONDS", 0.0)
    out = io.StringIO()
    with PlainProgress(out).stage("Ingesting", 2_000, "lines") as done:
        steps = Steps(done)
        steps.add("decoding")
        steps.add("encoding", 1_200)
        steps.add("fetching")
        steps.reach(64)
    first, *_, last = out.getvalue().splitlines()
    assert first.startswith("Ingesting: 0 of 2,000 lines")
    assert first.endswith("; decoding 1")
    assert last.startswith("Ingesting: 64 of 2,000 lines")
    assert last.endswith("; fetching 1, decoding 1, encoding 1,200")


def test_nothing_is_lost_between_threads() -> None:
    told: list[str] = []
    steps = Steps(lambda _, note="", /: told.append(note))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: steps.add("decoding"), range(500)))
    assert told[-1] == "decoding 500"


def test_silence_takes_notes_too() -> None:
    with SilentProgress().stage("Ingesting", 1, "lines") as done:
        Steps(done).add("writing")
