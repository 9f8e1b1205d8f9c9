"""Prices as people write them; what could be read in two ways is refused."""

import math
import re

SYMBOLS = {"$": "USD", "US$": "USD", "€": "EUR", "£": "GBP", "₹": "INR", "₩": "KRW", "₽": "RUB", "฿": "THB", "₫": "VND"}
"""Signs that name one currency. A dollar sign means US dollars unless the line has a currency; "¥" names none."""

_PRICE = re.compile(
    r"(?P<before>[^\d\s.,+-]{0,4})\s*(?P<sign>[+-]?)(?P<number>\d[\d.,' ]*)\s*(?P<after>[^\d\s.,]{0,4})"
)
MOST = 1e12


class PriceError(ValueError):
    """The price can't be taken; the text is the reason."""


def read_price(value: object) -> tuple[float | None, str | None]:
    """A price and the currency that stands in it: 12.5, "12.50", "$1,299.00", "1.299,00 €", "EUR 12,99".

    Raises:
        PriceError: not a number, ambiguous, negative or not finite.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None, None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise PriceError("its price is not a number")
    currency = None
    if isinstance(value, str):
        price, currency = _from_text(value)
    else:
        try:
            price = float(value)
        except OverflowError:
            price = math.inf
    if not math.isfinite(price):
        raise PriceError("its price is not a finite number")
    if price < 0:
        raise PriceError(f"its price is negative ({price:g})")
    if price > MOST:
        raise PriceError(f"its price is larger than {MOST:g}")
    return price, currency


def _from_text(text: str) -> tuple[float, str | None]:
    stripped = text.replace("\u00a0", " ").replace("\u202f", " ").strip()
    if re.fullmatch(r"[+-]?\d+(\.\d+)?([eE][+-]?\d{1,3})?", stripped):
        return float(stripped), None
    found = _PRICE.fullmatch(stripped.removeprefix("-"))
    if found is None or (found["before"] and found["after"]):
        raise PriceError(f"its price {text[:40]!r} is not a number")
    mark = (found["before"] or found["after"]).strip()
    number = _number(found["number"].strip(), text)
    negative = stripped.startswith("-") or found["sign"] == "-"
    return -number if negative else number, _currency(mark, text)


def _number(digits: str, text: str) -> float:
    """Digits with separators; a lone one before three digits groups when it is a comma, and is refused as a point."""
    compact = re.sub(r"(?<=\d)[ '](?=\d{3}(\D|$))", "", digits)
    patterns = {
        r"\d+": ("", "."),
        r"\d+\.\d{1,2}|\d+\.\d{4,}": ("", "."),
        r"\d{1,3}(,\d{3})+(\.\d+)?": (",", "."),
        r"\d+,\d{1,2}": ("", ","),
        r"\d{1,3}(\.\d{3})+,\d+|\d{1,3}(\.\d{3}){2,}": (".", ","),
    }
    for pattern, (group, point) in patterns.items():
        if re.fullmatch(pattern, compact):
            return float(compact.replace(group, "").replace(point, ".") if group else compact.replace(point, "."))
    raise PriceError(f"its price {text[:40]!r} can be read in more than one way; write it like 1299.00")


def _currency(mark: str, text: str) -> str | None:
    if re.fullmatch(r"[A-Za-z]{3}", mark):
        return mark.upper()
    if mark in ("", "¥", "￥", "元"):
        return None
    if mark not in SYMBOLS:
        raise PriceError(f"its price {text[:40]!r} is not a number")
    return SYMBOLS[mark]
