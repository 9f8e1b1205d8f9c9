"""Pointers find shown items by place, price, title and meaning, and items of the catalogue by name."""

import pytest

from assistant.agent.reading.referring import Referring
from assistant.records import Constraint, Memory
from tests.fakes.reading import PhraseEncoder
from tests.unit.agent.reading.conftest import LIKE, find, item
from tools.records import Vocabulary

SHOWN = [
    item("makita", 119, "Cordless Drill 12 V"),
    item("bosch", 110, "Combi Drill 18 V with Case"),
    item("phone", 60, "Pixel 8"),
]


@pytest.fixture
def referring() -> Referring:
    return Referring(PhraseEncoder(LIKE), find)


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
    assert [item.item_id for item in pointed.items] == expected
    assert pointed.unshown == (["the camera"] if pointers == ["the camera"] else [])


def test_what_is_picked_by_its_price_is_told_apart(referring: Referring) -> None:
    assert referring.resolve(["the cheapest one"], "", Memory(shown=SHOWN)).picked
    assert not referring.resolve(["das zweite"], "", Memory(shown=SHOWN)).picked


def test_an_item_is_found_by_its_name_before_anything_was_shown(referring: Referring) -> None:
    assert [item.item_id for item in referring.resolve(["la tente"], "", Memory()).items] == ["tent"]
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
    assert referring.brand("antiadhésive", vocabulary) is None
    chinese = Vocabulary(brands=["华为", "小米", "纽曼", "红米"])
    assert referring.brand("Huawei", chinese) == "华为"
    assert referring.brand("Addidas", vocabulary) == "Adidas"


def test_the_constraint_that_is_named_is_taken_back(referring: Referring) -> None:
    constraints = [
        Constraint(field="exclude_brands", value="Bosch", source="text", words="no Bosch"),
        Constraint(field="max_price", value=90.0, source="text", words="up to 90"),
    ]
    assert referring.taken_back(["Bosch"], constraints) == constraints[:1]
    assert referring.taken_back([], constraints) == constraints[1:]
