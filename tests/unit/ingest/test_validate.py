"""One record to one line."""

import math
from typing import Any

import pytest

from assistant.ingest.validate import CatalogueLine, LineError, validate


def line(**values: Any) -> CatalogueLine:  # noqa: ANN401 - any JSON value
    return validate({"id": "1", "title": "Chair", **values}, description_characters=50)


def test_the_contract_in_full() -> None:
    found = validate(
        {
            "id": 7,
            "Title": " Soft  <b>chair</b> ",
            "description": "<p>Nice</p>",
            "price": "$1,299.00",
            "category": ["Home", "Chairs"],
            "brand": "R&amp;D",
            "url": "https://example.com/7",
            "image": "a.jpg",
            "images": ["b.jpg", "a.jpg"],
            "in_stock": "Out of stock",
            "color": "red",
            "empty": "",
            "nothing": None,
            "attributes": {"price": "as listed", "color": "blue"},
        },
        description_characters=50,
    )
    assert (found.id, found.title, found.description) == ("7", "Soft chair", "Nice")
    assert (found.price, found.currency, found.in_stock) == (1299.0, "USD", False)
    assert (found.category, found.brand, found.url) == ("Home > Chairs", "R&D", "https://example.com/7")
    assert found.images == ("a.jpg", "b.jpg")
    assert found.attributes == {"price": "as listed", "color": "red"}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"id": None}, "it has no id"),
        ({"id": " "}, "its id is empty"),
        ({"id": True}, "neither text nor a whole number"),
        ({"id": 1.5}, "neither text nor a whole number"),
        ({"id": 10**400}, "out of range"),
        ({"id": "a\nb"}, "control characters"),
        ({"id": "a\x00b"}, "control characters"),
        ({"id": "a\ud800b"}, "control characters"),
        ({"id": "x" * 201}, "longer than 200"),
        ({"title": None}, "no title, no description and no picture"),
        ({"title": {"en": "x"}}, "no title, no description and no picture"),
    ],
)
def test_lines_that_are_refused(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(LineError, match=reason):
        line(**values)


def test_a_refused_line_still_tells_its_id() -> None:
    with pytest.raises(LineError) as caught:
        line(title=None)
    assert caught.value.item_id == "1"


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("title", {"en": "x"}, "its title is not text"),
        ("title", math.inf, "its title is not text"),
        ("description", 5, "its description is not text"),
        ("price", -1, "negative"),
        ("price", "ask", "not a number"),
        ("price", True, "not a number"),
        ("price", math.nan, "not a finite number"),
        ("price", 10**400, "not a finite number"),
        ("currency", "Taler", "not an ISO 4217 code"),
        ("category", "x" * 900, "longer than 100"),
        ("category", "Home > " + "x" * 101, "longer than 100"),
        ("brand", "x" * 101, "longer than 100"),
        ("url", "javascript:alert(1)", "not a web address"),
        ("url", "https://example.com/" + "x" * 2_000, "longer than 2,000"),
        ("images", {"a": 1}, "neither a path nor a list"),
        ("images", ["x" * 2_001], "neither a path nor a list"),
        ("in_stock", "perhaps", "should be true or false"),
        ("in_stock", "9" * 5_000, "should be true or false"),
        ("in_stock", math.inf, "should be true or false"),
        ("in_stock", nested(900), "should be true or false"),
        ("attributes", [1], "not a JSON object"),
        ("size", math.inf, "its size is not a finite number"),
        ("size", 10**400, "its size is a number out of range"),
        ("specs", nested(9), "its specs is nested more than 8 levels deep"),
        ("specs", nested(5_000), "its specs is nested more than 8 levels deep"),
        ("x" * 101, 1, "a name longer than 100"),
    ],
)
def test_a_value_that_cannot_be_used_costs_that_value(name: str, value: object, reason: str) -> None:
    found = line(**{"description": "A chair.", "color": "red", name: value})
    assert reason in " ".join(unread.reason for unread in found.unread)
    assert (found.id, found.attributes) == ("1", {"color": "red"})
    assert (found.price, found.in_stock, found.images) == (None, None, ())


