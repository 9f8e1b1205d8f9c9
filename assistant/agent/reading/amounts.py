"""Numbers and money in a message, in the writing of every country. What a number is for is decided elsewhere."""

import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import islice
from typing import NamedTuple

from babel.numbers import get_currency_precision, get_decimal_symbol, get_group_symbol

from assistant.agent.reading.characters import FIXED_SPACE, fold, plain
from assistant.agent.reading.currencies import CurrencyMark, CurrencyMarks, WordTable, currency_marks, data, locale_of

_MOST = 200
"""Numbers that are read of each writing: digits, words, Chinese numerals. A message with more is no wish."""

_LONGEST_ROW = 12
"""Digits of the longest number; longer rows are no amounts but codes."""
_LONGEST_NUMERAL = 24
"""cn2an's time grows with the square of a numeral's length, and longer ones are no numbers."""
_LARGEST_SCALE = 10**9
_HAN_DIGITS = "零〇一二两三四五六七八九壹贰叁肆伍陆柒捌玖幺"
_HAN_UNITS = "十百千万亿拾佰仟廿卅"
_HAN = re.compile(
    rf"(?<!\d)(?<!\d[.,'])(?:\d{{1,12}}+(?:\.\d{{1,12}}+)?[ {FIXED_SPACE}]?)?[{_HAN_DIGITS}{_HAN_UNITS}]++"
    rf"(?:点[{_HAN_DIGITS}]++)?(?:\d{{1,12}}+[{_HAN_DIGITS}{_HAN_UNITS}]*+)*"
)
_HAN_RANGE = re.compile(r"([一二两三四五六七八九])([一二三四五六七八九])([十百千万亿]*)")
_HANGUL = re.compile(r"(?<![\uac00-\ud7af])[일이삼사오육칠팔구십백천만억]{1,16}+(?= ?원)|(?<=\d)[십백천만억]+")
_HANGUL_AS_HAN = str.maketrans("일이삼사오육칠팔구십백천만억", "一二三四五六七八九十百千万亿")
_FIGURES = re.compile(rf"(?:(?<![\w.,])[.,])?\d++(?:[.,'٫٬]\d++|[ {FIXED_SPACE}]\d{{3}}(?!\d))*")
_PART = re.compile(r"\D|\d+")
_TOKEN = re.compile(r"[^\W\d_]+(?:[-'][^\W\d_]+)*|\x00+|[^\w\s]")
_LONGEST_TOKEN = 80
_DECIMALS_OF_SCALE = re.compile(r"\d{1,3}(?!\w)")
_BETWEEN_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Amount:
    """A number in a text; places are characters of the raw text."""

    value: float
    start: int
    end: int
    """Of the number itself, its scale ("k", "万", "mil") included."""
    currency: str | None = None
    """ISO 4217 code; None without a mark, or where the mark stands for several currencies."""
    is_money: bool = False
    """Whether a currency's symbol, code or name stands beside it or beside the other end of its range."""
    span_with_currency: tuple[int, int] = (0, 0)
    written_as_word: bool = False


class _Figure(NamedTuple):
    """A number as it is written, and the currency marks that stand beside it."""

    start: int
    end: int
    value: float
    scale: float = 1.0
    before: CurrencyMark | None = None
    after: CurrencyMark | None = None
    word: bool = False


@dataclass(frozen=True, slots=True)
class _Message:
    text: str
    folded: str
    language: str
    marks: CurrencyMarks


def find_amounts(text: str, language: str, *, currencies: Sequence[str] = ()) -> list[Amount]:
    """The numbers of a message in the order of the text, without signs, at most `_MOST` of each writing.

    Args:
        text: the raw message.
        language: language or locale tag ("de", "pt-BR"); it decides what "1.299" is where that is no money.
        currencies: ISO 4217 codes of the catalogue, which decide what "$", "¥", "kr" and "Rs" stand for.
    """
    return _find(text, language, tuple(currencies), sure=True)


def read_amount(words: str, language: str) -> float | None:
    """The first number of a span that is known to be one, in digits or words ("sixty", "一百五"); None without any."""
    amounts = _find(words, language, (), sure=False)
    return amounts[0].value if amounts else None


