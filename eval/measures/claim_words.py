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
_TWOS = {"en": "two", "de": "zwei", "fr": "deux", "es": "dos"}
_TWO = re.compile(
    r"(?<![\w-])(?:two|zwei|deux|dos)(?![\w-])", re.IGNORECASE
)  # text_to_num leaves it where it stands alone
_FRACTION = re.compile(r"\b(?:a |an |one )?(half|third|quarter|fifth|tenth)(?: of|(?= the\b))", re.IGNORECASE)
_SHARES = {"half": 50, "third": 33.3, "quarter": 25, "fifth": 20, "tenth": 10}
_HALF = re.compile(r"\bhalf an? ", re.IGNORECASE)
_CJK_SHARE = re.compile(
    r"(?P<half>一半)|(?P<tenths>[一二三四五六七八九两])成(?!为|分|本|功|都|人)|半(?=公斤|千克|斤|升|小时|米|年)"
)
_SOME_MORE = re.compile(r"(\d+)\s*多\s*(元|美元|欧元|英镑|块|公斤|厘米|小时|天|年)")
_DIGITS = "零一二三四五六七八九"
_MEASURE_WORDS = "个层块罐只起碗位名页节种枚件双张台条颗袋瓶把排档次轮款步月夜章集卷片口处枝盏间座人"
_CJK_NUMERAL = "零〇一二两三四五六七八九十百千万亿点"
LANGUAGES = ("en", "zh", "de", "fr", "es")
"""The columns of a concept's row."""

_SPELT = {"en", "de", "fr", "es", "pt", "it"}
"""Languages whose number words `text_to_num` reads."""


@dataclass(frozen=True)
class ClaimWords:
    """The file's content; see its comments for what each list means."""

    concepts: dict[str, dict[str, str]]
    broader: dict[str, list[str]]
    function: dict[str, str]
    frame: dict[str, str]
    superlatives: dict[str, Spellings]
    stock: dict[str, Spellings]
    negation: Spellings
    scope_end: Spellings
    affirmation: Spellings
    exclusive: Spellings
    below_bound: Spellings
    above_bound: Spellings
    upper: Spellings
    lower: Spellings
    bound: Spellings
    approximate: Spellings
    costs: Spellings
    cheaper: Spellings
    dearer: Spellings
    praise: Spellings
    fit: Spellings
    wish: Spellings
    asked: Spellings
    people: Spellings
    sizes: Spellings
    similarity: Spellings
    photo: Spellings
    video: Spellings
    shows: Spellings
    same: Spellings
    alike: Spellings
    purely: Spellings
    everything: Spellings
    currencies: dict[str, list[str]]
    units: dict[str, list[str]]
    scales: dict[str, tuple[str, float]]
    aspects: dict[str, dict[str, Spellings]]

    @cached_property
    def unit_of(self) -> dict[str, str]:
        """Every spelling of a unit or currency to its canonical one."""
        tables = (self.units, self.currencies)
        return {spelling: name for table in tables for name, many in table.items() for spelling in many}

    @cached_property
    def concept_of(self) -> dict[str, dict[str, frozenset[str]]]:
        """Language -> spelling -> concepts, each as "kind:name"."""
        by_spelling: dict[str, dict[str, frozenset[str]]] = {language: {} for language in LANGUAGES}
        for kind, table in self.concepts.items():
            for name, row in table.items():
                for language, cell in zip(LANGUAGES, row.split("|"), strict=True):
                    for spelling in filter(None, map(str.strip, cell.split(","))):
                        for form in {spelling.casefold(), spelling.casefold().replace("-", " ")}:
                            by_spelling[language][form] = by_spelling[language].get(form, frozenset()) | {
                                f"{kind}:{name}"
                            }
        return by_spelling

    @cached_property
    def kinds_of(self) -> dict[str, list[str]]:
        """A concept -> what it is a kind of."""
        kinds: dict[str, list[str]] = {}
        for general, special in self.broader.items():
            for name in special:
                kinds.setdefault(name, []).append(general)
        return kinds


@dataclass(frozen=True)
class ClaimAmount:
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
    """The text with number words as digits: "sixty dollars" becomes "60 dollars", "a fifth of" "20% of".

    Chinese numerals are read only before a unit, a currency, 折 or a measure word: "十分" and "千万" count nothing.
    """
    if language == "en":
        text = _FRACTION.sub(lambda match: f"{_SHARES[match[1].casefold()]}% of", text)
        text = _HALF.sub("0.5 ", text)
    text = _TWO.sub(lambda match: "2" if match[0].casefold() == _TWOS.get(language) else match[0], text)
    if _HAN.search(text):
        digits = _cjk_numerals().sub(_cjk_value, _CJK_SHARE.sub(_cjk_share, text))
        return _SOME_MORE.sub(r"\1\2多", digits)
    if language not in _SPELT:
        return text
    from text_to_num import alpha2digit

    return str(alpha2digit(_HYPHEN.sub(" ", text), language))


def _cjk_share(match: re.Match[str]) -> str:
    """两成 is 20 %, 一半的 is 50 %, 半公斤 is 0.5 of it."""
    if match["half"]:
        return "50%"
    if match["tenths"]:
        return f"{_DIGITS.index(match['tenths'].replace('两', '二'))}0%"
    return "0.5"


@cache
def _cjk_numerals() -> re.Pattern[str]:
    units = "|".join(re.escape(unit) for unit in load_claim_words().unit_of if _HAN.search(unit) or unit in "%$")
    return re.compile(
        rf"百分之(?P<share>[{_CJK_NUMERAL}]+)|(?P<many>[{_CJK_NUMERAL}]+)(?=\s*(?:多\s*)?(?:{units}|折))"
        rf"|(?<![{_CJK_NUMERAL}\d])(?P<count>[二两三四五六七八九十百千][{_CJK_NUMERAL}]*)(?=[{_MEASURE_WORDS}])"
    )


def _cjk_value(match: re.Match[str]) -> str:
    import cn2an

    numeral = match["share"] or match["many"] or match["count"]
    try:
        value = cn2an.cn2an(numeral.replace("两", "二") if len(numeral) == 1 else numeral, "smart")
    except ValueError:
        return match.group()
    return f"{value}%" if match["share"] else f"{value}"


def amounts(text: str) -> list[ClaimAmount]:
    """The numbers of a text that went through `spelt_out` and `plain`; both ways of writing decimals are read."""
    result = []
    for match in _number().finditer(text):
        unit = match["post"] or match["pre"]
        name = load_claim_words().unit_of.get(unit) if unit else None
        result.append(ClaimAmount(_values(match["number"]), name, match.group().strip(), match.start(), match.end()))
    return result


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
    if mark == "块":  # 三百块 is money, 两块电池 counts
        return r"块(?![\u3400-\u9fff])|块(?=[以之左上多的])"
    return re.escape(mark) + (r"(?!\w)" if mark[-1].isalnum() and not _HAN.search(mark) else "")


def _values(number: str) -> tuple[float, ...]:
    """What the digits may mean: "1,299" is 1299 in English and 1.299 in German."""
    compact = re.sub(r"['\u202f\u00a0\s]", "", number)
    readings = (compact.replace(",", ""), compact.replace(".", "").replace(",", "."))
    return tuple(dict.fromkeys(float(reading) for reading in readings if reading.count(".") <= 1))


def same_number(first: float, second: float) -> bool:
    """Equal as written with two decimals."""
    return abs(first - second) < 0.005


def holds(values: Sequence[float], among: Iterable[float]) -> bool:
    """True when one of the readings is among the numbers."""
    return any(same_number(value, other) for other in among for value in values)
