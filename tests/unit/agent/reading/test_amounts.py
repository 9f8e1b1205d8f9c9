"""Numbers and money in messages of many countries."""

import math

import pytest
from babel import Locale
from babel.numbers import format_currency, format_decimal
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.agent.reading.amounts import Amount, find_amounts, read_amount
from tests.strategies.messages import messages

LOCALES = (  # noqa: SIM905
    "en de de_CH de_AT fr fr_CH es es_MX pt pt_PT it nl sv nb da fi is pl cs sk hu ro bg ru uk sr hr sl lt lv et el tr "
    "ar ar_EG fa ur he hi bn mr ne ta th vi id ms fil ko ja zh zh_Hant sw af ka hy az kk"
).split()
CURRENCIES = "USD EUR GBP JPY CNY CHF INR SEK PLN RUB TRY KRW BRL ZAR".split()  # noqa: SIM905


def values(text: str, language: str) -> list[float]:
    return [amount.value for amount in find_amounts(text, language)]


def money(text: str, language: str, *currencies: str) -> list[tuple[float, str | None]]:
    amounts = find_amounts(text, language, currencies=currencies)
    return [(amount.value, amount.currency) for amount in amounts if amount.is_money]


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        ("max 1.299 kg", "en", 1.299), ("max 1,299 units", "en", 1299), ("bis 1.500 Watt", "de", 1500),
        ("bis 1,500 kg", "de", 1.5), ("budget 2 500 maximum", "fr", 2500), ("budget 2\u202f500 max", "en", 2500),
        ("um 49,90", "de", 49.9), ("12,5 cm", "en", 12.5), ("about .99", "en", 0.99), ("0.125 l", "de", 0.125),
        ("1'299.50", "en", 1299.5), ("1.299,99", "en", 1299.99), ("1,299.99", "de", 1299.99),
        ("1,00,000", "en", 100000),
        ("12,34,567.5", "hi", 1234567.5), ("1.234.567", "en", 1234567), ("1,234,567", "de", 1234567),
        ("٣٠٠", "ar", 300), ("١٬٢٩٩٫٥", "ar", 1299.5), ("१,२९९", "hi", 1299), ("３０００", "ja", 3000),
        ("4,5 tum", "sv", 4.5),
        ("1 299", "pl", 1299), ("2K", "en", 2000), ("1.5k", "en", 1500), ("1k5", "fr", 1500), ("2 mil", "es", 2000),
        ("3 Tsd.", "de", 3000), ("5 lakh", "en", 500000), ("2 crore", "en", 2e7), ("3千", "zh", 3000),
        ("1.5万", "zh", 15000),
        ("2億", "ja", 2e8), ("5万", "ja", 50000), ("50 тыс.", "ru", 50000), ("3만", "ko", 30000),
        ("1万5千", "ja", 15000),
        ("3千5", "zh", 3500), ("2 हज़ार", "hi", 2000),
    ],
)  # fmt: skip
def test_figures_are_read_as_the_language_writes_them(text: str, language: str, value: float) -> None:
    assert values(text, language) == [pytest.approx(value)]


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("1.299,99 €", "en", (1299.99, "EUR")), ("$1.299", "en", (1299, "USD")), ("1.500 Euro", "en", (1500, "EUR")),
        ("$1,299", "de", (1299, "USD")), ("2 500 €", "en", (2500, "EUR")), ("2\u00a0500 €", "fr", (2500, "EUR")),
        ("1'299.00 CHF", "de", (1299, "CHF")), ("CHF 49.-", "de", (49, "CHF")), ("49,- €", "de", (49, "EUR")),
        ("1,00,000 rupees", "en", (100000, "INR")), ("₹1,00,000", "en", (100000, "INR")),
        ("R$ 50,90", "pt", (50.9, "BRL")),
        ("50 reais", "pt", (50, "BRL")), ("20 quid", "en", (20, "GBP")), ("30 bucks", "en", (30, "USD")),
        ("50 balles", "fr", (50, "EUR")), ("200块", "zh", (200, "CNY")), ("3000円", "ja", (3000, "JPY")),
        ("5만원", "ko", (50000, "KRW")), ("500 рублей", "ru", (500, "RUB")), ("1 299,50 руб.", "ru", (1299.5, "RUB")),
        ("50 złotych", "pl", (50, "PLN")), ("99 zł", "pl", (99, "PLN")), ("500 kr", "sv", (500, "SEK")),
        ("500 kr", "nb", (500, "NOK")), ("1.250,000 KWD", "de", (1250, "KWD")), ("1.250 KWD", "en", (1.25, "KWD")),
        ("300 ريال سعودي", "ar", (300, "SAR")), ("৳500", "bn", (500, "BDT")), ("฿1,500", "th", (1500, "THB")),
        ("200.000 ₫", "vi", (200000, "VND")), ("Rp 150.000", "id", (150000, "IDR")), ("5k€", "fr", (5000, "EUR")),
        ("CA$40", "en", (40, "CAD")), ("40 usd", "en", (40, "USD")), ("$40 CAD", "en", (40, "CAD")),
        ("1500 TL", "tr", (1500, "TRY")), ("20 pounds", "en", (20, "GBP")), ("20 dollars", "en", (20, "USD")),
        ("sixty bucks", "en", (60, "USD")), ("quarante-neuf euros", "fr", (49, "EUR")),
        ("一百五十元", "zh", (150, "CNY")),
        ("百来块", "zh", (100, "CNY")), ("五块", "zh", (5, "CNY")), ("三千円", "ja", (3000, "JPY")),
        ("삼만 원", "ko", (30000, "KRW")), ("un euro", "fr", (1, "EUR")), ("cinquanta euro", "it", (50, "EUR")),
        ("2 mil pesos mexicanos", "es", (2000, "MXN")), ("R 500", "af", (500, "ZAR")), ("￥99", "zh", (99, "CNY")),
    ],
)  # fmt: skip
def test_money_is_read_with_its_currency(text: str, language: str, expected: tuple[float, str]) -> None:
    sentence = f"~~ {text} ~~"
    assert money(sentence, language) == [expected]
    (amount,) = find_amounts(sentence, language)
    assert sentence[slice(*amount.span_with_currency)] == text.removesuffix(".-")


