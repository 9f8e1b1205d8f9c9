"""Forgetting that is interrupted, retention, and the terminal's own user."""

import dataclasses
import io
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from rich.console import Console

from assistant import user_data
from assistant.cli.chat import ChatSession
from assistant.errors import SessionError, StoreError
from assistant.front import Assistant
from assistant.privacy.pseudonyms import pseudonym
from assistant.sessions import check_owner
from assistant.settings import Settings, load_settings
from assistant.user_data import JOURNAL, MODEL, PLACES, expire, forget, stored_of
from tests.fakes.openai_server import FakeOpenAIServer
from tests.integration.privacy.traces import traces_of
from tools.taste.events import EventStore
from tools.taste.records import Interaction
from tools.toolbox import Engines

WORD = "zanzibarine"
ANN = "ann 'x' 🙂"
DAY = 86_400.0


@pytest.fixture
def settings(tmp_path: Path, model: FakeOpenAIServer) -> Settings:
    remote = {"profile": "remote", "base_url": model.base_url, "model": model.model}
    return load_settings(data=tmp_path / "data", llm=remote)


async def talk(settings: Settings, engines: Engines, user: str) -> list[str]:
    """A turn and a like of a user; the words by which they are found again."""
    async with Assistant(settings, engines=engines) as assistant:
        owner = pseudonym(settings, user)
        events = assistant.stream("a chair", owner=owner)
        session_id = [event async for event in events][-1].reply.session_id  # type: ignore[union-attr]
        thanks = assistant.stream(f"thank you, {WORD}", session_id=session_id, owner=owner)
        assert [event async for event in thanks]
        await assistant.note(session_id, "chair-0", "like")
    return [WORD, owner, session_id]


def model_folder(settings: Settings) -> Path:
    folder = settings.data_folder / MODEL
    folder.mkdir(parents=True)
    (folder / "model.bin").write_bytes(b"learned")
    return folder


