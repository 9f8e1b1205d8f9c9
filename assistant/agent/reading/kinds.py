"""Whether words name a kind of thing, or leave it open: "a gift", "something", "小东西".

The encoder compares them with such words, in any language; how near is near follows from its likeness to wishes for
goods of all kinds.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tools.calibration import null_queries
from tools.engines.text import TextEncoder

OPEN: Final = ("a gift", "something", "a present for someone", "a little something", "any thing")
KINDS: Final = ("a gift card", "a gift box", "gift wrap")
"""Kinds of things that are called by words of the others."""

OPEN_FROM: Final = 4.6
"""z-score, over wishes for goods, from which words leave the kind open.

"Present", "regalo", "小礼物", "Kleines" have 4.8 to 12, kinds of things up to 4.0.
"""


def leaves_open(words: Sequence[str], encoder: TextEncoder) -> list[bool]:
    """For each of these words whether it names no kind of thing."""
    if not words:
        return []
    open_rows, kinds, goods = _prototypes(encoder)
    rows = encoder.encode(words, purpose="query")
    usual = rows @ goods.T
    nearest = (rows @ open_rows.T).max(axis=1)
    z = (nearest - np.median(usual, axis=1)) / np.maximum(usual.std(axis=1), 1e-6)
    return [bool(flag) for flag in (z >= OPEN_FROM) & (nearest > (rows @ kinds.T).max(axis=1))]


@lru_cache(maxsize=4)
def _prototypes(encoder: TextEncoder) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    return (
        encoder.encode_once(OPEN, purpose="query"),
        encoder.encode_once(KINDS, purpose="query"),
        encoder.encode_once(null_queries()["en"], purpose="query"),
    )
