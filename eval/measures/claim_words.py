"""The words and numbers by which claims are found in a text, read from ``claims.yaml``.

None of this is shared with the product's own check of explanations, so that a mistake there does not hide itself here.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

import yaml

Spellings = dict[str, list[str]]
"""Language -> spellings."""

_HAN = re.compile(r"[\u3400-\u9fff]")
_HYPHEN = re.compile(r"(?<=[^\W\d_])-(?=[^\W\d_])")
_CJK_NUMERAL = "零〇一二两三四五六七八九十百千万亿点"
_SPELT = {"en", "de", "fr", "es", "pt", "it"}
"""Languages whose number words `text_to_num` reads."""


@dataclass(frozen=True)
class ClaimWords:
    """The file's content; see its comments for what each list means."""

    terms: dict[str, dict[str, Spellings]]
    superlatives: dict[str, Spellings]
    stock: dict[str, Spellings]
    limit: Spellings
    upper: Spellings
    lower: Spellings
    bound: Spellings
    approximate: Spellings
    costs: Spellings
    wish: Spellings
    people: Spellings
    negation: Spellings
    affirmation: Spellings
    sizes: Spellings
    currencies: dict[str, list[str]]
    units: dict[str, list[str]]

    @cached_property
    def unit_of(self) -> dict[str, str]:
        """Every spelling of a unit or currency to its canonical one."""
        tables = (self.units, self.currencies)
        return {spelling: name for table in tables for name, many in table.items() for spelling in many}


@dataclass(frozen=True)
class Amount:
    """A number of a text: what it may mean, its unit or currency, and where it stands."""

    values: tuple[float, ...]
    unit: str | None
    words: str
    start: int
    end: int


@cache
def load_claim_words() -> ClaimWords:
    """The file, read once."""
    content: dict[str, Any] = yaml.safe_load((files(__package__) / "claims.yaml").read_text("utf-8"))
    return ClaimWords(**content)


def words_in(table: Spellings, *languages: str) -> tuple[str, ...]:
    """The spellings in these languages."""
    return tuple(spelling for language in languages for spelling in table.get(language, []))


@cache
def pattern(spellings: tuple[str, ...]) -> re.Pattern[str]:
    """Any of the spellings as whole words; matches nothing when there are none."""
    ordered = sorted(spellings, key=len, reverse=True)
    return re.compile("|".join(_bounded(spelling) for spelling in ordered) or r"(?!)")


def _bounded(spelling: str) -> str:
    body = re.escape(spelling.casefold()).replace(r"\*", r"\w{0,2}").replace(r"\ ", r"\s+")
    if _HAN.search(spelling):
        return body
    left = r"(?<!\w)" if spelling[0].isalnum() else ""
    right = r"(?!\w)" if spelling[-1].isalnum() or spelling[-1] == "*" else ""
    return left + body + right


def plain(text: str) -> str:
    """One form for comparing: composed characters, plain apostrophes, single spaces, lower case."""
    composed = unicodedata.normalize("NFKC", text).replace("’", "'").casefold()
    return " ".join(composed.split())


def spelt_out(text: str, language: str) -> str:
    """The text with number words as digits: "sixty dollars" becomes "60 dollars".

    Chinese numerals are read only where a unit, a currency or 折 follows: "一双", "十分" and "千万" count nothing.
    """
    if _HAN.search(text):
        return _cjk_numerals().sub(_cjk_value, text)
    if language not in _SPELT:
        return text
    from text_to_num import alpha2digit

    return str(alpha2digit(_HYPHEN.sub(" ", text), language))


@cache
def _cjk_numerals() -> re.Pattern[str]:
    units = "|".join(re.escape(unit) for unit in load_claim_words().unit_of if _HAN.search(unit) or unit in "%$")
    return re.compile(rf"百分之(?P<share>[{_CJK_NUMERAL}]+)|(?P<many>[{_CJK_NUMERAL}]+)(?=\s*(?:{units}|折))")


def _cjk_value(match: re.Match[str]) -> str:
    import cn2an

    numeral = match["share"] or match["many"]
    try:
        value = cn2an.cn2an(numeral, "smart")
    except ValueError:
        return match.group()
    return f"{value}%" if match["share"] else f"{value}"


def amounts(text: str) -> list[Amount]:
    """The numbers of a text that went through `spelt_out` and `plain`; both ways of writing decimals are read."""
    found = []
    for match in _number().finditer(text):
        unit = match["post"] or match["pre"]
        name = load_claim_words().unit_of.get(unit) if unit else None
        found.append(Amount(_values(match["number"]), name, match.group().strip(), match.start(), match.end()))
    return found


@cache
def _number() -> re.Pattern[str]:
    words = load_claim_words()
    marks = [mark for many in words.currencies.values() for mark in many]
    before = "|".join(re.escape(mark) for mark in sorted(marks, key=len, reverse=True))
    after = "|".join(_after(mark) for mark in sorted(words.unit_of, key=len, reverse=True))
    bounded = r"(?<![^\W\u3400-\u9fff])"  # no Latin letter or digit stands before
    number = r"\d{1,3}(?:[.,'\u202f\u00a0]\d{3})+(?:[.,]\d{1,2})?(?!\d)|\d+(?:[.,]\d+)?"
    return re.compile(
        rf"(?:{bounded}(?P<pre>{before})\s?)?{bounded}(?<!\d[.,])(?P<number>{number})(?:\s?-?(?P<post>{after}))?"
    )


def _after(mark: str) -> str:
    return re.escape(mark) + (r"(?!\w)" if mark[-1].isalnum() and not _HAN.search(mark) else "")


def _values(number: str) -> tuple[float, ...]:
    """What the digits may mean: "1,299" is 1299 in English and 1.299 in German."""
    compact = re.sub(r"['\u202f\u00a0\s]", "", number)
    readings = (compact.replace(",", ""), compact.replace(".", "").replace(",", "."))
    return tuple(dict.fromkeys(float(reading) for reading in readings if reading.count(".") <= 1))


def same_number(one: float, other: float) -> bool:
    """Equal as written with two decimals."""
    return abs(one - other) < 0.005


def holds(values: Sequence[float], among: Iterable[float]) -> bool:
    """True when one of the readings is among the numbers."""
    return any(same_number(value, other) for other in among for value in values)
