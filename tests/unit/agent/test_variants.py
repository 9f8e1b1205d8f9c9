"""Attributes in a turn: held at the price and stock of a variant, loosened and said, or said to be unknown."""

from typing import Any

import pytest

from assistant.agent.reading.reader import MessageReader
from assistant.agent.state import Dropped
from assistant.errors import LLMUnavailable
from assistant.records import Constraint, Reply
from assistant.render import recommendation_view
from assistant.service.routes.markdown import item_as_markdown
from assistant.understanding import Understanding
from tests.unit.agent.conftest import Stage
from tools.records import Item, Vocabulary

DOWN = LLMUnavailable("down")
VARIANTS = [
    {"size": "42", "color": "red", "price": 60.0, "in_stock": True},
    {"size": "43", "color": "red", "price": 99.9, "in_stock": True},
    {"size": "43", "color": "blue", "price": 89.9, "in_stock": False},
]
SHOE = Item(
    id="trail", title="Trail Shoe", description="A shoe for trails.", price=60, currency="EUR", in_stock=True,
    attributes={"size": ["42", "43"], "variants": VARIANTS},
)  # fmt: skip
PLAIN = Item(id="plain", title="Plain Shoe", description="A shoe.", price=30, currency="EUR", in_stock=True)
LAPTOP = Item(
    id="laptop", title="Laptop", description="A computer.", price=500, currency="EUR",
    attributes={"memory": "16GB"},
)  # fmt: skip
VOCABULARY = Vocabulary(
    currencies=["EUR"], attribute_values={"size": ["42", "43"], "color": ["red", "blue"], "memory": ["16GB"]}
)


