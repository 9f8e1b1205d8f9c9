"""Every name of a catalogue found in one pass over a text, however many names there are.

Names are brands, categories, colours and materials, and common nouns, each in every spelling that the catalogue or the
lexicon knows. They stand in one Aho-Corasick automaton, which is built once for each version of the catalogue.
"""

import re
import threading
import unicodedata
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator
from typing import Literal, NamedTuple

from ahocorasick_rs import AhoCorasick, MatchKind

from assistant.understanding.lexicon import load_lexicon
from tools.records import Vocabulary

Kind = Literal["brand", "category", "term", "noun"]
"""What a name is: of the catalogue (brand, category), a colour or material of the lexicon (term), or a noun of its
glossary. The name of a term is its canonical word, that of a noun the English word."""

_EDGE = "\0"
"""Stands at both ends of each word, so that no name is found inside a longer word."""

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
_UNSPACED += "\uf900-\ufaff\U00020000-\U0003ffff\uac00-\ud7a3"
"""Scripts that put no spaces between words: a name may stand anywhere in them."""

_PIECE = re.compile(rf"(?P<word>(?:[^\W{_UNSPACED}]|[\u0300-\u036f])++)|\s++")
_REPLACED = str.maketrans({"’": "'", _EDGE: " "} | dict.fromkeys(range(0xD800, 0xE000), "\ufffd"))


class NameMatch(NamedTuple):
    """A name in a text, as the catalogue spells it: characters ``start`` to ``end``, the end not included."""

    kind: Kind
    name: str
    start: int
    end: int


class NameIndex:
    """Finds names in texts: words as a whole, in any case and with any white space between them."""

    def __init__(self, spellings: Iterable[tuple[Kind, str, str]]) -> None:
        """``spellings``: (kind, name, one way to write it); one way to write may stand for several names."""
        meanings: dict[str, dict[tuple[Kind, str], None]] = {}
        for kind, name, spelling in spellings:
            if pattern := _encoded(spelling.strip()).text:
                meanings.setdefault(pattern, {})[kind, name] = None
        self._meanings = [list(meant) for meant in meanings.values()]
        self._automaton = AhoCorasick(list(meanings), matchkind=MatchKind.Standard, store_patterns=False)

    def find(self, text: str, kinds: Collection[Kind] | None = None) -> list[NameMatch]:
        """The names in a text, in its order. Where names overlap, the one that begins first stands, then the longest.

        What is written the same way for two names is given as both.

        Args:
            kinds: only these; a longer name of another kind then hides nothing.
        """
        if not self._meanings:
            return []
        encoded = _encoded(text)
        found = self._automaton.find_matches_as_indexes(encoded.text, overlapping=True)
        done, matches = 0, []
        for which, start, end in sorted(found, key=lambda one: (one[1], -one[2])):
            meant = [one for one in self._meanings[which] if kinds is None or one[0] in kinds]
            if start >= done and meant:
                done = end
                span = encoded.place(start), encoded.place(end)
                matches += [NameMatch(kind, name, *span) for kind, name in meant]
        return matches


class _Encoded(NamedTuple):
    """A text as the automaton reads it, and how its places relate to those of the text."""

    text: str
    pieces: list[int]
    shifts: list[int]

    def place(self, position: int) -> int:
        """The place in the original text of the beginning or the end of a match."""
        before = bisect_left(self.pieces, position)
        return position - (self.shifts[before - 1] if before else 0)


def _encoded(text: str) -> _Encoded:
    """Words folded and between edges, white space as one space; everything else as it is."""
    parts, pieces, shifts, length, done = [], [], [], 0, 0
    for match in _PIECE.finditer(text):
        between = text[done : match.start()].translate(_REPLACED)
        word = f"{_EDGE}{_folded(match.group())}{_EDGE}" if match["word"] else " "
        parts += [between, word]
        pieces.append(length + len(between))
        length += len(between) + len(word)
        done = match.end()
        shifts.append(length - done)
    return _Encoded("".join([*parts, text[done:].translate(_REPLACED)]), pieces, shifts)


def _folded(word: str) -> str:
    return word.lower() if word.isascii() else unicodedata.normalize("NFKC", word).casefold()


_built: dict[int, tuple[Vocabulary, NameIndex]] = {}
_building = threading.Lock()
_KEPT = 4
"""How many vocabularies' indexes are kept: of the catalogue, and of its last versions while turns still read them."""


def name_index(vocabulary: Vocabulary) -> NameIndex:
    """The index of a vocabulary, which must not change any more, and of the lexicon; built once for each.

    Building takes a tenth of a second for 10,000 names: call this outside the event loop.
    """
    with _building:
        known = _built.get(id(vocabulary))
        if known is None:
            while len(_built) >= _KEPT:
                del _built[next(iter(_built))]
            known = _built[id(vocabulary)] = (vocabulary, NameIndex(_spellings(vocabulary)))
        return known[1]


def _spellings(vocabulary: Vocabulary) -> Iterator[tuple[Kind, str, str]]:
    lexicon = load_lexicon()
    for brand in vocabulary.brands:
        for spelling in (brand, *lexicon.brands.get(brand.casefold(), [])):
            yield "brand", brand, spelling
    for category in vocabulary.categories:
        for form in _forms(category):
            for spelling in (form, *lexicon.glossary.get(form, [])):
                yield "category", category, spelling
    for term, spellings in lexicon.terms.items():
        for spelling in spellings:
            yield "term", term, spelling
    for noun, spellings in lexicon.glossary.items():
        for spelling in spellings:
            yield "noun", noun, spelling


def _forms(name: str) -> list[str]:
    """A category as it is, and without a plural "s"."""
    low = name.casefold()
    return [low, low.removesuffix("s")] if len(low) > 3 and low.endswith("s") else [low]
