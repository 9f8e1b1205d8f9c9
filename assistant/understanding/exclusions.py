"""What must not be: "no leather", "not red or blue", "anything but Adidas", "不要红色"."""

import re
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from assistant.understanding.lexicon import alternatives, has_cjk, load_lexicon
from assistant.understanding.names import Kind, NameMatch
from assistant.understanding.prices import without as without

LONGEST_WORD = 100
"""Letters of the longest word that can be excluded, as `tools.records.Filters` has it."""

_SEPARATOR = re.compile(r"\s*(?:,|\bor\b|\band\b|\boder\b|\bou\b|\by\b|或者|或|和|、)\s*(?:(?:no|not)\s+)?")
_SEPARATOR_CJK = re.compile(r"(?:的)?\s*(?:,|、|或者|或|和)\s*(?:不要)?")
_WORD = re.compile(r"[^\W\d_][\w'-]*+")
_WORD_CJK = re.compile(r"[\u3400-\u9fff]{1,4}?(?=的|,|。|$|\s)|[a-z]++")
_ORDER: tuple[Kind, ...] = ("brand", "category", "term", "noun")


class Exclusion(NamedTuple):
    """One thing that is ruled out: a name of the catalogue or the lexicon, or (kind None) another word as said."""

    kind: Kind | None
    name: str
    words: str
    span: tuple[int, int]


_Thing = tuple[Kind | None, str, int]
"""What is ruled out, and where its name ends."""


def find_exclusions(text: str, names: Iterable[NameMatch], *, nouns: bool) -> list[Exclusion]:
    """The things that a normalised message rules out.

    Args:
        text: the message.
        names: the names in it.
        nouns: read the glossary's nouns in spaced writing too; not for English, where "hose" is not German.
    """
    known = _by_start(text, names, nouns=nouns)
    found: list[Exclusion] = []
    for pattern, objects in ((_negation(), _objects), (_negation_cjk(), _objects_cjk)):
        done = 0
        for match in pattern.finditer(text):
            if match.start() < done:  # within a list that an earlier negation has ruled out
                continue
            for kind, name, end in objects(text, match.end(), known):
                found.append(Exclusion(kind, name, text[match.start() : end].strip(), (match.start(), end)))
                done = end
    return found


def is_ruled_out(word: str, text: str) -> bool:
    """True when a word stands in a normalised message after a negation; amounts are no things to rule out."""
    if re.search(r"\d", word):
        return False
    first = [match.end() for pattern in (_negation(), _negation_cjk()) if (match := pattern.search(text))]
    return bool(first) and bool(re.compile(alternatives([word])).search(text, min(first)))


def _by_start(text: str, names: Iterable[NameMatch], *, nouns: bool) -> dict[int, NameMatch]:
    """The longest name that begins at each place; a name of the catalogue before a word of the lexicon."""
    known: dict[int, NameMatch] = {}
    for name in sorted(names, key=lambda one: (one.start, one.end, -_ORDER.index(one.kind))):
        said = text[name.start : name.end]
        singular = name.kind == "category" and said == name.name.casefold().removesuffix("s") != name.name.casefold()
        foreign_noun = name.kind == "noun" and not (nouns or has_cjk(said))
        if not (singular or foreign_noun):  # "no plant pots" rules out pots, not the category Plants
            known[name.start] = name
    return known


@cache
def _negation() -> re.Pattern[str]:
    words = load_lexicon().negation
    skip = alternatives(words["skip"])
    return re.compile(alternatives(words["before"]) + rf"[\s-]++(?:{skip}\s+)*+")


@cache
def _negation_cjk() -> re.Pattern[str]:
    before = "|".join(sorted(load_lexicon().negation["before_cjk"], key=len, reverse=True))
    return re.compile(rf"(?:{before})(?:任何|有|带|是|用|含)?\s*")


def _objects(text: str, position: int, known: dict[int, NameMatch]) -> list[_Thing]:
    """The things named from a position on; after "or" and "and" only known names go on with the list.

    "No leather and cheap" excludes leather alone.
    """
    things: list[_Thing] = []
    while thing := _object(text, position, known):
        if things and thing[0] is None:
            break
        things.append(thing)
        if not (separator := _SEPARATOR.match(text, thing[2])):
            break
        position = separator.end()
    return things


def _object(text: str, start: int, known: dict[int, NameMatch]) -> _Thing | None:
    name, word = known.get(start), _WORD.match(text, start)
    if name and (name.kind in ("brand", "category") or not word or word.end() <= name.end):
        return name.kind, name.name, name.end
    if word is None or len(word.group()) > LONGEST_WORD or word.group() in load_lexicon().negation["not_objects"]:
        return None
    return None, word.group(), word.end()


def _objects_cjk(text: str, position: int, known: dict[int, NameMatch]) -> list[_Thing]:
    things: list[_Thing] = []
    start = position
    while name := known.get(position):
        things.append((name.kind, name.name, name.end))
        if not (separator := _SEPARATOR_CJK.match(text, name.end)):
            break
        position = separator.end()
    if not things and (raw := _WORD_CJK.match(text, start)) and len(raw.group()) <= LONGEST_WORD:
        return [(None, raw.group(), raw.end())]
    return things
