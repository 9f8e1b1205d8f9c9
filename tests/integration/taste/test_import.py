"""assistant taste import over real stores: who is brought, what is kept of them, and how it goes again."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from assistant.privacy.pseudonyms import pseudonym
from assistant.records import LOCAL
from assistant.settings import Settings
from assistant.taste_import import import_tastes
from assistant.user_data import expire, export_of, forget, merge_visitor, stored_of
from assistant.visitors import VisitorStore
from tests.fakes.encoders import identity
from tests.integration.privacy.traces import traces_of
from tests.integration.taste.conftest import COLOURS, DAY, likes, put, thing
from tools.errors import BadInput, StoreError
from tools.store import Catalogue
from tools.taste.events import EventStore
from tools.taste.records import Interaction

ANN, BOB = "ann 🙂", "bob"


@pytest.fixture
def films(settings: Settings, catalogue: Catalogue, tmp_path: Path) -> Iterator[Settings]:
    """Another catalogue of red and blue things; Ann likes red ones there, Bob blue ones, a visitor and Zoe little."""
    there = settings.model_copy(update={"data": tmp_path / "films"})
    with Catalogue.open(there.data_folder) as other:
        put(other, [thing(colour, f"film-{number}") for colour in COLOURS for number in range(6)])
    now = time.time()
    with closing(EventStore.open(there.data_folder)) as events:
        events.add(likes(pseudonym(there, ANN), *(f"red-film-{n}" for n in range(4)), at=now - 10 * DAY))
        events.add(likes(pseudonym(there, BOB), *(f"blue-film-{n}" for n in range(5)), at=now - 10 * DAY))
        events.add([Interaction(user=pseudonym(there, BOB), item_id="red-film-1", event="dislike", at=now)])
        events.add(likes(pseudonym(there, "zoe"), "red-film-1", at=now))
        visitor, _ = VisitorStore(there.visitors_place).begin(days=1)
        events.add(likes(visitor.owner, *(f"red-film-{n}" for n in range(6)), at=now - 10 * DAY))
    yield there


def command(settings: Settings, *words: str) -> "subprocess.CompletedProcess[str]":
    folders = {"ASSISTANT_HOME": str(settings.home), "ASSISTANT_DATA": str(settings.data)}
    program = [sys.executable, "-c", "from assistant.cli import main; main()"]
    return subprocess.run(
        [*program, *words], env={**os.environ, **folders}, text=True, capture_output=True, check=False
    )


def imported(settings: Settings, user: str) -> list[tuple[str, int]]:
    with closing(EventStore.open(settings.data_folder)) as store:
        return [(one.catalogue, one.items) for one in store.imported(pseudonym(settings, user))]


def test_one_users_taste_is_brought_shown_replaced_and_dropped(settings: Settings, films: Settings) -> None:
    folder = str(films.data_folder)
    ended = command(settings, "taste", "import", "--from", folder, "--user", ANN)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "Brought: the taste of 1 user in films, from 4 items.\n"
    assert imported(settings, ANN) == [("films", 4)]
    assert imported(settings, BOB) == []

    ended = command(settings, "taste", "import", "--from", folder, "--user", ANN, "--name", "Kino", "--json")
    assert json.loads(ended.stdout) == {"catalogue": "Kino", "users": 1, "items": 4, "too_little": 0, "dry_run": False}
    assert imported(settings, ANN) == [("Kino", 4), ("films", 4)]
    command(settings, "taste", "import", "--from", folder, "--user", ANN)
    assert imported(settings, ANN) == [("Kino", 4), ("films", 4)]

    shown = command(settings, "profile", "show", "--user", ANN).stdout
    assert "also what you liked in films (4 items)" in shown
    assert json.loads(command(settings, "profile", "show", "--user", ANN, "--json").stdout)["words"] == [
        "Taste of 4 items liked in Kino.", "Taste of 4 items liked in films.",
    ]  # fmt: skip
    ended = command(settings, "taste", "drop", "Kino", "--user", ANN)
    assert (ended.returncode, ended.stdout) == (0, "Deleted: what 1 user liked in Kino.\n")
    ended = command(settings, "taste", "drop", "Kino", "--user", ANN)
    assert (ended.returncode, ended.stderr) == (
        2, "error: Nothing was brought here from 'Kino'; see: assistant profile show.\n",
    )  # fmt: skip
    assert imported(settings, ANN) == [("films", 4)]


def test_everybody_is_brought_but_visitors_and_who_likes_too_little(settings: Settings, films: Settings) -> None:
    tried = command(settings, "taste", "import", "--from", str(films.data_folder), "--all", "--dry-run")
    assert (
        tried.stdout
        == "Would be brought: the taste of 2 users in films, from 9 items. 1 others like too little there.\n"
    )
    assert imported(settings, ANN) == []
    assert not (settings.data_folder / "interactions.sqlite").read_bytes().count(b"films")

    done = import_tastes(settings, films.data_folder, None, name="films")
    assert (done.users, done.items, done.too_little) == (2, 9, 1)
    with closing(EventStore.open(settings.data_folder)) as store:
        assert set(store.user_ids().values()) == {pseudonym(settings, ANN), pseudonym(settings, BOB)}

    forget(films, pseudonym(films, BOB))  # whoever is forgotten there is no longer brought, and what was goes
    import_tastes(settings, films.data_folder, None, name="films")
    assert (imported(settings, ANN), imported(settings, BOB)) == ([("films", 4)], [])


def test_nothing_of_the_other_catalogues_items_or_events_is_kept_and_its_folder_keeps_its_users(
    settings: Settings, films: Settings
) -> None:
    with closing(EventStore.open(films.data_folder)) as store:
        before = (store.version(), store.stats())
    import_tastes(settings, films.data_folder, ANN)
    assert traces_of(settings.data_folder, ["red-film", "Red thing film"]) == []
    with closing(EventStore.open(films.data_folder)) as store:
        assert (store.version(), store.stats()) == before


def test_the_taste_lies_where_the_liked_colour_is(settings: Settings, films: Settings, catalogue: Catalogue) -> None:
    import_tastes(settings, films.data_folder, ANN)
    with closing(EventStore.open(settings.data_folder)) as store:
        (taste,) = store.imported(pseudonym(settings, ANN))
    nearest = catalogue.nearest("text", np.array(taste.vector, np.float32), 12)
    assert {item_id.split("-")[0] for item_id, _ in nearest} == {"red"}


def test_it_is_counted_given_out_forgotten_merged_and_expired(settings: Settings, films: Settings) -> None:
    import_tastes(settings, films.data_folder, None, name="Films & Co.")
    ann, bob = pseudonym(settings, ANN), pseudonym(settings, BOB)
    assert stored_of(settings, ann).places["tastes"] == 1
    given = json.loads("".join(export_of(settings, ann)))["tastes"]
    assert (given[0]["catalogue"], given[0]["items"], len(given[0]["vector"])) == ("Films & Co.", 4, 24)

    assert forget(settings, ann).places["tastes"] == 1
    assert stored_of(settings, ann).places["tastes"] == 0
    assert traces_of(settings.data_folder, [ann]) == []

    merge_visitor(settings, bob, "c" * 32)
    assert (stored_of(settings, bob).places["tastes"], stored_of(settings, "c" * 32).places["tastes"]) == (0, 1)
    strict = settings.model_copy(update={"privacy": settings.privacy.model_copy(update={"retention_days": 30.0})})
    expire(strict)
    assert stored_of(settings, "c" * 32).places["tastes"] == 1
    expire(strict, now=time.time() + 31 * DAY)
    assert traces_of(settings.data_folder, ["Films & Co."]) == []


def test_events_older_than_this_catalogue_keeps_any_are_not_read(settings: Settings, films: Settings) -> None:
    strict = settings.model_copy(update={"privacy": settings.privacy.model_copy(update={"retention_days": 6.5})})
    with pytest.raises(BadInput, match="likes fewer than 3 items"):
        import_tastes(strict, films.data_folder, ANN)
    assert import_tastes(settings, films.data_folder, ANN).items == 4


def test_the_terminals_own_user_needs_no_key(settings: Settings, films: Settings, tmp_path: Path) -> None:
    with closing(EventStore.open(films.data_folder)) as store:
        store.add(likes(LOCAL, "red-film-0", "red-film-1", "red-film-2", at=time.time() - 3 * DAY))
    (films.data_folder / "users.check").write_text("another key's\n")
    ended = command(settings, "taste", "import", "--from", str(films.data_folder))
    assert ended.stdout == "Brought: the taste of 1 user in films, from 3 items.\n"
    for words in (["--all"], ["--user", ANN]):
        ended = command(settings, "taste", "import", "--from", str(films.data_folder), *words)
        assert ended.returncode == 2
        assert ended.stderr.startswith("error: The users in ")
        assert ended.stderr.endswith("both catalogues need the same privacy.key_file.\n")


def test_an_own_name_of_the_shop_is_used(settings: Settings, films: Settings) -> None:
    (films.data_folder / "shop.json").write_text('{"name": "Kino Nord"}')
    assert import_tastes(settings, films.data_folder, ANN).catalogue == "Kino Nord"


def test_catalogues_of_different_encoders_cannot_be_compared(settings: Settings, films: Settings) -> None:
    with Catalogue.open(films.data_folder) as other, other.writing() as writer:
        writer.stage({"text": identity("another")})
        writer.switch({"text": identity("another")})
    ended = command(settings, "taste", "import", "--from", str(films.data_folder), "--user", ANN)
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: The texts of the two catalogues were read by different encoders, colours (")
    assert ended.stderr.endswith("read one of them again with: assistant catalogue reindex.\n")
    assert imported(settings, ANN) == []


def test_a_taste_of_an_encoder_that_is_no_longer_used_is_kept_and_not_used(
    settings: Settings, films: Settings, catalogue: Catalogue
) -> None:
    from tools.taste.taste import Taste

    import_tastes(settings, films.data_folder, ANN)
    taste = Taste(settings.data_folder, lambda: catalogue)
    assert len(taste.imported(pseudonym(settings, ANN))) == 1
    with catalogue.writing() as writer:
        writer.stage({"text": identity("another")})
        writer.switch({"text": identity("another")})
    assert taste.imported(pseudonym(settings, ANN)) == []
    assert stored_of(settings, pseudonym(settings, ANN)).places["tastes"] == 1
    taste.close()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--user", "nobody"], "'nobody' likes fewer than 3 items in "),
        (["--user", ""], "'' likes fewer than 3 items in "),
        (["--user", "zoe"], "'zoe' likes fewer than 3 items in "),
        ([], "'local' likes fewer than 3 items in "),
        (["--user", ANN, "--all"], "Give --user or --all, not both."),
        (["--user", ANN, "--name", " "], "' ' is no name of a catalogue"),
        (["--user", ANN, "--name", "x" * 101], "'xxxx"),
        (["--user", ANN, "--name", "a\nb"], "'a\\nb' is no name of a catalogue"),
    ],
)
def test_what_cannot_be_brought_is_said_in_one_sentence(
    settings: Settings, films: Settings, words: list[str], sentence: str
) -> None:
    ended = command(settings, "taste", "import", "--from", str(films.data_folder), *words)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"error: {sentence}")
    assert ended.stderr.count("\n") == 1


def test_a_folder_that_is_missing_empty_damaged_or_the_own_is_said_in_one_sentence(
    settings: Settings, films: Settings, tmp_path: Path
) -> None:
    empty, no_events, damaged = tmp_path / "empty", tmp_path / "no-events", tmp_path / "damaged"
    empty.mkdir()
    for copy in (no_events, damaged):
        shutil.copytree(films.data_folder, copy)
    (no_events / "interactions.sqlite").unlink()
    for file in damaged.glob("interactions.sqlite*"):
        file.unlink()
    (damaged / "interactions.sqlite").write_bytes(b"this is no database" * 1000)
    for folder, said in (
        (tmp_path / "nowhere", "There is no data folder"),
        (empty, "is not a data folder of the assistant"),
        (no_events, "Nobody did anything in"),
        (settings.data_folder, "is this catalogue's own data folder"),
    ):
        with pytest.raises(BadInput, match=said):
            import_tastes(settings, folder, None)
    with pytest.raises(StoreError, match=r"The events file .* is damaged\."):
        import_tastes(settings, damaged, None)
    (damaged / "catalogue.sqlite").write_bytes(b"neither is this" * 1000)
    with pytest.raises(StoreError):
        import_tastes(settings, damaged, None)
    switched_off = settings.model_copy(update={"taste": settings.taste.model_copy(update={"enabled": False})})
    with pytest.raises(BadInput, match=r"taste\.enabled is false"):
        import_tastes(switched_off, films.data_folder, ANN)
