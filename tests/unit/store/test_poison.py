"""What an earlier version stored can always be read again."""

import json
import sqlite3
from pathlib import Path

import pytest

from assistant.ingest.export import catalogue_line
from tests.fakes.catalogues import entry, fill
from tools.records import Filters, Item
from tools.store import Catalogue
from tools.store.database import DATABASE


@pytest.mark.parametrize("levels", [9, 100, 198, 250, 900, 100_000])
def test_an_item_with_an_attribute_of_any_depth_is_read_without_it(tmp_path: Path, levels: int) -> None:
    _poisoned(tmp_path, '{"a": ' * levels + "1" + "}" * levels)


@pytest.mark.parametrize("number", ["Infinity", "-Infinity", "NaN", "1e999", "9" * 20, "9" * 400, "9" * 5_000])
def test_an_item_with_a_number_that_cannot_be_held_is_read_without_it(tmp_path: Path, number: str) -> None:
    _poisoned(tmp_path, number)


def _poisoned(folder: Path, value: str) -> None:
    """Store an attribute as an earlier version did, and read the item in every way."""
    with Catalogue.open(folder) as catalogue:
        fill(
            catalogue,
            [entry(Item(id=each, title=f"Chair {each}", price=5, attributes={"color": "red"})) for each in "ab"],
        )
        record = json.dumps({**Item(id="a", title="Chair a", price=5).model_dump(), "attributes": {"color": "red"}})
        with sqlite3.connect(folder / DATABASE) as connection:
            connection.execute(
                "UPDATE items SET record = ? WHERE id = 'a'", (record[:-2] + f', "bad": {value}' + "}}",)
            )
        read = [catalogue.get("a"), *catalogue.items(), *catalogue.browse(Filters(max_price=10))]
        assert [item.id for item in read if item] == ["a", "a", "b", "a", "b"]
        for item in filter(None, read):
            assert item.title == f"Chair {item.id}" or len(value) > 10_000
            assert item.attributes in ({"color": "red"}, {})
            json.loads(catalogue_line(item))
            assert Item.model_validate_json(item.model_dump_json()) == item
        assert [hit[0] for hit in catalogue.keyword("chair", 5)] == ["a", "b"]


def test_names_that_no_filter_can_say_are_not_offered(tmp_path: Path) -> None:
    with Catalogue.open(tmp_path) as catalogue:
        long = Item(id="a", title="A", category="Home > " + "x" * 900, brand="y" * 500)
        fill(catalogue, [entry(long), entry(Item(id="b", title="B", category="Chairs", brand="Oak"))])
        words = catalogue.vocabulary()
    assert (words.categories, words.brands) == (["Chairs", "Home"], ["Oak"])
