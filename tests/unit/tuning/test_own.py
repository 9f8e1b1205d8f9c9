"""A shop's own conversations as examples: only what customers agreed with, and whose they were."""

import json
from datetime import date
from pathlib import Path

import pytest

from assistant.agent.state import Request
from assistant.cli.users import forgotten_text
from assistant.errors import ConfigError
from assistant.llm.adapters import CARD, CONFIG, WEIGHTS, AdapterCard, trained_folder
from assistant.records import (
    CallResult,
    MessageRead,
    Recommendation,
    RoundFinished,
    TurnEvent,
)
from assistant.sessions import SessionLog
from assistant.settings import Settings
from assistant.tuning import own
from assistant.tuning.own import own_examples
from assistant.user_data import forget
from tests.fakes.turns import keep_turn, reply_of


def found(query: str) -> CallResult:
    return CallResult(tool="search_by_text", arguments={"query": query}, result="oak | Oak Chair | 80 USD | listed")


SEARCHED: list[TurnEvent] = [MessageRead(text="Customer: something to sit on"), RoundFinished(calls=[found("sit on")])]
AGAIN: list[TurnEvent] = [*SEARCHED, RoundFinished(calls=[found("chair")])]
SEVERAL: list[TurnEvent] = [*SEARCHED, MessageRead(wish="lamp", text="a lamp"), RoundFinished(wish="lamp", calls=[])]


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "LEAST", 1)


def say(folder: Path, session: str, events: list[TurnEvent], *pressed: str, owner: str = "u1") -> None:
    """A turn of a session that shows the chair, and what was pressed after it."""
    log = SessionLog(folder / "sessions.sqlite")
    chair = Recommendation(
        rank=1, item_id="oak", title="Oak Chair", price=80, score=1, explanation="It is of oak.", evidence=[]
    )
    reply = reply_of(session).model_copy(update={"recommendations": [chair]})
    keep_turn(folder / "sessions.sqlite", Request(session_id=session, owner=owner), reply)
    log.note_events(session, events)
    for press in pressed:
        item, event = press.split()
        log.note_feedback(session, item, event)


def test_what_was_agreed_with_is_an_example_with_its_rounds_and_the_end(tmp_path: Path) -> None:
    say(tmp_path, "a", AGAIN, "oak cart")
    [example] = own_examples(tmp_path).examples
    assert [one.role for one in example.messages] == [
        "system",
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
        "assistant",
    ]
    answers = [json.loads(one.content) for one in example.messages if one.learned]
    assert answers == [{"calls": [{"tool": "search_by_text", "arguments": {"query": "chair"}}]}, {"calls": []}]
    assert own_examples(tmp_path).users == ["u1"]


def test_what_was_not_agreed_with_is_none(tmp_path: Path) -> None:
    say(tmp_path, "a", SEARCHED, "oak cart")
    say(tmp_path, "b", SEARCHED, owner="u2")
    say(tmp_path, "c", SEARCHED, "oak dislike", owner="u2")
    say(tmp_path, "d", SEARCHED, "lamp cart", owner="u2")
    say(tmp_path, "e", SEARCHED, owner="u2")
    say(tmp_path, "e", SEARCHED, owner="u2")
    say(tmp_path, "f", SEVERAL, "oak cart", owner="u2")
    found = own_examples(tmp_path)
    assert [one.source for one in found.examples] == ["session a.1"]
    assert found.users == ["u1"]


def test_too_few_are_refused_with_the_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "LEAST", 2)
    say(tmp_path, "a", SEARCHED, "oak like")
    with pytest.raises(ConfigError, match=r"Only 1 answers .* 2 are needed"):
        own_examples(tmp_path)
    with pytest.raises(ConfigError, match="no conversations"):
        own_examples(tmp_path / "elsewhere")


def test_forgetting_a_user_names_the_adapters_that_saw_them(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    folder = trained_folder(settings, "tiny")
    folder.mkdir(parents=True)
    card = AdapterCard(
        base="tiny",
        base_weights="",
        data="",
        examples={},
        users=["u1"],
        settings={},
        figures={},
        day=date(2026, 11, 27),
    )
    (folder / CARD).write_text(card.model_dump_json())
    for name in (WEIGHTS, CONFIG):
        (folder / name).write_text("")
    told = forget(settings, "u1")
    assert told.adapters == [str(folder)]
    assert str(folder) in forgotten_text(told)
    assert forget(settings, "u2").adapters == []
