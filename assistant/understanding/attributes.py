"""Which attribute of the catalogue a stretch of a message names, and with which value: "size 43", "32 GB", "rouge"."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

import yaml

from assistant.understanding.lexicon import has_cjk, load_lexicon
from assistant.understanding.names import VocabularyCache
from tools.records import Vocabulary
from tools.store.values import attribute_key, value_key
from tools.store.words import name_key

LONGEST: Final = 8
"""Tokens of a name and its value together."""

SPARE: Final = 2
"""How many more tokens a value may have in a message than in the catalogue: "one and a half" units, fractions."""

_TOKEN = re.compile(r"""\d+(?:[.,/]\d+)*|["″½¼¾⅓⅔]|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\d_]+""")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
_LONGEST_CONNECTIVE: Final = 3
"""Letters of a word that may stand between a name and its value: "RAM of 32 GB", "taille de 43"."""


class AttributeMention(NamedTuple):
    """An attribute and one of its values, as the catalogue spells them."""

    name: str
    value: str


class _AttributeToken(NamedTuple):
    """Characters ``start`` to ``end`` of a text, and how they are compared."""

    start: int
    end: int
    key: str


class _Index:
    """A vocabulary's attribute values and names in comparable form."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.values: dict[str, list[AttributeMention]] = {}
        self._of: dict[str, list[str]] = vocabulary.attribute_values
        for name, values in vocabulary.attribute_values.items():
            for value in values:
                self.values.setdefault(value_key(value, name), []).append(AttributeMention(name, value))
        name_of_key = {attribute_key(name): name for name in vocabulary.attribute_values}
        self.names: dict[str, list[str]] = {key: [name] for key, name in name_of_key.items()}
        for spellings in _known_names().values():
            exact = [name_of_key[key] for key in spellings if key in name_of_key]
            partly = [name for key, name in name_of_key.items() if key.split()[-1] in spellings and name not in exact]
            for spelling in spellings:
                self.names[spelling] = list(dict.fromkeys([*self.names.get(spelling, []), *exact, *partly]))
        values_in_words = [word for text in self.values for word in _forms(text)]
        self._name_starts, self._name_ends = (
            {_tokens(name)[end].key for name in self.names if _tokens(name)} for end in (0, -1)
        )
        self._value_starts = {tokens[0].key for word in values_in_words if (tokens := _tokens(word))}
        self._most = max((len(_tokens(word)) for word in values_in_words), default=0) + SPARE

    def may_begin(self, token: _AttributeToken) -> bool:
        """Whether an attribute may begin here: with a name, a value or a number."""
        return token.key in self._name_starts or token.key in self._value_starts or token.key[0].isnumeric()

    def may_have_name(self, tokens: Sequence[_AttributeToken]) -> bool:
        """Whether the tokens may begin or end with an attribute's name."""
        return tokens[0].key in self._name_starts or tokens[-1].key in self._name_ends

    def may_be_value(self, tokens: Sequence[_AttributeToken]) -> bool:
        """Whether the tokens may be a value of the catalogue: a number may be one in another unit."""
        return len(tokens) <= self._most and (tokens[0].key in self._value_starts or tokens[0].key[0].isnumeric())

    def with_value(self, text: str) -> list[AttributeMention]:
        """The attributes that have the value, those with a common name first."""
        mentions = dict.fromkeys(mention for form in _forms(text) for mention in self.values.get(value_key(form), []))
        return sorted(mentions, key=lambda mention: (not _is_known(mention.name), len(mention.name), mention.name))

    def value_of(self, names: Sequence[str], text: str) -> AttributeMention | None:
        """The value of one of these attributes: written in any way, or by its number alone ("43" for "43码")."""
        for name in names:
            keys = {value_key(form, name) for form in _forms(text)}
            number = _only_number(text) if _NUMBER.fullmatch(text.strip()) else None
            for value in self._of[name]:
                if value_key(value, name) in keys or (number is not None and _only_number(value) == number):
                    return AttributeMention(name, value)
        return None


def attribute_of(value: str, vocabulary: Vocabulary) -> list[str]:
    """The attributes of the catalogue that have this value, in any writing: "32 GB" gives ["storage", "RAM"]."""
    return list(dict.fromkeys(mention.name for mention in _indexes.of(vocabulary).with_value(value)))


