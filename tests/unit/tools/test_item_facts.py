"""item_facts: the facts of one record that answer a question, and whether any does."""

from pathlib import Path
from typing import Any

import pytest

from tests.fakes.encoders import WordText
from tools.engines.lazy import Lazy
from tools.engines.parts import Engines
from tools.errors import ServiceMissing
from tools.item_facts import facts_of
from tools.records import Item
from tools.toolbox import bind_tools, call_tool

SHOE = Item(
    id="shoe",
    title="Trail Runner",
    price=89,
    currency="EUR",
    brand="Adidas",
    category="Shoes",
    in_stock=True,
    description="A light shoe for trails. The sole grips on wet rock. A membrane makes it waterproof.",
    attributes={
        "color": ["black", "blue"],
        "weight": "280 g",
        "sku": "TR-1",
        "specs": {"upper material": "mesh"},
        "variants": [
            {"size": "40", "color": "black", "price": 89, "in_stock": True},
            {"size": "41", "color": "black", "price": 95, "in_stock": False},
            {"size": "41", "color": "blue", "price": 99, "in_stock": True},
        ],
    },
)
BARE = Item(id="bare", title="Thing")


class Shelf:
    def get(self, item_id: str) -> Item | None:
        return {item.id: item for item in (SHOE, BARE)}.get(item_id)


def facts_for(question: str, item_id: str = "shoe", encoder: Any = None) -> dict[str, Any]:  # noqa: ANN401
    engines = Engines(Shelf(), encoder or WordText(), None, None)  # type: ignore[arg-type]
    outcome = call_tool(bind_tools(engines, Path), "item_facts", {"item_id": item_id, "question": question})
    assert outcome.ok, outcome.error
    assert outcome.result is not None
    return outcome.result


def test_facts_are_all_that_the_record_says_and_no_codes() -> None:
    facts = {fact.name or fact.kind: fact.value for fact in facts_of(SHOE)}
    assert facts["price"] == "89.00 EUR"
    assert (facts["availability"], facts["brand"], facts["category"]) == ("in stock", "Adidas", "Shoes")
    assert (facts["size"], facts["upper material"], facts["weight"]) == ("40, 41", "mesh", "280 g")
    assert facts["color"] == "black, blue"
    assert "sku" not in facts
    assert [fact.value for fact in facts_of(SHOE) if fact.kind == "description"] == [
        "A light shoe for trails.", "The sole grips on wet rock.", "A membrane makes it waterproof.",
    ]  # fmt: skip
    assert facts_of(BARE) == []


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("which size is there", "40, 41"), ("what is the weight", "280 g"), ("the upper material?", "mesh"),
        ("is it waterproof", "A membrane makes it waterproof."), ("price please", "89.00 EUR"),
        ("which brand", "Adidas"), ("availability?", "in stock"),
        ("does the sole grip when wet", "The sole grips on wet rock."),
    ],
)  # fmt: skip
def test_the_nearest_fact_answers(question: str, value: str) -> None:
    result = facts_for(question)
    first = result["facts"][0]
    assert (first["value"], first["relevant"], result["overview"]) == (value, True, False)


@pytest.mark.parametrize("question", ["is it vegan", "can children wear it at school"])
def test_no_fact_is_relevant_where_the_record_says_nothing_about_it(question: str) -> None:
    result = facts_for(question)
    assert not any(fact["relevant"] for fact in result["facts"])
    assert not result["overview"]


def test_a_question_about_the_whole_item_is_told_apart() -> None:
    assert facts_for("give me general information and details")["overview"]


def test_variants_that_the_question_names_come_first_with_their_price_and_stock() -> None:
    first, second = facts_for("how much is the blue one in 41?")["facts"][:2]
    assert first["kind"] == "variant"
    assert first["variant"] == {"options": {"size": "41", "color": "blue"}, "price": 99.0, "in_stock": True}
    assert second["kind"] != "variant"
    named = [fact["variant"]["price"] for fact in facts_for("is 41 in stock")["facts"] if fact["kind"] == "variant"]
    assert sorted(named) == [95.0, 99.0]
    assert not any(fact["kind"] == "variant" for fact in facts_for("do you have it in 43")["facts"])


def test_an_item_of_which_nothing_is_known() -> None:
    assert facts_for("how heavy is it", "bare") == {"facts": [], "overview": True, "missing": []}


def test_the_same_item_is_embedded_once() -> None:
    encoder = WordText("once")
    facts_for("which size or weight", encoder=encoder)
    before = len(encoder.encoded)
    facts_for("which weight", encoder=encoder)
    assert len(encoder.encoded) == before + 1


def test_without_an_encoder_the_facts_are_told_as_unread() -> None:
    def missing() -> Any:  # noqa: ANN401
        raise ServiceMissing("The model is not here.")

    result = facts_for("which size", encoder=Lazy(missing))
    assert result["facts"]
    assert not any(fact["relevant"] for fact in result["facts"])
    assert "The model is not here." in result["missing"][0]


def test_an_unknown_item_is_refused() -> None:
    engines = Engines(Shelf(), WordText(), None, None)  # type: ignore[arg-type]
    outcome = call_tool(bind_tools(engines, Path), "item_facts", {"item_id": "no", "question": "size"})
    assert (outcome.ok, outcome.failure) == (False, "unknown")


def test_each_question_of_a_message_is_answered() -> None:
    answers = [fact["value"] for fact in facts_for("which brand? is it waterproof?")["facts"] if fact["relevant"]]
    assert answers[:2] == ["Adidas", "A membrane makes it waterproof."]


def test_what_is_asked_beside_a_variant_is_answered_after_it() -> None:
    answers = [
        fact
        for fact in facts_for("how much is the blue one in 41? what is the price? which brand?")["facts"]
        if fact["relevant"]
    ]
    assert [fact["kind"] for fact in answers] == ["variant", "brand"]
