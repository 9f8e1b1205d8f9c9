"""What stands between two wishes of one message: a mark, or the word of a language that joins the last of a list.

Marks also end clauses.
"""

import re
from functools import cache
from typing import Final

from assistant.understanding.lexicon import has_cjk
from tools.store.words import fold, stop_words

LANGUAGES: Final = ("en", "zh", "ja", "ko", "de", "fr", "es", "pt", "nl", "ru", "it", "pl", "tr")
"""Languages whose lists are read in any message: short ones are often told apart wrongly."""

_MARK = r"[,.](?!\d)|(?<!\d)[,.]|[;，；。、+&\n]"
_CLAUSE_END = re.compile(rf"{_MARK}|[!?:！？：…]")
_PLACES = re.compile(r"\{\d\}")


@cache
def joint(language: str) -> re.Pattern[str]:
    """Finds what joins the members of a list.

    Words come from CLDR's list patterns ("{0} und {1}"). One of another language counts where it is no word of this:
    Dutch "en" is "in" in French.
    """
    own_words = _joining_words(language)
    words = {word for other_language in LANGUAGES for word in _joining_words(other_language)} - stop_words(
        language
    ) | own_words
    spaced = sorted(re.escape(word) for word in words if not has_cjk(word))
    unspaced = sorted(re.escape(word) for word in words if has_cjk(word))
    return re.compile("|".join([_MARK, rf"\b(?:{'|'.join(spaced)})\b", *unspaced]), re.IGNORECASE)


def clauses(text: str) -> list[str]:
    """What stands between marks, without needless spaces."""
    parts = (" ".join(part.split()) for part in _CLAUSE_END.split(text))
    return [part for part in parts if any(map(str.isalpha, part))]


def has_mark(text: str) -> bool:
    """Whether a mark that ends a clause stands in the text."""
    return _CLAUSE_END.search(text) is not None


@cache
def _joining_words(language: str) -> frozenset[str]:
    from babel import Locale, UnknownLocaleError  # late: locale data take a moment to load

    try:
        patterns = Locale.parse(language, sep="-").list_patterns["standard"]
    except (UnknownLocaleError, ValueError):
        return frozenset()
    between = (_PLACES.sub(" ", patterns[kind]) for kind in ("end", "2"))
    return frozenset(fold(word) for text in between for word in re.findall(r"[^\W\d_]+", text))
