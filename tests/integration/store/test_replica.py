"""Machines that share a catalogue in PostgreSQL: each has its own folder here, and its own file that follows."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant.ingest import Encoders, ingest, reindex
from tests.fakes.catalogues import entry, fill
from tests.fakes.encoders import HashPictures, HashText, hash_vector
from tests.integration.store.conftest import Shop, make_entries
from tests.integration.store.test_index import assert_right
from tests.postgres import Postgres
from tools.errors import CatalogueBusy, StoreError
from tools.media import MediaLimits
from tools.place import StateServer
from tools.records import Filters, Item
from tools.store import Catalogue, drop, replica
from tools.store.database import catalogue_file
from tools.store.rules import ShopRules
from tools.store.schema import REPLICATED

ROOT = Path(__file__).parents[3]
Machine = Callable[[str], Catalogue]


@pytest.fixture
def server(postgres: Postgres) -> Iterator[StateServer]:
    yield postgres.place()
    postgres.restart()


@pytest.fixture
def machine(server: StateServer, tmp_path: Path) -> Iterator[Machine]:
    opened: list[Catalogue] = []

    def start(name: str) -> Catalogue:
        opened.append(Catalogue.open(tmp_path / name, state=server, notify=lambda _: None))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def content(catalogue: Catalogue) -> dict[str, list[Any]]:
    """All that is in the file, but what it notes of itself and of its own index."""
    queries = {kind: f"SELECT * FROM {kind}" for kind in REPLICATED if kind not in ("meta", "removed")}
    queries["meta"] = "SELECT * FROM meta WHERE name <> 'replica'"
    queries |= {table: f"SELECT * FROM {table}" for table in ("categories", "offers")}
    queries["words"] = "SELECT rowid, * FROM words"
    queries["options"] = (
        "SELECT item, ordinal, name, value, name_key, value_key FROM options JOIN attributes ON attribute = key"
    )
    with catalogue_file(catalogue.folder).opened(read_only=True) as file:
        return {name: sorted(file.execute(query), key=repr) for name, query in queries.items()}


def assert_same(one: Catalogue, other: Catalogue, seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while content(one) != content(other) and time.monotonic() < end:
        time.sleep(0.05)
    assert content(one) == content(other)


def things(name: str, count: int) -> list[Any]:
    variants = [{"size": "40", "price": 8.5}, {"size": "41", "in_stock": False}]
    return [
        entry(
            Item(id=f"{name}{n}", title=f"{name} {n}", price=n, category="A > B", attributes={"variants": variants}),
            pictures=n % 3,
        )
        for n in range(count)
    ]


def test_what_any_machine_changes_is_soon_the_same_on_all(machine: Machine) -> None:
    one, two = machine("one"), machine("two")
    fill(one, things("chair", 30))
    assert_same(one, two)
    assert two.count() == 30
    fill(two, [*things("lamp", 10), entry(Item(id="chair1", title="Other", price=1), pictures=2)])
    with two.writing() as writer:
        writer.remove(["chair2", "lamp9"])
        writer.use_language("German")
        writer.note_words("picture", "reader", {b"12": ["Preis"]})
    assert_same(one, two)
    assert one.get("chair2") is None
    assert one.get("chair1") == Item(id="chair1", title="Other", price=1)
    assert one.eligible(Filters(attributes={"size": ["40"]}, max_price=9)) == two.eligible(
        Filters(attributes={"size": ["40"]}, max_price=9)
    )
    two.set_rules(ShopRules(hidden=["chair3"], synonyms={"settee": "chair"}))
    assert_same(one, two)
    assert one.get("chair3") is None
    query = hash_vector(b"a query")
    assert one.nearest("visual", query, 5) == two.nearest("visual", query, 5) != []


def test_a_new_machine_has_all_at_once(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica, "PAGE", 7)  # several pages, and changes that go over more than one
    one = machine("one")
    fill(one, things("chair", 25))
    with one.writing() as writer:
        writer.remove(["chair3", "chair4"])
    two = machine("two")
    assert content(one) == content(two)


def test_values_of_every_kind_arrive_as_they_are(machine: Machine) -> None:
    one, two = machine("one"), machine("two")
    odd = Item(
        id="a\0b", title='"\\ \u2028 é 红 \0', price=0.1 + 0.2, attributes={"z": 1, "a": {"hex": "zz"}, "m": None}
    )
    fill(one, [entry(odd, pictures=1)])
    assert_same(one, two)
    assert list(two.items()) == [odd]
    assert next(iter(two.items())).attributes.keys() == odd.attributes.keys()


def test_keys_are_given_once_even_after_the_newest_item_is_gone(machine: Machine) -> None:
    one = machine("one")
    fill(one, things("chair", 3))
    with one.writing() as writer:
        writer.remove(["chair2"])
    two = machine("two")
    fill(two, things("lamp", 1))
    assert [row[0] for row in content(two)["items"]] == [1, 2, 4]


def test_one_machine_writes_at_a_time(machine: Machine) -> None:
    one, two = machine("one"), machine("two")
    with one.writing():
        with pytest.raises(CatalogueBusy, match="Another process is writing"), two.writing():
            pass
        two.set_rules(ShopRules(hidden=["x"]))  # but rules are set meanwhile
    fill(two, things("lamp", 1))
    assert_same(one, two)
    assert one.rules().rules.hidden == ["x"]


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.integration.store.test_replica import *
point, folder, url = sys.argv[1:]
end = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
send = replica.SharedChange.send
if point == "before the server has it":
    replica.SharedChange.send = end
elif point == "when half is sent":
    replica.PAGE = 3
    put, calls = replica.put, []
    replica.put = lambda *a: calls.append(put(*a)) or (end() if len(calls) == 4 else None)
elif point == "before the file has it":
    replica.SharedChange.send = lambda *a: end(send(*a))
with Catalogue.open(Path(folder), state=StateServer(url)) as catalogue, catalogue.writing() as writer:
    writer.put(things("lamp", 9), [])
    end()
"""