def _find(text: str, language: str, currencies: tuple[str, ...], *, sure: bool) -> list[Amount]:
    form = _HANGUL.sub(lambda match: match.group().translate(_HANGUL_AS_HAN), plain(text))
    message = _Message(form, fold(form), language, currency_marks(language, currencies))
    figures = list(_han(message, sure))
    remaining_text = _without(message.text, figures)
    figures += islice(_figures(message, remaining_text), _MOST)
    figures += islice(_words(message, _without(remaining_text, figures), sure), _MOST)
    figures = _with_own_marks(_distinct(sorted(figures, key=lambda figure: figure.start)))
    return _ranges(message, figures)


def _without(text: str, figures: Iterable[_Figure]) -> str:
    """The text with the numbers overwritten, so that places stay."""
    characters = list(text)
    for figure in figures:
        characters[figure.start : figure.end] = "\x00" * (figure.end - figure.start)
    return "".join(characters)


def _distinct(figures: Iterable[_Figure]) -> list[_Figure]:
    """Without numbers that overlap an earlier one."""
    distinct: list[_Figure] = []
    for figure in figures:
        if not distinct or figure.start >= distinct[-1].end:
            distinct.append(figure)
    return distinct


# Money


def _with_marks(message: _Message, figure: _Figure) -> _Figure:
    before = message.marks.before(message.text, message.folded, figure.start)
    return figure._replace(before=before, after=message.marks.after(message.text, message.folded, figure.end))


def _with_own_marks(figures: list[_Figure]) -> list[_Figure]:
    """A mark between two numbers belongs to one of them: "20 € 50 €", "$20 $50"."""
    for index in range(len(figures) - 1):
        first, second = figures[index : index + 2]
        if not first.after or not second.before or first.after.end <= second.before.start:
            continue
        touches = second.before.end == second.start and first.after.start > first.end
        if (first.before and not second.after) or (touches and bool(first.before) == bool(second.after)):
            figures[index] = first._replace(after=None)
        else:
            figures[index + 1] = second._replace(before=None)
    return figures


def _amount(message: _Message, figure: _Figure) -> Amount:
    marks = [mark for mark in (figure.before, figure.after) if mark]
    mark = min(marks, key=lambda mark: len(mark.codes), default=None)
    start = figure.before.start if figure.before else figure.start
    end = figure.after.end if figure.after else figure.end
    currency = message.marks.code(mark.codes) if mark else None
    return Amount(figure.value, figure.start, figure.end, currency, mark is not None, (start, end), figure.word)


# Figures


def _figures(message: _Message, text: str) -> Iterator[_Figure]:
    position = 0
    while match := _FIGURES.search(text, position):
        position = match.end()
        if any(len(row) > _LONGEST_ROW for row in re.findall(r"\d+", match.group())):
            continue
        for start, end in _split(message, match.group(), match.start()):
            figure = _figure(message, start, end)
            position = max(position, figure.end)
            yield figure


def _figure(message: _Message, start: int, end: int) -> _Figure:
    scale, scaled = _scale(message, end)
    figure = _with_marks(message, _Figure(start, scaled, 0.0, scale))
    mark = figure.before or figure.after
    code = message.marks.code(mark.codes) if mark else None
    value = _value(message.text[start:end], message.language, mark is not None, code) or 0.0
    if scale > 1 and (decimals := _DECIMALS_OF_SCALE.match(message.text, scaled)):
        value = float(f"{value:.0f}.{decimals.group()}")
        figure = _with_marks(message, figure._replace(end=decimals.end()))
    return figure._replace(value=round(value * scale, 6))


def _split(message: _Message, figures: str, start: int) -> list[tuple[int, int]]:
    """The places of the numbers in a row of digits with separators: one where it can be read as one."""
    end = start + len(figures)
    if _value(figures, message.language, money=True, currency=None) is not None and _is_one_number(
        message, figures, start, end
    ):
        return [(start, end)]
    pieces = figures.split(" ") if " " in figures else [row for row in _PART.findall(figures) if row.isdigit()]
    places = []
    offset = 0
    for piece in pieces:
        offset = figures.index(piece, offset)
        inner = _split(message, piece, start + offset) if len(piece) < len(figures) else []
        places += inner
        offset += len(piece)
    return places


def _is_one_number(message: _Message, figures: str, start: int, end: int) -> bool:
    """A plain space groups digits where the language does so, and in money."""
    if " " not in figures or _symbols(message.language)[1].isspace():
        return True
    figure = _with_marks(message, _Figure(start, _scale(message, end)[1], 0.0))
    return bool(figure.before or figure.after)