def test_what_is_too_much_is_cut_and_said() -> None:
    found = line(note="x" * 30_000, many=list(range(9_000)), **{f"k{n}": n for n in range(2_000)})
    assert len(found.attributes["note"]) == 20_000
    assert len(found.attributes["many"]) < 5_000
    assert sum(1 for _ in found.attributes) <= 1_000
    assert {unread.field for unread in found.unread} == {"note", "many", "attributes"}


def test_a_description_that_is_cut_is_noted() -> None:
    found = line(description="word " * 30)
    assert len(found.description) <= 50
    assert found.description_cut


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, True), (0, False), (12, True), (-3, False), ("12", True), ("0", False), ("5+", True), ("", None),
        ("In Stock", True), ("in_stock", True), ("low stock", True), ("limited availability", True), ("ja", True),
        ("oui", True), ("sí", True), ("有货", True), ("http://schema.org/InStock", True), ("TRUE", True),
        ("no", False), ("nein", False), ("non", False), ("缺货", False), ("out of stock", False), ("Sold out", False),
        ("https://schema.org/OutOfStock", False), ("discontinued", False),
        ("preorder", False), ("backorder", False), ("https://schema.org/PreOrder", False),
    ],
)  # fmt: skip
def test_stock_in_many_writings(value: object, expected: bool | None) -> None:
    found = line(in_stock=value)
    assert (found.in_stock, found.unread) == (expected, ())


def test_what_can_be_ordered_later_is_said() -> None:
    assert line(in_stock="preorder").attributes == {"availability": "preorder"}


@pytest.mark.parametrize(("given", "code"), [("usd", "USD"), ("€", "EUR"), ("zł", "PLN"), ("", None)])
def test_currencies_as_codes_and_signs(given: str, code: str | None) -> None:
    assert line(price=5, currency=given).currency == code


def test_a_range_keeps_its_highest_price() -> None:
    found = line(price="$20.00 - $30.00")
    assert (found.price, found.currency, found.attributes) == (20.0, "USD", {"price_max": 30.0})
    assert line(price="$20 - $30", price_max=35).attributes == {"price_max": 35}


def test_variants_have_prices_and_stock_of_their_own() -> None:
    given = [
        {"Größe": 43, "price": "99,90 €", "in_stock": "ausverkauft"},
        {"Größe": 44, "price": 5, "in_stock": 3},
        "x",
    ]
    assert line(currency="EUR", variants=given).attributes == {
        "variants": [{"Größe": 43, "price": 99.9, "in_stock": False}, {"Größe": 44, "price": 5, "in_stock": True}, "x"]
    }


def test_what_cannot_be_read_of_a_variant_is_left_out_and_said() -> None:
    found = line(variants=[{"size": "S", "price": "cheap", "in_stock": "perhaps"}])
    assert found.attributes == {"variants": [{"size": "S"}]}
    assert sorted(one.reason for one in found.unread) == [
        "of one of its variants its in_stock is 'perhaps', and should be true or false",
        "of one of its variants its price 'cheap' is not a number",
    ]


def test_pictures_in_one_cell_and_in_lists() -> None:
    assert line(images="a.jpg | b.jpg|").images == ("a.jpg", "b.jpg")
    assert line(images=["odd|name.jpg"]).images == ("odd|name.jpg",)


def test_a_line_without_a_title_is_called_by_its_id() -> None:
    assert line(title=None, description="A thing").title == "1"
    assert line(title=None, images="a.jpg").title == "1"


def test_equal_lines_serialise_alike_and_different_ones_do_not() -> None:
    assert line(price=5).serialised("a") == line(price="5.00").serialised("a")
    assert line(price=5).serialised("a") != line(price=6).serialised("a")
    assert line(price=5).serialised("a") != line(price=5).serialised("b")
