"""The words by which claims are read: concepts with their spellings, units, and the roles of grammatical words.

The files lie in ``words/``. Every entry is found by its stems, the longest first, in one dictionary a language.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from assistant.claims.tokens import LANGUAGES, plain, stem, stem_of, tokenise
from assistant.understanding.lexicon import has_cjk, load_lexicon

Role = tuple[str, str]
"""What an entry is and which one: ("negation", ""), ("quality", "waterproof"), ("unit", "kg"), ("money", "USD")."""

_COLUMNS = ("en", "zh", "de", "fr", "es")
KINDS = ("colour", "material", "quality", "noun")
MAX_WORDS = 7


@dataclass
class Dictionary:
    """The entries of one language by their stems."""

    entries: dict[tuple[str, ...], set[Role]] = field(default_factory=dict)
    firsts: dict[str, int] = field(default_factory=dict)
    exact: dict[tuple[str, ...], set[Role]] = field(default_factory=dict)

    def add(self, words: tuple[str, ...], role: Role, surface: tuple[str, ...] = ()) -> None:
        if words:
            if surface:
                self.exact.setdefault(surface, set()).add(role)
            self.entries.setdefault(words, set()).add(role)
            self.firsts[words[0]] = max(self.firsts.get(words[0], 0), len(words))

    def add_exact(self, word: str, role: Role) -> None:
        """A word in this form alone, not in others of the same stem."""
        self.exact.setdefault((word,), set()).add(role)
        self.firsts.setdefault(stem(word, "en"), 1)

    def longest(self, words: list[str], stems: list[str], start: int, end: int) -> tuple[int, frozenset[Role]]:
        """How many words from ``start`` on are an entry, and its roles; one word without a role where none is.

        What stands in the lexicon as it is written is that, and not another word of the same stem.
        """
        for count in range(min(self.firsts.get(stems[start], 0), end - start), 0, -1):
            if roles := self.exact.get(tuple(words[start : start + count])):
                return count, frozenset(roles)
            if roles := self.entries.get(tuple(stems[start : start + count])):
                return count, frozenset(roles)
        return 1, frozenset()


@dataclass(frozen=True)
class Unit:
    """A unit of measure: its dimension, and how many base units it is."""

    dimension: str
    factor: float


@dataclass(frozen=True)
class ClaimLexicon:
    """All words of the check, read once."""

    dictionaries: dict[str, Dictionary]
    units: dict[str, Unit]
    implied: dict[str, frozenset[str]]
    complements: dict[str, str]
    opposites: dict[str, frozenset[str]]


@cache
def load() -> ClaimLexicon:
    """The lexicon of the check."""
    concepts = _read("concepts")
    dictionaries = {language: Dictionary() for language in LANGUAGES}
    units = _add_units(dictionaries)
    for language in LANGUAGES:
        _add_grammar(dictionaries[language], language)
    for kind in KINDS:
        for name, line in concepts[kind].items():
            for language, column in zip(_COLUMNS, str(line).split("|"), strict=True):
                for spelling in _split(column):
                    _add(dictionaries[language], language, spelling, (kind, name))
    _add_comparisons(dictionaries["en"], concepts["quality"])
    _add_glossary(dictionaries)
    _add_money(dictionaries)
    implied = {name: frozenset(names) for name, names in concepts["implies"].items()}
    opposites: dict[str, frozenset[str]] = {}
    for first, second in concepts["opposites"]:
        opposites[first] = opposites.get(first, frozenset()) | {second}
        opposites[second] = opposites.get(second, frozenset()) | {first}
    complements = {
        concept: complement for pair in concepts["complements"] for concept, complement in (pair, pair[::-1])
    }
    return ClaimLexicon(dictionaries, units, implied, complements, opposites)


@cache
def chinese_words() -> list[str]:
    """Every Chinese spelling, for the segmentation of text that writes no spaces."""
    spellings: set[str] = set()
    for value in _strings(_read("zh")):
        spellings |= {value} if has_cjk(value) else set()
    concepts = _read("concepts")
    for kind in KINDS:
        spellings |= {word for line in concepts[kind].values() for word in _split(str(line).split("|")[1])}
    for names in _read("units").values():
        spellings |= {str(word) for _, *words in names for word in words if has_cjk(str(word))}
    lexicon = load_lexicon()
    for words in [*lexicon.glossary.values(), *lexicon.currencies.values()]:
        spellings |= {word for word in words if has_cjk(word)}
    return sorted(word for word in spellings if len(word) > 1)


def _strings(value: Any) -> Iterator[str]:  # noqa: ANN401 - parsed YAML
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _strings(inner)
            yield str(key)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
    else:
        yield from str(value).split()


def _read(name: str) -> Any:  # noqa: ANN401 - parsed YAML
    return yaml.safe_load((files(__package__) / "words" / f"{name}.yaml").read_text("utf-8"))


def _split(column: str) -> list[str]:
    return [word.strip() for word in column.split(",") if word.strip()]


def _add(dictionary: Dictionary, language: str, spelling: str, role: Role) -> None:
    tokens = [token for token in tokenise(plain(spelling, language), language) if token.text != "-"]
    dictionary.add(tuple(stem_of(token, language) for token in tokens), role, tuple(token.text for token in tokens))


def _add_grammar(dictionary: Dictionary, language: str) -> None:
    for role, value in _read(language).items():
        if role in ("function", "evaluation"):
            value = str(value).split()
        if role == "fractions":
            value = {str(fraction): words for fraction, words in value.items()}
        groups = value.items() if isinstance(value, dict) else [("", value)]
        for name, words in groups:
            for word in words:
                _add(dictionary, language, str(word), (role, str(name)))


def _add_units(dictionaries: dict[str, Dictionary]) -> dict[str, Unit]:
    units: dict[str, Unit] = {}
    for dimension, names in _read("units").items():
        for factor, *words in names:
            unit = str(words[0])
            units[unit] = Unit(dimension, float(factor))
            for word in words:
                for language, dictionary in dictionaries.items():
                    if language == "zh" or not has_cjk(str(word)):
                        _add(dictionary, language, str(word), ("unit", unit))
    return units


def _add_money(dictionaries: dict[str, Dictionary]) -> None:
    for code, marks in load_lexicon().currencies.items():
        for mark in [*marks, code.casefold()]:
            for language, dictionary in dictionaries.items():
                _add(dictionary, language, mark, ("money", code))


def _add_glossary(dictionaries: dict[str, Dictionary]) -> None:
    """Common nouns in every language; a noun's name is its English word."""
    for english, words in load_lexicon().glossary.items():
        _add(dictionaries["en"], "en", english, ("noun", english))
        for word in words:
            targets = ["zh"] if has_cjk(word) else ["de", "fr", "es"]
            for language in targets:
                _add(dictionaries[language], language, word, ("noun", english))


def _add_comparisons(dictionary: Dictionary, qualities: dict[str, str]) -> None:
    """English comparatives and superlatives of one-word qualities: "lighter", "lightest"."""
    for name, line in qualities.items():
        for word in _split(str(line).split("|")[0]):
            if re.fullmatch(r"[a-z]{3,9}", word):
                for ending, role in (("er", "more"), ("est", "most")):
                    for form in _inflected(word, ending):
                        dictionary.add_exact(form, ("quality", name))
                        dictionary.add_exact(form, (role, ""))


def _inflected(word: str, ending: str) -> Iterable[str]:
    if word.endswith("e"):
        return [word[:-1] + ending]
    if word.endswith("y"):
        return [word[:-1] + "i" + ending]
    doubled = [word + word[-1] + ending] if re.fullmatch(r".*[^aeiou][aeiou][bdgmnpt]", word) else []
    return [word + ending, *doubled]
