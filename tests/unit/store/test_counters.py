"""The counters are what a count from scratch gives, whatever was done to the catalogue."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.catalogues import entry
from tools.errors import StoreError
from tools.records import EncoderIdentity, Filters, Item
from tools.storage import transaction
from tools.store import Catalogue, counters, drop, reading
from tools.store.database import DATABASE, catalogue_file
from tools.store.rules import ShopRules

ENCODER = EncoderIdentity(encoder="made", weights="0", dimensions=2, preprocessing="none")
NAMES = st.sampled_from([None, "Oak", "OAK ", "Pine"])
VARIANTS = st.lists(
    st.fixed_dictionaries({"color": st.sampled_from(["red", "Red", "blue"]), "in_stock": st.booleans()}), max_size=3
)
CATEGORIES = st.sampled_from([None, "Home > Sofas", "Home > Chairs", "Shoes"])
ITEMS = st.builds(
    lambda n, **fields: Item(id=str(n), title="Thing"[: n + 1], **fields),
    st.integers(0, 5),
    brand=NAMES,
    category=CATEGORIES,
    currency=st.sampled_from([None, "EUR", "USD"]),
    price=st.sampled_from([None, 1.0, 2.0]),
    in_stock=st.sampled_from([None, True, False]),
    attributes=st.builds(lambda variants, size: {"variants": variants, "size": size}, VARIANTS, NAMES),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.lists(ITEMS, min_size=1, max_size=4)),
        st.tuples(st.just("remove"), st.lists(st.integers(0, 5).map(str), min_size=1, max_size=3)),
        st.tuples(st.just("tidy"), st.just(None)),
    ),
    max_size=6,
)


def _counts(connection: sqlite3.Connection) -> dict[tuple[str, Any], int]:
    rows = connection.execute("SELECT kind, name, items FROM counts WHERE items <> 0").fetchall()
    return {(kind, name): items for kind, name, items in rows}


def _check(catalogue: Catalogue) -> None:
    """As counted from the tables, and as the items themselves say."""
    with catalogue._database.reading() as connection:
        kept = _counts(connection)
        scratch = sqlite3.connect(":memory:")
        connection.rollback()
        connection.backup(scratch)
    counters.make(scratch)
    assert kept == _counts(scratch)
    items = list(catalogue.items())
    in_stock = Filters(in_stock=True)
    assert sum(name == 1 and items for (kind, name), items in kept.items() if kind == "in stock") == len(
        catalogue.eligible(in_stock) or ()
    )
    for filters in (
        in_stock,
        Filters(brands=["oak", "OAK"]),
        Filters(exclude_brands=["oak", "pine"]),
        Filters(categories=["home"]),
        Filters(exclude_categories=["Home > Sofas"]),
    ):
        assert catalogue.count_eligible(filters) == len(catalogue.eligible(filters) or ())
    assert catalogue.stats().brands == {b: n for b in {i.brand for i in items} if b and (n := _having(items, b))}


def _having(items: list[Item], brand: str) -> int:
    return sum(item.brand == brand for item in items)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_counters_follow_every_change(tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, Any]]) -> None:
    with Catalogue.open(tmp_path_factory.mktemp("counted")) as catalogue:
        with catalogue.writing() as writer:
            writer.use_encoder("text", ENCODER)
            writer.use_encoder("visual", ENCODER)
            for step, what in steps:
                if step == "put":
                    writer.put([entry(item, pictures=len(item.title) % 3) for item in what], [])
                elif step == "remove":
                    writer.remove(what)
                else:
                    writer.tidy()
        _check(catalogue)


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    with Catalogue.open(tmp_path) as catalogue, catalogue.writing() as writer:
        writer.use_encoder("text", ENCODER)
        items = [
            Item(id=str(n), title="Oak thing", brand=f"B{n % 3}", category="A > B", in_stock=n % 2 == 0, price=n)
            for n in range(20)
        ]
        writer.put([entry(item) for item in items], [])
    return tmp_path


def test_a_change_that_fails_counts_nothing(filled: Path) -> None:
    with Catalogue.open(filled) as catalogue:
        with pytest.raises(ZeroDivisionError), catalogue._database.writing() as connection:
            connection.execute("DELETE FROM items")
            1 / 0  # noqa: B018
        _check(catalogue)
        assert catalogue.stats().brands == {"B0": 7, "B1": 7, "B2": 6}


def test_a_row_that_is_replaced_counts_once(filled: Path) -> None:
    with catalogue_file(filled).opened() as connection, transaction(connection):
        for table in ("items", "places", "offers"):
            connection.execute(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")
    with Catalogue.open(filled) as catalogue:
        _check(catalogue)


def test_a_catalogue_from_before_is_counted_when_it_is_opened(filled: Path) -> None:
    with sqlite3.connect(filled / DATABASE) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute("DROP TABLE counts")
        connection.execute("UPDATE meta SET value = 5 WHERE name = 'schema'")
    connection.close()
    with Catalogue.open(filled) as catalogue:
        _check(catalogue)
        with catalogue.writing() as writer:
            writer.remove(["0"])
        _check(catalogue)
        assert catalogue.stats().brands == {"B0": 6, "B1": 7, "B2": 6}


def test_an_emptied_catalogue_counts_from_nothing(filled: Path) -> None:
    with Catalogue.open(filled) as catalogue:
        drop(filled)  # the other one has it open
        assert catalogue.stats().brands == {}
        with catalogue.writing() as writer:
            writer.put([entry(Item(id="a", title="a", brand="Oak"))], [])
        _check(catalogue)
        assert catalogue.vocabulary().brands == ["Oak"]


def test_hidden_items_are_not_counted(filled: Path) -> None:
    with Catalogue.open(filled) as catalogue:
        catalogue.set_rules(ShopRules(hidden=["0", "1", "nobody"]))
        assert catalogue.stats().brands == {"B0": 6, "B1": 6, "B2": 6}
        assert catalogue.count_eligible(Filters(brands=["b0"])) == 6
        assert catalogue.count_eligible(Filters(exclude_brands=["b0"])) == 12
        assert catalogue.count_eligible(Filters(in_stock=True)) == 9
        assert (catalogue.vocabulary().min_price, catalogue.vocabulary().max_price) == (2, 19)


def test_what_passes_is_counted_up_to_a_bound(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "FEW", 2)
    some = Filters(min_price=3, in_stock=True, categories=["b"])
    with Catalogue.open(filled) as catalogue:
        assert [catalogue.count_eligible(some, most) for most in (0, 5, 7, 8, 100)] == [1, 6, 8, 8, 8]
        assert catalogue.count_eligible(some) == 8
        monkeypatch.setattr(reading, "COUNT_SECONDS", -1)  # no time at all: counted by the other plan
        monkeypatch.setattr(reading, "WALK_STEPS", 1)
        assert catalogue.count_eligible(some, 5) == 8


def test_a_walk_that_fails_for_another_reason_says_so(filled: Path) -> None:
    with Catalogue.open(filled) as catalogue, pytest.raises(StoreError), catalogue._database.reading() as connection:
        reading.within(connection, "SELECT nothing", ())
