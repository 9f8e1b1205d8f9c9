"""Where the sentences of a text end."""

import re
from itertools import pairwise
from typing import Final

_END: Final = re.compile(r"[.!?…](?=\s)|[。！？\n]")


def sentence_places(text: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """Characters (first, last + 1) of each sentence of a stretch; together they are all of it."""
    end = len(text) if end is None else end
    borders = [start, *(match.end() for match in _END.finditer(text, start, end)), end]
    return [(first, last) for first, last in pairwise(borders) if first < last]


def first_sentences(text: str, most: int) -> str:
    """The first sentences of a text, up to ``most`` characters; of a longer first one its first words and "…"."""
    ends = [last for _, last in sentence_places(text) if last <= most]
    if ends:
        return text[: ends[-1]].strip()
    return text[: most - 1].rsplit(" ", 1)[0].rstrip() + "…"
