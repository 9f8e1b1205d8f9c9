"""How text becomes searchable tokens: one analyser for indexing, for queries and for filter terms.

Words are stemmed by the stemmer of the catalogue's language (Snowball), whatever language a text is in: a word is then
analysed alike in an item and in a query, and one of another language still matches itself. Text without spaces
(Chinese, Japanese, Thai) is one token a character and is matched as phrases, so that what is asked for is found within
a longer word; a Chinese query is segmented into its words first (jieba).

SQLite's own tokenizers would do for English alone. Doing it here also tells which of the query's words an item holds,
and lets a plain Python predicate (`tools.store.filters.matches`) decide exactly as the SQL does.
"""

import re
import threading
import unicodedata
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import snowballstemmer

ANALYSER = "1"
"""Grows when tokens change, so that stored tokens are made anew."""

ENGLISH = "en"

BREAK = "\ue000"
"""A token that no text holds; stands between values so that no phrase matches across two of them."""

STOP_WORDS = frozenset(
    """a about am an and any are as at be been but by can could d did do does for from get give had has have he her him
    his how i if in into is it its just ll like m me my of on or our out over please re s she should show so some
    something such t than that the their them then there these they this those to under up us ve want was we were what
    when where which while who will with would you your""".split()  # noqa: SIM905 - reads better
)
"""English words that say nothing about an item; left out of keyword queries, never out of filters."""

_ASKING = frozenset("我想要请给买找")
"""Chinese characters of asking for something, beside the stop words."""

_UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f"  # Myanmar
    "\u1780-\u17ff"  # Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"  # Japanese kana and marks
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "\uac00-\ud7a3"  # Hangul: spaced, but endings are glued to words
)
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")
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


@lru_cache(maxsize=200_000)
def stem(word: str, language: str = ENGLISH) -> str:
    """One folded word, stemmed by the language's Snowball stemmer (ISO 639-1 code); by the English where there is none.

    Words outside ASCII stay as they are for the English stemmer.
    """
    name = _english_name(language)
    if name not in snowballstemmer.algorithms():
        name = "english"
    # there is no end of numbers, each of which would cost as much as a new word, and no stemmer changes one
    if len(word) < 3 or (word.isascii() and word.isdigit()) or (name == "english" and not word.isascii()):
        return word
    return str(_stemmer(name).stemWord(word))


def _stemmer(name: str) -> Any:  # noqa: ANN401 - the package has no types
    """The thread's own: a stemmer holds the word that it works on, and two threads in one would mix theirs."""
    stemmers: dict[str, Any] = _OWN.__dict__
    if name not in stemmers:
        stemmers[name] = snowballstemmer.stemmer(name)
    return stemmers[name]


@cache
def _english_name(language: str) -> str:
    """What snowballstemmer and stop_words call a language: "de" is "german"; empty for an unknown code."""
    from babel import Locale, UnknownLocaleError

    try:
        return str(Locale.parse(language, sep="-").get_language_name(ENGLISH)).lower()
    except (UnknownLocaleError, ValueError):
        return ""


@cache
def stop_words(language: str) -> frozenset[str]:
    """Folded words that say nothing about an item: those of the language beside the English ones."""
    from stop_words import AVAILABLE_LANGUAGES, get_stop_words

    name = _english_name(language)
    available = language != ENGLISH and name in AVAILABLE_LANGUAGES
    return STOP_WORDS | frozenset(fold(word) for word in (get_stop_words(name) if available else []))


def tokens(text: str, language: str = ENGLISH) -> list[str]:
    """The text's tokens in order: stemmed words, numbers and single unspaced characters. "8GB" gives "8", "gb"."""
    folded = fold(text)
    pattern = _ASCII_TOKEN if folded.isascii() else _token_pattern()  # the same for ASCII, and much faster
    return [stem(token, language) for token in pattern.findall(folded)]


def token_spans(text: str, language: str = ENGLISH) -> list[tuple[str, int, int]]:
    """The same with where each stands in a text that folding leaves as long as it is: (token, start, end)."""
    return [(stem(match[0], language), *match.span()) for match in _token_pattern().finditer(fold(text))]


def query_words(text: str, language: str = ENGLISH) -> list[QueryWord]:
    """What a query asks for, each once, in order, without stop words."""
    ignored = stop_words(language)
    words = [QueryWord(word, tuple(tokens(word, language))) for word in _words(fold(text))]
    content_words = [word for word in words if word.tokens and word.text not in ignored and not _only_asks(word.text)]
    return list(dict.fromkeys(content_words))


def _only_asks(word: str) -> bool:
    return bool(_HAN.match(word)) and set(word) <= stop_words("zh") | _ASKING


def _words(folded: str) -> list[str]:
    """Spaced words as they are ("t-shirt", "8gb"), Chinese ones as jieba parts them, other unspaced runs as pairs."""
    words: list[str] = []
    for chunk in _chunk_pattern().findall(folded):
        if _HAN.fullmatch(chunk):
            words += chinese_segmenter().lcut(chunk)
        elif re.match(f"[{_UNSPACED}]", chunk):
            words += [chunk[i : i + 2] for i in range(max(1, len(chunk) - 1))]
        else:
            words.append(re.sub("['’]s$", "", chunk))
    return words


_SEGMENT = re.compile(
    f"{_HAN.pattern}|[\u3040-\u309f]+|[\u30a0-\u30ff\u31f0-\u31ff]+|\\d+|[\uac00-\ud7af]+|(?:(?![{_UNSPACED}])[^\\W\\d_])+"
)
"""A run of one script: Japanese changes its script where a word begins; a run of Han characters jieba parts."""


def segments(text: str) -> list[str]:
    """The words of a text as they are written, in any script: "白いのはM码" gives "白", "いのは", "M", "码"."""
    runs = _SEGMENT.findall(text)
    return [word for run in runs for word in (chinese_segmenter().lcut(run) if _HAN.fullmatch(run) else [run])]


def is_unspaced(text: str) -> bool:
    """Whether the text begins with a character of a script in which no spaces part words, or endings are glued."""
    return bool(re.match(f"[{_UNSPACED}]", text))


@cache
def chinese_segmenter() -> Any:  # noqa: ANN401 - the package has no types
    """jieba's segmenter with its own dictionary, which takes a second to read: one for all who do not change it."""
    import jieba

    segmenter = jieba.Tokenizer()
    # what `initialize` does, but for its cache: a file in the folder for temporary files, where anybody may put another
    segmenter.FREQ, segmenter.total = segmenter.gen_pfdict(segmenter.get_dict_file())
    segmenter.initialized = True
    return segmenter


def own_chinese_segmenter() -> Any:  # noqa: ANN401 - as above
    """Another one with the same dictionary, to which words may be added."""
    segmenter = copy(chinese_segmenter())
    segmenter.FREQ = dict(segmenter.FREQ)
    return segmenter


def holds(words: Sequence[str], phrase: Sequence[str]) -> bool:
    """Whether the phrase's tokens stand one after another among the words."""
    return bool(places(words, phrase))


def places(words: Sequence[str], phrase: Sequence[str]) -> list[int]:
    """Where the phrase's tokens begin to stand one after another among the words."""
    span, first = len(phrase), phrase[0]
    last = len(words) - span
    return [i for i in range(last + 1) if words[i] == first and tuple(words[i : i + span]) == tuple(phrase)]
