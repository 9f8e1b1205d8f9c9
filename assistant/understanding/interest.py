"""What a message says of earlier recommendations, and for whom it asks: "I like the second", "not that one", "for my
father". All of it is read by rules; the words stand in ``lexicon.yaml`` under ``interest`` and ``recipients``."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

from assistant.records import Recommendation
from assistant.understanding.lexicon import alternatives, has_cjk, load_lexicon

Stance = Literal["liked", "rejected"]
Span = tuple[int, int]
_NEVER = "\0"
NEAR = 100
"""How many characters before and after a reference are read for what is said of it."""

_HAN = "[\u3400-\u9fff]"


@dataclass(frozen=True)
class Opinion:
    """What was said of one earlier recommendation, and where, the recommendation's own words included."""

    item: Recommendation
    stance: Stance
    span: Span


def find_opinions(text: str, found: list[tuple[Recommendation, Span]], shown: list[Recommendation]) -> list[Opinion]:
    """The opinions in a normalised message.

    Args:
        text: the message.
        found: the recommendations it points at, and where (`assistant.understanding.references`).
        shown: all of the last ranking; "none of these" rejects them together.
    """
    if shown and (match := _pattern("none").search(text)):
        return [Opinion(item, "rejected", match.span()) for item in shown]
    return [opinion for item, span in found if (opinion := _opinion(text, item, span))]


def _opinion(text: str, item: Recommendation, span: Span) -> Opinion | None:
    """A rejection is looked for first: "I don't like the first" holds "like" too."""
    before, after = text[max(0, span[0] - NEAR) : span[0]], text[span[1] : span[1] + NEAR]
    shift = max(0, span[0] - NEAR)
    stances: tuple[tuple[Stance, str], ...] = (("rejected", "reject"), ("liked", "like"))
    for stance, words in stances:
        if match := _ending(words).search(before):
            end = span[1]
            if follow := _beginning(f"{words}_around").match(after):  # "ich mag das zweite nicht"
                end += follow.end()
            return Opinion(item, stance, (shift + match.start(), end))
        if match := _beginning(words).match(after):
            return Opinion(item, stance, (span[0], span[1] + match.end()))
    return None


def recipient(text: str) -> str | None:
    """For whom a normalised message asks, in its own words: "for my father"; "" for the user; None: it doesn't say."""
    if match := _recipients("somebody").search(text):
        return match.group().strip()
    return "" if _recipients("oneself").search(text) else None


def open_wishes(text: str) -> list[Span]:
    """Where a normalised message leaves it to the assistant what to recommend ("surprise me")."""
    return [match.span() for match in _pattern("open").finditer(text)]


def asks_for_others(text: str) -> Span | None:
    """Where a normalised message wants to see others than it was shown ("show me others", "something else")."""
    match = _pattern("others").search(text)
    return match.span() if match else None


@cache
def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(alternatives(load_lexicon().interest[name]))


@cache
def _ending(name: str) -> re.Pattern[str]:
    """The words of ``<name>_before`` with nothing but an article between them and what follows."""
    articles = alternatives(load_lexicon().references["articles"])
    return re.compile(alternatives(load_lexicon().interest[f"{name}_before"]) + rf"\s*(?:{articles}\s*)?$")


@cache
def _beginning(name: str) -> re.Pattern[str]:
    """The words of ``<name>_after`` at the start; one that ends in "too" takes the next word with it.

    No more may follow: "it's too dark in my room" is said of the room.
    """
    interest = load_lexicon().interest
    words = interest.get(f"{name}_after") or interest[name]
    plain = alternatives([word for word in words if word not in interest["excess"]] or [_NEVER])
    excess = [word for word in words if word in interest["excess"]]
    too = alternatives([word for word in excess if not has_cjk(word)] or [_NEVER])
    too_cjk = alternatives([word for word in excess if has_cjk(word)] or [_NEVER])
    ends = rf"(?=\W*$|\s*[.,;!?]|\s+{alternatives(interest['goes_on'])})"
    return re.compile(rf"\s*(?:{too}\s+[^\W\d_][\w'-]*{ends}|{too_cjk}(?:{_HAN}{{1,3}}?了|{_HAN})|{plain})")


@cache
def _recipients(name: str) -> re.Pattern[str]:
    """ "somebody": each language's prepositions before its people; "oneself": the phrases as they are."""
    recipients = load_lexicon().recipients
    if name == "oneself":
        return re.compile(alternatives(recipients["oneself"]))
    people = alternatives(recipients["people"])
    before = alternatives([word for word in recipients["before"] if not has_cjk(word)])
    before_cjk = "|".join(sorted((word for word in recipients["before"] if has_cjk(word)), key=len, reverse=True))
    people_cjk = "|".join(sorted(recipients["people_cjk"], key=len, reverse=True))
    return re.compile(
        rf"{before}\s+(?:[^\W\d_]++[\s-]++){{0,2}}?{people}|(?:{before_cjk})(?:我|我们|我的)?的?(?:{people_cjk})"
    )
