import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.errors import StoreError
from assistant.impression_log import ImpressionLog, expire_impressions, forget_impressions
from assistant.impressions import Impression, LoggedCandidate, RankedSignal
from assistant.sessions import SessionLog
from assistant.storage import SESSIONS
from tools.place import Place


def ranking(session: str, turn: int = 1, *, user: str = "ann", at: float = 10.0) -> Impression:
    votes = [RankedSignal(source="dense", rank=1, score=0.5, share=1.0)]
    return Impression(
        session_id=session, turn=turn, user=user, at=at, policy="3", method="rrf", k=60, weights={"dense": 1.0},
        items=[LoggedCandidate(item_id="oak", position=1, votes=votes),
               LoggedCandidate(item_id="cafe", position=None, votes=[])],
    )  # fmt: skip


@pytest.fixture
def log(place: Callable[[str], Place]) -> ImpressionLog:
    return ImpressionLog(place(SESSIONS))


def test_a_ranking_comes_back_as_it_was_logged(log: ImpressionLog) -> None:
    log.add(ranking("s", 1))
    log.add(ranking("s", 2, at=11))
    log.add(ranking("t", 1, at=9))
    assert log.read("s") == [ranking("s", 1), ranking("s", 2, at=11)]
    assert [(one.session_id, one.turn) for one in log.read()] == [("t", 1), ("s", 1), ("s", 2)]


def test_the_same_turn_twice_is_one_ranking(log: ImpressionLog) -> None:
    log.add(ranking("s"))
    log.add(ranking("s"))
    assert len(log.read()) == 1


def test_presses_are_those_of_sessions_that_have_rankings(log: ImpressionLog, place: Callable[[str], Place]) -> None:
    sessions = SessionLog(place(SESSIONS))
    sessions.note_feedback("s", "oak", "like")
    sessions.note_feedback("other", "oak", "like")
    log.add(ranking("s"))
    assert [press[:3] for press in log.presses()] == [("s", "oak", "like")]


def test_rankings_go_with_their_session(log: ImpressionLog, place: Callable[[str], Place]) -> None:
    sessions = SessionLog(place(SESSIONS))
    for session in ("s", "t"):
        sessions.create(session)
        log.add(ranking(session))
    sessions.forget(["s"])
    assert [one.session_id for one in log.read()] == ["t"]


def test_a_users_rankings_are_forgotten(log: ImpressionLog, place: Callable[[str], Place]) -> None:
    log.add(ranking("s", user="f00dface"))
    log.add(ranking("t", user="bob"))
    assert forget_impressions(place(SESSIONS), "f00dface") == 1
    assert [one.user for one in log.read()] == ["bob"]


def test_and_merged_with_another_s(log: ImpressionLog) -> None:
    log.add(ranking("s", user="f00dface"))
    log.add(ranking("t", user="bob"))
    log.merge("f00dface", "bob")
    assert log.read() == [ranking("s", user="bob"), ranking("t", user="bob")]
    assert log.forget("bob") == 2


def test_and_forgotten_to_the_byte_in_a_file(tmp_path: Path) -> None:
    log = ImpressionLog(tmp_path / SESSIONS)
    log.add(ranking("s", user="f00dface"))
    log.forget("f00dface")
    with sqlite3.connect(tmp_path / SESSIONS) as db:
        db.execute("pragma wal_checkpoint(truncate)")
    assert not any(b"f00dface" in path.read_bytes() for path in tmp_path.iterdir())


def test_old_rankings_expire(log: ImpressionLog, place: Callable[[str], Place]) -> None:
    log.add(ranking("s", at=5))
    log.add(ranking("t", at=15))
    assert expire_impressions(place(SESSIONS), 10) == 1
    assert [one.session_id for one in log.read()] == ["t"]


def test_forgetting_where_nothing_was_logged_is_no_error(tmp_path: Path) -> None:
    assert forget_impressions(tmp_path / SESSIONS, "ann") == expire_impressions(tmp_path / SESSIONS, 10) == 0
    assert not (tmp_path / SESSIONS).exists()


def test_a_turn_is_not_lost_for_a_ranking_that_cannot_be_kept(tmp_path: Path) -> None:
    log = ImpressionLog(tmp_path / SESSIONS)
    (tmp_path / SESSIONS).unlink()
    (tmp_path / SESSIONS).mkdir()
    with pytest.raises(StoreError):
        log.add(ranking("s"))
    log.note(ranking("s"))
    log.note(None)
