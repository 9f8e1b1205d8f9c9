"""Examples made by running labelled conversations through the product, on its real encoders and stores."""

import asyncio
import json

import pytest

from assistant.agent.calls import offered
from assistant.settings import load_settings
from assistant.tuning.conversations import Conversations, LabelledConversation, LabelledTurn, load
from assistant.tuning.examples import Example, examples_of, role_examples, sentence_examples

pytestmark = pytest.mark.models


def conversation(*turns: LabelledTurn) -> LabelledConversation:
    return LabelledConversation(language="en", turns=list(turns))


TURNS = [
    conversation(
        LabelledTurn(say="a wireless screwdriver for shelves", next="search", query="cordless drill", best=["w01"])
    ),
    conversation(LabelledTurn(say="hello, nice shop!", next="small_talk", answer="Hello! How can I help?")),
    conversation(
        LabelledTurn(
            say="something to cut planks, at most 40 dollars", next="search", query="hand saw",
            filters={"max_price": 40}, best=["w02"],
        ),
    ),
    conversation(LabelledTurn(say="a hammer", next="search", query="hammer", filters={"max_price": 5}, best=["w04"])),
]  # fmt: skip


@pytest.fixture(scope="module")
def data() -> Conversations:
    items = [
        ("w01", "Cordless Drill 18 V", "Drill and screwdriver.", 89, "Tools"),
        ("w02", "Hand Saw", "Saw for wood.", 19, "Tools"),
        ("w03", "Circular Saw", "Electric saw for planks.", 139, "Tools"),
        ("w04", "Claw Hammer", "Hammer of steel.", 24, "Tools"),
        ("w05", "Garden Hose", "Hose of 20 m.", 29, "Garden"),
    ]
    names = ("id", "title", "description", "price", "category")
    rows = [{**dict(zip(names, item, strict=True)), "currency": "USD"} for item in items]
    return Conversations.model_validate(
        {"name": "shed", "about": "tools", "language": "en", "items": rows, "conversations": TURNS}
    )


@pytest.fixture(scope="module")
def examples(data: Conversations) -> list[Example]:
    return asyncio.run(examples_of(data, load_settings()))


def answers(example: Example) -> list[list[str]]:
    """The tools of each round that is learned."""
    told = [json.loads(one.content)["calls"] for one in example.messages if one.learned]
    return [[call["tool"] for call in calls] for calls in told]


def test_prompts_are_those_of_a_turn_and_answers_are_what_the_labels_say(examples: list[Example]) -> None:
    plans = {one.source: one for one in examples if one.step == "plan"}
    assert all(tool in offered() for one in plans.values() for calls in answers(one) for tool in calls)
    saw = plans["shed 2.0"]
    assert [one.role for one in saw.messages[:4]] == ["system", "user", "assistant", "user"]
    assert "Customer: something to cut planks" in saw.messages[1].content
    assert not saw.messages[2].learned, "the first round is the reading's"
    assert "w02 | Hand Saw | 19 USD" in saw.messages[3].content
    assert answers(saw)[-1] == []
    assert all(len(one.content) < 1_500 for plan in plans.values() for one in plan.messages)


def test_what_the_customer_did_not_say_is_no_example(examples: list[Example]) -> None:
    assert not [one for one in examples if one.source == "shed 3.0" and one.step == "plan"]


def test_small_talk_is_an_example_of_its_own(examples: list[Example]) -> None:
    [chat] = [one for one in examples if one.source == "shed 1.0"]
    assert (chat.step, chat.messages[-1].content) == ("chat", "Hello! How can I help?")


def test_there_are_enough_examples_of_all_steps() -> None:
    assert len(list(role_examples())) > 3_000
    assert len(list(sentence_examples())) > 400
    assert sum(len(one.turns) for data in load() for one in data.conversations) > 1_400
