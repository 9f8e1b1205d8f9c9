"""Holds an explanation to its evidence, by code.

An explanation stands when every number in it is in the cited evidence, every quotation is, every brand, colour and
material it names is, and, where evidence and explanation share a language, every other word that says something about
the item is too. What fails is replaced by a template built from the evidence: a wrong refusal costs style, not truth.
"""

import re
from dataclasses import dataclass
from functools import cache

from assistant.privacy.masking import MARK
from assistant.records import Evidence
from assistant.understanding.language import detect_language
from assistant.understanding.lexicon import alternatives, has_cjk, load_lexicon
from assistant.understanding.normalise import normalise
from assistant.words import stems
from prompts import glue_words
from tools.records import Vocabulary

MAX_CHARACTERS = 400
ECHOES = frozenset({"dense", "picture_text", "text_picture"})
"""Sources whose entries hold the user's words, not the item's."""

_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_QUOTED = re.compile(r"[\"“„«]([^\"”“»]{2,})[\"”»]")
_LATIN = re.compile(r"[A-Za-z][A-Za-z'-]+")


@dataclass(frozen=True)
class Claim:
    """An explanation and what it may rest on."""

    text: str
    title: str
    evidence: list[Evidence]
    language: str
    evidence_language: str = "en"

    @property
    def ground(self) -> str:
        """Everything the explanation may repeat. Entries that repeat the wish say nothing of the item itself."""
        details = [self.of_the_item(entry.detail) for entry in self.evidence if entry.source not in ECHOES]
        return "\n".join([self.title, *details])

    def of_the_item(self, text: str) -> str:
        """The text without what is said of other items and of people: whole titles and counts of the cited entries.

        Somebody who liked a "Red Sofa" may be told so, but nothing here becomes red by that.
        """
        for entry in self.evidence:
            for title in sorted(entry.facts.get("titles", []), key=len, reverse=True):
                text = re.sub(re.escape(title), " ", text, flags=re.IGNORECASE)
            if people := entry.facts.get("people"):
                text = re.sub(rf"(?<!\d){people}\s*{_people_words()}", " ", text, flags=re.IGNORECASE)
        return text


def problems(claim: Claim, vocabulary: Vocabulary) -> list[str]:
    """What in the explanation the evidence does not hold; empty when it stands."""
    text = claim.text.strip()
    if not text or len(text) > MAX_CHARACTERS or MARK in text:
        return ["empty, too long or with something masked in it"]
    if detect_language(text, default=claim.language) != claim.language:
        return [f"not in the language {claim.language}"]
    text = claim.of_the_item(text)
    found = (
        _numbers(text, claim.ground, claim.language)
        + _quotes(text, claim.ground)
        + _names(text, claim.ground, vocabulary)
    )
    found += _stock(text, claim.evidence)
    if claim.language == claim.evidence_language:
        return found + _words(text, claim.ground)
    return found + _foreign_words(text, claim.ground)


@cache
def _people_words() -> str:
    return alternatives(load_lexicon().interest["people"])


def _numbers(text: str, ground: str, language: str) -> list[str]:
    """Numbers that the ground does not hold; one in words ("vier Personen") is one too."""
    text = normalise(text, language)
    held = {_value(number) for form in (ground, normalise(ground, "en")) for number in _NUMBER.findall(form)}
    return [f"number {number}" for number in _NUMBER.findall(text) if _value(number) not in held]


def _value(number: str) -> float:
    return float(number.replace(",", ""))


def _quotes(text: str, ground: str) -> list[str]:
    low = " ".join(ground.casefold().split())
    return [
        f"quotation {quote!r}"
        for quote in _QUOTED.findall(text)
        if " ".join(quote.casefold().split()).rstrip(".,") not in low
    ]


def _names(text: str, ground: str, vocabulary: Vocabulary) -> list[str]:
    """Brands, colours and materials, in any language's spelling."""
    text, ground = text.casefold(), ground.casefold()
    lexicon = load_lexicon()
    found = [
        f"brand {brand}" for brand in vocabulary.brands if _mentions(text, [brand]) and not _mentions(ground, [brand])
    ]
    found += [
        f"{word}" for word in lexicon.attributes
        if _mentions(text, lexicon.terms[word]) and not _mentions(ground, lexicon.terms[word])
    ]  # fmt: skip
    return found


def _stock(text: str, evidence: list[Evidence]) -> list[str]:
    """Whether something is in stock, or sold out, is said only where an entry says so: the user's words are none."""
    lexicon, low = load_lexicon(), text.casefold()
    if re.search(alternatives(lexicon.sold_out), low):
        return ["sold out"]
    in_stock = any(entry.source == "stock" for entry in evidence)
    return ["in stock"] if re.search(alternatives(lexicon.stock), low) and not in_stock else []


def _mentions(text: str, words: list[str]) -> bool:
    # Single CJK characters are parts of other words too often to count as a mention.
    usable = [word.casefold() for word in words if not (len(word) == 1 and has_cjk(word))]
    return bool(re.search(alternatives(usable), text))


def _words(text: str, ground: str) -> list[str]:
    allowed = stems(ground) | {stem for word in glue_words() for stem in stems(word)}
    return [f"word {stem}" for stem in sorted(stems(text) - allowed) if len(stem) > 1]


def _foreign_words(text: str, ground: str) -> list[str]:
    """In another language than the evidence's, what is comparable: Latin words and the glossary's nouns."""
    if not has_cjk(text):
        return []
    low = ground.casefold()
    found = [f"word {word}" for word in _LATIN.findall(text) if word.casefold() not in low]
    for english, foreign in load_lexicon().glossary.items():
        names = [word for word in foreign if has_cjk(word) and len(word) > 1]
        if any(name in text for name in names) and not stems(english) <= stems(ground):
            found.append(f"word {english}")
    return found
