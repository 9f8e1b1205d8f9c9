"""Prices as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.ingest.prices import PriceError, read_price


@pytest.mark.parametrize(
    ("value", "price", "currency"),
    [
        (12, 12.0, None),
        (0, 0.0, None),
        (12.5, 12.5, None),
        ("12.50", 12.5, None),
        ("1.299", 1.299, None),
        (" 1e3 ", 1000.0, None),
        ("$1,299.00", 1299.0, "USD"),
        ("1,299", 1299.0, None),
        ("US$ 5", 5.0, "USD"),
        ("1.299,00 €", 1299.0, "EUR"),
        ("12,99", 12.99, None),
        ("1 299,50 €", 1299.5, "EUR"),
        ("EUR 12,99", 12.99, "EUR"),
        ("1'299.50 chf", 1299.5, "CHF"),
        ("1.299.000", 1299000.0, None),
        ("£7", 7.0, "GBP"),
        ("¥900", 900.0, None),
        ("", None, None),
        ("  ", None, None),
        (None, None, None),
    ],
)
def test_prices_that_can_be_read(value: object, price: float | None, currency: str | None) -> None:
    assert read_price(value) == (price, currency)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (-1, "negative"),
        ("-5.00", "negative"),
        ("$-5", "negative"),
        ("-$5", "negative"),
        (float("nan"), "finite"),
        (float("inf"), "finite"),
        ("1e999", "finite|more than one way|not a number"),
        (10**400, "finite"),
        (1e13, "larger"),
        ("nan", "not a number"),
        (True, "not a number"),
        ([5], "not a number"),
        ("free", "not a number"),
        ("10-20", "not a number"),
        ("from $10", "not a number"),
        ("5%", "not a number"),
        ("$5 USD", "not a number"),
        ("1.299 €", "more than one way"),
        ("1,29,9", "more than one way"),
        ("1.2.3", "more than one way"),
    ],
)
def test_prices_that_cannot(value: object, reason: str) -> None:
    with pytest.raises(PriceError, match=reason):
        read_price(value)


@given(st.one_of(st.text(max_size=20), st.floats(), st.integers()))
def test_nothing_else_ever_comes_out(value: object) -> None:
    try:
        price, currency = read_price(value)
    except PriceError:
        return
    assert price is None or 0 <= price <= 1e12
    assert currency is None or currency.isupper()


@given(st.floats(0, 1e6).map(lambda price: round(price, 2)))
def test_american_writing_is_read_back(price: float) -> None:
    assert read_price(f"${price:,.2f}") == (price, "USD")
