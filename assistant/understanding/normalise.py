"""One form of a message for matching: composed characters, digits for numbers in words, lower case."""

import unicodedata
from functools import cache
from typing import TYPE_CHECKING

from assistant.understanding.lexicon import has_cjk

if TYPE_CHECKING:
    from opencc import OpenCC

_ENGLISH_LIKE = {"en", "de", "fr", "es", "it", "pt"}


def normalise(text: str, language: str) -> str:
    """The message as the patterns read it: "Under sixty dollars" becomes "under 60 dollars", 籃球 becomes 篮球."""
    plain = unicodedata.normalize("NFKC", text).replace("’", "'")
    if has_cjk(plain):
        import cn2an

        plain = str(cn2an.transform(_to_simplified().convert(plain), "cn2an"))
    elif language in _ENGLISH_LIKE:
        from text_to_num import alpha2digit

        plain = str(alpha2digit(plain, language))
    return plain.casefold()


@cache
def _to_simplified() -> "OpenCC":
    """Traditional to simplified characters: the lexicon is written in the latter, and Whisper writes either."""
    from opencc import OpenCC

    return OpenCC("t2s")
