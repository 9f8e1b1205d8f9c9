"""One form of a message's characters that keeps every position: ASCII digits, plain signs, one kind of fixed space."""

import unicodedata
from functools import lru_cache

FIXED_SPACE = "\u00a0"
_FIXED_SPACES = "\u00a0\u202f\u2009\u2007"
_REPLACEMENTS = {
    **dict.fromkeys("’´`ʼ‘", "'"),
    "\u3000": " ",
    "⹁": ",",
    "﹩": "$",
    **dict(zip("億萬兩貳參陸", "亿万两贰叁陆", strict=True)),
}


def plain(text: str) -> str:
    """The text with digits of any script as ASCII and full-width forms as plain ones, character by character."""
    return text if text.isascii() else "".join(map(_plain_character, text))


def fold(text: str) -> str:
    """The text in lower case, character by character."""
    return "".join(lower if len(lower := character.lower()) == 1 else character for character in text)


@lru_cache(maxsize=8_192)
def _plain_character(character: str) -> str:
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    if character in _FIXED_SPACES:
        return FIXED_SPACE
    if unicodedata.category(character) == "Cs":  # half a character, which libraries that encode their input end at
        return "\ufffd"
    if character in _REPLACEMENTS:
        return _REPLACEMENTS[character]
    form = unicodedata.normalize("NFKC", character)
    return form if len(form) == 1 and unicodedata.category(character) != "No" else character