@pytest.mark.parametrize(
    ("point", "count"),
    [
        ("before the server has it", 5),
        ("when half is sent", 5),
        ("before the file has it", 14),
        ("when both have it", 14),
    ],
)
def test_a_killed_writer_leaves_both_sides_equal(
    machine: Machine, server: StateServer, tmp_path: Path, point: str, count: int
) -> None:
    two = machine("two")
    fill(two, things("chair", 5))
    arguments = [sys.executable, "-c", KILLED, point, str(tmp_path / "one"), server.url]
    assert subprocess.run(arguments, cwd=ROOT, timeout=60, check=False).returncode == -signal.SIGKILL
    one = machine("one")  # the lock is free
    assert_same(one, two)
    assert one.count() == count
    fill(one, things("lamp", 9))
    assert_same(one, two)
    assert (one.count(), two.count()) == (14, 14)


def test_a_machine_killed_while_it_follows_goes_on(machine: Machine, server: StateServer, tmp_path: Path) -> None:
    one = machine("one")
    fill(one, things("chair", 40))
    code = """
import itertools, os, signal, sys
from pathlib import Path
from tests.integration.store.test_replica import *
replica.PAGE = 20
apply, calls = replica.apply, itertools.count()
replica.apply = lambda *a: apply(*a) or (os.kill(os.getpid(), signal.SIGKILL) if next(calls) == 3 else None)
Catalogue.open(Path(sys.argv[1]), state=StateServer(sys.argv[2]))
"""
    arguments = [sys.executable, "-c", code, str(tmp_path / "two"), server.url]
    assert subprocess.run(arguments, cwd=ROOT, timeout=60, check=False).returncode == -signal.SIGKILL
    assert_same(one, machine("two"))


def test_searches_go_on_while_the_server_is_away(
    machine: Machine, server: StateServer, postgres: Postgres, tmp_path: Path
) -> None:
    one, two = machine("one"), machine("two")
    entries = make_entries(60)
    fill(one, entries)
    assert_same(one, two)
    postgres.stop()
    assert_right(Shop(two, entries, []))
    told: list[str] = []
    with Catalogue.open(tmp_path / "two", state=server, notify=told.append) as again:
        assert again.count() == 60
    assert "cannot be reached" in told[0]
    with pytest.raises(StoreError, match="cannot be reached"):
        machine("three")
    with pytest.raises(StoreError, match="cannot be reached"):
        fill(one, things("lamp", 1))
    with pytest.raises(StoreError, match="cannot be reached"):
        two.set_rules(ShopRules(hidden=["i1"]))
    postgres.start()
    fill(one, things("lamp", 1))
    assert_same(one, two)
    assert two.count() == 61


def test_a_writer_that_lost_the_server_does_not_go_on(machine: Machine, postgres: Postgres) -> None:
    one, two = machine("one"), machine("two")
    with one.writing() as writer:
        writer.put(things("chair", 1), [])
        postgres.stop()
        postgres.start()
        for _ in range(2):  # another machine may write by now
            with pytest.raises(StoreError, match=r"cannot be reached|was lost"):
                writer.put(things("lamp", 1), [])
    fill(two, things("sofa", 2))
    assert_same(one, two)
    assert one.count() == 3