def _value(figures: str, language: str, money: bool, currency: str | None) -> float | None:
    """What digits with separators mean, None where they are no one number."""
    parts = _PART.findall(figures)
    rows, separators = parts[::2], parts[1::2]
    if not figures[0].isdigit():
        rows, separators = ["0", *parts[1::2]], parts[::2]
        return float(f"0.{rows[1]}") if len(separators) == 1 else None
    decimals = ""
    if separators and _is_decimal(rows, separators, language, money, currency):
        decimals = rows.pop()
        separators.pop()
    if len({FIXED_SPACE if separator == " " else separator for separator in separators}) > 1 or not _grouped(rows):
        return None
    digits = "".join(rows)
    return float(f"{digits}.{decimals or 0}") if len(digits) <= _LONGEST_ROW else None


def _grouped(rows: list[str]) -> bool:
    """Groups of three, or of two before the last three as in India and its neighbours."""
    if len(rows) == 1:
        return True
    first, *middle, last = map(len, rows)
    return last == 3 and first <= 3 and (all(size == 3 for size in middle) or (first <= 2 and {*middle} == {2}))


def _is_decimal(rows: list[str], separators: list[str], language: str, money: bool, currency: str | None) -> bool:
    """Whether the last separator stands before decimals."""
    last, other_separators = separators[-1], separators[:-1]
    if last in f" {FIXED_SPACE}'٬" or last in other_separators:
        return False
    if other_separators or last == "٫" or len(rows[1]) != 3 or len(rows[0]) > 3 or rows[0].startswith("0"):
        return True
    decimal = _symbols(language)[0]
    if money:
        return last == decimal and currency is not None and get_currency_precision(currency) == 3
    return last == decimal


@lru_cache(maxsize=256)
def _symbols(language: str) -> tuple[str, str]:
    """What a language writes before decimals and between groups."""
    locale = locale_of(language)
    return plain(get_decimal_symbol(locale)), plain(get_group_symbol(locale))


# Scales


def _scale(message: _Message, end: int) -> tuple[float, int]:
    """The factor that is written after a number, and where it ends: "k", "Tsd.", "mil", "万"."""
    words = _scales(message.language)
    for start in (end, end + 1):
        if start == end + 1 and message.text[end:start] not in (" ", FIXED_SPACE):
            break
        if match := words.starting(message.folded, start):
            return match[2], match[1]
    return 1.0, end


@lru_cache(maxsize=64)
def _scales(language: str) -> WordTable[float]:
    """Words for powers of ten: those of CLDR's compact numbers, in English too, and a few that it does not have."""
    factors: dict[str, float] = {}
    locale = locale_of(language)
    for source in (locale_of("en"), locale):
        for plurals in source.compact_decimal_formats.values():
            for patterns in plurals.values():
                factors |= dict(_factors(patterns))
    scale_words = data()["scales"]
    factors |= {
        fold(plain(word)): factor
        for key in ("*", "en", locale.language)
        for word, factor in scale_words.get(key, {}).items()
    }
    return WordTable(factors)


def _factors(patterns: dict[str, object]) -> Iterator[tuple[str, float]]:
    """Single letters are left out: they are units as well ("5 t", "10 m")."""
    for magnitude, pattern in patterns.items():
        pattern_text = getattr(pattern, "pattern", str(pattern)).replace("'", "")
        zeros = pattern_text.count("0")
        word = fold(plain(pattern_text)).strip(f"0 {FIXED_SPACE}")
        factor = int(magnitude) / 10 ** max(zeros - 1, 0)
        if 1 < factor <= _LARGEST_SCALE and (len(word) > 1 or ord(word or "a") > 0x3000) and "¤" not in word:
            yield word, factor


# Words


def _words(message: _Message, text: str, sure: bool) -> Iterator[_Figure]:
    """Numbers in words; where it is not known that they are numbers, "one" is one only beside a currency."""
    tokens = list(_TOKEN.finditer(text))
    for start, end, value in sorted([*_library(message, tokens), *_listed(message, tokens)]):
        scale, scaled = _scale(message, end)
        figure = _with_marks(message, _Figure(start, scaled, round(value * scale, 6), scale, word=True))
        if value > 1 or figure.before or figure.after or not sure:
            yield figure


def _listed(message: _Message, tokens: list[re.Match[str]]) -> Iterator[tuple[int, int, float]]:
    numerals = data()["numerals"].get(locale_of(message.language).language, {})
    for token in tokens:
        if (value := numerals.get(fold(token.group()))) is not None:
            yield token.start(), token.end(), float(value)


