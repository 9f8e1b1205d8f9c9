"""Attributes, price and stock hold together: for the item itself, or for a single one of its variants."""

import sqlite3
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.catalogues import entry
from tools.records import Filters, Item
from tools.search import hit
from tools.store import Catalogue, matches
from tools.store.offers import offered

SIZES, COLORS = ["41", "42", "43"], ["red", "blue"]
PRICES = [None, 50.0, 99.9, 100.0, 150.0]

variants = st.fixed_dictionaries(
    {},
    optional={
        "size": st.sampled_from(SIZES),
        "color": st.sampled_from(COLORS),
        "price": st.sampled_from(PRICES),
        "in_stock": st.sampled_from([None, True, False]),
    },
)
own = st.fixed_dictionaries(
    {},
    optional={
        "size": st.lists(st.sampled_from(SIZES), min_size=1, max_size=2, unique=True),
        "color": st.sampled_from(COLORS),
        "variants": st.lists(variants, max_size=4),
    },
)
items = st.builds(
    Item,
    id=st.sampled_from([f"i{n}" for n in range(30)]),
    title=st.just("Shoe"),
    price=st.sampled_from(PRICES),
    in_stock=st.sampled_from([None, True, False]),
    attributes=own,
)
filters = st.builds(
    Filters,
    min_price=st.sampled_from([None, 60.0]),
    max_price=st.sampled_from([None, 100.0]),
    in_stock=st.sampled_from([None, True]),
    attributes=st.fixed_dictionaries(
        {},
        optional={
            "Size": st.lists(st.sampled_from(["size 43", "42,0", "41"]), min_size=1, max_size=2),
            "COLOR": st.lists(st.sampled_from(["Red", "blue", "green"]), min_size=1, max_size=2),
            "material": st.just(["oak"]),
        },
    ),
)
PLAIN = {"size 43": "43", "42,0": "42", "Red": "red"}


def passes(item: Item, filters: Filters) -> bool:
    """The rule, written out over the raw values."""
    variants = [v for v in item.attributes.get("variants", []) if "size" in v or "color" in v]
    choosable = {name for variant in variants for name in variant if name in ("size", "color")}
    required = {
        name.lower(): {PLAIN.get(value, value) for value in values} for name, values in filters.attributes.items()
    }

    def has(name: str, of: dict[str, Any]) -> bool:
        value = of.get(name, item.attributes.get(name))
        return bool(required[name] & set(value if isinstance(value, list) else [value]))

    def sold(price: float | None, in_stock: bool | None) -> bool:
        within = (filters.min_price is None or (price is not None and price >= filters.min_price)) and (
            filters.max_price is None or (price is not None and price <= filters.max_price)
        )
        return within and (not filters.in_stock or in_stock is True)

    stock_by_variant = bool(variants) and all(variant.get("in_stock") is not None for variant in variants)
    itself = (
        not choosable & required.keys()
        and sold(item.price, None if stock_by_variant else item.in_stock)
        and all(has(name, {}) for name in required)
    )
    return itself or any(
        all(has(name, variant) for name in required)
        and sold(
            variant["price"] if variant.get("price") is not None else item.price,
            variant["in_stock"] if variant.get("in_stock") is not None else item.in_stock,
        )
        for variant in variants
    )


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return Catalogue.open(tmp_path_factory.mktemp("offers"))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(items, max_size=6, unique_by=lambda item: item.id), st.lists(filters, min_size=1, max_size=8))
def test_stores_and_python_decide_as_the_rule_says(
    catalogue: Catalogue, stored_items: list[Item], filter_list: list[Filters]
) -> None:
    with catalogue.writing() as writer:
        writer.remove(list(writer.ids()))
        writer.put([entry(item) for item in stored_items], [])
    for condition in filter_list:
        expected = {item.id for item in stored_items if passes(item, condition)}
        assert {item.id for item in stored_items if matches(item, condition)} == expected
        assert {item.id for item in catalogue.browse(condition, k=100)} == expected
        for sort, sign in (("price", 1), ("-price", -1)):
            prices = [hit(item, filters=condition).price for item in catalogue.browse(condition, sort, 100)]  # type: ignore[arg-type]
            priced = [price for price in prices if price is not None]
            assert priced == sorted(priced, key=lambda price: sign * price)
            assert prices == [*priced, *[None] * (len(prices) - len(priced))]


