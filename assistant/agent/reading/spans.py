"""Stretches of a message with a role, from the classifier's probabilities for each token."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assistant.agent.reading.labels import NUMBER_ROLES, ROLES
from tools.store.words import chinese_segmenter

CERTAIN: Final = 0.6
"""Probability from which a role makes a constraint that holds."""

LIKELY: Final = 0.45
"""Probability from which it makes a preference, which moves the ranking and hides nothing."""

LEAST_UNREAD = 40
"""From how many characters on a stretch without tokens has not been read; tokenizers leave out a few of their own."""

Probabilities = NDArray[np.float32]
_NUMBERS = [ROLES.index(role) for role in NUMBER_ROLES]
_BETWEEN = re.compile(r"[\s'’/&-]*")
"""What may stand between two words of one span."""


_SPACED_WORD = re.compile(r"[^\W_\u2e80-\u9fff\uac00-\ud7a3]+")
_HAN, _KANA = re.compile(r"[\u3400-\u9fff]"), re.compile(r"[\u3040-\u30ff]")


class RoleSpan(NamedTuple):
    """Characters ``start`` to ``end`` (not included) of a message, their role and its probability."""

    start: int
    end: int
    role: str
    probability: float

    def overlaps(self, start: int, end: int) -> bool:
        """Whether it shares a character with the stretch."""
        return self.start < end and start < self.end


class TaggedTokens:
    """A message's tokens with the probabilities of their roles."""

    def __init__(self, text: str, offsets: Sequence[tuple[int, int]], roles: Probabilities) -> None:
        """``roles``: (tokens, len(ROLES)); ``offsets`` are in the order of the text."""
        self.text = text
        self._offsets = offsets
        self._starts, self._ends = [start for start, _ in offsets], [end for _, end in offsets]
        self._logs = np.log(np.maximum(roles, 1e-9))

    def unread(self) -> tuple[int, int]:
        """The stretch without tokens, where a text is too long and words of it have not been read; else (0, 0)."""
        places = [(0, 0), *self._offsets, (len(self.text), len(self.text))]
        gaps = [(end, start) for (_, end), (start, _) in pairwise(places) if start - end >= LEAST_UNREAD]
        return max(gaps, key=lambda gap: gap[1] - gap[0], default=(0, 0))

    def role_of(self, start: int, end: int, *, number: bool = False) -> tuple[str, float]:
        """The likeliest role of a stretch, and its probability: the geometric mean over its tokens.

        Args:
            number: only the roles of numbers are compared.
        """
        among = _NUMBERS if number else range(len(ROLES))
        probabilities = self.distribution(start, end)[list(among)]
        probabilities = probabilities / max(probabilities.sum(), 1e-9)
        best = int(probabilities.argmax())
        return ROLES[list(among)[best]], float(probabilities[best])

    def with_role(self, start: int, end: int, role: str) -> "TaggedTokens":
        """The same with a stretch whose role is known."""
        roles = np.exp(self._logs)
        roles[self._inside(start, end)] = np.eye(len(ROLES))[ROLES.index(role)]
        return TaggedTokens(self.text, self._offsets, roles)

    def _inside(self, start: int, end: int) -> list[int]:
        return [*range(bisect_right(self._ends, start), bisect_left(self._starts, end))]

    def distribution(self, start: int, end: int) -> Probabilities:
        """Probabilities (len(ROLES),) of a stretch; all of them "other" where it has no token."""
        inside = self._inside(start, end)
        if not inside:
            only_other: Probabilities = np.eye(len(ROLES), dtype=np.float32)[0]
            return only_other
        mean = np.exp(self._logs[inside].mean(axis=0))
        distribution: Probabilities = (mean / mean.sum()).astype(np.float32)
        return distribution

    def spans(self) -> list[RoleSpan]:
        """The message's words with a role, neighbours of one role together, in their order."""
        words = [(start, end, *self.role_of(start, end)) for start, end in self._words()]
        spans: list[RoleSpan] = []
        for role, group in groupby(words, key=lambda word: word[2]):
            if role != "other":
                spans += self._role_spans(role, list(group))
        return spans

    def _role_spans(self, role: str, words: list[tuple[int, int, str, float]]) -> Iterable[RoleSpan]:
        start, end, _, probability = words[0]
        least = probability
        for first, last, _, probability in words[1:]:
            if not _BETWEEN.fullmatch(self.text, end, first):
                yield RoleSpan(start, end, role, least)
                start, least = first, probability
            end, least = last, min(least, probability)
        yield RoleSpan(start, end, role, least)

    def _words(self) -> list[tuple[int, int]]:
        """Tokens of one word together: letters and digits without a space between, Chinese by a dictionary."""
        inside = _inside_words(self.text)
        words: list[tuple[int, int]] = []
        for start, end in self._offsets:
            if words and start <= words[-1][1] and (start < words[-1][1] or start in inside):
                words[-1] = (words[-1][0], max(end, words[-1][1]))
            elif self.text[start:end].strip():
                words.append((start, end))
        return words


def _inside_words(text: str) -> set[int]:
    """The places of a text at which no word begins."""
    inside = {
        match.start() + offset for match in _SPACED_WORD.finditer(text) for offset in range(1, len(match.group()))
    }
    if _HAN.search(text) and not _KANA.search(text):
        for _, start, end in chinese_segmenter().tokenize(text):
            inside.update(range(start + 1, end))
    return inside
