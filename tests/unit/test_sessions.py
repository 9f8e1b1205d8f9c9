"""What is stored of sessions, in a file and on a server: replies, lists, searches, branches, and their end."""

import contextlib
import threading
import tracemalloc
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypedDict

import pytest
import sqlalchemy as sa
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from assistant import checkpoint_tables, sessions
from assistant.agent.state import Request
from assistant.checkpoints import open_saver
from assistant.errors import SessionError, StoreError
from assistant.records import Accepted, MessageRead, Reply
from assistant.session_tables import REPLIES, SESSIONS, sessions_database
from assistant.sessions import SessionLog
from assistant.settings import load_settings
from assistant.storage import SESSIONS as SESSIONS_FILE
from assistant.user_data import export_of
from tests.fakes.turns import keep_turn, reply_of
from tools.place import Place

UGLY = ["", "  ", "a\0b", "Straße 'DROP TABLE replies; --", "椅子 🪑 \u202e", "x" * 100_000, "%_\\", ":name %(x)s ?"]


@pytest.fixture
def where(place: Callable[[str], Place]) -> Place:
    return place(SESSIONS_FILE)


@pytest.fixture
def log(where: Place) -> SessionLog:
    return SessionLog(where)


def say(where: Place, session: str, text: str, *, owner: str = "ann", message_id: str | None = None) -> Reply:
    reply = reply_of(session, text)
    keep_turn(where, Request(session_id=session, owner=owner, text=text, message_id=message_id), reply)
    return reply


def test_a_session_is_its_turns_in_order(log: SessionLog, where: Place) -> None:
    with pytest.raises(SessionError, match="no session 's'"):
        log.session("s")
    said = [say(where, "s", text, message_id=f"m{number}") for number, text in enumerate(("a lamp", "cheaper"))]
    assert [(turn.turn, turn.said, turn.reply, turn.message_id) for turn in log.read("s")] == [
        (1, "a lamp", said[0], "m0"),
        (2, "cheaper", said[1], "m1"),
    ]
    session = log.session("s")
    assert (session.owner, session.title, session.turns) == ("ann", "a lamp", 2)
    assert log.turn_of("s", "m1") == (2, said[1])
    assert log.turn_of("s", "m2") is None
    assert (log.sessions(), log.ids_of("ann"), log.ids_of("bob"), log.knows("t")) == (["s"], ["s"], [], False)


@pytest.mark.parametrize("text", UGLY)
def test_any_text_is_kept_and_searched(log: SessionLog, where: Place, text: str) -> None:
    reply = say(where, "s", text, message_id=text[:50])
    say(where, "t", "something else")
    (turn,) = log.read("s")
    kept = Request(session_id="s", text=text).text
    assert (turn.said, turn.reply) == (kept, reply)
    assert log.turn_of("s", text[:50]) == (1, reply)
    log.rename("s", text)
    assert "s" in [one.session_id for one in log.of_owner("ann", query=kept[:200].upper())]


def test_sessions_are_listed_latest_first_and_searched(log: SessionLog, where: Place) -> None:
    for number in range(5):
        say(where, f"s{number}", "A Straße" if number % 2 else "a lamp")
    say(where, "s0", "and a chair")
    say(where, "other", "a lamp", owner="bob")
    log.create("empty", "ann", "A lamp to be")
    assert [one.session_id for one in log.of_owner("ann", 3)] == ["empty", "s0", "s4"]
    last = log.session("s4").updated_at
    assert [one.session_id for one in log.of_owner("ann", before=last)] == ["s3", "s2", "s1"]
    assert [one.session_id for one in log.of_owner("ann", -1, query="LAMP")] == ["empty", "s0", "s4", "s2"]
    assert [one.session_id for one in log.of_owner("ann", 1, query="strasse")] == ["s3"]
    assert log.of_owner("ann", query="sofa") == log.of_owner("nobody") == []


def test_what_is_beside_the_replies(log: SessionLog, where: Place) -> None:
    say(where, "s", "a lamp")
    say(where, "s", "cheaper")
    events = [Accepted(), MessageRead(text="Customer: cheaper")]
    log.note_events("s", events)
    assert (log.events("s", 1), log.events("s", 2), log.events("t", 1)) == ([], events, [])
    log.note_feedback("s", "oak", "like")
    log.note_feedback("s", "elm", "cart")
    assert [press[:2] for press in log.feedback("s")] == [("oak", "like"), ("elm", "cart")]


