"""Pointers find shown items by place, price, title and meaning, and items of the catalogue by name."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from assistant.agent.reading.referring import FORMS, Referring
from assistant.records import Constraint, Memory, Recommendation
from tools.engines.text import Purpose, TextEncoder
from tools.records import Filters, Hit, Signal, Vocabulary

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
}
"""What the catalogue has for words, with z-scores."""


class FakeEncoder(TextEncoder):
    """Texts of one meaning have one vector, and no other text is near to them."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def encode(
        self, texts: Sequence[str], *, purpose: Purpose = "document", batch_size: int = 64
    ) -> NDArray[np.float32]:
        meanings = {phrase: form for form, phrases in FORMS.items() for phrase in phrases} | LIKE
        rows = np.zeros((len(texts), 200), np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[self._places.setdefault(meanings.get(text, text), len(self._places))] = 1
        return rows


def find(words: str, filters: Filters | None) -> list[Hit]:
    return [
        Hit(item_id=item_id, title=item_id, price=10.0, signals=[Signal(source="dense", rank=1, score=z, z=z)])
        for item_id, z in FOUND.get(words, {}).items()
    ]


def item(item_id: str, price: float, title: str = "") -> Recommendation:
    return Recommendation(
        rank=1, item_id=item_id, title=title or item_id, price=price, score=1.0, explanation="", evidence=[]
    )


SHOWN = [
    item("makita", 119, "Cordless Drill 12 V"),
    item("bosch", 110, "Combi Drill 18 V with Case"),
    item("phone", 60, "Pixel 8"),
]


@pytest.fixture
def referring() -> Referring:
    return Referring(FakeEncoder(), find)


@pytest.mark.parametrize(
    ("pointers", "expected"),
    [
        (["das zweite"], ["bosch"]),
        (["the 18 V one"], ["bosch"]),
        (["1", "3"], ["makita", "phone"]),
        (["ella"], ["makita"]),
        (["牧田那个"], ["makita"]),
        (["il più caro"], ["makita"]),
        (["两个里面便宜的那个"], ["bosch"]),
        (["das zweite", "3", "the cheapest one"], ["phone"]),
        (["beide"], ["makita", "bosch"]),
        (["the battery"], ["phone"]),
        (["la tente"], ["tent"]),
        (["the camera"], []),
    ],
    ids=lambda value: " ".join(value),
)
def test_pointers(referring: Referring, pointers: list[str], expected: list[str]) -> None:
    pointed = referring.resolve(pointers, " ".join(pointers), Memory(shown=SHOWN))
    assert [one.item_id for one in pointed.items] == expected
    assert pointed.unshown == (["the camera"] if pointers == ["the camera"] else [])


def test_what_is_picked_by_its_price_is_told_apart(referring: Referring) -> None:
    assert referring.resolve(["the cheapest one"], "", Memory(shown=SHOWN)).picked
    assert not referring.resolve(["das zweite"], "", Memory(shown=SHOWN)).picked


def test_an_item_is_found_by_its_name_before_anything_was_shown(referring: Referring) -> None:
    assert [one.item_id for one in referring.resolve(["la tente"], "", Memory()).items] == ["tent"]
    assert not referring.resolve(["das zweite"], "", Memory()).items


def test_only_what_the_wish_is_for_is_owned(referring: Referring) -> None:
    owned = referring.alone("phone Pixel 8", among="Pixel 8")
    assert owned is not None
    assert owned.item_id == "phone"
    assert referring.alone("socks", among="Pixel 8") is None


def test_brands_are_read_in_other_scripts(referring: Referring) -> None:
    vocabulary = Vocabulary(brands=["Nike", "Adidas", "Puma", "Vans"])
    assert referring.brand("Найки", vocabulary) == "Nike"
    assert referring.brand("leather", vocabulary) is None


def test_the_constraint_that_is_named_is_taken_back(referring: Referring) -> None:
    held = [
        Constraint(field="exclude_brands", value="Bosch", source="text", words="no Bosch"),
        Constraint(field="max_price", value=90.0, source="text", words="up to 90"),
    ]
    assert referring.taken_back(["Bosch"], held) == held[:1]
    assert referring.taken_back([], held) == held[1:]
