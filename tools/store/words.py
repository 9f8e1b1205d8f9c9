"""How text becomes searchable tokens: one analyser for indexing, for queries and for filter terms.

SQLite's own tokenizers would do for English alone. Doing it here makes text without spaces searchable (Chinese,
Japanese, Thai: one token a character, matched as phrases), tells which of the query's words an item holds, and lets a
plain Python predicate (`tools.store.filters.matches`) decide exactly as the SQL does.
"""

import re
import threading
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import snowballstemmer

ANALYSER = "1"
"""Grows when tokens change, so that stored tokens are made anew."""

BREAK = "\ue000"
"""A token that no text holds; stands between values so that no phrase matches across two of them."""

STOP_WORDS = frozenset(
    """a about am an and any are as at be been but by can could d did do does for from get give had has have he her him
    his how i if in into is it its just ll like m me my of on or our out over please re s she should show so some
    something such t than that the their them then there these they this those to under up us ve want was we were what
    when where which while who will with would you your""".split()  # noqa: SIM905 - reads better
)
"""English words that say nothing about an item; left out of keyword queries, never out of filters."""

STOP_CHARACTERS = frozenset("的了是我要想请给你您吗呢吧在和与有一个这那些把被就都也很")
"""Chinese characters that say nothing about an item; a two-character query word holding one is left out."""

_UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f"  # Myanmar
    "\u1780-\u17ff"  # Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"  # Japanese kana and marks
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "\uac00-\ud7a3"  # Hangul: spaced, but endings are glued to words
)
_ASCII_TOKEN = re.compile("[a-z]+|[0-9]+")
_LATIN_ACCENTS = re.compile("[\u0300-\u036f]")


@dataclass(frozen=True)
class QueryWord:
    """One word of a query as written (case folded), and the tokens it must be matched by, in order."""

    text: str
    tokens: tuple[str, ...]


@cache
def _run_pattern() -> str:
    """A run of letters with their marks, or a run of digits, in a script that puts spaces between words."""
    marks = "".join(chr(code) for code in range(0x300, 0x20000) if unicodedata.category(chr(code)).startswith("M"))
    return f"(?:(?:(?![{_UNSPACED}])[^\\W\\d_{marks}][{marks}]*)+|\\d+)"


@cache
def _token_pattern() -> re.Pattern[str]:
    """One unspaced character or one run."""
    return re.compile(f"[{_UNSPACED}]|{_run_pattern()}")


@cache
def _chunk_pattern() -> re.Pattern[str]:
    """Unspaced characters in a row, or a written word: runs joined by nothing, hyphens or apostrophes ("t-shirt")."""
    return re.compile(f"[{_UNSPACED}]+|{_run_pattern()}(?:['’-]?{_run_pattern()})*")


def fold(text: str) -> str:
    """The text in one written form: compatibility forms, case and Latin accents folded."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", _LATIN_ACCENTS.sub("", decomposed)).casefold()


def name_key(name: str) -> str:
    """How names (categories, brands) are compared: folded, single spaces."""
    return " ".join(fold(name).split())


_OWN = threading.local()


def _stem(token: str) -> str:
    return english_stem(token) if token.isascii() and len(token) > 2 else token


@lru_cache(maxsize=200_000)
def english_stem(word: str) -> str:
    """One word in small letters, stemmed (Porter2)."""
    return str(_stemmer().stemWord(word))


def _stemmer() -> Any:  # noqa: ANN401 - the package has no types
    """The thread's own: a stemmer holds the word that it works on, and two threads in one would mix theirs."""
    if not hasattr(_OWN, "stemmer"):
        _OWN.stemmer = snowballstemmer.stemmer("english")
    return _OWN.stemmer


def tokens(text: str) -> list[str]:
    """The text's tokens in order: stemmed words, numbers and single unspaced characters. "8GB" gives "8", "gb"."""
    folded = fold(text)
    pattern = _ASCII_TOKEN if folded.isascii() else _token_pattern()  # the same for ASCII, and much faster
    return [_stem(token) for token in pattern.findall(folded)]


def query_words(text: str) -> list[QueryWord]:
    """What a query asks for, each once, in order, without stop words; unspaced writing in overlapping pairs."""
    words = [QueryWord(chunk, tuple(tokens(chunk))) for chunk in _chunks(fold(text))]
    kept = [word for word in words if word.tokens and not _says_nothing(word.text)]
    return list(dict.fromkeys(kept))


def _says_nothing(word: str) -> bool:
    return word in STOP_WORDS or any(character in STOP_CHARACTERS for character in word)


def _chunks(folded: str) -> list[str]:
    """Spaced words as they are ("t-shirt", "8gb"), unspaced runs as pairs of neighbours."""
    chunks: list[str] = []
    for chunk in _chunk_pattern().findall(folded):
        if re.match(f"[{_UNSPACED}]", chunk):
            chunks += [chunk[i : i + 2] for i in range(max(1, len(chunk) - 1))]
        else:
            chunks.append(re.sub("['’]s$", "", chunk))
    return chunks


def holds(words: Sequence[str], phrase: Sequence[str]) -> bool:
    """Whether the phrase's tokens stand one after another among the words."""
    span = len(phrase)
    first = phrase[0]
    return any(words[i] == first and tuple(words[i : i + span]) == tuple(phrase) for i in range(len(words) - span + 1))
