"""Option values that stand in a text, in any way to write them: "128G", "16 gigs", "1,7 Liter", "M码", "2XL"."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Final, NamedTuple

from tools.store.values import LOCALES, is_unit, value_key
from tools.store.words import STOP_WORDS, fold, holds, is_unspaced, segments, stem, tokens

LONG_NUMBER: Final = 3
"""From how many digits on a number without its unit is taken for a value with one: hardly anybody counts so far."""

_PARTS: Final = re.compile(r"\s*[;/|+]\s*|,\s+")
_NUMBER: Final = re.compile(r"(?<![\d.,])(\d+(?:[.,]\d+)*)(?:[\s-]?([^\W\d_]+))?")
_TIMES_LARGE: Final = re.compile(r"(?<![a-z0-9])([2-9])[\s-]?xl(?![a-z])")


class _Number(NamedTuple):
    """A number as it is compared, what is written right before it, and the word after it."""

    number: str
    before: str
    after: str


class _WrittenText(NamedTuple):
    """A text in the forms that values are looked for in."""

    raw: str
    words: list[str]
    segments: frozenset[str]
    numbers: list[_Number]


def written(options: Mapping[str, Sequence[str]], text: str, title: str = "") -> dict[str, list[str]]:
    """The values that stand in the text, by option; options without one are left out.

    Args:
        options: the values that there are, by option.
        title: the item's title; a number that stands there after the same word is part of its name.
    """
    title_tokens = tokens(title)
    title_pairs = {*pairwise(title_tokens)}
    message = _read(text)
    message = message._replace(
        numbers=[mention for mention in message.numbers if (_last(mention.before), mention.number) not in title_pairs]
    )
    owners = Counter(number for values in options.values() for value in values for number in {*_numbers_of(value)})
    matches = {
        name: _longest([value for value in values if _stands(value, name, message, owners)], name)
        for name, values in options.items()
    }
    return {name: values for name, values in matches.items() if values}


def _read(text: str) -> _WrittenText:
    plain = _sized(text)
    return _WrittenText(text, tokens(value_key(plain)), frozenset(segments(plain)), [*_numbers(plain)])


def _sized(text: str) -> str:
    """The folded text with "2XL" as "xxl"."""
    return _TIMES_LARGE.sub(lambda match: "x" * int(match[1]) + "l", fold(text))


def _numbers(folded: str) -> Iterator[_Number]:
    for match in _NUMBER.finditer(folded):
        yield _Number(value_key(match[1]), folded[: match.start()].rstrip(" "), match[2] or "")


def _numbers_of(value: str) -> dict[str, str]:
    """The numbers of a value, each with its unit: that of the next number which has one ("12+256GB", "90 x 200 cm")."""
    numbers = [*_numbers(_sized(value))]
    units = {}
    unit = ""
    for number in reversed(numbers):
        unit = number.after if number.after and number.after != "x" else unit
        units[number.number] = unit
    return units


def _stands(value: str, name: str, text: _WrittenText, owners: Counter[str]) -> bool:
    if any(_phrase_stands(part, name, text) for part in {value, *_PARTS.split(value)}):
        return True
    units = {number: unit for number, unit in _numbers_of(value).items() if owners[number] == 1}
    return any(mention.number in units and _is_of(mention, units[mention.number], name) for mention in text.numbers)


def _phrase_stands(value: str, name: str, text: _WrittenText) -> bool:
    """Whether the whole value stands there; a number alone and a single letter must not be part of something else."""
    phrase = tokens(value_key(_sized(value), name))
    if not phrase or (len(phrase) == 1 and phrase[0].isdecimal()):
        return False
    if len(phrase) == 1 and len(phrase[0]) == 1:
        return phrase[0] in text.segments if is_unspaced(phrase[0]) else _letter_stands(value.strip(), name, text)
    return holds(text.words, phrase)


def _letter_stands(letter: str, name: str, text: _WrittenText) -> bool:
    """Whether a letter is a size: a capital by itself ("in M", "M码"), or beside the option's name ("size m")."""
    occurrences = re.finditer(
        rf"(?<![a-z0-9'’&.-])(?<!\d\s){re.escape(letter)}(?![a-z0-9'’&])", text.raw, re.IGNORECASE
    )
    called = holds(text.words, tokens(name)) if tokens(name) else False
    return any(match.group() == letter.upper() or called for match in occurrences if not _in_word(text.raw, match))


def _in_word(text: str, match: re.Match[str]) -> bool:
    """Whether a letter of a script with spaces stands right beside it."""
    beside = text[max(0, match.start() - 1) : match.start()] + text[match.end() : match.end() + 1]
    return any(character.isalnum() and not is_unspaced(character) for character in beside)


def _is_of(number: _Number, unit: str, name: str) -> bool:
    """Whether a number with the word after it is a value of this unit ("" for a value that is a mere number)."""
    if (
        unicodedata.category(number.before[-1:] or " ") == "Sc"
        or stem(number.after) in _money()
        or number.after[:1] in _money()
    ):
        return False
    if not number.after or not unit:
        return not _measures(number.after)
    if number.after[0] == unit[0] or tokens(number.after)[:1] == tokens(name)[-1:]:
        return True
    return not _measures(number.after) and (is_unspaced(number.after[0]) or len(number.number) >= LONG_NUMBER)


def _measures(word: str) -> bool:
    """Whether the word is a unit; "in" is hardly ever an inch."""
    return is_unit(word) and not (len(word) > 1 and word in STOP_WORDS)


def _last(before: str) -> str:
    return (tokens(before[-40:]) or [""])[-1]


def _longest(values: list[str], name: str) -> list[str]:
    """The values without those that are part of another one: "pink" where "hot pink" stands."""
    phrases = {value: tokens(value_key(_sized(value), name)) for value in values}
    return [
        value
        for value, phrase in phrases.items()
        if not any(len(other) > len(phrase) and holds(other, phrase) for other in phrases.values())
    ]


@cache
def _money() -> frozenset[str]:
    """What stands after an amount of money, folded and stemmed: names, symbols and codes of the CLDR's currencies."""
    from babel import Locale

    words: set[str] = set()
    for name in LOCALES:
        locale = Locale.parse(name)
        for word in (*locale.currencies.values(), *locale.currency_symbols.values(), *locale.currencies):
            words |= {*tokens(re.sub(r"\(.*", "", str(word)))[-1:]}
    return frozenset(words - {""})
