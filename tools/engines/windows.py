"""A text that is longer than a model reads, in windows that overlap and begin at sentences."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np

from tools.engines.text import TokenStates
from tools.sentences import sentence_places

MOST_WINDOWS: Final = 8
"""How many windows of one text are read: the first ones, and the one that ends it; what lies between is not read."""

OVERLAP: Final = 24
"""Tokens that are read twice where no sentence begins in the second half of a window."""

FULL: Final = 0.8
"""How full the last window should be: what stands before its sentences says what they are about."""

LAST: Final = 0.5
"""The last window's share of the sentence vector: the wish is often the last of many sentences."""

Read = Callable[[int, int], TokenStates]
"""The tokens of the text between two places, as many as the model reads, with offsets in the whole text."""


class _Window(NamedTuple):
    begin: int
    """Where the tokens that are used of it begin; those before it are context."""
    states: TokenStates

    @property
    def end(self) -> int:
        return self.states.offsets[-1][1] if self.states.offsets else self.begin


def in_windows(text: str, read: Read, *, most: int = MOST_WINDOWS) -> TokenStates:
    """The token states of a text of any length: in one window where that holds it."""
    end = len(text.rstrip())
    windows = [_Window(0, read(0, len(text)))]
    while windows[-1].end < end and len(windows) < most - 1 and windows[-1].states.offsets:
        windows.append(_next(text, windows[-1], end, read))
    if len(windows) == 1:
        return windows[0].states
    if windows[-1].end < end:
        windows.append(_tail(text, windows, end, read, begin=windows[-1].end))
    else:
        windows[-1] = _tail(text, windows, end, read, begin=windows[-1].begin)
    return _joined(windows)


def _next(text: str, window: _Window, end: int, read: Read) -> _Window:
    """It goes on at the last sentence that the window does not hold whole, and is read from the sentence before it."""
    first = window.states.offsets[0][0]
    middle = (first + window.end) // 2
    begins = [start for start, last in sentence_places(text, first, window.end) if start > middle]
    if begins:
        return _Window(begins[-1], read(begins[-2] if len(begins) > 1 else begins[-1], end))
    return _Window(window.end, read(window.states.offsets[-OVERLAP:][0][0], end))


def _tail(text: str, windows: Sequence[_Window], end: int, read: Read, *, begin: int) -> _Window:
    """The window that ends the text, filled with what stands before; ``begin``: what was read before ends there."""
    read_before = windows[0].states.offsets
    room = (read_before[-1][1] - read_before[0][0]) * FULL
    while True:
        start = max(0, end - int(room))
        start = next(
            (sentence_start for sentence_start, _ in sentence_places(text, start, end) if sentence_start > start), start
        )
        window = _Window(max(begin, start), read(start, end))
        if window.end >= end or room < 2:
            return window
        room *= FULL


def _joined(windows: Sequence[_Window]) -> TokenStates:
    offsets: list[tuple[int, int]] = []
    vectors = []
    for window, following in zip(windows, [*windows[1:], None], strict=True):
        until = following.begin if following else window.end
        rows = [row for row, (start, _) in enumerate(window.states.offsets) if window.begin <= start < until]
        offsets += [window.states.offsets[row] for row in rows]
        vectors.append(window.states.vectors[rows])
    weights = [(1 - LAST) / (len(windows) - 1)] * (len(windows) - 1) + [LAST]
    mean = np.average([window.states.embedding for window in windows], axis=0, weights=weights)
    embedding = (mean / np.linalg.norm(mean)).astype(np.float32)
    return TokenStates(offsets, np.concatenate(vectors), embedding)