SHOE = Item(
    id="shoe",
    title="Trail Shoe",
    price=89.9,
    in_stock=True,
    attributes={
        "size": ["42", "43"],
        "material": "mesh",
        "variants": [
            {"size": "43", "color": "red", "price": 119.9, "in_stock": True},
            {"size": "43", "color": "blue", "price": 99.9, "in_stock": False},
            {"size": "43", "color": "green", "price": 99.9, "in_stock": True},
            {"size": "42", "color": "red", "price": 89.9, "in_stock": True},
        ],
    },
)


RED_43, GREEN_43 = {"size": "43", "color": "red"}, {"size": "43", "color": "green"}


@pytest.mark.parametrize(
    ("attributes", "further", "expected"),
    [
        ({"size": ["43"]}, {}, (GREEN_43, 99.9, True)),
        ({"size": ["43"], "color": ["red"]}, {}, (RED_43, 119.9, True)),
        ({"size": ["43"], "color": ["blue"]}, {}, ({"size": "43", "color": "blue"}, 99.9, False)),
        ({"size": ["43"], "color": ["blue"]}, {"in_stock": True}, None),
        ({"size": ["43"], "color": ["red"]}, {"max_price": 100}, None),
        ({"size": ["43"], "color": ["red", "green"]}, {"max_price": 100}, (GREEN_43, 99.9, True)),
        ({"size": ["44"]}, {}, None),
        ({}, {"min_price": 110}, (RED_43, 119.9, True)),
        ({"material": ["mesh"]}, {}, ({}, 89.9, True)),
        ({"material": ["mesh"], "color": ["red"]}, {"min_price": 100}, (RED_43, 119.9, True)),
        ({}, {"max_price": 90}, ({}, 89.9, True)),
    ],
)
def test_the_variant_that_is_shown(
    attributes: dict[str, list[str]], further: dict[str, Any], expected: tuple[dict[str, str], float, bool] | None
) -> None:
    filters = Filters(attributes=attributes, **further)
    assert matches(SHOE, filters) is (expected is not None)
    if expected is None:
        assert offered(SHOE, filters) is None
        return
    result = hit(SHOE, filters=filters)
    assert (result.price, result.in_stock) == expected[1:]
    assert (result.variant.options if result.variant else {}) == expected[0]


def test_names_and_values_in_any_language_and_nested() -> None:
    options = [{"optionen": {"Größe": "Größe 43"}, "price": 10}, {"optionen": {"Größe": 44}, "price": 20}]
    item = Item(id="x", title="Schuh", price=10, attributes={"variants": options})
    result = hit(item, filters=Filters(attributes={"größe": ["44"]}))
    assert (result.variant and result.variant.options, result.price) == ({"Größe": "44"}, 20)


@pytest.mark.parametrize("odd", ["43", [1, None, "x"], [{}], [{"price": 5}], [[{"size": "43"}]], {"size": "43"}])
def test_odd_variants_are_no_variants(odd: object, catalogue: Catalogue) -> None:
    item = Item(id="odd", title="Odd", price=10, attributes={"variants": odd})
    with catalogue.writing() as writer:
        writer.put([entry(item)], [])
    assert matches(item, Filters(max_price=10))
    assert "odd" in (catalogue.eligible(Filters(max_price=10)) or [])
    assert not matches(item, Filters(attributes={"size": ["43"]}))


