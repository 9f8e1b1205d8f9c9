"""Prices as shops write them. What can be read in two ways is decided by the file's other prices, or refused."""

import html
import re
import unicodedata
from functools import cache
from typing import Final, Literal, NamedTuple

from tools.bounds import finite

Mark = Literal[".", ","]
"""What stands before the cents."""

MOST = 1e12
LONGEST = 100
FROM = frozenset(
    ["from", "starting at", "starting from", "as low as", "ab", "à partir de", "a partir de", "dès", "desde", "da",
     "vanaf", "från", "fra", "od", "от", "起", "起售", "から", "より", "+", "~"]
)  # fmt: skip
"""Words before or after a price that make it the lowest one."""
_LONGEST_FIRST: Final = sorted(FROM, key=len, reverse=True)

_CUSTOM: Final[dict[Mark, frozenset[str]]] = {
    ".": frozenset("AUD CAD CNY GBP HKD INR JPY KRW MXN MYR NZD PHP SGD THB TWD USD".split()),  # noqa: SIM905
    ",": frozenset("BRL CZK DKK HUF IDR ISK NOK PLN RON RUB SEK TRY UAH VND".split()),  # noqa: SIM905
}
"""Currencies that are written with one mark wherever they are used; euros and francs are not among them."""
_OWN_SYMBOLS: Final = {"¥": None, "元": None, "円": "JPY", "원": "KRW", "Fr": "CHF", "$": "USD", "£": "GBP", "€": "EUR"}
"""Signs by themselves, before what the languages below call them; None: it stands for several currencies."""
_LANGUAGES: Final = "en de fr es pt pl sv nb da cs hu tr ro bg ru uk ja zh ko hi th vi id he".split()  # noqa: SIM905
_NO_CENTS = re.compile(r"(?<=\d)([.,])\s?[-–—]{1,2}(?!\s*\d)")
_BETWEEN = re.compile(r"\s*(?:[-–—~]|\b(?:to|bis|à|a|til|hasta|till|do)\b|至|到)\s*(?=\D{0,12}\d)")
_AMOUNT = re.compile(r"(?P<before>\D*?)(?P<number>[.,]?\d[\d.,' ]*)(?P<after>\D*)")
_GROUPED: Final[dict[Mark, re.Pattern[str]]] = {
    ".": re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?|[1-9]\d?(?:,\d{2})+,\d{3}(?:\.\d+)?"),  # 1,299 and 1,29,999
    ",": re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?"),
}
_MARKS: Final[tuple[Mark, Mark]] = (".", ",")


class PriceError(ValueError):
    """The price can't be taken; the text is the reason."""


class Price(NamedTuple):
    """An amount, the currency that is written with it, and the highest amount where it is a range."""

    amount: float | None = None
    currency: str | None = None
    highest: float | None = None


class Convention:
    """How a file writes its prices, as far as those show that can be read in one way only."""

    def __init__(self) -> None:
        self._marks: dict[str | None, set[Mark]] = {}

    def learn(self, value: object, currency: str | None = None) -> None:
        """Note what a price of the file shows, for its currency and for all."""
        try:
            texts = [_amount(part, currency) for part in _parts(value)] if isinstance(value, str) else []
        except PriceError:
            return
        for number, code in texts:
            readings = _readings(number)
            if len(readings) == 1:
                for key in {code, None}:
                    self._marks.setdefault(key, set()).update(readings)

    def decide(self, readings: dict[Mark, float], currency: str | None) -> float | None:
        """Which of two readings is meant: as the file's other prices in this currency, or all of them, agree.

        Where nothing shows it, a currency that is written with one mark everywhere decides for thousands ("$1,299"),
        never for three digits of cents.
        """
        for key in (currency, None):
            if marks := self._marks.get(key):
                return readings[next(iter(marks))] if len(marks) == 1 else None
        custom = next((mark for mark, codes in _CUSTOM.items() if currency in codes), None)
        return readings[custom] if custom and readings[custom] == max(readings.values()) else None


def read_price(value: object, currency: str | None = None, convention: Convention | None = None) -> Price:
    """A price: 12.5, "12.50", "$1,299.00", "1.299,00 €", "CHF 49.-", "from $10", "$20.00 - $30.00".

    Args:
        value: a number as it is, or a text.
        currency: the line's own, which says what "$" means and must agree with a sign in the text.
        convention: of the file, by which "1.299" is read; without it only a currency's own custom decides.

    Raises:
        PriceError: not a number, ambiguous, negative, not finite or too large.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return Price()
    if not isinstance(value, str):
        return Price(_checked(value))
    plain = value.strip()
    if re.fullmatch(r"[+-]?\d+[eE][+-]?\d{1,3}|[+-]?\d+\.\d+[eE][+-]?\d{1,3}", plain, re.ASCII):
        return Price(_checked(float(plain)))
    parts = [_amount(part, currency) for part in _parts(value)]
    stated_code = next((code for _, code in parts if code), None)
    if any(code not in (None, stated_code) for _, code in parts):
        raise PriceError(f"its price {short_repr(value)} names two currencies")
    used = convention or Convention()
    amounts = [_checked(_decided(_readings(number), used, stated_code or currency, value)) for number, _ in parts]
    if amounts != sorted(amounts):
        raise PriceError(f"its price {short_repr(value)} is no range from low to high")
    return Price(amounts[0], stated_code, amounts[-1] if amounts[-1] > amounts[0] else None)


def short_repr(value: object) -> str:
    """A value as a reason quotes it: short, without control characters."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return repr(str(value)[:40])


