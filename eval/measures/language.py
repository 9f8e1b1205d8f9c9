"""Whether a text is written in a language: by its script where that decides, else by lingua's n-gram models."""

import re
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lingua import LanguageDetector

_KANA, _HANGUL = re.compile(r"[\u3040-\u30ff]"), re.compile(r"[\uac00-\ud7af]")
_HAN = re.compile(r"[\u3400-\u9fff]")
_QUOTED = re.compile(r"[“「『«„][^”」』»“]*[”」』»“]")
_WORD = re.compile(r"[^\W\d_]{2,}")
_FEWEST = 4
"""Below so many words nothing can be told, and nothing is held against the text."""

_UNSURE = 0.25
"""A language may be this much less likely than the likeliest: item names and loan words pull short texts elsewhere."""


def written_in(text: str, language: str, names: Iterable[str] = ()) -> bool:
    """True when the text is in the language (ISO 639-1), or too short to tell; names and quotations are left out."""
    bare = _QUOTED.sub(" ", text)
    for name in sorted(names, key=len, reverse=True):
        bare = bare.replace(name, " ")
    script = _language_of_script(bare)
    if script is not None or language in {"zh", "ja", "ko"}:
        return script == language or not _WORD.search(bare)
    words = _WORD.findall(bare)
    if len(words) < _FEWEST:
        return True
    likely = _detector().compute_language_confidence_values(" ".join(words))
    confidence = {entry.language.iso_code_639_1.name.lower(): entry.value for entry in likely}
    return confidence.get(language, 0.0) >= max(confidence.values()) - _UNSURE


def _language_of_script(text: str) -> str | None:
    if _KANA.search(text):
        return "ja"
    if _HANGUL.search(text):
        return "ko"
    return "zh" if _HAN.search(text) else None


@cache
def _detector() -> "LanguageDetector":
    """lingua's models of the languages in Latin and Cyrillic script, loaded once; this takes about a second."""
    from lingua import Language, LanguageDetectorBuilder

    names = ("ENGLISH", "GERMAN", "FRENCH", "SPANISH", "ITALIAN", "PORTUGUESE", "RUSSIAN")
    return LanguageDetectorBuilder.from_languages(*(getattr(Language, name) for name in names)).build()
