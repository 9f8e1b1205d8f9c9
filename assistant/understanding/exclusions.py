"""What must not be: "no leather", "not red or blue", "anything but Adidas", "不要红色"."""

import re
from functools import cache

from assistant.understanding.lexicon import alternatives, load_lexicon
from assistant.understanding.prices import blank

_SEPARATOR = re.compile(r"\s*(?:,|\bor\b|\band\b|\boder\b|\bou\b|\by\b|或者|或|和|、)\s*(?:(?:no|not)\s+)?")
_MAX_WORDS = 3


def find_exclusions(text: str, phrases: list[str]) -> list[tuple[str, str, tuple[int, int]]]:
    """Things the message rules out, as (thing, words, span); text is normalised.

    ``phrases`` are names of the catalogue (brands, categories) in lower case that may be longer than one word.
    """
    found: list[tuple[str, str, tuple[int, int]]] = []
    for match in _negation().finditer(text):
        for thing, end in _objects(text, match.end(), phrases):
            found.append((thing, text[match.start() : end].strip(), (match.start(), end)))
    for match in _negation_cjk().finditer(text):
        things, end = _objects_cjk(text, match.end(), phrases)
        found.extend((thing, text[match.start() : end], (match.start(), end)) for thing in things)
    return found


def is_ruled_out(word: str, text: str) -> bool:
    """True when a word stands in a normalised message after a negation; amounts are no things to rule out."""
    if re.search(r"\d", word):
        return False
    ends = [match.end() for pattern in (_negation(), _negation_cjk()) for match in pattern.finditer(text)]
    return bool(ends) and bool(re.search(alternatives([word]), text[min(ends) :]))


def without(text: str, spans: list[tuple[int, int]]) -> str:
    """The text with the spans blanked."""
    for span in spans:
        text = blank(text, span)
    return text


@cache
def _negation() -> re.Pattern[str]:
    words = load_lexicon().negation
    skip = alternatives(words["skip"])
    return re.compile(alternatives(words["before"]) + rf"[\s-]+(?:{skip}\s+)*")


@cache
def _negation_cjk() -> re.Pattern[str]:
    before = "|".join(sorted(load_lexicon().negation["before_cjk"], key=len, reverse=True))
    return re.compile(rf"(?:{before})(?:任何|有|带|是|用|含)?\s*")


def _objects(text: str, start: int, phrases: list[str]) -> list[tuple[str, int]]:
    """The things named from ``start`` on, each with where it ends; the list ends at the first word that is no thing."""
    things: list[tuple[str, int]] = []
    position = start
    while (thing := _one_object(text, position, phrases)) is not None:
        things.append(thing)
        if len(things) >= _MAX_WORDS or not (separator := _SEPARATOR.match(text, thing[1])):
            break
        position = separator.end()
        if len(things) and not _is_listed(text, position, phrases):
            break
    return things


def _one_object(text: str, start: int, phrases: list[str]) -> tuple[str, int] | None:
    for phrase in phrases:
        if text.startswith(phrase, start) and not text[start + len(phrase) : start + len(phrase) + 1].isalnum():
            return phrase, start + len(phrase)
    word = re.compile(r"[^\W\d_][\w'-]*").match(text, start)
    if word is None or word.group() in load_lexicon().negation["not_objects"]:
        return None
    return word.group(), word.end()


def _is_listed(text: str, start: int, phrases: list[str]) -> bool:
    """After "or"/"and" only known words go on with the list: "no leather and cheap" excludes leather alone."""
    thing = _one_object(text, start, phrases)
    return thing is not None and (thing[0] in phrases or thing[0] in load_lexicon().canonical)


def _objects_cjk(text: str, start: int, phrases: list[str]) -> tuple[list[str], int]:
    known = [
        *phrases,
        *load_lexicon().canonical,
        *(word for words in load_lexicon().glossary.values() for word in words),
    ]
    things: list[str] = []
    while hit := max((word for word in known if word and text.startswith(word, start)), key=len, default=""):
        things.append(hit)
        start += len(hit)
        separator = re.compile(r"(?:的)?\s*(?:,|,|、|或者|或|和)\s*(?:不要)?").match(text, start)
        if separator is None:
            break
        start = separator.end()
    if not things and (raw := re.compile(r"[\u3400-\u9fff]{1,4}?(?=的|,|。|$|\s)|[a-z]+").match(text, start)):
        return [raw.group()], raw.end()
    return things, start
