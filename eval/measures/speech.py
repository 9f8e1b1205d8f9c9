"""The word error rate of transcripts by jiwer, and what is made alike before words are compared.

Both sides are brought to one form, so that only what was heard differently counts: NFKC, lower case, number words as
digits (`text_to_num`, for Chinese `cn2an`), "$60", "60 $" and "60 USD" as "60 dollars", percent signs as words, English
contractions written out, no punctuation. Chinese, Japanese and Thai have no spaces between words: there every character
is a word, so that the rate is a character error rate.
"""

import re
import unicodedata
from dataclasses import dataclass

import jiwer

from assistant.understanding.lexicon import has_cjk

_CURRENCIES = {"$": "dollars", "€": "euros", "£": "pounds", "¥": "yuan"}
_CHINESE = {"$": "美元", "€": "欧元", "£": "英镑", "¥": "元"}
_SAME = {"dollar": "dollars", "usd": "dollars", "bucks": "dollars", "euro": "euros", "eur": "euros"}
_SAME |= {"pound": "pounds", "gbp": "pounds", "one": "1"}  # number words below two are left as words by text_to_num
_BEFORE = re.compile(r"(?:us)?([$€£¥])\s*(\d[\d.,]*\d|\d)")
_MARK = re.compile(r"(?:us)?([$€£¥])")
_CJK = re.compile(r"([\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f])")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_POINT = re.compile(r"(?<=\d)[.](?=\d)")
_NOT_WORDS = re.compile(r"[^\w\s·]|_")
_contractions = jiwer.ExpandCommonEnglishContractions()


@dataclass(frozen=True)
class ErrorRate:
    """Errors (substitutions, deletions, insertions) against the words of the reference."""

    errors: int
    words: int

    @property
    def rate(self) -> float:
        """Errors a word of the reference; of an empty reference, 1 where anything was heard."""
        return self.errors / self.words if self.words else float(self.errors > 0)


def error_rate(reference: str, transcript: str, language: str | None = None) -> ErrorRate:
    """The error rate of a transcript, after `normalised`; ``language`` is that of the number words."""
    language = language or ("zh" if has_cjk(reference) else "en")
    expected, actual = normalised(reference, language), normalised(transcript, language)
    if not expected or not actual:
        return ErrorRate(len(expected.split()) + len(actual.split()), len(expected.split()))
    alignment = jiwer.process_words(expected, actual)
    return ErrorRate(alignment.substitutions + alignment.deletions + alignment.insertions, len(expected.split()))


def normalised(text: str, language: str) -> str:
    """The text in the form in which words are compared, single spaces between them."""
    plain = unicodedata.normalize("NFKC", text).replace("’", "'").casefold()
    if language == "en":
        plain = _contractions(plain)
    marks = _CHINESE if language == "zh" else _CURRENCIES
    plain = _MARK.sub(lambda mark: f" {marks[mark[1]]} ", _BEFORE.sub(r"\2 \1", plain))
    plain = _THOUSANDS.sub("", _digits(plain, language)).replace("%", " percent ")
    plain = _NOT_WORDS.sub(" ", _POINT.sub("·", plain))
    return " ".join(_SAME.get(word, word) for word in _CJK.sub(r" \1 ", plain).split())


def _digits(text: str, language: str) -> str:
    if has_cjk(text):
        import cn2an

        return str(cn2an.transform(text, "cn2an"))
    if language in {"en", "de", "fr", "es", "it", "pt"}:
        from text_to_num import alpha2digit

        return str(alpha2digit(text.replace("-", " "), language))
    return text
