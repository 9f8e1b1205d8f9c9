"""Orders that superlatives ask for, over an encoder that knows which phrases mean the same."""

from typing import Any

import pytest

from assistant.understanding.superlatives import Order, in_order, measures, superlative
from tests.fakes.reading import PhraseEncoder
from tools.records import Item

LIKE = {
    "das leichteste": "the lowest weight",
    "la plus grande contenance": "the highest capacity",
    "容量最大的": "最大的容量",
    "der beste": "the highest quality",
    "leichter": "a lower weight",
    "am billigsten": "the lowest price",
    "am leichtesten": "the lowest weight",
}


def _item(item_id: str, **attributes: Any) -> Item:  # noqa: ANN401 - whatever a catalogue holds
    return Item(id=item_id, title=item_id, description="", attributes=attributes)


@pytest.mark.parametrize(
    ("clause", "names", "expected"),
    [
        ("das leichteste", ["weight", "capacity"], Order(attribute="weight", descending=False)),
        ("la plus grande contenance", ["weight", "capacity"], Order(attribute="capacity", descending=True)),
        ("容量最大的", ["重量", "容量"], Order(attribute="容量", descending=True)),
        ("am billigsten", ["weight"], Order(attribute="price", descending=False)),
        ("der beste", ["weight"], None),
        ("leichter", ["weight"], None),
        ("am leichtesten", ["capacity"], None),
    ],
)
def test_a_superlative_asks_for_an_order(clause: str, names: list[str], expected: Order | None) -> None:
    assert superlative(["ein Zelt", clause], names, PhraseEncoder(LIKE)) == expected


def test_values_are_compared_in_one_unit() -> None:
    tents = [
        _item("light", weight="980 g", color="red"),
        _item("heavy", weight="1,24 kg", color="blue"),
        _item("unknown", weight="not much", color="red"),
    ]
    values = measures(tents)
    assert values == {"weight": {"light": (980.0, 980.0), "heavy": (1240.0, 1240.0)}}
    ids = ["unknown", "heavy", "light"]
    assert in_order(ids, values["weight"], descending=False) == ["light", "heavy"]
    assert in_order(ids, values["weight"], descending=True) == ["heavy", "light"]


def test_variants_count_with_their_least_and_greatest_value() -> None:
    air = _item("air", variants=[{"memory": "8 GB"}, {"memory": "16 GB"}])
    rog = _item("rog", memory="12 GB")
    values = measures([air, rog])["memory"]
    assert in_order(["rog", "air"], values, descending=True) == ["air", "rog"]
    assert in_order(["rog", "air"], values, descending=False) == ["air", "rog"]


def test_what_is_the_same_of_all_or_of_another_unit_orders_nothing() -> None:
    banks = [_item("a", capacity="10 Ah", length="1 m"), _item("b", capacity="20 Ah", length="100 cm")]
    kettle = _item("kettle", capacity="1.7 l")
    values = measures([*banks, kettle])
    assert [*values] == ["capacity"]
    assert [*values["capacity"]] == ["a", "b"]
