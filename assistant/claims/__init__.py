"""Holds an explanation to its evidence, claim by claim.

A sentence is read into claims: numbers with what they measure, names, colours, materials, qualities, stock,
comparisons, quotations, each with its polarity. A claim stands when the evidence says the same of the same thing.
Words that state nothing of an item are listed (``words/``); whatever else the evidence does not hold is refused, so
that a wrong refusal costs style, not truth. A classifier (`entailment`) looks once more at what stands.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from assistant.claims.checking import SentenceCheck
from assistant.claims.comparing import Comparing, OtherItem
from assistant.claims.entailment import Entailment
from assistant.claims.ground import ECHOES, Grounding, ground_of
from assistant.claims.marks import QUOTED, Marks
from assistant.claims.reading import Mark, read
from assistant.claims.tokens import LANGUAGES
from assistant.privacy.masking import MARK
from assistant.records import Evidence
from assistant.understanding.language import detect_language
from assistant.understanding.lexicon import has_cjk
from assistant.understanding.names import name_index
from tools.records import Vocabulary

MAX_CHARACTERS = 400
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af《》“”]+")

__all__ = [
    "ECHOES",
    "Explanation",
    "OtherItem",
    "PriceLimit",
    "denied_words",
    "load_claims",
    "named_currency",
    "unsupported",
]


@dataclass(frozen=True)
class PriceLimit:
    """The highest price that the customer named; no currency where none was named."""

    amount: float
    currency: str | None = None


@dataclass(frozen=True)
class Explanation:
    """A sentence about one item and what it may rest on."""

    text: str
    title: str
    evidence: list[Evidence]
    language: str
    evidence_language: str = "en"
    wish: str = ""
    limit: PriceLimit | None = None
    others: tuple[OtherItem, ...] = ()


def unsupported(explanation: Explanation, vocabulary: Vocabulary, entailment: Entailment | None = None) -> list[str]:
    """The claims that the evidence does not hold; empty when the explanation stands.

    Args:
        entailment: the classifier that looks once more at what dictionaries and grammar let stand.
    """
    text = explanation.text.strip()
    if not text or len(text) > MAX_CHARACTERS or MARK in text:
        return ["empty, too long or with something masked in it"]
    language = explanation.language if explanation.language in LANGUAGES else "en"
    if not _is_in(_without_names(text, explanation), explanation.language):
        return [f"not in the language {explanation.language}"]
    ground = ground_of(explanation.title, explanation.evidence, explanation.evidence_language)
    wish = Grounding(language)
    wish.add_text(explanation.wish, "wish")
    marks = Marks(
        explanation.title, _other_titles(explanation, ground), _brands(vocabulary), language, tuple(ground.attributes)
    )
    problems = SentenceCheck(ground, wish, _comparing(explanation, ground), language).run(text, marks)
    if not problems and entailment and entailment.is_unsupported(explanation):
        return ["what no evidence says"]
    return problems


def _without_names(text: str, explanation: Explanation) -> str:
    """The text without its quotations and titles, which are in the catalogue's language."""
    for title in [explanation.title, *(other.title for other in explanation.others)]:
        text = re.sub(re.escape(title), " ", text, flags=re.IGNORECASE)
    return QUOTED.sub(" ", text)


def _is_in(text: str, language: str) -> bool:
    """Whether the text is in the language; Chinese names may stand in any."""
    if language in ("zh", "ja", "ko"):
        return has_cjk(text)
    foreign = _CJK.sub(" ", text)
    return detect_language(foreign, default=language) == language


def _other_titles(explanation: Explanation, ground: Grounding) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*ground.liked, *(other.title for other in explanation.others)]))


def _comparing(explanation: Explanation, ground: Grounding) -> Comparing:
    limit = explanation.limit
    return Comparing(
        price=ground.price,
        currency=ground.currency,
        limit=limit.amount if limit else None,
        limit_currency=limit.currency if limit else None,
        within=ground.within,
        others=explanation.others,
    )


def _brands(vocabulary: Vocabulary) -> Callable[[str], Iterable[Mark]]:
    index = name_index(vocabulary)

    def find(text: str) -> Iterable[Mark]:
        return [Mark(match.start, match.end, "brand", match.name) for match in index.find(text, {"brand"})]

    return find


def load_claims() -> None:
    """Load the words and dictionaries of the check, some seconds of work that a caller may want done ahead."""
    for language, text in (("en", "a very light chair"), ("zh", "这把椅子很轻")):
        ground = Grounding(language)
        ground.add_text(text, "quote")
        for span in read("轻巧", "zh"):
            ground.find(span)


def denied_words(words: list[str], text: str) -> set[str]:
    """Those of the words that the text only denies: "not waterproof", "without leather"."""
    ground = Grounding("en")
    ground.add_text(text, "quote")
    denied = set()
    for word in words:
        hits = [hit for span in read(word, "en") if span.is_content for hit in ground.find(span)]
        if hits and all(hit.span.negative for hit in hits):
            denied.add(word)
    return denied


def named_currency(text: str) -> str | None:
    """The ISO 4217 code of the currency that a text names, by mark or word."""
    spans = read(text, "zh" if has_cjk(text) else "en")
    return next((code for span in spans for code in span.of("money")), None)
