"""One record to one line."""

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
        ({"id": "a\nb"}, "control characters"),
        ({"id": "x" * 201}, "longer than 200"),
        ({"title": None}, "no title, no description and no picture"),
        ({"title": {"en": "x"}}, "its title is not text"),
        ({"description": 5}, "its description is not text"),
        ({"price": -1}, "negative"),
        ({"price": "ask"}, "not a number"),
        ({"images": {"a": 1}}, "neither a path nor a list"),
        ({"in_stock": "perhaps"}, "should be true or false"),
        ({"attributes": [1]}, "not a JSON object"),
    ],
)
def test_lines_that_are_refused(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(LineError, match=reason):
        line(**values)


def test_a_refused_line_still_tells_its_id() -> None:
    with pytest.raises(LineError) as caught:
        line(price=-1)
    assert caught.value.item_id == "1"


def test_what_is_left_out_is_noted() -> None:
    found = line(description="word " * 30, url="javascript:alert(1)")
    assert len(found.description) <= 50
    assert found.url is None
    assert sorted(found.warnings) == ["description cut", "link dropped"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, True), (0, False), (12, True), ("12", True), ("In Stock", True), ("no", False), ("有货", True), ("", None)],
)
def test_stock_in_many_writings(value: object, expected: bool | None) -> None:
    assert line(in_stock=value).in_stock is expected


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
