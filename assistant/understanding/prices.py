"""Price bounds in words: "under 60 dollars", "不超过60美元", "between 20 and 40", "around 50"."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from assistant.understanding.lexicon import alternatives, load_lexicon

CENT = 0.01
"""What separates "under 60" from "up to 60": bounds are stored inclusive."""

_AROUND = 0.25
"""How far "around 50" reaches to either side, as a share."""

_NUMBER = (
    r"(?<!\d)(?P<{name}>(?:\d{{1,3}}(?:,\d{{3}}){{1,4}}+(?!,?\d)|\d{{1,12}}+(?!\d))(?:\.\d{{1,12}}+(?!\d))?+)"
    r"(?P<{name}_k>k(?!\w))?"
)
"""A price in figures. A row of more digits is no price, and is passed over at once."""

_DIGIT = re.compile(r"\d")
_BEFORE = 100
"""How many characters before a bound are searched for a negation that turns it around."""


@dataclass(frozen=True)
class PriceBound:
    """One bound and where in the text it stood."""

    field: Literal["min_price", "max_price"]
    value: float
    currency: str | None
    words: str
    span: tuple[int, int]
    exclusive: bool = False
    """Whether the number that was said is itself not meant: "below 100" gives 99.99."""


def find_price_bounds(text: str) -> list[PriceBound]:
    """Price bounds in a normalised message (digits, lower case).

    A bare number counts as a price unless a unit or a noun follows it ("under 60 cm" is none).
    """
    found: list[PriceBound] = []
    if not _DIGIT.search(text):
        return found
    rest = text
    for kind, pattern in _patterns():
        bounds = [bound for match in pattern.finditer(rest) for bound in _read(kind, match, text)]
        rest = without(rest, [bound.span for bound in bounds])
        found += bounds
    return found


def without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text with the spans overwritten by spaces, so that positions stay."""
    parts, done = [], 0
    for start, end in sorted(spans):
        start = max(start, done)
        if end > start:
            parts += [text[done:start], " " * (end - start)]
            done = end
    return "".join([*parts, text[done:]])


def _read(kind: str, match: re.Match[str], text: str) -> list[PriceBound]:
    groups = match.groupdict()
    mark = next((groups[name] for name in ("pre", "post", "pre2", "post2") if groups.get(name)), None)
    if mark is None and not _bare_number_is_price(kind, text, match.end()):
        return []
    currency = load_lexicon().currency_of(re.sub(r"\s+", " ", mark)) if mark else None
    low = _number(match, "n")
    high = _number(match, "m") if groups.get("m") else low
    words = match.group().strip()
    if kind == "at_least" and _denied().search(text, max(0, match.start() - _BEFORE), match.start()):
        kind = "at_most"  # "I don't want to spend more than 50"
    bounds = {
        "between": [("min_price", min(low, high)), ("max_price", max(low, high))],
        "around": [("min_price", round(low * (1 - _AROUND), 2)), ("max_price", round(low * (1 + _AROUND), 2))],
        "below": [("max_price", max(0.0, round(low - CENT, 2)))],
        "at_most": [("max_price", low)],
        "at_least": [("min_price", low)],
    }[kind]
    exclusive = kind == "below" and low >= CENT
    return [PriceBound(field, value, currency, words, match.span(), exclusive) for field, value in bounds]  # type: ignore[arg-type]


@cache
def _denied() -> re.Pattern[str]:
    """A negation and a verb of spending just before a bound: it turns "more than" around."""
    negation = r"(?:\bnot|n't|\bnever|\bnicht|\bkein\w*|\bne|\bn'|\bno|不|别)"
    verb = r"(?:spend|pay|cost|go|ausgeben|zahlen|bezahlen|kosten|dépenser|payer|coûter|gastar|pagar|costar|花|付)"
    return re.compile(rf"{negation}(?:\W+[^\W\d]+){{0,4}}?\W*{verb}(?:\W+[^\W\d]+){{0,2}}\W*$")


def _number(match: re.Match[str], name: str) -> float:
    value = float(match.group(name).replace(",", ""))
    return value * 1000 if match.group(f"{name}_k") else value


def _bare_number_is_price(kind: str, text: str, end: int) -> bool:
    if kind == "between":
        return False
    following = _FOLLOWING.match(text, end)
    return following is None or following.group(1) in load_lexicon().not_units


_FOLLOWING = re.compile(r"\s*-?\s*([^\W\d_]+|[%°\"'’])")


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    words = load_lexicon().price
    marks = alternatives([mark for marks in load_lexicon().currencies.values() for mark in marks])
    pre, post = rf"(?:(?P<pre>{marks})\s*)?", rf"(?:\s*(?P<post>{marks}))?"
    pre2, post2 = rf"(?:(?P<pre2>{marks})\s*)?", rf"(?:\s*(?P<post2>{marks}))?"
    first, second = _NUMBER.format(name="n"), _NUMBER.format(name="m")
    filler = r"(?:\s*(?:the|a|about|only|up to|at most|of|is|price))*\s*"
    joins = r"\s*(?:-|–|~|to|and|bis|et|y|到|至)\s*"
    lead = r"(?:(?:between|from|zwischen|entre|在)\s*)?"
    patterns = [("between", lead + pre + first + post2 + joins + pre2 + second + post)]
    for kind in ("around", "at_most", "below", "at_least"):
        patterns.append((kind, alternatives(words[kind]) + filler + pre + first + post))
    for kind in ("at_most", "at_least", "around"):
        patterns.append((kind, pre + first + post + r"\s*" + alternatives(words[f"{kind}_after"])))
    return [(kind, re.compile(pattern)) for kind, pattern in patterns]
