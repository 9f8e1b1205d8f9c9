"""Earlier recommendations that a message points at: "the second one", "第二个", "this one", or a title."""

import re
from functools import cache

from assistant.records import Recommendation
from assistant.understanding.lexicon import alternatives, load_lexicon


def find_references(text: str, shown: list[Recommendation]) -> list[tuple[Recommendation, tuple[int, int]]]:
    """The recommendations pointed at in a normalised message, in the order named, with their spans."""
    if not shown:
        return []
    found = [*_by_number(text, shown), *_by_title(text, shown)]
    if not found and (match := _this().search(text)):
        found = [(shown[0], match.span())]
    unique: dict[str, tuple[Recommendation, tuple[int, int]]] = {}
    for item, span in sorted(found, key=lambda pair: pair[1]):
        unique.setdefault(item.item_id, (item, span))
    return list(unique.values())


def _by_number(text: str, shown: list[Recommendation]) -> list[tuple[Recommendation, tuple[int, int]]]:
    found: list[tuple[Recommendation, tuple[int, int]]] = []
    for number, pattern in _ordinals():
        rank = len(shown) if number == -1 else number
        if rank <= len(shown):
            found.extend((shown[rank - 1], match.span()) for match in pattern.finditer(text))
    for match in re.finditer(r"(?:#|\bnumber |\bno\. ?|\boption |\bitem |第)(\d{1,2})(?:个|款|件|种|项|张)?", text):
        if 1 <= int(match.group(1)) <= len(shown):
            found.append((shown[int(match.group(1)) - 1], match.span()))
    return found


def _by_title(text: str, shown: list[Recommendation]) -> list[tuple[Recommendation, tuple[int, int]]]:
    found: list[tuple[Recommendation, tuple[int, int]]] = []
    for item in shown:
        position = text.find(item.title.casefold())
        if position >= 0:
            found.append((item, (position, position + len(item.title))))
    return found


@cache
def _ordinals() -> list[tuple[int, re.Pattern[str]]]:
    """ "second" counts before a noun of the list, after "the" at the end of a clause, or in "first and second"."""
    words = load_lexicon().references
    nouns, article = alternatives(words["nouns"]), alternatives(words["articles"])
    spoken_of = alternatives([*load_lexicon().interest["like_after"], *load_lexicon().interest["reject_after"]])
    after = rf"(?=\s*(?:$|[?.,!;]|and\b|or\b|und\b|et\b|y\b|with\b|vs\b|versus\b|in\b|but\b|instead\b|{spoken_of}))"
    patterns = []
    for number, names in words["ordinals"].items():
        name = alternatives([str(n) for n in names])
        pattern = rf"(?:{article}\s+)?{name}\s+{nouns}|{article}\s+{name}{after}|(?<=and\s){name}{after}"
        patterns.append((int(number), re.compile(pattern)))
    patterns.append((-1, re.compile("最后(?:一|1)?(?:个|款|件)")))
    return patterns


@cache
def _this() -> re.Pattern[str]:
    return re.compile(alternatives(load_lexicon().references["this"]))