def test_the_vocabulary_has_the_options_of_variants_and_no_prices(tmp_path: Any) -> None:  # noqa: ANN401
    with Catalogue.open(tmp_path) as catalogue:
        with catalogue.writing() as writer:
            similar_item = SHOE.model_copy(update={"id": "b", "attributes": {"Size": "Size 43", "Color": "RED"}})
            writer.put([entry(SHOE), entry(similar_item)], [])
        assert catalogue.vocabulary().attribute_values == {
            "Color": ["RED", "blue", "green"], "Size": ["Size 43", "42"], "material": ["mesh"]
        }  # fmt: skip


OLDER = {
    1: """
        DROP TABLE offers; DROP TABLE options; DROP TABLE attributes;
        CREATE TABLE attributes (item, name, value, PRIMARY KEY (name, value, item)) WITHOUT ROWID;
        CREATE INDEX attributes_item ON attributes (item);
        CREATE INDEX items_price ON items (price);
        INSERT INTO attributes VALUES (1, 'price', '99.9');
        UPDATE meta SET value = 1 WHERE name = 'schema';
    """,
    2: """
        DROP TABLE offers; DROP TABLE options; DROP TABLE attributes;
        CREATE TABLE attributes (item, name, value, PRIMARY KEY (name, value, item)) WITHOUT ROWID;
        CREATE TABLE variants (item, ordinal, price, in_stock, PRIMARY KEY (item, ordinal)) WITHOUT ROWID;
        CREATE TABLE options (name, value, item, ordinal, PRIMARY KEY (name, value, item, ordinal)) WITHOUT ROWID;
        UPDATE items SET in_stock = NULL;
        UPDATE meta SET value = 2 WHERE name = 'schema';
    """,
}
"""What makes a catalogue of this version one of an earlier version."""


@pytest.mark.parametrize("version", OLDER)
def test_a_catalogue_of_an_earlier_version_is_brought_up_to_date(tmp_path: Any, version: int) -> None:  # noqa: ANN401
    with Catalogue.open(tmp_path) as catalogue, catalogue.writing() as writer:
        writer.put([entry(SHOE)], [])
    with sqlite3.connect(tmp_path / "catalogue.sqlite") as old:
        old.executescript(OLDER[version])
    for _ in range(2):
        with Catalogue.open(tmp_path, read_only=True) as catalogue:
            assert catalogue.eligible(Filters(attributes={"size": ["43"], "color": ["red"]}, max_price=120)) == ["shoe"]
            assert catalogue.eligible(Filters(attributes={"size": ["43"], "color": ["red"]}, max_price=100)) == []
            assert "price" not in catalogue.vocabulary().attribute_values


def test_bringing_a_large_catalogue_up_to_date_says_how_far_it_is(
    tmp_path: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Catalogue.open(tmp_path) as catalogue, catalogue.writing() as writer:
        writer.put([entry(SHOE.model_copy(update={"id": each})) for each in "abc"], [])
    with sqlite3.connect(tmp_path / "catalogue.sqlite") as old:
        old.executescript(OLDER[2])
    monkeypatch.setattr("tools.store.offers.UPGRADE_BATCH", 2)
    lines: list[str] = []
    with Catalogue.open(tmp_path, notify=lines.append) as catalogue:
        assert catalogue.eligible(Filters(attributes={"size": ["43"], "color": ["green"]}, in_stock=True)) == [
            "a",
            "b",
            "c",
        ]
    assert [line.rpartition(": ")[2] for line in lines] == ["2 of 3 items", "3 of 3 items"]


def test_values_that_no_item_has_any_more_are_gone(tmp_path: Any) -> None:  # noqa: ANN401
    with Catalogue.open(tmp_path) as catalogue, catalogue.writing() as writer:
        writer.put([entry(SHOE), entry(SHOE.model_copy(update={"id": "other", "attributes": {"sole": "rubber"}}))], [])
        writer.put([entry(SHOE.model_copy(update={"attributes": {"color": "red"}}))], [])
        expected = {"color": ["red"], "sole": ["rubber"]}
        assert catalogue.vocabulary().attribute_values == expected
        writer.tidy()
        assert catalogue.vocabulary().attribute_values == expected
        assert catalogue.eligible(Filters(attributes={"size": ["43"]})) == []