@pytest.mark.parametrize(
    ("text", "catalogue", "currency"),
    [
        ("$50", ["CAD"], "CAD"), ("$50", ["EUR", "AUD"], "AUD"), ("$50", ["EUR"], "USD"), ("¥50", ["CNY"], "CNY"),
        ("¥50", ["JPY"], "JPY"), ("¥50", ["EUR"], None), ("50 kr", ["DKK"], "DKK"), ("50 kr", [], None),
        ("Rs 50", ["PKR"], "PKR"), ("50 pesos", ["ARS"], "ARS"), ("50 francs", ["XOF"], "XOF"),
        ("50 dollars", ["SGD"], "SGD"),
        ("R 50", ["ZAR"], "ZAR"), ("50 ron", ["RON"], "RON"),
    ],
)  # fmt: skip
def test_the_catalogue_decides_what_an_ambiguous_mark_stands_for(
    text: str, catalogue: list[str], currency: str | None
) -> None:
    assert money(text, "en", *catalogue) == [(50, currency)]


@pytest.mark.parametrize(
    "text", ["5 km", "10 m", "50 all in", "top 10", "2 gel pens", "try 3", "16GB", "42码", "iPhone15", "M650", "5 L",
    "R2D2",
             "14 gold", "5 mark", "4K", "US 10", "8 cups"],
)  # fmt: skip
def test_units_and_words_are_no_currencies(text: str) -> None:
    amounts = find_amounts(text, "en")
    assert amounts
    assert not any(amount.is_money for amount in amounts)


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("20-50", "en", [20, 50]), ("20 bis 50", "de", [20, 50]), ("20到50", "zh", [20, 50]),
        ("1.5k-2k", "en", [1500, 2000]),
        ("2-3千", "zh", [2000, 3000]), ("1-2k", "en", [1000, 2000]), ("3 bis 5 tausend", "de", [3000, 5000]),
        ("两三百", "zh", [200, 300]), ("三四十块", "zh", [30, 40]), ("2、3百", "zh", [200, 300]),
        ("500-1k", "en", [500, 1000]),
        ("entre 2 y 3 mil", "es", [2000, 3000]), ("3-5万", "ja", [30000, 50000]), ("10,20,30", "en", [10, 20, 30]),
        ("12.05.2024", "de", [12, 5, 2024]), ("5'11", "en", [5, 11]), ("three to five", "en", [3, 5]),
        ("iPhone 15 256 GB", "en", [15, 256]), ("-20", "en", [20]), ("3千到5千", "zh", [3000, 5000]),
    ],
)  # fmt: skip
def test_several_numbers_are_found_apart(text: str, language: str, expected: list[float]) -> None:
    assert values(text, language) == expected


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("20-50 €", "de", [(20, "EUR"), (50, "EUR")]), ("$20-50", "en", [(20, "USD"), (50, "USD")]),
        ("20 € 50 €", "de", [(20, "EUR"), (50, "EUR")]), ("$20 £50", "en", [(20, "USD"), (50, "GBP")]),
        ("between 20 and 50 euros", "en", [(20, "EUR"), (50, "EUR")]), ("iPhone 15, 50 €", "en", [(50, "EUR")]),
        ("两三百块", "zh", [(200, "CNY"), (300, "CNY")]), ("2 x 20 €", "de", [(20, "EUR")]),
        ("20 பிரேசிலியன் ரியால்கள்", "ta", [(20, "BRL")]),  # "பி" is short for a thousand million
    ],
)  # fmt: skip
def test_a_range_shares_its_currency(text: str, language: str, expected: list[tuple[float, str]]) -> None:
    assert money(text, language) == expected


