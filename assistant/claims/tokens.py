"""Words, numbers and marks of a text, and the keys by which two words are the same one."""

import re
import threading
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import snowballstemmer

from assistant.understanding.lexicon import has_cjk
from tools.store.words import own_chinese_segmenter

LANGUAGES = ("en", "zh", "de", "fr", "es")
_STEMMERS = {"en": "english", "de": "german", "fr": "french", "es": "spanish"}

_PIECES = re.compile(
    r"(?P<number>\d+(?:[.,]\d+)*)"
    r"|(?P<cjk>[\u3400-\u9fff々〇]+)"
    r"|(?P<word>[^\W\d_\u3400-\u9fff]+(?:['’][^\W\d_\u3400-\u9fff]+)*)"
    r"|(?P<mark>\S)"
)
_ELIDED = re.compile(r"^(?:l|d|n|s|c|j|m|t|qu|jusqu|lorsqu)['’](?=\w)")
_DERIVED = re.compile(r"(?:abl|ibl|ment|ness|ful|ing|ion|ie|er|or|ist|y)$")
_LOCK = threading.Lock()


@dataclass(frozen=True, slots=True)
class Token:
    """A word, number or mark in small letters; ``start`` and ``end`` in the text it was read from."""

    text: str
    start: int
    end: int
    kind: str = "word"

    @property
    def is_word(self) -> bool:
        return self.kind == "word"


def plain(text: str, language: str) -> str:
    """The text as the check reads it: composed characters, one kind of apostrophe, small letters."""
    return unicodedata.normalize("NFKC", text).replace("’", "'").replace("‑", "-").casefold()


def tokenise(text: str, language: str) -> list[Token]:
    """The text's tokens in order. Chinese is segmented, elided articles and hyphens are cut off."""
    tokens: list[Token] = []
    for match in _PIECES.finditer(text):
        start, kind = match.start(), str(match.lastgroup)
        if kind == "cjk":
            for word in _segmenter().cut(match.group(), HMM=False):
                tokens.append(Token(word, start, start + len(word)))
                start += len(word)
            continue
        word = match.group()
        if kind == "word":
            tokens += _word(word, start, language)
            continue
        tokens.append(Token(word, start, match.end(), kind))
    return tokens


def _word(word: str, start: int, language: str) -> list[Token]:
    if language == "fr" and (elided := _ELIDED.match(word)):
        cut = elided.end()
        return [Token(word[: cut - 1], start, start + cut), Token(word[cut:], start + cut, start + len(word))]
    if word.endswith("n't"):
        return [
            Token(word[:-3] or word, start, start + len(word) - 3),
            Token("n't", start + len(word) - 3, start + len(word)),
        ]
    for ending in ("'s", "'"):
        if word.endswith(ending) and len(word) > len(ending):
            return [Token(word.removesuffix(ending), start, start + len(word))]
    return [Token(word, start, start + len(word))]


def stem_of(token: Token, language: str) -> str:
    """What two inflections of one word have in common."""
    return token.text if has_cjk(token.text) or not token.is_word else stem(token.text, language)


@lru_cache(maxsize=200_000)
def stem(word: str, language: str) -> str:
    """A word's stem (Snowball); accents folded, as people leave them out."""
    name = _STEMMERS.get(language, "english")
    with _LOCK:  # a stemmer holds the word that it works on
        stemmed = str(_stemmer(name).stemWord(word))
    return "".join(c for c in unicodedata.normalize("NFD", stemmed) if not unicodedata.combining(c))


@lru_cache(maxsize=100_000)
def word_keys(word: str, language: str) -> frozenset[str]:
    """Every key of an inflected or derived word: its stem, its lemma's stem, and its root ("dimmable", "dim")."""
    if has_cjk(word):
        return frozenset({word})
    keys = {word, stem(word, language)}
    if language in _STEMMERS and not (language == "en" and word.endswith(("er", "est"))):
        lemma = lemmatise(word, language)
        keys |= {lemma, stem(lemma, language)}
    if language == "en":
        for key in list(keys):
            root = _DERIVED.sub("", key)
            if len(root) >= 4 or (len(root) == 3 and root != key):
                keys.add("~" + re.sub(r"([bdgmnprt])\1$", r"\1", root).removesuffix("e"))
    return frozenset(keys)


def lemmatise(word: str, language: str) -> str:
    """The dictionary form of a word."""
    import simplemma

    return str(simplemma.lemmatize(word, lang=language)).casefold()


@cache
def _stemmer(name: str) -> Any:  # noqa: ANN401 - the package has no types
    return snowballstemmer.stemmer(name)


_GRAMMATICAL = frozenset(
    {
        "r",
        "p",
        "c",
        "f",
        "q",
        "y",
        "d",
        "e",
        "o",
        "k",
        "uj",
        "ul",
        "ud",
        "ug",
        "uv",
        "uz",
        "u",
        "df",
        "dg",
        "rr",
        "rz",
        "mq",
    }
)
"""Parts of speech of jieba's dictionary whose words state no fact: pronouns, prepositions, conjunctions, adverbs,
measure words, places, particles."""


_COMMON = frozenset({"v", "vd"})
_OFTEN = 1500
"""Verbs that are as frequent as this in jieba's corpus are too general to state a property; those that state one, such
as 防水, are concepts of the lexicon."""


@cache
def _parts_of_speech() -> dict[str, tuple[str, int]]:
    import jieba

    with jieba.Tokenizer().get_dict_file() as file:
        lines = [line.decode("utf-8").split() for line in file]
    return {line[0]: (line[2], int(line[1])) for line in lines if len(line) == 3}


def is_grammatical(word: str) -> bool:
    """True when a Chinese word is one of grammar rather than of meaning."""
    tag, count = _parts_of_speech().get(word, ("", 0))
    return tag in _GRAMMATICAL or (tag in _COMMON and count >= _OFTEN)


def is_word(word: str) -> bool:
    """True when jieba's dictionary has the Chinese word."""
    return word in _parts_of_speech()


def is_measure_word(word: str) -> bool:
    """True for what stands between a number and what is counted."""
    return _parts_of_speech().get(word, ("", 0))[0] == "q"


@cache
def _segmenter() -> Any:  # noqa: ANN401 - the package has no types
    """Chinese word segmentation that knows the words of the lexicon."""
    from assistant.claims.lexicon import chinese_words  # the lexicon is itself read by these tokens

    tokenizer = own_chinese_segmenter()
    for word in chinese_words():
        tokenizer.suggest_freq(word, tune=True)
    return tokenizer