class _Token:
    """A word as the library for number words takes it."""

    def __init__(self, text: str) -> None:
        self._text = text if len(text) <= _LONGEST_TOKEN else "."

    def text(self) -> str:
        return self._text

    def nt_separated(self, previous: "_Token") -> bool:
        return False

    def not_a_number_part(self) -> bool:
        return "\x00" in self._text


def _library(message: _Message, tokens: list[re.Match[str]]) -> Iterator[tuple[int, int, float]]:
    from text_to_num import find_numbers

    language = locale_of(message.language).language
    if language not in _languages() or not tokens:
        return
    for number in find_numbers([_Token(token.group().lower()) for token in tokens], language, 0):
        if not number.is_ordinal and 0 <= number.value < 10**_LONGEST_ROW:
            yield tokens[number.start].start(), tokens[number.end - 1].end(), float(number.value)


@cache
def _languages() -> frozenset[str]:
    """The languages whose number words the library reads."""
    from text_to_num import text2num

    supported = set()
    for language in ("en", "de", "fr", "es", "pt", "it", "nl", "ru", "ca"):
        try:
            text2num("x", language)
        except ValueError as error:
            supported |= set() if "unsupported" in str(error) else {language}
    return frozenset(supported)


# Chinese numerals


def _han(message: _Message, sure: bool) -> Iterator[_Figure]:
    for match in islice(_HAN.finditer(message.text), _MOST):
        for start, end, value in _numerals(match):
            in_words = not match.group()[0].isdigit()
            figure = _Figure(start, end, value, _unit(message.text[start:end]), word=in_words)
            figure = _with_marks(message, figure)
            if not sure or figure.before or figure.after or not in_words or _certain(match.group()):
                yield figure


def _unit(numeral: str) -> float:
    return float({"百": 100, "千": 1000, "仟": 1000, "万": 10_000, "亿": 10**8}.get(numeral[-1], 1))


def _certain(numeral: str) -> bool:
    """Digits and a unit; single characters and "万一" are parts of other words as well."""
    units = [character in _HAN_UNITS for character in numeral]
    return len(numeral) > 1 and any(units) and (not units[0] or numeral[0] in "十拾廿卅")


def _numerals(match: re.Match[str]) -> list[tuple[int, int, float]]:
    """The numbers of a row of numerals with their places: "两三百" are 200 and 300."""
    numeral, start, end = match.group(), match.start(), match.end()
    if pair := _HAN_RANGE.fullmatch(numeral):
        low, high = (_han_value(digit + pair[3]) for digit in pair.groups()[:2])
        if low is not None and high is not None and low < high:
            return [(start, start + 1, low), (start + 1, end, high)]
    value = _han_value(numeral)
    return [] if value is None else [(start, end, value)]


@lru_cache(maxsize=4_096)
def _han_value(numeral: str) -> float | None:
    import cn2an

    if len(numeral) > _LONGEST_NUMERAL:
        return None
    numeral = re.sub(rf"[ {FIXED_SPACE}]", "", numeral)
    numeral = f"一{numeral}" if len(numeral) == 1 and numeral in "百千万亿" else numeral
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = float(cn2an.cn2an(numeral, "smart"))
    except (ValueError, KeyError, IndexError, TypeError):
        return None
    return value if 0 <= value < 10**_LONGEST_ROW * 10 else None


# Ranges


def _ranges(message: _Message, figures: list[_Figure]) -> list[Amount]:
    """The two ends of a range share the scale and the currency that is written once: "2-3千", "20 bis 50 €"."""
    amounts = [_amount(message, figure) for figure in figures]
    for index in range(len(amounts) - 1):
        low, high = amounts[index : index + 2]
        between = message.folded[low.span_with_currency[1] : high.span_with_currency[0]]
        if len(between) > _BETWEEN_LENGTH or (between.strip() not in _joins("to") | _joins("or") and between):
            continue
        first, second = figures[index : index + 2]
        if first.scale == 1 < second.scale and low.value < high.value / second.scale:
            low = replace(low, value=low.value * second.scale)
        if high.is_money and not low.is_money:
            low = replace(low, is_money=True, currency=high.currency)
        elif low.is_money and not high.is_money and between.strip() in _joins("to"):
            high = replace(high, is_money=True, currency=low.currency)
        amounts[index : index + 2] = [low, high]
    return amounts


@cache
def _joins(kind: str) -> frozenset[str]:
    return frozenset(data()["between"][kind])
