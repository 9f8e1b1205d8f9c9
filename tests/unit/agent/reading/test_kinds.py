"""Words leave the kind open when they are far nearer to "something" and "a gift" than to goods."""

import numpy as np
from numpy.typing import NDArray

from assistant.agent.reading.kinds import KINDS, OPEN, leaves_open
from tools.calibration import null_queries
from tools.engines.text import Purpose

AXES = {"open": 0, "card": 1, "goods": 2}


class Encoder:
    """Vectors by what the words are; goods differ a little from one another."""

    def encode_once(self, texts: list[str], *, purpose: Purpose = "query") -> NDArray[np.float32]:
        return self.encode(texts, purpose=purpose)

    def encode(self, texts: list[str], *, purpose: Purpose = "query") -> NDArray[np.float32]:
        assert purpose == "query"
        rows = np.zeros((len(texts), 60), np.float32)
        for row, text in enumerate(texts):
            rows[row, AXES[self._kind(text)]] = 0.9
            rows[row, 3 + sum(map(ord, text)) % 57] = np.sqrt(1 - 0.81)
        return rows

    def _kind(self, text: str) -> str:
        if text in KINDS or "card" in text:
            return "card"
        return "goods" if text in null_queries()["en"] or text in ("sofa", "tea") else "open"


def test_a_gift_and_something_leave_it_open_and_things_do_not() -> None:
    words = ["cadeautje", OPEN[0], "sofa", "tea", "gift card"]
    assert leaves_open(words, Encoder()) == [True, True, False, False, False]  # type: ignore[arg-type]


def test_no_words_are_not_encoded() -> None:
    assert leaves_open([], None) == []  # type: ignore[arg-type]
