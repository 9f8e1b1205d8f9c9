"""Numbers in words and digits."""

import re
from functools import cache

from assistant.understanding.lexicon import has_cjk

_ENGLISH_LIKE = {"en", "de", "fr", "es"}
_SMALL = {
    "en": ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"],
    "de": ["zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn"],
    "fr": ["deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix"],
    "es": ["dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve", "diez"],
}
"""Two to ten: single small numbers are left as words by the library, which reads larger ones."""

_MEASURE_WORDS = (
    "个只件条张把双层档节位人名块罐瓶袋盒包碗杯岁年月天日周星期小时钟秒分元美欧英日公千克斤升毫米厘寸瓦伏度倍成折颗粒支根本页章起夜晚款种色道口面台部套组对号码"
    "级项多枚片段格门座扇轮挡排枝朵棵株盆副床点左余来几件"
)
_NUMERAL = "零〇一二两三四五六七八九十百千万"
_CHINESE = re.compile(
    rf"(?<![{_NUMERAL}第])(?P<half>半)(?=公斤|斤|升|小时|米|年|个小时)|(?P<number>[{_NUMERAL}]+(?:点[{_NUMERAL}]+)?)(?=[{_MEASURE_WORDS}])"
)
_ARTICLE = re.compile("一[款个件双把张台只条盏套种本块顶辆部支副份口株盆些点样起次直般定面道色瓶块杯床位名对]")
_FRACTION = re.compile(
    r"(\b(?:third|thirds|quarter|quarters|fifth|fifths|tenth|tenths|tiers|quart|tercio|cuarto|quinto|drittel|viertel|fünftel)\b)"
)
_VALUE = re.compile(r"^\d{1,3}(?:[.,]\d{3})+$")


_SPELT = {
    "one": 1, "two": 2, "three": 3, "four": 4, "a": 1, "ein": 1, "einem": 1, "zwei": 2, "drei": 3, "vier": 4, "un": 1,
    "deux": 2, "trois": 3, "quatre": 4, "dos": 2, "tres": 3, "cuatro": 4, "third": 3, "quarter": 4, "fifth": 5,
    "sixth": 6, "tenth": 10, "drittel": 3, "viertel": 4, "fünftel": 5, "zehntel": 10, "tiers": 3, "quart": 4,
    "cinquième": 5, "dixième": 10, "tercio": 3, "cuarto": 4, "quinto": 5, "décimo": 10,
    **{digit: value for value, digit in enumerate("一二三四五六七八九十", start=1)}, "两": 2, "百": 100,
}  # fmt: skip
_COUNTS = "one|two|three|four|a|ein|einem|zwei|drei|vier|un|deux|trois|quatre|dos|tres|cuatro|[1-9]"
_DENOMINATORS = (
    "third|quarter|fifth|sixth|tenth|drittel|viertel|fünftel|zehntel|tiers|quart|cinquième|dixième|tercio|cuarto|quinto"
    "|décimo"
)
_FRACTIONS = re.compile(rf"\b(?P<count>{_COUNTS})[ -](?P<part>{_DENOMINATORS})s?\b")
_CHINESE_FRACTIONS = re.compile(
    r"(?P<part>[一二两三四五六七八九十百]|[1-9]\d{0,2})分之(?P<count>[一二两三四五六七八九]|\d{1,2})"
)
_AND_A_HALF = re.compile(r"\b(\d+) (?:and a half|et demie?|y medi[oa])\b|(\d+)个(?:半|0\.5)")
FRACTION = "fraction"
"""What a written fraction becomes: this and its thousandths, "fraction750"."""


def _as_fraction(match: re.Match[str]) -> str:
    count, denominator = (_SPELT.get(match[name]) or int(match[name]) for name in ("count", "part"))
    return f" {FRACTION}{round(1000 * count / denominator):03d} "


def digits_for_words(text: str, language: str) -> str:
    """The text with digits for the numbers that are written out; fractions as words of their own."""
    text = (_CHINESE_FRACTIONS if has_cjk(text) else _FRACTIONS).sub(_as_fraction, text)
    return _AND_A_HALF.sub(lambda match: f"{match[1] or match[2]}.5", _digits(text, language))


def _digits(text: str, language: str) -> str:
    if has_cjk(text):
        text = _CHINESE.sub(_chinese_digits, text)
    if language in _ENGLISH_LIKE:
        from text_to_num import alpha2digit

        small = _SMALL[language]
        text = "".join(
            part if _FRACTION.fullmatch(part) else str(alpha2digit(part, language)) for part in _FRACTION.split(text)
        )
        return re.sub(rf"\b({'|'.join(small)})\b", lambda match: str(small.index(match.group()) + 2), text)
    return text


def _chinese_digits(match: re.Match[str]) -> str:
    if match["half"]:
        return "0.5"
    number = match["number"]
    if _ARTICLE.match(match.string, match.start()) and number == "一":
        return number
    import cn2an

    try:
        value = cn2an.cn2an(number.replace("两", "二"), "smart")
    except ValueError:
        return number
    return f"{value:g}" if value < 1e6 else str(value)


@cache
def _no_values() -> tuple[float, ...]:
    return ()


def values_of(number: str) -> tuple[float, ...]:
    """What digits may mean: "1,299" is a thousand and more, "44,95" is not, "1.299" may be either."""
    if len(number) > 30:
        return _no_values()
    if "." in number and "," in number:
        decimal = max(number.rfind("."), number.rfind(","))
        return (float(re.sub(r"[.,]", "", number[:decimal]) + "." + re.sub(r"[.,]", "", number[decimal:])),)
    if _VALUE.match(number):
        integer = float(re.sub(r"[.,]", "", number))
        parts = re.split(r"[.,]", number)
        return (integer, float(f"{parts[0]}.{parts[1]}")) if len(parts) == 2 and "." in number else (integer,)
    pieces = re.split(r"[.,]", number)
    return (float(f"{pieces[0]}.{''.join(pieces[1:])}" if len(pieces) > 1 else number),)