async def test_forgetting_that_was_cut_off_anywhere_is_finished_by_the_next_start(
    settings: Settings, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(settings: Settings, user: str) -> None:
        raise StoreError("The disk is full.")

    for index, place in enumerate(PLACES):
        words, model = await talk(settings, engines, ANN), model_folder(settings)
        with monkeypatch.context() as patch:
            broken = dataclasses.replace(place, forget=cut_off)
            patch.setattr(user_data, "PLACES", [*PLACES[:index], broken, *PLACES[index + 1 :]])
            with pytest.raises(StoreError, match="disk is full"):
                forget(settings, words[1])
        assert traces_of(settings.data_folder, words)

        async with Assistant(settings, engines=engines):
            assert traces_of(settings.data_folder, words) == []
            assert not model.exists()


async def test_a_process_that_is_killed_while_it_forgets_is_followed_by_one_that_ends_it(
    settings: Settings, engines: Engines
) -> None:
    words = await talk(settings, engines, ANN)
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from assistant import user_data\n"
        "from assistant.settings import load_settings\n"
        "user_data.EventStore.forget = lambda *_: os._exit(9)\n"
        "user_data.forget(load_settings(data=Path(sys.argv[1])), sys.argv[2])\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(settings.data_folder), words[1]], check=False)
    assert killed.returncode == 9
    assert list((settings.data_folder / JOURNAL).iterdir())

    done = forget(settings, words[1])

    assert done.places == {
        "files": 0,
        "rankings": 1,
        "insights": 2,
        "sessions": 1,
        "preferences": 0,
        "tastes": 0,
        "events": 1,
    }
    assert traces_of(settings.data_folder, words) == []


async def test_a_start_goes_on_where_another_process_holds_what_should_be_deleted(
    settings: Settings, engines: Engines, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    words = await talk(settings, engines, ANN)
    monkeypatch.setattr("tools.taste.events.LOCK_SECONDS", 0.01)
    with closing(sqlite3.connect(settings.data_folder / "interactions.sqlite")) as reader:
        reader.execute("begin")
        reader.execute("select count(*) from events").fetchall()
        with pytest.raises(StoreError, match="in use"):
            forget(settings, words[1])
        async with Assistant(settings, engines=engines) as assistant:
            assert assistant.log.sessions() == []
        assert "Not everything that should be deleted is" in caplog.text

    async with Assistant(settings, engines=engines):
        assert traces_of(settings.data_folder, words) == []


async def test_a_journal_that_was_cut_off_itself_holds_nothing_up(settings: Settings, engines: Engines) -> None:
    words = await talk(settings, engines, ANN)
    journal = settings.data_folder / JOURNAL / f"{words[1]}.json"
    journal.parent.mkdir()
    journal.write_text('{"user": "')

    assert forget(settings, words[1]).places["sessions"] == 1
    assert traces_of(settings.data_folder, words) == []


async def test_the_learned_model_stays_when_the_user_had_no_events(settings: Settings, engines: Engines) -> None:
    words = await talk(settings, engines, ANN)
    model = model_folder(settings)

    assert not forget(settings, pseudonym(settings, "somebody else")).model_removed
    assert model.exists()
    assert forget(settings, words[1]).model_removed
    assert not model.exists()


async def test_checkpoints_and_files_of_no_session_go_too_but_not_those_of_a_running_turn(
    settings: Settings, engines: Engines
) -> None:
    words = await talk(settings, engines, ANN)
    uploads = settings.data_folder / "uploads"
    for name, age in (("crashed", 2 * user_data.ORPHAN_SECONDS), ("running", 0.0)):
        (uploads / name).mkdir(parents=True)
        (uploads / name / "img1.png").write_bytes(b"a picture")
        then = time.time() - age
        os.utime(uploads / name, (then, then))
    with closing(sqlite3.connect(settings.data_folder / "sessions.sqlite")) as db, db:
        for table in (
            "replies",
            "feedback",
            "sessions",
        ):  # as other versions left it: checkpoints alone
            db.execute(f"delete from {table} where session_id = ?", (words[2],))
    assert traces_of(settings.data_folder, [WORD])

    forget(settings, words[1])

    assert traces_of(settings.data_folder, words) == []
    assert [path.name for path in uploads.iterdir()] == ["running"]


async def test_what_is_older_than_the_retention_is_gone_after_the_next_start(
    settings: Settings, engines: Engines
) -> None:
    words = await talk(settings, engines, ANN)
    with closing(EventStore.open(settings.data_folder)) as store:
        store.add([Interaction(user="other", item_id="x", event="like", at=time.time() - 9 * DAY)])
    limited = settings.model_copy(update={"privacy": settings.privacy.model_copy(update={"retention_days": 8.0})})

    assert expire(settings) == {}
    async with Assistant(limited, engines=engines) as assistant:
        assert assistant.log.session(words[2])
    assert stored_of(settings, "other").places["events"] == 0
    assert expire(limited, now=time.time() + 9 * DAY) == {"sessions": 1, "events": 1}
    assert traces_of(settings.data_folder, words) == []


async def test_the_terminal_notes_what_is_liked_put_away_and_put_into_the_cart(
    settings: Settings, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = ["a chair", "/like 1", "/dislike 2", "/cart 1", "/like 9", "/like it"]
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(typed)))
    shown = io.StringIO()
    async with Assistant(settings, engines=engines) as assistant:
        ann = pseudonym(settings, ANN)
        await ChatSession(assistant, Console(file=shown), None, None, ann).run()
        [session_id] = assistant.log.sessions()
        pressed = assistant.log.feedback(session_id)
        with pytest.raises(SessionError, match="another user's"):
            check_owner(assistant.log, session_id, "local")

    assert [event for _, event, _ in pressed] == ["like", "dislike", "cart"]
    assert pressed[0][0] == pressed[2][0] != pressed[1][0]
    with closing(EventStore.open(settings.data_folder)) as store:
        assert [event.event for event in store.of_user(ann)] == ["cart", "dislike", "like"]
    assert shown.getvalue().count("takes the number of a recommendation, 1 to") == 2
