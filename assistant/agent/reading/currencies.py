"""How currencies are written beside a number: symbols, names and codes, from CLDR and ``amounts.yaml``."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

import yaml
from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.numbers import get_currency_name, get_currency_symbol, get_territory_currencies

from assistant.agent.reading.characters import fold, plain

Marks: TypeAlias = dict[str, tuple[str | None, ...]]
"""Marks and the codes they stand for; the first code is the one that is assumed, None where none may be."""

_Value = TypeVar("_Value")
_COUNTS = (0, 1, 2, 3, 5, 11, 100, 1.5)
"""Numbers that between them have every plural form of every language."""
_BREAK = re.compile(r"[\s\-'().,]+")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_IGNORED = "\u200e\u200f\u061c"
"""Marks of writing direction, which some locales put beside a symbol."""
_GAP_AFTER = re.compile(rf"(?:[.,][ ]?[-–—]{{1,2}})?[多来余几]?[{_IGNORED}]*[ \u00a0]?[{_IGNORED}]*")


class CurrencyMark(NamedTuple):
    """A currency mark in a text: its place and the ISO 4217 codes it stands for; the first may be None."""

    start: int
    end: int
    codes: tuple[str | None, ...]


class WordTable(Generic[_Value]):
    """Words with a value each, which are looked up at a place of a text, the longest first."""

    def __init__(self, values: Mapping[str, _Value]) -> None:
        self._values = values
        first: dict[str, set[int]] = defaultdict(set)
        last: dict[str, set[int]] = defaultdict(set)
        for word in filter(None, values):
            first[word[0]].add(len(word))
            last[word[-1]].add(len(word))
        self._first = {character: sorted(lengths, reverse=True) for character, lengths in first.items()}
        self._last = {character: sorted(lengths, reverse=True) for character, lengths in last.items()}

    def starting(self, text: str, start: int) -> tuple[int, int, _Value] | None:
        """Start, end and value of the longest word that starts here."""
        lengths = self._first.get(text[start : start + 1], ())
        return self._longest(text, ((start, start + length) for length in lengths))

    def ending(self, text: str, end: int) -> tuple[int, int, _Value] | None:
        """Start, end and value of the longest word that ends here."""
        lengths = self._last.get(text[end - 1], ()) if end else ()
        return self._longest(text, ((end - length, end) for length in lengths if length <= end))

    def _longest(self, text: str, places: Iterable[tuple[int, int]]) -> tuple[int, int, _Value] | None:
        for start, end in places:
            value = self._values.get(text[start:end])
            if value is not None and _is_whole_word(text, start, end):
                return start, end, value
        return None


def _is_whole_word(text: str, start: int, end: int) -> bool:
    """Whether no letter continues the word: "kr" is no mark in "krona", "元" is one in "100元左右"."""
    return (
        end <= len(text)
        and not (_joins(text[start]) and start and _joins(text[start - 1]))
        and not (_joins(text[end - 1]) and _joins(text[end : end + 1]))
    )


def _joins(character: str) -> bool:
    """Whether a character is of one word with its neighbours: letters and their marks, such as Tamil vowels."""
    is_of_word = character.isalpha() or unicodedata.category(character or " ").startswith("M")
    return is_of_word and not _UNSPACED.match(character)


class CurrencyMarks:
    """The marks that a language writes, and the currencies that a catalogue decides for."""

    def __init__(self, language: str, catalogue: tuple[str, ...]) -> None:
        self._preferred = (*catalogue, *_own_currencies(language))
        exact, folded = _tables(str(locale_of(language)))
        local = data()["of_own_currency"]
        marks: Marks = {mark: (code,) for code in self._preferred for mark in local.get(code, ())}
        codes: Marks = {fold(code): (code,) for code in self._preferred}
        self._exact = WordTable({**exact, **marks})
        self._folded = WordTable({**folded, **codes})

    def code(self, codes: tuple[str | None, ...]) -> str | None:
        """The one currency that is meant: the catalogue's, else the language's own, else the one that is assumed."""
        return next((code for code in self._preferred if code in codes), codes[0])

    def after(self, text: str, folded: str, position: int) -> CurrencyMark | None:
        """The mark that follows a number which ends here."""
        gap = _GAP_AFTER.match(text, position)
        starts = [gap.end(), position] if gap else [position]
        return next((mark for start in starts if (mark := self._mark_at(text, folded, start, before=False))), None)

    def before(self, text: str, folded: str, position: int) -> CurrencyMark | None:
        """The mark that stands before a number which starts here."""
        end = position
        while end and position - end < 4 and text[end - 1] in _IGNORED + " \u00a0":
            end -= 1
        return self._mark_at(text, folded, end, before=True)

    def _mark_at(self, text: str, folded: str, position: int, *, before: bool) -> CurrencyMark | None:
        for form, table in ((text, self._exact), (folded, self._folded)):
            if match := table.ending(form, position) if before else table.starting(form, position):
                return CurrencyMark(*match)
        return None


@lru_cache(maxsize=64)
def currency_marks(language: str, catalogue: tuple[str, ...]) -> CurrencyMarks:
    """The marks for a language and the currencies of a catalogue, in its order."""
    return CurrencyMarks(language, catalogue)


@cache
def data() -> dict[str, Any]:
    """The content of ``amounts.yaml``."""
    content: dict[str, Any] = yaml.safe_load((files(__package__) / "amounts.yaml").read_text("utf-8"))
    return content


@lru_cache(maxsize=256)
def locale_of(language: str) -> Locale:
    """The locale of a language tag, English for one that CLDR does not know."""
    try:
        return Locale.parse(language.replace("-", "_"))
    except (UnknownLocaleError, ValueError, TypeError):
        return Locale("en")


@cache
def _territories() -> dict[str, tuple[str, ...]]:
    """Each currency in use and the territories that use it."""
    users: dict[str, tuple[str, ...]] = {}
    for territory in get_global("territory_currencies"):
        for code in get_territory_currencies(territory):
            users[code] = (*users.get(code, ()), territory)
    return users


def _own_currencies(language: str) -> Sequence[str]:
    locale = locale_of(language)
    likely = get_global("likely_subtags").get(locale.language, "")
    territory = locale.territory or likely.rpartition("_")[2]
    return get_territory_currencies(territory) if territory else []


@lru_cache(maxsize=64)
def _tables(language: str) -> tuple[Marks, Marks]:
    """Marks that are compared as they are written, and those in any case of letters."""
    exact: Marks = {}
    folded: Marks = {}
    for tag in ("en", language):
        symbols, names = _locale_tables(tag)
        exact = symbols | exact
        folded |= names
    exact |= {plain(mark): tuple(codes) for mark, codes in data()["marks"].items()}
    for code, words in data()["words"].items():
        folded |= {word: folded.get(word, (code,)) for word in map(plain, words)}
    folded |= {fold(code): (code,) for code in data()["traded"] if code not in data()["codes_that_are_words"]}
    return exact, folded


@lru_cache(maxsize=64)
def _locale_tables(language: str) -> tuple[Marks, Marks]:
    """Codes and symbols, and names, as one locale writes them."""
    locale = locale_of(language)
    exact: Marks = {}
    names = {code: _names(code, locale) for code in _territories()}
    for code in names:
        symbol = plain(get_currency_symbol(code, locale).strip(_IGNORED))
        if len(symbol) > 1 or not symbol.isalpha():
            exact.setdefault(symbol, (code,))
        exact[code] = (code,)
    folded = _generic_names(locale, names, {*data()["traded"], *_own_currencies(language)})
    return exact, folded | {name: (code,) for code, currency_names in names.items() for name in currency_names}


def _names(code: str, locale: Locale) -> set[str]:
    counts = {locale.plural_form(count): count for count in _COUNTS}.values()
    names = {get_currency_name(code, count, locale) for count in counts} | {get_currency_name(code, locale=locale)}
    return {fold(plain(name)) for name in names if name != code and len(name) > 1}


def _generic_names(locale: Locale, names: dict[str, set[str]], codes: set[str]) -> Marks:
    """Names without their country ("dollars", "рублей", "reais"), for the currencies that are met often.

    It is the name's first or last word, whichever the language's dollars have in common, that names no country.
    """
    countries = {word for table in (locale.territories, locale.languages) for word in _words(" ".join(table.values()))}
    long = {word[:6] for word in countries if len(word) > 5}
    dollars = [{word for name in names[code] for word in _words(name)} for code in ("USD", "CAD")]
    common = dollars[0] & dollars[1]
    ends = [
        end for end in (0, -1) if any(_words(name)[end] in common for code in ("USD", "CAD") for name in names[code])
    ]
    users: dict[str, set[str]] = defaultdict(set)
    for code in sorted(codes & names.keys()):
        territories = " ".join(locale.territories.get(territory, "") for territory in _territories()[code])
        territory_prefixes = {word[:3] for word in _words(territories)}
        for word, name in ((words[end], name) for name in names[code] if (words := _words(name)) for end in ends):
            if word != name and word not in countries and word[:6] not in long and word[:3] not in territory_prefixes:
                users[word].add(code)
    return {word: _assumed(users[word]) for word in users}


def _assumed(codes: set[str]) -> tuple[str | None, ...]:
    if len(codes) == 1:
        return tuple(codes)
    return (next((code for code in data()["assumed"] if code in codes), None), *sorted(codes))


def _words(text: str) -> list[str]:
    return [word for word in _BREAK.split(fold(plain(text))) if len(word) > 2] or [""]
