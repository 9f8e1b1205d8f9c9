"""Interaction files into a store: once each, in any order, whatever happens on the way."""

import codecs
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant.errors import BadInput
from assistant.ingest.report import Rejection
from assistant.interactions import InteractionOptions, InteractionSummary, ingest
from tools.taste import events
from tools.taste.events import EventStore

Line = dict[str, Any]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    opened = EventStore.open(tmp_path / "data")
    yield opened
    opened.close()


def line(user: str = "ann", item: str = "chair", event: str = "like", at: object = 1000, **further: object) -> Line:
    return {"user_id": user, "item_id": item, "event": event, "timestamp": at, **further}


def write(path: Path, lines: list[Line]) -> Path:
    path.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in lines))
    return path


def run(store: EventStore, *files: Path, rejected: list[Rejection] | None = None) -> InteractionSummary:
    notes = [] if rejected is None else rejected
    return ingest(store, files, InteractionOptions(lambda raw: f"p:{raw}"), reject=notes.append)


def counts(summary: InteractionSummary) -> tuple[int, int, int, int]:
    return summary.lines, summary.new, summary.known, summary.rejected


def test_events_are_kept_and_lines_that_are_not_are_told_by_number(store: EventStore, tmp_path: Path) -> None:
    file, rejected = (
        write(tmp_path / "a.jsonl", [line(), line(event="buy"), line(at=2000), line(user="")]),
        list[Rejection](),
    )
    with file.open("a") as more:
        more.write("no json\n\n")

    summary = run(store, file, rejected=rejected)

    assert counts(summary) == (5, 2, 0, 3)
    assert [(note.line, note.id) for note in rejected] == [(2, "chair"), (4, "chair"), (5, None)]
    assert [(event.user, event.at) for event in store.of_user("p:ann")] == [("p:ann", 2000.0), ("p:ann", 1000.0)]


def test_csv_is_read_as_the_catalogue_s_is(store: EventStore, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    rows = ["User_ID;item_id;event;value;timestamp", '"ann; ""x""";chair;rating;4.5;2023-11-14', "bob;lamp;view;;1"]
    file.write_bytes(codecs.BOM_UTF8 + "\r\n".join(rows).encode())

    assert counts(run(store, file)) == (2, 2, 0, 0)
    assert store.of_user('p:ann; "x"')[0].value == 4.5
    assert store.of_user("p:bob")[0].value is None


def test_files_given_again_or_overlapping_change_nothing(store: EventStore, tmp_path: Path) -> None:
    first = write(tmp_path / "a.jsonl", [line(at=n) for n in range(1, 6)])
    second = write(tmp_path / "b.jsonl", [line(at=n) for n in range(4, 9)])

    assert counts(run(store, first, first)) == (5, 5, 0, 0)
    version = store.version()
    assert counts(run(store, first)) == (5, 0, 5, 0)
    assert store.version() == version
    assert counts(run(store, second)) == (5, 3, 2, 0)


def test_a_clock_that_went_backwards_and_a_user_who_changed_their_mind(store: EventStore, tmp_path: Path) -> None:
    said = [line(event="dislike", at=3000), line(event="like", at=2000), line(event="view", at=1000)]
    run(store, write(tmp_path / "a.jsonl", said))

    assert [event.event for event in store.of_user("p:ann")] == ["dislike", "like", "view"]
    assert store.people(["chair"]) == {"chair": 0}


def test_what_was_written_before_an_interruption_stays_and_the_same_call_goes_on(
    store: EventStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "BATCH_EVENTS", 10)
    file = write(tmp_path / "a.jsonl", [line(at=n) for n in range(1, 36)])

    def interrupted(raw: str) -> str:
        if len(store.of_user("p:ann")) == 20:
            raise KeyboardInterrupt
        return f"p:{raw}"

    options = InteractionOptions(interrupted)
    monkeypatch.setattr("assistant.interactions.pipeline.KNOWN_USERS", 0)
    with pytest.raises(KeyboardInterrupt):
        ingest(store, [file], options)

    assert counts(run(store, file)) == (35, 15, 20, 0)


def test_a_hundred_thousand_repetitions_are_one_event(store: EventStore, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text((json.dumps(line()) + "\n") * 100_000)

    assert counts(run(store, file)) == (100_000, 1, 99_999, 0)


def test_standard_input_is_read_once_as_it_comes(store: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    class Typed:
        buffer = io.BufferedReader(io.BytesIO("".join(json.dumps(line(at=n)) + "\n" for n in range(1, 201)).encode()))

    monkeypatch.setattr(sys, "stdin", Typed)

    assert counts(run(store, Path("-"))) == (200, 200, 0, 0)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"id,title\n1,chair\n", "no column named user_id in its header; its columns are: id, title"),
        (b"user_id,item_id\n1,chair\n", "no column named event"),
        (b'[{"user_id": 1}]', "one JSON array"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "not interactions"),
        (b'{"id": "1", "title": "chair"}\n', "None of the lines.*line 1: it has no item_id"),
        (b"user_id,item_id,event\n", "There is no interaction in"),
    ],
)
def test_a_file_of_something_else_is_refused_in_one_sentence(
    store: EventStore, tmp_path: Path, content: bytes, sentence: str
) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(BadInput, match=sentence):
        run(store, tmp_path / "a.txt")


def test_nothing_on_standard_input_is_refused(store: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        buffer = io.BufferedReader(io.BytesIO())

    monkeypatch.setattr(sys, "stdin", Silent)
    with pytest.raises(BadInput, match="Nothing came"):
        run(store, Path("-"))