@pytest.mark.parametrize(
    ("words", "language", "value"),
    [
        ("sixty", "en", 60), ("一百五", "zh", 150), ("两千出头", "zh", 2000), ("1k5", "zh", 1500),
        ("anderthalb", "de", 1.5),
        ("3千", "zh", 3000), ("quarante-neuf euros", "fr", 49), ("one", "en", 1), ("五", "zh", 5), ("兩百", "zh", 200),
        ("zweihundertfünfzig", "de", 250), ("two hundred and fifty", "en", 250), ("setenta y cinco", "es", 75),
        ("duemila", "it", 2000), ("tweehonderd", "nl", 200), ("cinquenta", "pt", 50),
        ("anderthalb tausend", "de", 1500),
        ("a couple", "en", None), ("", "en", None), ("十几", "zh", 10), ("Sixty", "en", 60),
    ],
)  # fmt: skip
def test_a_span_that_is_a_number_is_read(words: str, language: str, value: float | None) -> None:
    assert read_amount(words, language) == value


def test_numbers_in_words_are_marked() -> None:
    text = "Under sixty dollars, 2 pairs"
    first, second = find_amounts(text, "en")
    assert first == Amount(60.0, 6, 11, "USD", True, (6, 19), True)
    assert (second.value, second.written_as_word, second.span_with_currency) == (2.0, False, (21, 22))


@pytest.mark.parametrize(
    ("text", "language"),
    [("1234567890123", "en"), ("call 0041791234567890", "de"), ("万一不行", "zh"), ("千万别", "zh"), ("一些鞋", "zh"),
    ("one for me", "en"),
     ("the second", "en"), ("no numbers", "xx"), ("", "")],
)  # fmt: skip
def test_codes_and_idioms_are_no_amounts(text: str, language: str) -> None:
    assert find_amounts(text, language) == []


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(LOCALES), st.integers(0, 10**9), st.integers(0, 2))
def test_numbers_printed_in_a_locale_are_read_back(locale: str, units: int, decimals: int) -> None:
    number = units / 10**decimals
    printed = format_decimal(number, format=None, locale=Locale.parse(locale), decimal_quantization=False)
    text = f"~ {printed} ~"
    (amount,) = find_amounts(text, locale)
    assert (amount.value, text[amount.start : amount.end]) == (pytest.approx(number), printed)


@settings(max_examples=250, deadline=None)
@given(
    st.sampled_from(LOCALES),
    st.integers(1, 10**8),
    st.sampled_from(CURRENCIES),
    st.sampled_from(["standard", "name", "code"]),
)
def test_money_printed_in_a_locale_is_read_back(locale: str, cents: int, code: str, form: str) -> None:
    number = cents / 100
    if form == "code":
        printed = f"{format_decimal(number, locale=locale, decimal_quantization=False)} {code}"
    else:
        printed = format_currency(
            number, code, locale=locale, format_type=form, currency_digits=False, decimal_quantization=False
        )
    text = f"~ {printed} ~"
    (amount,) = find_amounts(text, locale, currencies=[code])
    assert (amount.value, amount.is_money, amount.currency) == (pytest.approx(number), True, code)


@settings(max_examples=60, deadline=None)
@given(messages(), st.sampled_from(["en", "de", "fr", "zh", "ar", "hi", "xx"]))
def test_any_message_is_read_to_its_end(text: str, language: str) -> None:
    end = 0
    for amount in find_amounts(text, language):
        assert math.isfinite(amount.value)
        assert amount.value >= 0
        assert end <= amount.start < amount.end <= len(text)
        assert amount.span_with_currency[0] <= amount.start < amount.end <= amount.span_with_currency[1]
        end = amount.end


def test_half_characters_are_passed_over() -> None:
    assert [amount.value for amount in find_amounts("\ud9f4 twenty \udc00 dollars, 50 €", "en")] == [20, 50]
