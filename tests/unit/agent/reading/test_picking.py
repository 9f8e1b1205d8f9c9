"""Which of the shown items a superlative picks."""

import pytest

from assistant.agent.reading.picking import is_about_shown, pick_item
from tests.fakes.reading import PhraseEncoder
from tests.unit.agent.reading.conftest import item
from tools.records import Item

SHOWN = [item("boots", 120.0), item("sandals", 55.0), item("clogs", 80.0)]
ITEMS = {
    "boots": Item(id="boots", title="boots", description="", attributes={"weight": "1.2 kg"}),
    "sandals": Item(id="sandals", title="sandals", description="", attributes={"weight": "400 g"}),
    "clogs": Item(id="clogs", title="clogs", description="", attributes={}),
}
LIKE = {
    "welche sind am leichtesten": "the lowest weight",
    "los más pesados": "the highest weight",
    "最便宜的": "the lowest price",
    "die besten": "the highest quality",
    "das billigste davon": "the cheapest of these",
    "am billigsten im ganzen Laden": "the cheapest that you have",
}


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        ("welche sind am leichtesten", ("sandals", "weight")),
        ("los más pesados", ("boots", "weight")),
        ("最便宜的", ("sandals", "price")),
        ("die besten", None),
    ],
)
def test_a_superlative_picks_one_of_the_shown(clause: str, expected: object) -> None:
    choice = pick_item([clause], SHOWN, ITEMS, PhraseEncoder(LIKE))
    assert (choice and (choice[0].item_id, choice[1])) == expected


def test_of_a_single_item_nothing_is_picked() -> None:
    assert pick_item(["最便宜的"], SHOWN[:1], ITEMS, PhraseEncoder(LIKE)) is None


def test_the_cheapest_of_these_is_not_the_cheapest_of_all() -> None:
    assert is_about_shown("das billigste davon", PhraseEncoder(LIKE))
    assert not is_about_shown("am billigsten im ganzen Laden", PhraseEncoder(LIKE))
