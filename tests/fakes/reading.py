"""What reads messages in tests: classifiers that say what a test says, and an encoder that knows a few phrases."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assistant.agent.reading.heads import Classification, Heads
from assistant.agent.reading.labels import ACTS, OPERATIONS, ROLES, LabelledSpan, parse
from assistant.agent.reading.referring import FORMS
from assistant.agent.reading.spans import TaggedTokens
from tools.engines.text import Purpose, TextEncoder, TokenStates
from tools.store.words import stop_words

_WORD = re.compile(r"[^\W\u3040-\u9fff]+|[\u3040-\u9fff]")


class _Labels(NamedTuple):
    spans: tuple[LabelledSpan, ...]
    act: str
    operations: tuple[str, ...]


class Told(Heads):
    """Classifiers that give the labels of messages; of one without any, all words of content are things wanted."""

    def __init__(self) -> None:
        self._told: dict[str, _Labels] = {}

    def tell(self, labelled: str, act: str = "find", operations: Sequence[str] = ()) -> str:
        """Take the labels of a message, written in it as in the training data; returns its text."""
        text, spans = parse(labelled)
        self._told[text] = _Labels(spans, act, tuple(operations))
        return text

    def read(self, text: str, states: TokenStates, *, shown: bool) -> Classification:
        labels = self._told.get(text, _Labels((), "find", ()))
        offsets = [match.span() for match in _WORD.finditer(text)]
        roles = np.full((len(offsets), len(ROLES)), 0.002, np.float32)
        for row, place in zip(roles, offsets, strict=True):
            row[ROLES.index(_role(text, place, labels))] = 0.97
        return Classification(
            {act: float(act == labels.act) for act in ACTS},
            {name: float(name in labels.operations) for name in OPERATIONS},
            TaggedTokens(text, offsets, roles),
        )


def _role(text: str, place: tuple[int, int], labels: _Labels) -> str:
    start, end = place
    if labels.spans or labels.operations or labels.act != "find":
        return next((one.role for one in labels.spans if start < one.end and one.start < end), "other")
    return "other" if text[start:end].casefold() in stop_words("en") else "thing"


class PhraseEncoder(TextEncoder):
    """Texts of one meaning have one vector, and no other text is near to them."""

    def __init__(self, like: Mapping[str, str] | None = None) -> None:
        """``like``: what further texts mean: a form of pointer, or another text."""
        self._places: dict[str, int] = {}
        self._meanings = {phrase: form for form, phrases in FORMS.items() for phrase in phrases} | dict(like or {})

    def encode_once(self, texts: Sequence[str], *, purpose: Purpose = "document") -> NDArray[np.float32]:
        return self.encode(texts, purpose=purpose)

    def encode(
        self, texts: Sequence[str], *, purpose: Purpose = "document", batch_size: int = 64
    ) -> NDArray[np.float32]:
        rows = np.zeros((len(texts), 500), np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[self._places.setdefault(self._meanings.get(text, text), len(self._places))] = 1
        return rows

    def token_states(self, text: str, *, purpose: Purpose = "query") -> TokenStates:
        return TokenStates([], np.zeros((0, 1), np.float32), np.zeros(1, np.float32))