def test_all_sessions_are_read_in_pages_also_those_of_one_moment(
    log: SessionLog, where: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "BATCH", 3)
    for number in range(10):
        log.create(f"s{number}", "ann" if number % 4 else "bob")
    with sessions_database(where).writing() as db:  # several at a time
        db.execute(SESSIONS.update().values(created_at=1e9, updated_at=1e9).where(SESSIONS.c.session_id >= "s5"))
    anns = {f"s{number}" for number in range(10) if number % 4}
    read = [session.session_id for session in log.each_of("ann")]
    assert (set(read), len(read), log.count_of("ann")) == (anns, len(anns), len(anns))
    assert [*log.each_of("eve")] == []
    assert [*log.each_id()] == [f"s{number}" for number in range(10)]
    pages, last = [], None
    while page := log.of_owner("ann", 2, *((last.updated_at, "", last.session_id) if last else ())):
        pages += [session.session_id for session in page]
        last = page[-1]
    assert (set(pages), len(pages)) == (anns, len(anns))


def test_an_export_holds_one_session_at_a_time(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path)
    log = SessionLog(settings.place(SESSIONS_FILE))
    kept = reply_of("s0", "a lamp", "x" * 100_000).model_dump_json()
    names = [f"s{number}" for number in range(80)]
    about = {"owner": "ann", "title": "", "created_at": 1e9, "updated_at": 1e9}
    with sessions_database(settings.place(SESSIONS_FILE)).writing() as db:
        db.execute(SESSIONS.insert(), [about | {"session_id": name} for name in names])
        turns = [{"session_id": name, "turn": 1, "said": "a", "reply": kept, "at": 1e9} for name in names]
        db.execute(REPLIES.insert(), turns)
    del turns
    assert log.count_of("ann") == len(names)
    tracemalloc.start()
    try:
        written = sum(len(part) for part in export_of(settings, "ann"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert written > 8e6
    assert peak < 4e6


def test_a_message_is_found_in_the_sessions_of_its_sender(log: SessionLog, where: Place) -> None:
    say(where, "s", "a lamp", message_id="m")
    say(where, "s", "cheaper")
    say(where, "t", "a lamp", message_id="m")
    say(where, "b", "a lamp", owner="bob", message_id="m")
    assert [(one.session_id, one.turn, one.is_last) for one in log.answered("ann", "m")] == [
        ("t", 1, True),
        ("s", 1, False),
    ]
    assert [one.session_id for one in log.answered("ann", "m", "s")] == ["s"]
    assert log.answered("eve", "m") == []


def test_a_copy_has_the_first_turns_under_its_own_name(log: SessionLog, where: Place) -> None:
    say(where, "s", "a läмp \U0001f4a1")
    say(where, "s", "cheaper")
    log.copy("s", "c", 1)
    (turn,) = log.read("c")
    assert (turn.said, turn.reply.session_id, turn.reply.query) == ("a läмp 💡", "c", log.read("s")[0].reply.query)
    assert (log.session("c").owner, log.session("c").title) == ("ann", "a läмp 💡")


def test_owners_are_renamed_by_their_beginning(log: SessionLog) -> None:
    for session, owner in (("s", "a_1"), ("t", "A_1"), ("u", "ab1")):
        log.create(session, owner)
    log.rename_owners("a_", str.upper)
    assert sorted(log.ids_of("A_1")) == ["s", "t"]
    assert log.ids_of("ab1") == ["u"]


def test_forgetting_leaves_the_others(log: SessionLog, where: Place) -> None:
    for session in ("s", "t"):
        say(where, session, "a lamp")
        log.note_feedback(session, "oak", "like")
    log.forget(f"s{number}" for number in range(1200))
    log.forget(["s"])
    log.vacuum_securely()
    assert (log.knows("s"), log.feedback("s"), log.knows("t"), len(log.feedback("t"))) == (False, [], True, 1)
    assert log.unused_since(2e9) == ["t"]
    assert log.unused_since(0) == []


def test_turns_of_several_writers_are_all_kept(log: SessionLog, where: Place) -> None:
    def talk(number: int) -> None:
        for _ in range(5):
            say(where, "s", f"message {number}")

    writers = [threading.Thread(target=talk, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [turn.turn for turn in log.read("s")] == list(range(1, 21))


def test_what_is_forgotten_while_turns_are_kept_leaves_no_reply_without_its_session(
    log: SessionLog, where: Place
) -> None:
    def talk() -> None:
        for _ in range(20):
            say(where, "s", "a lamp")

    writers = [threading.Thread(target=talk) for _ in range(2)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        log.forget(["s"])
    for writer in writers:
        writer.join()
    log.forget(["s"])
    with sessions_database(where).reading() as db:
        assert db.execute(REPLIES.select()).all() == []


# Checkpoints ---------------------------------------------------------------------------------------------------------


class Turn(TypedDict, total=False):
    kept: list[str]
    request: Request
    reply: Reply


def respond(state: Turn) -> Turn:
    text = state["request"].text
    if text == "fail":
        raise ValueError("as asked")
    return {"reply": reply_of("s", text), "kept": [*state.get("kept", []), text]}


@contextlib.asynccontextmanager
async def opened(where: Place) -> AsyncIterator[CompiledStateGraph[Any, Any, Any, Any]]:
    """A graph of one step, with a checkpointer of its own."""
    graph = StateGraph(Turn)
    graph.add_node("first", lambda _: {})
    graph.add_node("respond", respond)
    for source, target in ((START, "first"), ("first", "respond"), ("respond", END)):
        graph.add_edge(source, target)
    async with open_saver(where) as saver:
        yield graph.compile(checkpointer=saver)


async def talk(where: Place, *texts: str) -> None:
    for text in texts:
        async with opened(where) as graph:
            message: Any = {"request": Request(session_id="s", owner="ann", text=text)}
            with contextlib.suppress(ValueError):
                await graph.ainvoke(message, SESSION, durability="exit")


SESSION: Any = {"configurable": {"thread_id": "s"}}


async def test_a_session_remembers_and_each_of_its_turns_can_be_found(log: SessionLog, where: Place) -> None:
    await talk(where, "a lamp", "cheaper", "in red")
    assert [turn.said for turn in log.read("s")] == ["a lamp", "cheaper", "in red"]
    async with opened(where) as graph:
        assert (await graph.aget_state(SESSION)).values == {"kept": ["a lamp", "cheaper", "in red"]}
        history = [state.values.get("kept") async for state in graph.aget_state_history(SESSION)]
    assert history == [["a lamp", "cheaper", "in red"], ["a lamp", "cheaper"], ["a lamp"]]


async def test_of_the_turns_of_a_session_the_latest_can_be_found_and_of_an_old_session_the_last(
    log: SessionLog, where: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint_tables, "KEPT", 3)
    texts = ["a lamp", "cheaper", "in red", "in blue", "bigger"]
    await talk(where, *texts[:4])
    log.create("other", "ann")
    other: Any = {"configurable": {"thread_id": "other"}}
    async with opened(where) as graph:
        await graph.aupdate_state(other, {"kept": ["a sofa"]}, as_node="respond")
    await talk(where, texts[4])
    assert await remembered(where) == [texts, texts[:4], texts[:3]]
    assert held(where) == {4}
    assert log.thin(0) == 0
    assert len(await remembered(where)) == 3
    assert (log.thin(2e9), log.thin(2e9)) == (1, 0)
    assert await remembered(where) == [texts]
    assert held(where) == {2}
    await talk(where, "in green")
    async with opened(where) as graph:
        assert (await graph.aget_state(SESSION)).values["kept"] == [*texts, "in green"]
        assert (await graph.aget_state(other)).values["kept"] == ["a sofa"]


async def remembered(where: Place) -> list[list[str]]:
    async with opened(where) as graph:
        return [state.values["kept"] async for state in graph.aget_state_history(SESSION)]


def held(where: Place) -> set[int]:
    """How many rows LangGraph's tables hold, those that are empty left out."""
    with sessions_database(where).reading() as db:
        names = checkpoint_tables.BY_DIALECT[db.dialect.name]
        return {int(db.scalar(sa.text(f"select count(*) from {name}")) or 0) for name in names} - {0}


async def test_a_turn_that_fails_leaves_nothing(log: SessionLog, where: Place) -> None:
    await talk(where, "a lamp", "fail", "cheaper")
    assert [turn.said for turn in log.read("s")] == ["a lamp", "cheaper"]
    async with opened(where) as graph:
        assert (await graph.aget_state(SESSION)).values == {"kept": ["a lamp", "cheaper"]}


async def test_a_branch_begins_with_what_is_put_there(log: SessionLog, where: Place) -> None:
    log.create("b", "ann")
    branch: Any = {"configurable": {"thread_id": "b"}}
    async with opened(where) as graph:
        await graph.aupdate_state(branch, {"kept": ["a lamp"]}, as_node="respond")
        await graph.ainvoke({"request": Request(session_id="b", text="cheaper")}, branch, durability="exit")
        assert (await graph.aget_state(branch)).values["kept"] == ["a lamp", "cheaper"]


async def test_a_forgotten_session_remembers_nothing(log: SessionLog, where: Place) -> None:
    await talk(where, "a lamp")
    log.create("b", "ann")
    log.forget(["s"])
    async with opened(where) as graph:
        assert (await graph.aget_state(SESSION)).values == {}


async def test_a_reply_that_cannot_be_kept_leaves_the_session_as_it_was(log: SessionLog, where: Place) -> None:
    await talk(where, "a lamp")
    with sessions_database(where).writing() as db:
        db.execute(sa.text("alter table replies rename to away"))
    with pytest.raises(StoreError, match="session"):
        await talk(where, "cheaper")
    with sessions_database(where).writing() as db:
        db.execute(sa.text("alter table away rename to replies"))
    async with opened(where) as graph:
        assert (await graph.aget_state(SESSION)).values == {"kept": ["a lamp"]}
    await talk(where, "cheaper")
    assert [turn.said for turn in log.read("s")] == ["a lamp", "cheaper"]
