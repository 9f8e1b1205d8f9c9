"""What an item's text says it does not have: "no plastic", "caffeine-free", "does not contain nuts", "不含糖".

A filter against a term lets an item pass whose every mention of the term is such a denial. What is not surely a denial
counts as a mention, "no added sugar" and "not gluten-free" among it: a wrong item costs more than one left out.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import takewhile
from typing import Final

from tools.store.words import BREAK, places, tokens

REACH: Final = 3
"""The most tokens between a denying word and the term."""

_BEFORE: Final = (
    "no not non without zero never neither nor free 0"
    " ohne kein keine keinen keiner keines frei sans pas ni sin senza sem zonder geen без 不 无 無 没 沒 零 免"
)
"""Words that deny what follows; "free" and "frei" do with a preposition: "free of nickel"."""

_AFTER: Final = "free frei"
"""Words that deny what stands before them: "nickel-free"."""

_VALUES: Final = "no none false nein keine non aucun ninguno nessuno não nee нет 无 無 否 没有"
"""Values of an attribute that deny its name: "certificate: no"."""

_BETWEEN: Final = (
    "any all contain contains containing include includes use uses used need needs have of from"
    " von de d del enthält contient contiene 含 有 使 用 任 何"
)
"""Words that may stand between a denying word and the term."""

_PREPOSITIONS: Final = "of from von"

_PUNCTUATION: Final = re.compile(r"[.!?;:,()\[\]|/<>•·…–—\n\r\t。！？；：，、（）]+|\s-+\s")
"""Between clauses; a hyphen within a word parts none."""


def all_denied(texts: Iterable[str], phrase: Sequence[str], language: str) -> bool:
    """Whether every mention of a phrase in an item's texts is denied.

    Args:
        phrase: tokens that stand one after another.
    """
    return all(_are_denied(text, places(tokens(text, language), phrase), phrase, language) for text in texts)


def near(phrase: str, language: str) -> str:
    """An FTS5 query for items in which a denying word stands near a quoted phrase."""
    return " OR ".join(f'NEAR({phrase} "{word}", {REACH})' for word in sorted(_denying(language)))


def denial_near(words: Sequence[str], phrase: Sequence[str], language: str) -> bool:
    """Whether a denying word stands near a phrase; without one its mention is no denial."""
    window, denying = REACH + 1, _denying(language)
    return any(
        not denying.isdisjoint(words[max(0, start - window) : start + len(phrase) + window])
        for start in places(words, phrase)
    )


@cache
def _denying(language: str) -> frozenset[str]:
    """The tokens without one of which nothing is denied."""
    return _stems(_BEFORE, language) | _stems(_AFTER, language) | _stems(_VALUES, language)


def _are_denied(text: str, mentions: list[int], phrase: Sequence[str], language: str) -> bool:
    """Whether so many mentions are denied; one that spans two clauses is none in a clause, and so not denied."""
    if not mentions:
        return True
    clauses = _clauses(text, language)
    denied = [_is_denied(clauses, place, place + len(phrase), language) for place in places(clauses, phrase)]
    return sum(denied) == len(mentions)


def _clauses(text: str, language: str) -> list[str]:
    """The tokens, with a break between clauses: "Vegan? No. Milk and eggs" denies no milk."""
    return [token for clause in _PUNCTUATION.split(text) for token in [*tokens(clause, language), BREAK]]


def _is_denied(words: Sequence[str], start: int, end: int, language: str) -> bool:
    between, after = _stems(_BETWEEN, language), _stems(_AFTER, language)
    fillers = list(takewhile(between.__contains__, reversed(words[max(0, start - REACH) : start])))
    place = start - len(fillers) - 1
    denies = place >= 0 and words[place] in _stems(_BEFORE, language)
    of = _stems(_PREPOSITIONS, language)
    if words[end] in after and words[end + 1] not in of:
        return not fillers and not denies
    if denies:
        return not _is_weakened(words, place, language) and (words[place] not in after or not of.isdisjoint(fillers))
    return (
        (start == 0 or words[start - 1] == BREAK)
        and words[end] in _stems(_VALUES, language)
        and words[end + 1] == BREAK
    )


def _is_weakened(words: Sequence[str], place: int, language: str) -> bool:
    """Whether a denial is itself denied: "not without nuts"."""
    return place > 0 and words[place - 1] in _stems(_BEFORE, language) | {"t"}


@cache
def _stems(words: str, language: str) -> frozenset[str]:
    return frozenset(token for word in words.split() for token in tokens(word, language))
