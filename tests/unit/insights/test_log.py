"""The row of a turn: what it keeps, what it masks, and that no turn fails by it."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistant.insights import log as module
from assistant.insights.log import DATABASE, InsightLog, TurnRow, open_insights, row_of
from assistant.records import (
    CitedEvidence,
    Done,
    Query,
    Recommendation,
    Relaxation,
    Reply,
    Step,
    Timings,
    TranscriptNote,
    UsageNote,
)
from tools.place import Place


def shown(item_id: str) -> Recommendation:
    return Recommendation(rank=1, item_id=item_id, title=item_id, price=1, score=1, explanation="", evidence=[])


def search(query: str) -> Step:
    return Step(tool="search_by_text", arguments={"query": query}, origin="anticipated", ok=True, seconds=0)


def done(text: str = "", *, refused: bool = False, **fields: Any) -> Done:  # noqa: ANN401
    reply = {
        "session_id": "s", "query": Query(text=text), "intent": "recommend", "language": "en", "constraints": {},
        "relaxed": [], "recommendations": [], "steps": [], "message": "", "degraded": [], "models": {},
        "timings": Timings(), "usage": UsageNote(),
    }  # fmt: skip
    return Done(reply=Reply(**(reply | fields)), refused=refused)


def test_a_row_says_what_was_asked_and_what_came_of_it() -> None:
    row = row_of(
        done(
            "Cheaper, please!",
            recommendations=[shown(f"i{n}") for n in range(7)],
            steps=[search("Running  Shoes."), search("shoes")],
            constraints={"max_price": 60.0, "exclude_ids": ["x"]},
            relaxed=[Relaxation(field="max_price", wanted=50.0, used=60.0, words="under 50")],
            degraded=["no model"],
        ),
        "pseudonym",
        "page",
    )
    assert (row.said, row.wish, row.results, row.items) == (
        "Cheaper, please!",
        "running shoes",
        7,
        [f"i{n}" for n in range(5)],
    )
    assert (row.relaxed, row.degraded, row.found_nothing, row.refused) == (True, True, False, False)
    assert row.constraints == {"max_price": 60.0}
    assert (row.user, row.door, row.session) == ("pseudonym", "page", "s")
    assert abs(row.at - time.time()) < 5


@pytest.mark.parametrize(
    ("fields", "nothing"),
    [
        ({}, True), ({"recommendations": [shown("a")]}, False), ({"intent": "chat"}, False),
        ({"intent": "shop"}, True), ({"intent": "compare"}, False),
        ({"intent": "shop", "evidence": [CitedEvidence(id="e1", source="page", detail="", score=1)]}, False),
    ],
)  # fmt: skip
def test_nothing_was_found_for_wishes_and_questions_to_the_shop(fields: dict[str, Any], *, nothing: bool) -> None:
    assert row_of(done("a violin", **fields), "u", "api").found_nothing is nothing


def test_what_is_refused_is_no_wish_without_a_result() -> None:
    row = row_of(done("a bomb", refused=True, intent="chat"), "u", "api")
    assert (row.refused, row.found_nothing, row.said) == (True, False, "a bomb")


def test_personal_data_is_masked_also_in_transcripts_searches_and_conditions() -> None:
    spoken = TranscriptNote(attachment="aud1", text="my mail is bob@mail.example", language="en", confidence=1)
    row = row_of(
        done(
            "call +1 212-555-0123",
            query=Query(text="call +1 212-555-0123", transcripts=[spoken]),
            steps=[search("lamp for ann@mail.example")],
            constraints={"include_terms": ["carl@mail.example"]},
        ),
        "u",
        "api",
    )
    assert "@" not in row.model_dump_json()
    assert "0123" not in row.model_dump_json()
    assert "███" in row.said


def test_a_number_at_the_cut_is_masked_before_it_is_cut() -> None:
    for filler in range(270, 300):
        row = row_of(done("x" * filler + " +1 212-555-0123 and more of it" * 2), "u", "api")
        assert "212" not in row.said
        assert len(row.said) <= 300


def test_the_longest_message_is_a_short_row_at_once() -> None:
    began = time.perf_counter()
    row = row_of(done("鞋 " * 4_000, constraints={"exclude_terms": ["w" * 90] * 50}), "u", "api")
    assert time.perf_counter() - began < 0.5
    assert len(row.model_dump_json()) < 1_500
    assert row.constraints == {}


@pytest.fixture
def log(place: Callable[[str], Place]) -> InsightLog:
    return InsightLog(place(""))


def rows(log: InsightLog, **which: Any) -> list[str]:  # noqa: ANN401
    return [row.said for row in log.rows(**which)]


def row(said: str, *, user: str = "ann", session: str = "s", at: float = 10.0) -> TurnRow:
    return row_of(done(said, session_id=session), user, "api").model_copy(update={"at": at})


def test_rows_come_back_as_they_were_kept(log: InsightLog) -> None:
    one, other = row("b", at=2), row("a", at=1)
    log.add(one)
    log.add(other)
    assert [*log.rows()] == [other, one]
    assert rows(log, since=1.5) == ["b"]


def test_a_user_a_session_and_old_rows_are_deleted_to_the_byte(log: InsightLog, tmp_path: Path) -> None:
    for said, user, session, at in [
        ("wxa", "ann", "s", 10),
        ("wxb", "bob", "t", 10),
        ("wxc", "bob", "u", 5),
        ("d", "bob", "v", 9),
    ]:
        log.add(row(said, user=user, session=session, at=at))
    assert (log.forget("ann"), log.forget_session("t"), log.expire(6)) == (1, 1, 1)
    log.vacuum_securely()
    assert rows(log) == ["d"]
    if (tmp_path / DATABASE).exists():
        with sqlite3.connect(tmp_path / DATABASE) as db:
            db.execute("pragma wal_checkpoint(truncate)")
    assert not any(word in path.read_bytes() for word in (b"wxa", b"wxb", b"wxc") for path in tmp_path.iterdir())


def test_a_visitor_becomes_a_customer(log: InsightLog) -> None:
    log.add(row("a", user="visitor"))
    log.rename("visitor", "ann")
    assert (log.count_of("visitor"), log.count_of("ann"), rows(log, user="ann")) == (0, 1, ["a"])


def test_the_oldest_rows_go_when_there_are_too_many(log: InsightLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 5)
    monkeypatch.setattr(module, "CHECK_EVERY", 10)
    for n in range(20):
        log.add(row(str(n), at=n))
    assert rows(log) == ["15", "16", "17", "18", "19"]


def test_a_row_that_cannot_be_kept_costs_no_turn_and_little_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = InsightLog(tmp_path)
    with sqlite3.connect(tmp_path / DATABASE, isolation_level=None) as db:
        db.execute("begin immediate")
        began = time.perf_counter()
        log.note(done("a"), "u", "api")
        assert time.perf_counter() - began < 1
    (tmp_path / DATABASE).write_bytes(b"no database at all " * 100)
    log.note(done("a"), "u", "api")
    log.note(None, "u", "api")  # type: ignore[arg-type]  # a mistake of ours
    assert caplog.text.count("missing in the insights") == 3


def test_a_row_is_written_within_a_few_milliseconds(log: InsightLog) -> None:
    turn = done("a chair under 100 dollars", steps=[search("chair")], recommendations=[shown("a")] * 3)
    times = []
    close = log.hold_open()
    for _ in range(50):
        began = time.perf_counter()
        log.note(turn, "u", "page")
        times.append(time.perf_counter() - began)
    close()
    assert sorted(times)[25] < 0.02  # 1 to 2 ms on an idle core


def test_there_are_none_where_there_is_no_file(tmp_path: Path) -> None:
    assert open_insights(tmp_path) is None
