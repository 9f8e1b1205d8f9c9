"""Which language a message is written in."""

import re
from functools import cache
from typing import TYPE_CHECKING

from assistant.understanding.lexicon import load_lexicon

if TYPE_CHECKING:
    from lingua import LanguageDetector

_SURE = 0.55
_SAMPLE = 1_000
"""Characters from which the language is told; more of them cost time and tell no more."""

_LANGUAGES = (
    "ENGLISH", "CHINESE", "JAPANESE", "KOREAN", "GERMAN", "FRENCH", "SPANISH", "ITALIAN", "PORTUGUESE", "RUSSIAN",
)  # fmt: skip
_CJK = {"ja", "ko", "zh"}
_SCRIPTS = (
    (re.compile(r"[\u3040-\u30ff]"), "ja"),
    (re.compile(r"[\uac00-\ud7af]"), "ko"),
    (re.compile(r"[\u3400-\u9fff]"), "zh"),
)


def detect_language(text: str, *, default: str) -> str:
    """ISO 639-1 code of the text's language; ``default`` when the text is too short to tell.

    Scripts that name their language and common English words decide at once; lingua's n-gram models decide the rest.
    """
    for script, code in _SCRIPTS:
        if script.search(text):
            return code
    words = re.findall(r"[^\W\d_]+(?:'\w+)?", text.casefold())
    if len(load_lexicon().english.intersection(words)) >= 2:
        return "en"
    if words and default in _CJK:
        default = "en"
    if len(words) < 2:
        return default
    best = load_detector().compute_language_confidence_values(text[:_SAMPLE])[0]
    return best.language.iso_code_639_1.name.lower() if best.value >= _SURE else default


@cache
def load_detector() -> "LanguageDetector":
    """lingua's models, loaded once; a second of work that a caller may want done ahead."""
    from lingua import Language, LanguageDetectorBuilder

    languages = [getattr(Language, name) for name in _LANGUAGES]
    return LanguageDetectorBuilder.from_languages(*languages).with_preloaded_language_models().build()
