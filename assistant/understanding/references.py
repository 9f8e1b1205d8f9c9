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
    found: dict[int, tuple[int, int]] = {}
    for match in _ordinal().finditer(text):
        number = _numbers()[match.group()]
        rank = len(shown) if number == -1 else number
        if rank <= len(shown) and rank not in found and (span := _in_a_list(text, match.span())):
            found[rank] = span
    for match in _NUMBERED.finditer(text):
        rank = int(match.group(1) or len(shown))
        if 1 <= rank <= len(shown):
            found.setdefault(rank, match.span())
    return [(shown[rank - 1], span) for rank, span in found.items()]


def _by_title(text: str, shown: list[Recommendation]) -> list[tuple[Recommendation, tuple[int, int]]]:
    found: list[tuple[Recommendation, tuple[int, int]]] = []
    for item in shown:
        position = text.find(item.title.casefold())
        if position >= 0:
            found.append((item, (position, position + len(item.title))))
    return found


_NUMBERED = re.compile(
    r"(?:#|\bnumber |\bno\. ?|\boption |\bitem |第)(\d{1,2})(?:个|款|件|种|项|张)?|最后(?:一|1)?(?:个|款|件)"
)
_ARTICLE_REACH = 12


@cache
def _numbers() -> dict[str, int]:
    """Every ordinal with its number; the last has -1."""
    return {str(name): int(number) for number, names in load_lexicon().references["ordinals"].items() for name in names}


@cache
def _ordinal() -> re.Pattern[str]:
    return re.compile(alternatives(_numbers()))


def _in_a_list(text: str, ordinal: tuple[int, int]) -> tuple[int, int] | None:
    """ "Second" counts before a noun of the list, after "the" at the end of a clause, or in "first and second"."""
    start, end = ordinal
    article, conjunction, noun, after = _around_an_ordinal()
    before = article.search(text, max(0, start - _ARTICLE_REACH), start)
    if match := noun.match(text, end):
        return before.start() if before else start, match.end()
    if not after.match(text, end):
        return None
    if before:
        return before.start(), end
    return ordinal if conjunction.search(text, max(0, start - _ARTICLE_REACH), start) else None


@cache
def _around_an_ordinal() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """An article and "and" before an ordinal, a noun of the list and the end of a clause after it."""
    words = load_lexicon().references
    spoken_of = alternatives([*load_lexicon().interest["like_after"], *load_lexicon().interest["reject_after"]])
    patterns = (
        rf"{alternatives(words['articles'])}\s+$",
        r"and\s$",
        rf"\s+{alternatives(words['nouns'])}",
        rf"\s*(?:$|[?.,!;]|and\b|or\b|und\b|et\b|y\b|with\b|vs\b|versus\b|in\b|but\b|instead\b|{spoken_of})",
    )
    article, conjunction, noun, after = map(re.compile, patterns)
    return article, conjunction, noun, after


@cache
def _this() -> re.Pattern[str]:
    return re.compile(alternatives(load_lexicon().references["this"]))