def attribute_constraints(text: str, vocabulary: Vocabulary) -> list[AttributeMention]:
    """The attributes and values that a stretch of a message names, in its order.

    A value that several attributes have is given for the likeliest one; `attribute_of` gives all. What is called by
    its attribute's name and is unknown to the catalogue ("size 43" where nothing has sizes) is given as it is said.

    Args:
        text: few words, such as a tagged span; a number alone counts only where it is the whole text.
    """
    index, tokens = _indexes.of(vocabulary), _tokens(text)
    if len(tokens) == 1 and (alone := index.with_value(text.strip())):
        return alone[:1]
    mentions: list[AttributeMention] = []
    position = 0
    while position < len(tokens):
        mention, position = (
            _first_mention(index, text, tokens, position) if index.may_begin(tokens[position]) else (None, position + 1)
        )
        mentions += [mention] if mention else []
    return list(dict.fromkeys(mentions))


def _first_mention(
    index: _Index, text: str, tokens: Sequence[_AttributeToken], position: int
) -> tuple[AttributeMention | None, int]:
    """The longest attribute that begins at this token, and where to go on; one that the catalogue has goes first."""
    ends = range(min(len(tokens), position + LONGEST), position, -1)
    for reader in (_known_mention, _unknown_mention):
        for end in ends:
            if mention := reader(index, text, tokens[position:end]):
                return mention, end
    return None, position + 1


def _known_mention(index: _Index, text: str, tokens: Sequence[_AttributeToken]) -> AttributeMention | None:
    """A name and its value, or a value by itself unless it is a mere number."""
    for names, value in _parted(index, text, tokens):
        if mention := index.value_of(names, value):
            return mention
    if not index.may_be_value(tokens):
        return None
    phrase = _between(text, tokens)
    return None if _NUMBER.fullmatch(phrase) else next(iter(index.with_value(phrase)), None)


def _unknown_mention(index: _Index, text: str, tokens: Sequence[_AttributeToken]) -> AttributeMention | None:
    """A name with a number, or followed by one word, that the catalogue does not have."""
    for names, value in _parted(index, text, tokens):
        follows = value == text[tokens[-1].start : tokens[-1].end] and not has_cjk(value)
        if (_NUMBER.match(value) and len(value.split()) <= 2) or (follows and names):
            return AttributeMention(names[0] if names else _concept(text, tokens), value)
    return None


def _parted(index: _Index, text: str, tokens: Sequence[_AttributeToken]) -> Iterator[tuple[list[str], str]]:
    """Each way to take the tokens for a name before or after its value: the catalogue's attributes, and the value."""
    cuts = range(1, len(tokens)) if index.may_have_name(tokens) else ()
    for split in cuts:
        left, right = tokens[:split], tokens[split:]
        for name, value in ((left, right), (right, left)):
            names = index.names.get(attribute_key(_between(text, name)))
            if names is None:
                continue
            yield names, _between(text, value)
            connective = _between(text, value[:1] if name is left else value[-1:])
            if len(value) > 1 and len(connective) <= _LONGEST_CONNECTIVE and not has_cjk(connective):
                yield names, _between(text, value[1:] if name is left else value[:-1])


def _concept(text: str, tokens: Sequence[_AttributeToken]) -> str:
    """The common name of the attribute that stands at one end of the tokens."""
    keys = {
        attribute_key(_between(text, part))
        for split in range(1, len(tokens))
        for part in (tokens[:split], tokens[split:])
    }
    return next(concept for concept, spellings in _known_names().items() if keys & set(spellings))


def _tokens(text: str) -> list[_AttributeToken]:
    return [_AttributeToken(match.start(), match.end(), name_key(match.group())) for match in _TOKEN.finditer(text)]


def _between(text: str, tokens: Sequence[_AttributeToken]) -> str:
    return text[tokens[0].start : tokens[-1].end]


def _only_number(text: str) -> str | None:
    """The number of a text that has one."""
    numbers = _NUMBER.findall(text)
    return value_key(numbers[0]) if len(numbers) == 1 else None


def _forms(text: str) -> list[str]:
    """The text, and the same colour or material in other languages."""
    lexicon = load_lexicon()
    canonical = lexicon.canonical.get(text.casefold().strip())
    return [text, *(lexicon.terms[canonical] if canonical else [])]


def _is_known(name: str) -> bool:
    return any(attribute_key(name) in spellings for spellings in _known_names().values())


@cache
def _known_names() -> dict[str, dict[str, None]]:
    """The common attributes by their English names, with all their spellings in comparable form."""
    table = yaml.safe_load((files(__package__) / "attribute_names.yaml").read_text("utf-8"))
    return {concept: dict.fromkeys(map(attribute_key, spellings)) for concept, spellings in table.items()}


_indexes = VocabularyCache(_Index)