@pytest.fixture
def shop(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A shelf of shoes and a laptop; a message's words after "|" are its attributes, as the reading will tell them."""

    read = MessageReader.understand

    def reading(reader: MessageReader, utterances: list[Any], *rest: Any, **more: Any) -> Understanding:  # noqa: ANN401
        text, _, conditions = utterances[0].text.partition(" | ") if utterances else ("", "", "")
        plain = [utterances[0].model_copy(update={"text": text})] if utterances else []
        understanding = read(reader, plain, *rest, **more)
        pairs = [pair.strip().split("=") for pair in conditions.split(",") if pair]
        constraints = [
            Constraint(field="attributes", attribute=name, value=value, source="text", words=f"{name} {value}")
            for name, value in pairs
        ]
        return understanding.model_copy(update={"constraints": [*understanding.constraints, *constraints]})

    monkeypatch.setattr(MessageReader, "understand", reading)
    stage.shelf.items[:] = [SHOE, PLAIN, LAPTOP]
    stage.vocabulary = VOCABULARY
    return stage


def item_ids(reply: Reply) -> list[str]:
    return [item.item_id for item in reply.recommendations]


async def test_the_variant_that_fits_is_shown_at_its_price(shop: Stage) -> None:
    reply, _, _ = await shop.turn("a shoe | size=43,color=red", DOWN)
    (shoe,) = reply.recommendations
    assert reply.constraints == {"attributes": {"size": ["43"], "color": ["red"]}}
    assert (shoe.item_id, shoe.price) == ("trail", 99.9)
    assert shoe.variant is not None
    assert (shoe.variant.options, shoe.variant.in_stock) == ({"size": "43", "color": "red"}, True)
    assert "size 43, color red: 99.90 EUR, in stock" in [entry.detail for entry in shoe.evidence]
    assert "it costs 99.90 EUR" in [entry.detail for entry in shoe.evidence]
    assert "99.90" in shoe.explanation
    assert "60" not in shoe.explanation
    assert "size 43" in reply.message


async def test_a_variant_that_is_sold_out_is_said_to_be(shop: Stage) -> None:
    reply, _, _ = await shop.turn("a shoe | size=43,color=blue", DOWN)
    (shoe,) = reply.recommendations
    assert (shoe.price, shoe.variant and shoe.variant.in_stock, shoe.in_stock) == (89.9, False, False)
    assert "sold out" in shoe.explanation


async def test_the_variant_stands_in_the_terminal_and_in_markdown(shop: Stage) -> None:
    reply, _, _ = await shop.turn("a shoe | size=43,color=red", DOWN)
    panel: Any = recommendation_view(reply.recommendations[0])
    assert "size 43, color red" in str(panel.title)
    assert "99.90 EUR, size 43, color red" in item_as_markdown(reply.recommendations[0])


async def test_the_bound_moves_to_the_price_of_the_variant(shop: Stage) -> None:
    shop.told.tell("a [thing:shoe] under [max:70] euro")
    reply, _, _ = await shop.turn("a shoe under 70 euro | size=43,color=red", DOWN)
    assert item_ids(reply) == ["trail"]
    assert [(change.field, change.used) for change in reply.relaxed] == [("max_price", 99.9)]
    assert reply.constraints["max_price"] == 99.9


async def test_a_value_that_nothing_has_is_left_out_and_said(shop: Stage) -> None:
    shop.scores = {"laptop": 0.05}
    reply, _, _ = await shop.turn("a shoe | size=47", DOWN)
    assert set(item_ids(reply)) == {"trail", "plain"}
    (change,) = reply.relaxed
    assert (change.field, change.attribute, change.wanted) == ("attributes", "size", "47")
    assert "“size 47” was left out" in reply.message


@pytest.mark.parametrize(
    ("wish", "found"),
    [("a laptop | size=43", "laptop"), ("a laptop | voltage=230", "laptop")],
)
async def test_what_is_known_of_no_such_item_hides_nothing_and_is_said(shop: Stage, wish: str, found: str) -> None:
    shop.scores = {"laptop": 0.9, "trail": 0.05, "plain": 0.05}
    reply, _, _ = await shop.turn(wish, DOWN)
    assert item_ids(reply)[0] == found
    assert reply.constraints == {}
    name, value = wish.partition("| ")[2].split("=")
    assert f"Nothing is known about the {name} of these, so “{name} {value}” could not be held to." in reply.message


async def test_a_value_is_looked_for_under_the_name_that_these_items_have(shop: Stage) -> None:
    shop.shelf.items.append(SHOE.model_copy(update={"id": "card", "title": "Card", "attributes": {"storage": "16GB"}}))
    shop.vocabulary = VOCABULARY.model_copy(
        update={"attribute_values": {**VOCABULARY.attribute_values, "storage": ["16GB"]}}
    )
    shop.scores = {"laptop": 0.9, "trail": 0.05, "plain": 0.05, "card": 0.05}
    reply, _, _ = await shop.turn("a laptop | storage=16GB", DOWN)
    assert (item_ids(reply), reply.constraints) == (["laptop"], {"attributes": {"memory": ["16GB"]}})


async def test_another_size_takes_the_place_of_the_first_and_keeps_the_colour(shop: Stage) -> None:
    await shop.turn("a shoe | size=42,color=red", DOWN)
    shop.told.tell("and", "refine")
    reply, _, _ = await shop.turn("and | size=43", DOWN)
    assert reply.constraints == {"attributes": {"color": ["red"], "size": ["43"]}}


@pytest.mark.parametrize("attribute", ["size", None])
async def test_one_value_is_taken_back(shop: Stage, attribute: str | None) -> None:
    await shop.turn("a shoe | size=42,color=red", DOWN)
    reply, _, _ = await shop.turn("", DOWN, drop=[Dropped(field="attributes", value="42", attribute=attribute)])
    assert reply.constraints == {"attributes": {"color": ["red"]}}


async def test_why_tells_the_variant_as_it_is_now(shop: Stage) -> None:
    await shop.turn("a shoe | size=43,color=red", DOWN)
    dearer = [{**variant, "price": variant["price"] + 10} for variant in VARIANTS]
    shop.shelf.items[0] = SHOE.model_copy(update={"attributes": {"variants": dearer}})
    reply, _, _ = await shop.turn("why [item:the first one]?", act="item")
    assert "size 43, color red: 109.90 EUR, in stock" in reply.message
    assert reply.recommendations[0].price == 109.9
    shop.shelf.items[0] = SHOE.model_copy(update={"attributes": {}})
    reply, _, _ = await shop.turn("why [item:the first one]?", act="item")
    assert "size 43" not in reply.message
    assert (reply.recommendations[0].price, reply.recommendations[0].variant) == (60, None)
