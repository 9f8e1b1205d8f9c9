"""Every name of a catalogue found in one pass over a text, however many names there are.

Names are brands, categories, colours and materials, and common nouns, each in every spelling that the catalogue or the
lexicon knows. They stand in one Aho-Corasick automaton, which is built once for each version of the catalogue.
"""

import re
import threading
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Generic, Literal, NamedTuple, TypeVar

from ahocorasick_rs import AhoCorasick, MatchKind

from assistant.understanding.lexicon import load_lexicon
from tools.records import Vocabulary

Kind = Literal["brand", "category", "term", "noun"]
"""What a name is: of the catalogue (brand, category), a colour or material of the lexicon (term), or a noun of its
glossary. The name of a term is its canonical word, that of a noun the English word."""

T = TypeVar("T")
_EDGE = "\0"
"""Stands at both ends of each word, so that no name is found inside a longer word."""

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
_UNSPACED += "\uf900-\ufaff\U00020000-\U0003ffff\uac00-\ud7a3"
"""Scripts that put no spaces between words: a name may stand anywhere in them."""

_WORD = re.compile(rf"(?:[^\W{_UNSPACED}]|[\u0300-\u036f])+")
_PIECE = re.compile(rf"(?P<word>{_WORD.pattern})|\s++")
_MORE_THAN_A_SPACE = re.compile(r"\s\s|[^\S ]")
_BETWEEN_EDGES = rf"{_EDGE}\g<0>{_EDGE}"
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
        self._meanings = [list(names) for names in meanings.values()]
        self._automaton = AhoCorasick(list(meanings), matchkind=MatchKind.Standard, store_patterns=False)

    def find(self, text: str, kinds: Collection[Kind] | None = None) -> list[NameMatch]:
        """The names in a text, in its order. Where names overlap, the one that begins first stands, then the longest.

        What is written the same way for two names is given as both.

        Args:
            kinds: only these; a longer name of another kind then hides nothing.
        """
        return longest(self.find_all(text), kinds)

    def find_all(self, text: str) -> list[NameMatch]:
        """The names in a text, also those that overlap: by where they begin, the longest first."""
        if not self._meanings:
            return []
        encoded = _encoded(text)
        matches = self._automaton.find_matches_as_indexes(encoded.text, overlapping=True)
        return [
            NameMatch(kind, name, encoded.place(start), encoded.place(end))
            for index, start, end in sorted(matches, key=lambda match: (match[1], -match[2]))
            for kind, name in self._meanings[index]
        ]


def longest(matches: Iterable[NameMatch], kinds: Collection[Kind] | None = None) -> list[NameMatch]:
    """Of matches as `NameIndex.find_all` gives them, those of the kinds that do not overlap (see `NameIndex.find`)."""
    selected: list[NameMatch] = []
    for match in matches:
        if kinds is not None and match.kind not in kinds:
            continue
        if not selected or match.start >= selected[-1].end or match[2:] == selected[-1][2:]:
            selected.append(match)
    return selected


class _Encoded(NamedTuple):
    """A text as the automaton reads it, and how its places relate to those of the text."""

    text: str
    pieces: list[int]
    """Where each word and each stretch of white space begins; without ``shifts``: where each edge stands."""

    shifts: list[int] | None
    """By how much the end of each piece is further on than in the text; None: by the edges before it."""

    def place(self, position: int) -> int:
        """The place in the original text of the beginning or the end of a match."""
        before = bisect_left(self.pieces, position)
        if self.shifts is None:
            return position - before
        return position - (self.shifts[before - 1] if before else 0)


def _encoded(text: str) -> _Encoded:
    """Words folded and between edges, white space as one space; everything else as it is."""
    folded = text.translate(_REPLACED).casefold()
    if len(folded) == len(text) and unicodedata.is_normalized("NFKC", folded) and not _MORE_THAN_A_SPACE.search(folded):
        marked = _WORD.sub(_BETWEEN_EDGES, folded)
        return _Encoded(marked, [edge.start() for edge in re.finditer(_EDGE, marked)], None)
    return _encoded_piecewise(text.translate(_REPLACED))


def _encoded_piecewise(text: str) -> _Encoded:
    """The same where folding changes the length of words."""
    parts, pieces, shifts, length, position = [], [], [], 0, 0
    for match in _PIECE.finditer(text):
        between = text[position : match.start()]
        word = f"{_EDGE}{_folded(match.group())}{_EDGE}" if match["word"] else " "
        parts += [between, word]
        pieces.append(length + len(between))
        length += len(between) + len(word)
        position = match.end()
        shifts.append(length - position)
    return _Encoded("".join([*parts, text[position:]]), pieces, shifts)


def _folded(word: str) -> str:
    return word.lower() if word.isascii() else unicodedata.normalize("NFKC", word).casefold()


class VocabularyCache(Generic[T]):
    """What is made of a vocabulary, kept for the last few: the catalogue's, and those of turns still running."""

    _MOST = 4

    def __init__(self, make: Callable[[Vocabulary], T]) -> None:
        self._make = make
        self._cached: dict[int, tuple[Vocabulary, T]] = {}
        self._lock = threading.Lock()

    def of(self, vocabulary: Vocabulary) -> T:
        """The same for the same vocabulary, which must not change; made once, by one thread."""
        with self._lock:
            cached = self._cached.get(id(vocabulary))
            if cached is None:
                while len(self._cached) >= self._MOST:
                    del self._cached[next(iter(self._cached))]
                cached = self._cached[id(vocabulary)] = (vocabulary, self._make(vocabulary))
            return cached[1]


def name_index(vocabulary: Vocabulary) -> NameIndex:
    """The index of a vocabulary's names and the lexicon's, made once for each vocabulary.

    Making it takes two tenths of a second for 10,000 names: call this outside the event loop.
    """
    return _indexes.of(vocabulary)


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


_indexes = VocabularyCache(lambda vocabulary: NameIndex(_spellings(vocabulary)))
