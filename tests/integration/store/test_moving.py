"""`assistant migrate` moves a catalogue to a server and back, whole or not at all."""

from pathlib import Path

import pytest

from assistant.errors import BadInput, StoreError
from assistant.migration import move
from assistant.service.keys import KeyStore
from assistant.storage import KEYS
from tests.fakes.catalogues import fill
from tests.integration.bad_input.conftest import CommandLine
from tests.integration.store.test_replica import assert_same, content, things
from tests.postgres import Postgres
from tools.place import StateServer, within
from tools.store import Catalogue, moving
from tools.store.rules import ShopRules


@pytest.fixture
def server(postgres: Postgres) -> StateServer:
    return postgres.place()


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder with a catalogue of its own."""
    with Catalogue.open(tmp_path / "own") as catalogue:
        fill(catalogue, things("chair", 12))
        with catalogue.writing() as writer:
            writer.remove(["chair11", "chair3"])
        catalogue.set_rules(ShopRules(hidden=["chair4"]))
    return tmp_path / "own"


def test_there_and_back_a_catalogue_is_the_same(own: Path, server: StateServer, tmp_path: Path) -> None:
    there = move(own, server)
    assert {one.table: one.rows for one in there}["items"] == 10
    with Catalogue.open(own, state=server) as first, Catalogue.open(tmp_path / "new", state=server) as second:
        assert_same(first, second)
        fill(second, things("lamp", 1))  # the folder that was copied follows from then on
        assert_same(first, second)
        assert max(row[0] for row in content(first)["items"]) == 13
    back = move(server, tmp_path / "back")
    with Catalogue.open(tmp_path / "back") as alone, Catalogue.open(own, state=server) as shared:
        one, other = content(alone), content(shared)
        assert {**one, "meta": []} == {**other, "meta": []}
        assert {row[0] for row in set(one["meta"]) ^ set(other["meta"])} == {"catalogue"}  # no index of the other's
        fill(alone, things("sofa", 1))
    assert {one.table: one.rows for one in back}["items"] == 11


def test_another_catalogue_is_replaced_only_on_demand(own: Path, server: StateServer, tmp_path: Path) -> None:
    with Catalogue.open(tmp_path / "other", state=server) as other:
        fill(other, things("lamp", 2))
        KeyStore(within(server, KEYS)).create("anna")
        with pytest.raises(BadInput, match="holds a catalogue already; --force"):
            move(own, server, only_catalogue=True)
        move(own, server, only_catalogue=True, force=True)
        with Catalogue.open(own, state=server) as first:
            assert_same(first, other)
    assert len(KeyStore(within(server, KEYS)).list()) == 1
    with pytest.raises(BadInput, match="no catalogue in"):
        move(tmp_path / "nowhere", server, only_catalogue=True)


def test_what_differs_after_it_was_written_is_not_kept(
    own: Path, server: StateServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    move(own, server)
    put, apply = moving.put, moving.apply
    monkeypatch.setattr(moving, "put", lambda db, kind, number, rows: put(db, kind, number, rows[:-1]))
    monkeypatch.setattr(moving, "apply", lambda local, rows: apply(local, [*rows][1:]))
    for source, target in ((own, server), (server, own)):
        with pytest.raises(StoreError, match="differs after it was written"):
            move(source, target, force=True)
    monkeypatch.undo()
    with Catalogue.open(own, state=server) as first, Catalogue.open(tmp_path / "new", state=server) as second:
        assert_same(first, second)
        assert second.count() == 9  # and one is hidden


def test_the_command_that_a_machine_s_own_catalogue_asks_for(
    own: Path, server: StateServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSISTANT_STATE__URL", server.url)
    run = CommandLine(own)
    refused = run("catalogue", "stats", "--json")
    assert (refused.code, refused.stdout) == (3, "")
    assert "assistant migrate --only catalogue --to URL" in refused.stderr
    assert run("migrate", "--only", "catalogue", "--to", server.url).code == 0
    assert run.json("catalogue", "stats", "--json")["items"] == 9
