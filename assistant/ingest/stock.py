"""Words and numbers for "in stock", as shops write them."""

import re
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple

import yaml

from assistant.ingest.prices import short_repr
from tools.bounds import finite

_SCHEMA = re.compile(r"https?://schema\.org/", re.IGNORECASE)
_COUNT = re.compile(r"[>≥]?\s?(-?\d{1,9})(?:[.,]0+)?\s?\+?", re.ASCII)


class StockError(ValueError):
    """The value says nothing that is known; the text is the reason."""


class Stock(NamedTuple):
    """Whether there is some, and "later" where it can be ordered all the same."""

    in_stock: bool | None
    later: str | None = None


def read_stock(value: object) -> Stock:
    """True, false, a quantity, or words: "ja", "有货", "out_of_stock", "https://schema.org/PreOrder".

    Raises:
        StockError: none of these.
    """
    if value is None or isinstance(value, bool):
        return Stock(value)
    if isinstance(value, str):
        return _from_text(value)
    quantity = finite(value)
    if quantity is None:
        raise StockError(f"its in_stock is {short_repr(value)}, and should be true or false")
    return Stock(quantity > 0)


def _from_text(text: str) -> Stock:
    phrase = " ".join(re.sub(r"[_-]+", " ", _SCHEMA.sub("", text[:200])).casefold().split()).rstrip(".!")
    if not phrase:
        return Stock(None)
    if count := _COUNT.fullmatch(text.strip()[:200]):
        return Stock(int(count[1]) > 0)
    kind = _words().get(phrase)
    if kind is None:
        raise StockError(f"its in_stock is {short_repr(text)}, and should be true or false")
    return Stock(None if kind == "unknown" else kind == "yes", phrase if kind == "later" else None)


@cache
def _words() -> dict[str, Literal["yes", "no", "later", "unknown"]]:
    table = yaml.safe_load(files("assistant.ingest").joinpath("stock.yaml").read_text("utf-8"))
    return {str(word).casefold(): kind for kind, rows in table.items() for row in rows for word in row}
