"""A text longer than a model reads, in windows: every word has its token once, and the end is always read."""

import re
from collections.abc import Callable

import numpy as np
import pytest

from tools.engines.text import TokenStates
from tools.engines.windows import LAST, in_windows

ROOM = 40
"""How many tokens the model of these tests reads."""


def reader(text: str) -> tuple[Callable[[int, int], TokenStates], list[tuple[int, int]]]:
    """Reads words as tokens, 40 at a time; a token's state is its place, a window's vector says nothing."""
    spans: list[tuple[int, int]] = []

    def read(start: int, end: int) -> TokenStates:
        offsets = [(m.start() + start, m.end() + start) for m in re.finditer(r"\w+|[.!?]", text[start:end])][:ROOM]
        spans.append((start, end))
        vectors = np.array([[first] for first, _ in offsets], np.float32)
        return TokenStates(offsets, vectors, np.ones(2, np.float32))

    return read, spans


def words(count: int, *, every: int = 7) -> str:
    """A text of so many words; a sentence ends after ``every`` of them."""
    return " ".join(f"w{number}{'.' if number % every == 0 else ''}" for number in range(1, count + 1)) + "."


@pytest.mark.parametrize("count", [3, 30, 60, 100, 140])
@pytest.mark.parametrize("every", [7, 1000])
def test_every_token_is_read_once_in_its_order(count: int, every: int) -> None:
    text = words(count, every=every)
    states = in_windows(text, reader(text)[0])
    assert states.offsets == [match.span() for match in re.finditer(r"\w+|[.!?]", text)]
    assert states.vectors[:, 0].tolist() == [start for start, _ in states.offsets]


def test_a_short_text_is_read_in_one_pass() -> None:
    text = words(10)
    read, spans = reader(text)
    in_windows(text, read)
    assert spans == [(0, len(text))]


def test_of_a_text_for_more_windows_beginning_and_end_are_read() -> None:
    text = words(2_000)
    states = in_windows(text, reader(text)[0])
    assert states.offsets[0][0] == 0
    assert states.offsets[-1][1] == len(text)
    assert len(states.offsets) < 2_000
    assert states.offsets == sorted(set(states.offsets))


def test_the_last_window_has_half_of_the_say() -> None:
    text = words(60)
    read, _ = reader(text)

    def read_marked(start: int, end: int) -> TokenStates:
        offsets, vectors = read(start, end).offsets, read(start, end).vectors
        is_last = offsets[-1][1] == len(text)
        return TokenStates(offsets, vectors, np.array([0.0, 1.0] if is_last else [1.0, 0.0], np.float32))

    embedding = in_windows(text, read_marked).embedding
    assert embedding[1] / embedding.sum() == pytest.approx(LAST)
