"""A text encoder and a catalogue's search that know a few phrases, for tests of what reads messages."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assistant.agent.reading.referring import FORMS
from assistant.records import Recommendation
from tools.engines.text import Purpose, TextEncoder, TokenStates
from tools.records import Filters, Hit, Signal

LIKE = {
    "das zweite": "second",
    "两个里面便宜的那个": "cheaper",
    "il più caro": "dearest",
    "beide": "both",
    "ella": "this",
    "Найки": "nothing",
    "Nayki": "Nike",
    "leather": "nothing",
}
"""What texts of other languages mean: a form, or a name."""

FOUND = {
    "la tente": {"tent": 11.0},
    "the camera": {"slr": 11.5, "compact": 10.6},
    "the battery": {"powerbank": 9.0, "phone": 5.0},
    "牧田那个": {"makita": 4.6, "bosch": 2.0},
    "phone Pixel 8": {"phone": 13.0, "case": 9.0},
    "Pixel 8": {"phone": 12.0, "case": 11.0},
    "socks": {"socks": 12.0},
    "the Pegasus": {"pegasus": 13.0, "asics": 4.0},
    "running shoes": {"pegasus": 9.0, "zoom": 8.8, "ultra": 8.5, "asics": 8.4, "ball": 4.0},
    "sofa": {"leather": 9.0, "fabric": 8.5, "chair": 5.0},
}
"""What the catalogue has for words, with z-scores."""

PRICES = {"pegasus": 120.0, "asics": 55.0, "ultra": 150.0, "zoom": 99.0, "leather": 1245.0, "fabric": 295.0}


class FakeEncoder(TextEncoder):
    """Texts of one meaning have one vector, and no other text is near to them."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def encode_once(self, texts: Sequence[str], *, purpose: Purpose = "document") -> NDArray[np.float32]:
        return self.encode(texts, purpose=purpose)

    def encode(
        self, texts: Sequence[str], *, purpose: Purpose = "document", batch_size: int = 64
    ) -> NDArray[np.float32]:
        meanings = {phrase: form for form, phrases in FORMS.items() for phrase in phrases} | LIKE
        rows = np.zeros((len(texts), 200), np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[self._places.setdefault(meanings.get(text, text), len(self._places))] = 1
        return rows

    def token_states(self, text: str, *, purpose: Purpose = "query") -> TokenStates:
        return TokenStates([], np.zeros((0, 1), np.float32), np.zeros(1, np.float32))


def find(words: str, filters: Filters | None) -> list[Hit]:
    return [
        Hit(item_id=name, title=name, price=PRICES.get(name), signals=[Signal(source="dense", rank=1, score=z, z=z)])
        for name, z in FOUND.get(words, {}).items()
    ]


def item(item_id: str, price: float, title: str = "") -> Recommendation:
    return Recommendation(
        rank=1, item_id=item_id, title=title or item_id, price=price, score=1.0, explanation="", evidence=[]
    )
