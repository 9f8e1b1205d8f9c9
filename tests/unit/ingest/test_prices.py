"""Prices as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.ingest.prices import Convention, PriceError, read_price
from tests.strategies import catalogue


@pytest.mark.parametrize(
    ("value", "price", "currency"),
    [
        (12, 12.0, None),
        (0, 0.0, None),
        (12.5, 12.5, None),
        ("12.50", 12.5, None),
        ("0.299", 0.299, None),
        (" 1e3 ", 1000.0, None),
        ("$1,299.00", 1299.0, "USD"),
        ("$1,299", 1299.0, "USD"),
        ("US$ 5", 5.0, "USD"),
        ("$19.99 USD", 19.99, "USD"),
        ("$20 CAD", 20.0, "CAD"),
        ("1.299,00 €", 1299.0, "EUR"),
        ("&euro; 12,00", 12.0, "EUR"),
        ("12,99", 12.99, None),
        ("1 299,50 €", 1299.5, "EUR"),
        ("1\u202f299,99 zł", 1299.99, "PLN"),
        ("1.299 zł", 1299.0, "PLN"),
        ("EUR 12,99", 12.99, "EUR"),
        ("1'299.50 chf", 1299.5, "CHF"),
        ("1’299.00", 1299.0, None),
        ("CHF 49.-", 49.0, "CHF"),
        ("49,-", 49.0, None),
        ("49.–", 49.0, None),
        ("1.299,- €", 1299.0, "EUR"),
        ("ab 49,00 €", 49.0, "EUR"),
        ("from $10", 10.0, "USD"),
        ("à partir de 12,00 €", 12.0, "EUR"),
        ("99元起", 99.0, None),
        ("R$ 199,90", 199.9, "BRL"),
        ("kr 199", 199.0, None),
        ("Rs. 500", 500.0, "INR"),
        ("₹1,29,999", 129999.0, "INR"),
        ("1.299.000", 1299000.0, None),
        ("£7", 7.0, "GBP"),
        ("¥900", 900.0, None),
        ("１２９９円", 1299.0, "JPY"),
        ("१२३", 123.0, None),
        ("", None, None),
        ("  ", None, None),
        (None, None, None),
    ],
)
def test_prices_that_can_be_read(value: object, price: float | None, currency: str | None) -> None:
    assert read_price(value) == (price, currency, None)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (-1, "negative"),
        ("-5.00", "negative"),
        ("$-5", "negative"),
        ("-$5", "negative"),
        (float("nan"), "finite"),
        (float("inf"), "finite"),
        ("1e999", "finite"),
        (10**400, "finite"),
        (1e13, "larger"),
        ("9" * 90, "larger"),
        ("9" * 5_000, "long text"),
        ("nan", "not a number"),
        ("inf", "not a number"),
        (True, "not a number"),
        ([5], "not a number"),
        ("free", "not a number"),
        ("5%", "not a number"),
        ("£5 per kg", "not a number"),
        ("2 for 5", "not a number"),
        ("2024-05-31", "not a number"),
        ("12⁹⁰ €", "not a number"),
        ("30-20", "no range"),
        ("€19 USD", "two currencies"),
        ("€5 - $10", "two currencies"),
        ("1.299", "more than one way"),
        ("1,299", "more than one way"),
        ("1.299 €", "more than one way"),
        ("$1.299", "more than one way"),
        ("1,29,9", "not a number"),
        ("1.2.3", "not a number"),
    ],
)
def test_prices_that_cannot(value: object, reason: str) -> None:
    with pytest.raises(PriceError, match=reason):
        read_price(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("$20.00 - $30.00", (20.0, "USD", 30.0)),
        ("20,00 bis 30,00 €", (20.0, "EUR", 30.0)),
        ("10-20", (10.0, None, 20.0)),
        ("€ 10 – € 10", (10.0, "EUR", None)),
        ("$10 to $20", (10.0, "USD", 20.0)),
    ],
)
def test_ranges(value: str, expected: tuple[float, str | None, float | None]) -> None:
    assert read_price(value) == expected


@pytest.mark.parametrize(
    ("others", "value", "price"),
    [
        (["1.299,00"], "1.299", 1299.0),
        (["12,50"], "1.299", 1299.0),
        (["12.50"], "1.299", 1.299),
        (["12.50"], "1,299", 1299.0),
        (["12,50", "7"], "1,299", 1.299),
        (["12,50 €", "$12.50"], "1.299 €", 1299.0),
        (["49,- €"], "1.299 €", 1299.0),
        (["1.234.567"], "1.299", 1299.0),
    ],
)
def test_what_can_be_read_in_two_ways_is_decided_by_the_other_prices(
    others: list[str], value: str, price: float
) -> None:
    convention = Convention()
    for other in others:
        convention.learn(other)
    assert read_price(value, None, convention).amount == price


def test_prices_that_contradict_each_other_decide_nothing() -> None:
    convention = Convention()
    for other in ("12,50", "12.50", "1.299", "free", None, 5):
        convention.learn(other)
    with pytest.raises(PriceError, match="more than one way"):
        read_price("1.299", None, convention)


def test_a_sign_must_agree_with_the_lines_own_currency() -> None:
    assert read_price("$5", "CAD").currency == "CAD"
    assert read_price("kr 5", "SEK").amount == 5
    with pytest.raises(PriceError, match="not in its currency USD"):
        read_price("€5", "USD")


@given(st.one_of(st.text(max_size=20), st.floats(), st.integers(), catalogue.PRICES))
def test_nothing_else_ever_comes_out(value: object) -> None:
    try:
        price, currency, highest = read_price(value)
    except PriceError:
        return
    assert price is None or 0 <= price <= 1e12
    assert currency is None or (currency.isupper() and len(currency) == 3)
    assert highest is None or (price is not None and highest > price)


@given(st.floats(0, 1e6).map(lambda price: round(price, 2)))
def test_american_writing_is_read_back(price: float) -> None:
    assert read_price(f"${price:,.2f}") == (price, "USD", None)
