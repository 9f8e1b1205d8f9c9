"""Names and words in several languages, loaded once from ``lexicon.yaml``, and how they become patterns."""

import re
from collections.abc import Iterable
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from itertools import takewhile

import yaml
from pydantic import BaseModel, ConfigDict

_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def has_cjk(text: str) -> bool:
    """True when the text holds Chinese, Japanese or Korean characters."""
    return bool(_CJK.search(text))


def alternatives(words: Iterable[str]) -> str:
    """A regular expression for any of the words in case-folded text, longest first; words as a whole where spaced.

    Words that begin alike share that beginning: a place in a text is tried once, and not once for each word.
    """
    return _alternatives(tuple(word.casefold() for word in words))


@lru_cache(maxsize=1_024)
def _alternatives(words: tuple[str, ...]) -> str:
    bounded: list[list[str]] = []
    unbounded: list[list[str]] = []
    for word in words:
        (bounded if word[0].isalnum() and not has_cjk(word[0]) else unbounded).append(_units(word))
    parts = [rf"(?<!\w)(?:{_with_common_beginning(bounded)})"] if bounded else []
    parts += [_with_common_beginning(unbounded)] if unbounded else []
    return f"(?:{'|'.join(parts)})" if parts else "(?!)"


_END = r"(?!\w)"


def _units(word: str) -> list[str]:
    """A pattern for each character, and one for the end of a word."""
    units = [r"\s+" if character == " " else re.escape(character) for character in word]
    return [*units, _END] if word[-1].isalnum() and not has_cjk(word[-1]) else units


def _with_common_beginning(words: list[list[str]]) -> str:
    """The words' common beginning, then what may follow it: where one word begins another, the longer comes first."""
    common = [units[0] for units in takewhile(lambda units: len(set(units)) == 1, zip(*words, strict=False))]
    following: dict[str, list[list[str]]] = {}
    for word in words:
        following.setdefault("".join(word[len(common) : len(common) + 1]), []).append(word[len(common) :])
    if len(following) < 2:
        return "".join(common)
    firsts = sorted(following, key=lambda first: (first == "", first == _END))
    return "".join(common) + "(?:" + "|".join(_with_common_beginning(following[first]) for first in firsts) + ")"


class Lexicon(BaseModel):
    """The file's content; see its comments for what each list means."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    below: list[str]
    currencies: dict[str, list[str]]
    brands: dict[str, list[str]]
    intents: dict[str, list[str]]
    terms: dict[str, list[str]]
    glossary: dict[str, list[str]]
    words: dict[str, str]

    @cached_property
    def english(self) -> frozenset[str]:
        """Function words that give away an English message."""
        return frozenset(self.words["english"].split())

    @cached_property
    def ignored(self) -> frozenset[str]:
        """Words of a message that say nothing about an item."""
        return frozenset(self.words["ignored"].split())

    @cached_property
    def canonical(self) -> dict[str, str]:
        """Every spelling of a colour or material, to its canonical word."""
        return {spelling: word for word, spellings in self.terms.items() for spelling in spellings}


@cache
def load_lexicon() -> Lexicon:
    """The lexicon, read once."""
    return Lexicon.model_validate(yaml.safe_load((files(__package__) / "lexicon.yaml").read_text("utf-8")))
