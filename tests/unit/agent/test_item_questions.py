"""A question about an item gets the facts that answer it, with evidence; what the record does not tell is said."""

from typing import Any

import pytest

from assistant.agent.item_questions import answer, answering_facts, evidence_of
from assistant.errors import LLMUnavailable
from prompts import say
from tests.unit.agent.conftest import ITEMS, Stage
from tools.item_facts import ItemFact, ItemFacts
from tools.records import Variant

DOWN = LLMUnavailable("The language model cannot be reached.")
LANGUAGES = ["en", "de", "es", "fr", "zh"]
OAK = ITEMS[0]
RED = Variant(options={"size": "43", "color": "red"}, price=99, in_stock=False)


def fact(kind: str, score: float, value: str = "x", name: str = "", variant: Variant | None = None) -> ItemFact:
    return ItemFact(kind=kind, name=name, value=value, variant=variant, score=score, relevant=score >= 1)  # type: ignore[arg-type]


def item_facts_result(*facts: ItemFact, overview: bool = False, missing: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"item_facts": ItemFacts(facts=[*facts], overview=overview, missing=[*missing]).model_dump()}


@pytest.fixture
def ask(stage: Stage) -> Any:  # noqa: ANN401
    """Asks about the first item shown, given what the record is found to say."""

    async def ask_(question: str, answers: dict[str, Any]) -> Any:  # noqa: ANN401
        await stage.turn("a chair", DOWN)
        stage.answers = answers
        reply, _, _ = await stage.turn(question, DOWN, act="item")
        return reply

    return ask_


async def test_the_fact_that_answers_is_told_with_evidence_and_nothing_else(ask: Any) -> None:  # noqa: ANN401
    reply = await ask(
        "which sizes are there?", item_facts_result(fact("attribute", 2.0, "40, 41", "size"), fact("price", 0.4))
    )
    assert reply.message == "Oak Chair: size: 40, 41"
    assert [(entry.id, entry.source, entry.detail) for entry in reply.evidence] == [("e1", "attribute", "size: 40, 41")]
    assert [item.item_id for item in reply.recommendations] == ["oak"]
    assert [step.tool for step in reply.steps] == ["get_item", "item_facts"]


async def test_what_the_record_does_not_tell_is_said_with_what_it_tells(ask: Any) -> None:  # noqa: ANN401
    reply = await ask("is it vegan?", item_facts_result(fact("attribute", 0.4, "40, 41", "size")))
    assert reply.message.startswith(say("details_unknown", "en", details=""))
    assert "80 USD" in reply.message
    assert reply.evidence == []


@pytest.mark.parametrize(
    "answers", [item_facts_result(overview=True), item_facts_result(fact("price", 0.0), missing=("No encoder.",))]
)
async def test_a_question_about_the_whole_item_or_one_that_cannot_be_read_gets_the_facts(
    ask: Any,  # noqa: ANN401
    answers: dict[str, Any],
) -> None:
    reply = await ask("tell me more", answers)
    assert reply.message.startswith("Oak Chair: it costs 80 USD")


@pytest.mark.parametrize(("highest", "is_said"), [(80.0, True), (None, False)])
async def test_that_no_price_is_known_is_said_only_among_items_with_prices(
    stage: Stage, highest: float | None, is_said: bool
) -> None:
    stage.shelf.items[0] = OAK.model_copy(update={"price": None, "currency": None})
    stage.vocabulary = stage.vocabulary.model_copy(update={"max_price": highest})
    await stage.turn("a chair", DOWN)
    stage.answers = item_facts_result(overview=True)
    reply, _, _ = await stage.turn("tell me more", DOWN, act="item")
    assert reply.message.startswith("Oak Chair: ")
    assert ("no price is known" in reply.message) == is_said


async def test_a_search_that_fails_leaves_the_facts(stage: Stage, ask: Any) -> None:  # noqa: ANN401
    stage.broken_tools = {"item_facts"}
    reply = await ask("which sizes?", {})
    assert reply.message.startswith("Oak Chair: it costs 80 USD")
    assert len(reply.degraded) == 1


def test_variants_that_are_named_answer_first_and_then_the_nearest_facts() -> None:
    variant = fact("variant", 1.0, "43, red", variant=RED)
    near = [*(fact("brand", 3.0) for _ in range(4)), fact("category", 0.2)]
    assert answering_facts(ItemFacts(facts=[variant, *near], overview=False)) == [variant, *near[:3]]
    assert answering_facts(ItemFacts(facts=near[4:], overview=False)) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_fact_is_told_in_the_user_s_language(language: str) -> None:
    facts = [
        fact("price", 2.0), fact("stock", 2.0), fact("brand", 2.0, "Nike", "brand"),
        fact("description", 2.0, "A solid oak chair."), fact("variant", 1.0, "43, red", variant=RED),
    ]  # fmt: skip
    entries = evidence_of(OAK, facts)
    assert [entry.source for entry in entries] == ["price", "stock", "attribute", "description", "attribute"]
    message = answer(OAK, entries, language)
    for part in ("Oak Chair", "80", "Nike", "A solid oak chair.", "43", "red", "99"):
        assert part in message
    assert say("details_unknown", language, details="x").endswith("x")


async def test_a_question_about_an_item_that_had_to_be_found_is_answered_beside_the_cards(stage: Stage) -> None:
    question = "which sizes does the [item:oak chair] have"
    stage.answers = item_facts_result(fact("attribute", 2.0, "40, 41", "size"))
    reply, _, _ = await stage.turn(question, DOWN, act="item")
    first = reply.recommendations[0]
    assert reply.message.splitlines()[-1] == f"{first.title}: size: 40, 41"
    assert len(reply.message.splitlines()) == 2
    assert [entry.detail for entry in reply.evidence] == ["size: 40, 41"]
    stage.answers = item_facts_result(fact("attribute", 0.2, "40, 41", "size"))
    reply, _, _ = await stage.turn(question, DOWN, act="item")
    assert reply.evidence == []
