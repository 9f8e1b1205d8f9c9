"""Words of a text as stems, for comparing what two texts speak of."""

import re

from assistant.understanding.lexicon import load_lexicon
from tools.store.words import stem

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*|[\u3400-\u9fff]")


def stems(text: str) -> set[str]:
    """Every word of the text, lower case and stemmed (Porter2)."""
    return {stem(part) for word in _WORD.findall(text.casefold()) for part in re.split(r"[-’']", word) if part}


def content_stems(text: str) -> set[str]:
    """The stems of the words that say something."""
    return {
        stem(word) for word in _WORD.findall(text.casefold()) if word not in load_lexicon().ignored and len(word) > 1
    }
