import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.understanding.normalise import normalise
from assistant.understanding.prices import find_price_bounds


def bounds(text: str, language: str = "en") -> dict[str, float]:
    return {bound.field: bound.value for bound in find_price_bounds(normalise(text, language))}


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("under 60 dollars", "en", {"max_price": 59.99}),
        ("Under sixty dollars", "en", {"max_price": 59.99}),
        ("up to $1.5k", "en", {"max_price": 1500}),
        ("nothing over 100", "en", {"max_price": 100}),
        ("no more than 30 bucks", "en", {"max_price": 30}),
        ("it should cost less than one hundred dollars", "en", {"max_price": 99.99}),
        ("less than 1,299.00 usd", "en", {"max_price": 1298.99}),
        ("at least 50 euros", "en", {"min_price": 50}),
        ("I do not want to spend more than one hundred dollars on them", "en", {"max_price": 100}),
        ("it shouldn't cost more than 50", "en", {"max_price": 50}),
        ("no leather, more than 50 dollars", "en", {"min_price": 50}),
        ("por menos de cien dólares", "es", {"max_price": 99.99}),
        ("more than 20 but less than 80", "en", {"min_price": 20, "max_price": 79.99}),
        ("between 20 and 40 dollars", "en", {"min_price": 20, "max_price": 40}),
        ("around $50", "en", {"min_price": 37.5, "max_price": 62.5}),
        ("my budget is 100 dollars", "en", {"max_price": 100}),
        ("不超过60美元", "zh", {"max_price": 60}),
        ("不超过六十美元的背包", "zh", {"max_price": 60}),
        ("两百块以内", "zh", {"max_price": 200}),
        ("100到200元的", "zh", {"min_price": 100, "max_price": 200}),
        ("不要超过100元", "zh", {"max_price": 100}),
        ("50美元以下", "zh", {"max_price": 50}),
        ("unter 60 Euro", "de", {"max_price": 59.99}),
        ("moins de 60 euros", "fr", {"max_price": 59.99}),
        ("menos de 60 euros", "es", {"max_price": 59.99}),
    ],
)
def test_price_bounds_are_read_in_several_languages(text: str, language: str, expected: dict[str, float]) -> None:
    assert bounds(text, language) == expected


@pytest.mark.parametrize(
    "text", ["under 60 cm", "5 to 10 people", "size 40 to 42", "a 32 inch monitor", "over 9000 lumens"]
)
def test_numbers_that_are_no_prices_are_left_alone(text: str) -> None:
    assert bounds(text) == {}


def test_the_currency_is_read_with_the_number() -> None:
    assert [bound.currency for bound in find_price_bounds("under €60 or at least 10 美元")] == ["EUR", "USD"]


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    for language in ("en", "zh", "de"):
        for bound in find_price_bounds(normalise(text, language)):
            assert bound.value >= -0.01