def _checked(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PriceError("its price is not a number")
    number = finite(value, limit=1e300)
    if number is None:
        raise PriceError("its price is not a finite number")
    if number < 0:
        raise PriceError(f"its price is negative ({number:g})")
    if number > MOST:
        raise PriceError(f"its price is larger than {MOST:g}")
    return number


def _parts(value: str) -> list[str]:
    """One amount, or the two ends of a range, in ASCII digits and with cents that are written as a dash as "00"."""
    if len(value) > LONGEST:
        raise PriceError("its price is a long text")
    text = " ".join("".join(map(_plain, html.unescape(value))).split())
    text = _NO_CENTS.sub(r"\g<1>00", text)
    if _AMOUNT.fullmatch(text):
        return [text]
    ends = _BETWEEN.split(text)
    if len(ends) != 2 or not all(map(_AMOUNT.fullmatch, ends)):
        raise PriceError(f"its price {short_repr(value)} is not a number")
    return ends


def _plain(character: str) -> str:
    """Digits of any script and full-width signs as ASCII; superscript cents stay, so that they join no other digits."""
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    if character in "’´`":
        return "'"
    return character if unicodedata.category(character) == "No" else unicodedata.normalize("NFKC", character)


def _amount(text: str, currency: str | None) -> tuple[str, str | None]:
    """An amount's digits with their separators, and the currency written with it."""
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise PriceError(f"its price {short_repr(text)} is not a number")
    before, after = _mark(match["before"]), _mark(match["after"])
    if before.rstrip("-−") != before or before.startswith(("-", "−")):
        raise PriceError(f"its price {short_repr(text)} is negative")
    codes = [_code(mark, text) for mark in (before.rstrip("+").strip(), after) if mark]
    stated = [code for code in codes if code]
    context_code = currency or next((code for code in stated if code != "USD"), None)
    if context_code and context_code in _dollars() and "$" in text:
        stated = [context_code if code == "USD" else code for code in stated]
    if currency and any(code != currency for code in stated):
        raise PriceError(f"its price {short_repr(text)} is not in its currency {currency}")
    if len(set(stated)) > 1:
        raise PriceError(f"its price {short_repr(text)} names two currencies")
    return match["number"].rstrip(" .,'"), stated[0] if stated else None


def _mark(text: str) -> str:
    """What stands beside the digits, without words such as "from"."""
    words = text.strip().strip(".:").strip()
    for word in _LONGEST_FIRST:
        inner = words.casefold()
        if inner == word:
            return ""
        if inner.startswith(f"{word} "):
            return words[len(word) :].strip()
        if inner.endswith(word) and (not word.isascii() or inner.endswith(f" {word}")):
            return words[: -len(word)].strip()
    return words


def _code(mark: str, text: str) -> str | None:
    """The currency that a sign or a code names; None for one that stands for several."""
    if mark.upper() in _codes() and re.fullmatch("[A-Za-z]{3}", mark):
        return mark.upper()
    if mark not in _symbols():
        raise PriceError(f"its price {short_repr(text)} is not a number")
    return _symbols()[mark]


def currency_code(text: str) -> str | None:
    """The ISO 4217 code of a currency column: a code, or a sign that stands for one currency."""
    return text.upper() if text.upper() in _codes() else _symbols().get(text.rstrip("."))


@cache
def _codes() -> frozenset[str]:
    from babel.numbers import list_currencies

    return frozenset(list_currencies())


@cache
def _symbols() -> dict[str, str | None]:
    """Signs of the currencies in use, as some languages write them."""
    from babel.core import get_global
    from babel.numbers import get_currency_symbol, get_territory_currencies

    used = {code for territory in get_global("territory_currencies") for code in get_territory_currencies(territory)}
    codes_by_sign: dict[str, set[str]] = {}
    for code in used:
        for language in _LANGUAGES:
            codes_by_sign.setdefault(get_currency_symbol(code, language).strip("\u200e\u200f.").strip(), set()).add(
                code
            )
    symbols: dict[str, str | None] = {
        sign: min(codes) if len(codes) == 1 else None for sign, codes in codes_by_sign.items()
    }
    return symbols | _OWN_SYMBOLS


@cache
def _dollars() -> frozenset[str]:
    return frozenset(code for sign, code in _symbols().items() if code and "$" in sign)


def _readings(number: str) -> dict[Mark, float]:
    """What the digits mean with either mark before the cents; equal where there are no separators that matter."""
    digits = re.sub(r"(?<=\d)[' ](?=\d{3}(?!\d))", "", number)
    readings: dict[Mark, float] = {}
    for mark in _MARKS:
        group = "," if mark == "." else "."
        plain = re.fullmatch(rf"\d*(?:\{mark}\d+)?", digits)
        if plain or (digits == number and _GROUPED[mark].fullmatch(digits)):
            readings[mark] = float(digits.replace(group, "").replace(mark, "."))
    return readings


def _decided(readings: dict[Mark, float], convention: Convention, currency: str | None, text: str) -> float:
    if not readings:
        raise PriceError(f"its price {short_repr(text)} is not a number")
    values = set(readings.values())
    decided = values.pop() if len(values) == 1 else convention.decide(readings, currency)
    if decided is None:
        raise PriceError(f"its price {short_repr(text)} can be read in more than one way; write it like 1299.00")
    return decided
