"""One form of a message for matching: composed characters, digits for numbers in words, lower case."""

import unicodedata

from assistant.understanding.lexicon import has_cjk

_ENGLISH_LIKE = {"en", "de", "fr", "es", "it", "pt"}


def normalise(text: str, language: str) -> str:
    """The message as the patterns read it: "Under sixty dollars" becomes "under 60 dollars"."""
    plain = unicodedata.normalize("NFKC", text).replace("’", "'")
    if has_cjk(plain):
        import cn2an

        plain = str(cn2an.transform(plain, "cn2an"))
    elif language in _ENGLISH_LIKE:
        from text_to_num import alpha2digit

        plain = str(alpha2digit(plain, language))
    return plain.casefold()