def test_a_catalogue_of_a_machine_s_own_is_not_replaced(machine: Machine, tmp_path: Path, server: StateServer) -> None:
    with Catalogue.open(tmp_path / "two") as own:
        fill(own, things("mine", 2))
    fill(machine("one"), things("chair", 1))
    with pytest.raises(StoreError, match="assistant migrate --only catalogue --to URL"):
        machine("two")
    with Catalogue.open(tmp_path / "two") as own:
        assert own.count() == 2
        assert own.get("mine1") is not None


def test_a_file_that_was_changed_on_its_own_follows_no_more(machine: Machine, tmp_path: Path) -> None:
    one = machine("one")
    fill(one, things("chair", 2))
    one.close()
    with Catalogue.open(tmp_path / "one") as alone:
        fill(alone, things("mine", 1))
    with pytest.raises(StoreError, match="this machine's own"):
        machine("one")


def test_vectors_that_one_machine_makes_anew_serve_on_all(machine: Machine, tmp_path: Path) -> None:
    one, two = machine("one"), machine("two")
    file, pictures = tmp_path / "things.jsonl", HashPictures()
    file.write_text("".join(json.dumps({"id": f"t{n}", "title": f"Thing {n}"}) + "\n" for n in range(70)))
    ingest(one, [file], Encoders(HashText(), pictures))
    assert_same(one, two)
    other = HashText("other text")
    assert reindex(one, Encoders(other, pictures), MediaLimits()).texts_embedded == 70
    assert_same(one, two)
    text = next(text for text in other.encoded if "Thing 33" in text)
    for each in (one, two):
        assert each.identity("text") == other.identity
        assert each.nearest("text", hash_vector(text.encode()), 1)[0] == ("t33", pytest.approx(1))
    assert reindex(two, Encoders(other, pictures), MediaLimits()).changed == 0


def test_a_machine_that_was_away_for_long_is_filled_anew(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = machine("one"), machine("two")
    fill(one, things("chair", 4))
    assert_same(one, two)
    two.close()
    with one.writing() as writer:
        writer.remove(["chair1"])
    monkeypatch.setattr(replica, "KEPT_SECONDS", 0)
    fill(one, things("lamp", 1))
    assert_same(one, machine("two"))


def test_dropping_is_for_every_machine(machine: Machine, tmp_path: Path, server: StateServer) -> None:
    one, two = machine("one"), machine("two")
    fill(one, things("chair", 4))
    two.set_rules(ShopRules(hidden=["chair1"]))
    assert_same(one, two)
    drop(tmp_path / "one", state=server)
    end = time.monotonic() + 5
    while two.count() and time.monotonic() < end:
        time.sleep(0.05)
    assert two.count() == 0
    fill(two, things("lamp", 2))
    assert_same(machine("one"), two)
    assert two.rules().rules.hidden == []


def test_items_are_readable_in_the_database(machine: Machine, server: StateServer) -> None:
    import psycopg

    from tools.database import conninfo

    fill(machine("one"), things("chair", 2))
    with psycopg.connect(conninfo(server)) as db:
        rows = db.execute("select id, record->>'title' from catalogue_items order by key").fetchall()
    assert rows == [("chair0", "chair 0"), ("chair1", "chair 1")]


def test_machines_share_an_index_on_a_server(server: StateServer, tmp_path: Path, chroma: str) -> None:
    told: list[str] = []

    def start(name: str) -> Catalogue:
        return Catalogue.open(tmp_path / name, chroma_url=chroma, state=server, notify=told.append)

    entries = make_entries(60)
    with start("one") as one, start("two") as two:
        fill(one, entries)
        assert_same(one, two)
        assert_right(Shop(two, entries, []))
        # the writer's index is ahead of a machine that has not followed yet, and one that opens it leaves it as it is
        assert two._database.shared
        two._database.shared.close()
        with one.writing() as writer:
            writer.remove([entry.item.id for entry in entries[:10]])
            writer.tidy()
        assert_right(Shop(one, entries[10:], []))
        with start("three") as three:
            assert_right(Shop(three, entries[10:], []))
        import chromadb

        client = chromadb.HttpClient(port=int(chroma.rsplit(":", 1)[1]))
        before = {each.id for each in client.list_collections()}
        two._index.follow()
        assert {each.id for each in client.list_collections()} == before
        assert len(before) == 3
        assert_right(Shop(two, entries[10:], []))
    assert told == []
    drop(tmp_path / "one", chroma_url=chroma, state=server)
    assert client.list_collections() == []
