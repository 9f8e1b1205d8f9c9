"""`assistant replay`: a turn as its records tell it."""

import contextlib
import json
import sqlite3
import zlib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assistant.agent.state import Request
from assistant.cli import app
from assistant.records import (
    Accepted,
    CallResult,
    MessageRead,
    Provisional,
    RoundFinished,
    StepFinished,
)
from assistant.sessions import SessionLog
from tests.fakes.turns import keep_turn, reply_of
from tools.records import Hit

FOUND = CallResult(tool="search_by_text", arguments={"query": "chair"}, result="oak | Oak Chair | 80 USD | listed")
EVENTS = [
    Accepted(),
    StepFinished(step="search_by_text", ok=True, seconds=0.1, summary="Oak Chair"),
    Provisional(items=[Hit(item_id="oak", title="Oak Chair", price=80, currency="USD", score=1)]),
    MessageRead(text="Customer: a chair"),
    RoundFinished(calls=[FOUND]),
]


@pytest.fixture(autouse=True)
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SessionLog:
    """A session ``s`` of two turns; only how the second one went is known."""
    monkeypatch.setenv("ASSISTANT_DATA", str(tmp_path))
    log = SessionLog(tmp_path / "sessions.sqlite")
    for said, message in (("hello", "Hello!"), ("a chair", "Here is one.")):
        keep_turn(tmp_path / "sessions.sqlite", Request(session_id="s", text=said), reply_of("s", said, message))
    log.note_events("s", EVENTS)
    return log


def run(*arguments: str) -> str:
    ended = CliRunner().invoke(app, ["replay", *arguments])
    assert ended.exit_code == 0, ended.output
    return ended.stdout


def test_the_last_turn_is_printed_as_it_went() -> None:
    told = run("s")
    places = [told.index(part) for part in ("> a chair", "search_by_text", "1. Oak Chair", "Here is one.")]
    assert places == sorted(places)


def test_the_records_are_a_line_each_and_end_with_the_reply() -> None:
    lines = [json.loads(line) for line in run("s", "--json").splitlines()]
    assert [line["type"] for line in lines] == [event.type for event in EVENTS] + ["done"]
    assert lines[-1]["reply"]["message"] == "Here is one."


def test_the_prompt_is_what_the_planner_read() -> None:
    told = [json.loads(line) for line in run("s", "--prompt").splitlines()]
    assert [one["role"] for one in told] == ["human", "ai", "human"]
    assert "Customer: a chair" in told[0]["content"]
    assert FOUND.result in told[2]["content"]


def test_a_turn_of_which_only_the_reply_is_kept_shows_that() -> None:
    assert "Hello!" in run("s", "--turn", "1")


@pytest.mark.parametrize("arguments", [("nobody",), ("s", "--turn", "7"), ("../s",), ("s", "--user", "eve")])
def test_what_is_not_there_is_one_sentence(arguments: tuple[str, ...]) -> None:
    ended = CliRunner().invoke(app, ["replay", *arguments])
    assert ended.exit_code != 0
    assert ended.exception is not None
    assert "session" in str(ended.exception).lower()


@pytest.mark.parametrize("kept", [b"damaged", zlib.compress(b'[{"type": "of a later version"}]'), zlib.compress(b"[")])
def test_records_that_cannot_be_read_leave_the_reply(session: SessionLog, tmp_path: Path, kept: bytes) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "sessions.sqlite")) as db, db:
        db.execute("update replies set events = ?", (kept,))
    assert session.events("s", 2) == []
    assert "Here is one." in run("s")


def test_what_was_kept_is_forgotten_with_the_session(session: SessionLog, tmp_path: Path) -> None:
    session.forget(["s"])
    session.vacuum_securely()
    assert session.events("s", 2) == []
