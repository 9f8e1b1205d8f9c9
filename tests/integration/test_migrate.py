"""`assistant migrate`: a data folder's state goes to PostgreSQL and back, whole or not at all."""

import json
from pathlib import Path
from typing import Any

import pytest

from assistant import migration
from assistant.agent.state import Request
from assistant.errors import BadInput, StoreError
from assistant.impression_log import ImpressionLog
from assistant.insights.log import InsightLog
from assistant.migration import MovedTable, move
from assistant.records import Accepted, Done
from assistant.service.keys import KeyStore
from assistant.sessions import SessionLog
from assistant.storage import KEYS, SESSIONS, VISITORS
from assistant.visitors import VisitorStore
from tests.fakes.turns import keep_turn, reply_of
from tests.integration.bad_input.conftest import CommandLine
from tests.postgres import Postgres
from tests.unit.test_impression_log import ranking
from tests.unit.test_sessions import SESSION, opened, talk
from tools.place import Place, StateServer, within
from tools.taste.events import EventStore
from tools.taste.records import Interaction, Preference


@pytest.fixture
def server(postgres: Postgres) -> StateServer:
    return postgres.place()


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A data folder with something in every table."""
    folder = tmp_path / "data"
    sessions = folder / SESSIONS
    log = SessionLog(sessions)
    await talk(sessions, "a lamp", "cheaper 椅子 🪑")
    keep_turn(sessions, Request(session_id="t", owner="bob", text="'; --\\"), reply_of("t", "'; --\\"))
    log.note_events("s", [Accepted()])
    log.note_feedback("s", "oak", "like")
    log.create("empty", "ann", "to be")
    ImpressionLog(sessions).add(ranking("s"))
    keys = KeyStore(folder / KEYS)
    keys.log_in(keys.create("anna", days=3)[1])
    visitors = VisitorStore(folder / VISITORS)
    visitors.ticket(visitors.begin(1)[0].owner)
    InsightLog(folder).note(Done(reply=reply_of("s", "a lamp")), "ann", "api")
    events = EventStore.open(folder)
    events.add(Interaction(user=f"u{n % 7}", item_id=f"i{n}", event="like", at=1e9 + n / 3) for n in range(2500))
    events.set_preference("u1", Preference(attribute="brand", value="Acme", weight=0.5))
    events.forget("u2")
    events.close()
    return folder


def contents(place: Place) -> dict[str, Any]:
    """What the stores answer."""
    log, events = SessionLog(within(place, SESSIONS)), EventStore.open(place)
    found = {
        "sessions": [log.of_owner(owner, -1) for owner in ("ann", "bob")],
        "turns": [log.read(session) for session in ("s", "t")],
        "beside": [log.events("s", 2), log.feedback("s"), ImpressionLog(within(place, SESSIONS)).read()],
        "keys": KeyStore(within(place, KEYS)).list(),
        "visitors": VisitorStore(within(place, VISITORS)).owners(),
        "insights": [*InsightLog(place).rows()],
        "events": [events.of_user("u1"), events.preferences("u1"), events.stats(), events.version()],
        "people": events.people(["i1", "i2", "i8"]),
    }
    events.close()
    return found


async def remembered(place: Place) -> list[Any]:
    async with opened(within(place, SESSIONS)) as graph:
        return [state.values.get("kept") async for state in graph.aget_state_history(SESSION)]


async def test_there_and_back_everything_is_the_same(folder: Path, server: StateServer, tmp_path: Path) -> None:
    import asyncio

    back, before, memory = tmp_path / "back", contents(folder), await remembered(folder)
    there = await asyncio.to_thread(move, folder, server)
    assert contents(server) == before
    again = await asyncio.to_thread(move, server, back)
    assert contents(back) == before == contents(folder)
    assert there == again
    assert all(one.rows for one in there if one.table != "imported")
    assert await remembered(server) == await remembered(back) == memory != []
    # and all goes on
    await talk(server, "and a chair")
    InsightLog(server).note(Done(reply=reply_of("s", "a chair")), "ann", "api")
    with pytest.raises(BadInput, match="already"):
        KeyStore(server).create("anna")
    events = EventStore.open(server)
    assert events.add([Interaction(user="new", item_id="newer", event="like", at=1.0)]) == 1
    assert (await remembered(server))[0] == [*memory[0], "and a chair"]


def test_what_is_there_is_left_unless_it_may_be_deleted(folder: Path, server: StateServer, tmp_path: Path) -> None:
    KeyStore(server).create("theirs")
    other = tmp_path / "other"
    KeyStore(other / KEYS).create("other")
    with pytest.raises(BadInput, match="holds keys already; --force"):
        move(other, server)
    assert [key.name for key in KeyStore(server).list()] == ["theirs"]
    move(folder, server, force=True)
    move(other, server, force=True)
    assert [key.name for key in KeyStore(server).list()] == ["other"]
    assert list(SessionLog(server).each_id()) == []
    with pytest.raises(BadInput, match="no state"):
        move(tmp_path / "nowhere", server)
    with pytest.raises(BadInput, match="already"):
        move(server, server)


def test_what_differs_is_not_kept(folder: Path, server: StateServer, monkeypatch: pytest.MonkeyPatch) -> None:
    digest, seen = migration._digest, list[str]()

    def wrong(db: Any, table: Any) -> tuple[int, str]:  # noqa: ANN401
        seen.append(table.name)
        return (0, "") if len(seen) == 21 else digest(db, table)

    monkeypatch.setattr(migration, "_digest", wrong)
    with pytest.raises(StoreError, match="differ after they were written"):
        move(folder, server)
    monkeypatch.undo()
    assert ([*SessionLog(server).each_id()], KeyStore(server).list()) == ([], [])
    assert move(folder, server)


def test_the_command_says_what_to_do_next(folder: Path, server: StateServer, tmp_path: Path) -> None:
    run = CommandLine(folder)
    done = run("migrate", "--to", server.url)
    assert done.code == 0, done
    assert "state.url" in done.stdout
    assert "sesame" not in done.stdout + done.stderr
    assert run("migrate", "--to", server.url).code == 2
    moved = json.loads(run("migrate", "--to", tmp_path / "copy", "--json").stdout)
    assert {MovedTable.model_validate(one).store for one in moved} == {
        "sessions", "events", "keys", "visitors", "insights"
    }  # fmt: skip


def test_a_url_of_another_kind_is_no_folder(folder: Path) -> None:
    done = CommandLine(folder)("migrate", "--to", "mysql://u:sesame@h/x")
    assert done.code == 3
    assert "postgresql://" in done.stderr
    assert "sesame" not in done.stderr


def test_files_are_copied_to_object_storage_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo, own = tmp_path / "data/uploads/s1/f", tmp_path / "data/media/own.jpg"
    for path in (photo, own):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"a photo")
    url = (tmp_path / "objects").as_uri()
    [copied] = CommandLine(tmp_path / "data").json("migrate", "--json", "--to", url)
    assert (copied["store"], copied["rows"]) == ("objects", 1)
    assert (tmp_path / "objects/uploads/s1/f").read_bytes() == b"a photo"
    monkeypatch.setenv("ASSISTANT_STATE__OBJECTS", url)
    assert CommandLine(tmp_path / "empty").json("migrate", "--json", "--to", tmp_path / "back") == [copied]
    assert (tmp_path / "back/uploads/s1/f").read_bytes() == b"a photo"
