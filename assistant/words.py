"""Words of a text as stems, for comparing what two texts speak of."""

import re
import threading
from functools import cache

import snowballstemmer

from assistant.understanding.lexicon import load_lexicon

_OWN = threading.local()
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*|[\u3400-\u9fff]")


def stems(text: str) -> set[str]:
    """Every word of the text, lower case and stemmed (Porter2)."""
    return {_stem(part) for word in _WORD.findall(text.casefold()) for part in re.split(r"[-’']", word) if part}


def content_stems(text: str) -> set[str]:
    """The stems of the words that say something."""
    return {
        _stem(word) for word in _WORD.findall(text.casefold()) if word not in load_lexicon().ignored and len(word) > 1
    }


@cache
def _stem(word: str) -> str:
    return str(_stemmer().stemWord(word))


def _stemmer() -> snowballstemmer.stemmer:
    """The thread's own: a stemmer holds the word that it works on, and two threads in one would mix theirs."""
    if not hasattr(_OWN, "stemmer"):
        _OWN.stemmer = snowballstemmer.stemmer("english")
    return _OWN.stemmer
