"""What only steers the list needs no model: every request to one is counted at a server that speaks the wire."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant.agent.feedback import Click
from assistant.records import Explained
from assistant.settings import TurnSettings
from tests.fakes.openai_server import FakeOpenAIServer, Reply, Request
from tests.unit.agent.conftest import Stage
from tests.unit.agent.test_changes import planning

WISH = "a [thing:chair] under [max:90] dollars"


@pytest.fixture(params=["fused", "vote", "model"])
def model(request: pytest.FixtureRequest, stage: Stage) -> Iterator[FakeOpenAIServer]:
    """A model that plans, ranks and explains whatever it is asked."""
    with FakeOpenAIServer(planning()) as server:
        stage.server = server
        stage.manner = TurnSettings(planner="model", ranking=request.param)
        yield server


STEERING: dict[str, dict[str, Any]] = {
    "a chip taken back": {"text": "", "drop": [{"field": "max_price", "value": 89.99}]},
    "not this": {"text": "not the [item:first one]", "act": "refine", "asks": ["rejects"]},
    "not this, as it is read in Chinese": {"text": "not [not:the first one]", "act": "refine", "asks": ["rejects"]},
    "an order": {"text": "cheapest first", "act": "refine", "asks": ["cheapest"]},
    "another order": {"text": "dearest first", "act": "refine", "asks": ["dearest"]},
    "more": {"text": "show more", "act": "more"},
    "a limit taken back in words": {"text": "the [back:price] does not matter", "act": "undo", "asks": ["free_limit"]},
    "a like": {"text": "I like the [item:first one]", "act": "chat", "asks": ["likes"]},
    "a dislike": {"text": "I hate the [item:first one]", "act": "chat", "asks": ["rejects"]},
    "the cart": {"text": "put the [item:first one] in my cart", "act": "cart"},
}
MORE: dict[str, dict[str, Any]] = {
    "a wish beside it": {"text": "not the [item:first one], a [prop:blue] one", "act": "refine", "asks": ["rejects"]},
    "an order of another kind": {"text": "cheapest [thing:shoe]", "act": "find", "asks": ["cheapest"]},
    "a limit": {"text": "under [max:70] dollars", "act": "refine"},
    "what is told beside it": {"text": "not those, my [said:cat] hates them", "act": "refine", "asks": ["rejects"]},
}


@pytest.mark.parametrize("message", STEERING.values(), ids=STEERING.keys())
async def test_no_model_is_asked(stage: Stage, model: FakeOpenAIServer, message: dict[str, Any]) -> None:
    await stage.turn(WISH)
    assert model.requests
    model.requests.clear()
    reply, _, _ = await stage.turn(**message)
    assert model.requests == []
    assert reply.usage.llm_calls == 0
    assert reply.message
    assert reply.degraded == []


@pytest.mark.parametrize("message", MORE.values(), ids=MORE.keys())
async def test_a_model_is_asked_where_more_is_said(
    stage: Stage, model: FakeOpenAIServer, message: dict[str, Any]
) -> None:
    await stage.turn(WISH)
    model.requests.clear()
    await stage.turn(**message)
    assert any("tools" in body for body in model.requests)


async def test_what_is_pressed_moves_the_next_list_without_a_model(stage: Stage, model: FakeOpenAIServer) -> None:
    await stage.turn(WISH)
    model.requests.clear()
    stage.pressed = [Click("oak", "dislike", 1.0), Click("shoe", "like", 2.0), Click("shoe", "cart", 3.0)]
    reply, _, _ = await stage.turn("show more", act="more")
    assert model.requests == []
    assert "oak" not in [item.item_id for item in reply.recommendations]


async def test_the_words_go_on_with_the_wish_alone(stage: Stage, model: FakeOpenAIServer) -> None:
    await stage.turn(WISH)
    stage.calls.clear()
    await stage.turn("cheapest first", act="refine", asks=["cheapest"])
    assert {call.arguments["query"] for call in stage.calls if call.tool == "search_by_text"} == {"chair"}


async def test_of_shown_items_that_one_is_ruled_out_and_nothing_else(stage: Stage, model: FakeOpenAIServer) -> None:
    await stage.turn("a [thing:chair]")
    reply, _, _ = await stage.turn("not [not:the second one]", act="more", asks=["rejects"])
    assert {item.item_id for item in reply.recommendations} == {"oak", "shoe"}
    assert set(reply.constraints) == {"exclude_ids"}


async def test_a_sentence_of_the_model_stays_where_the_evidence_still_holds_it(stage: Stage) -> None:
    def explaining(body: Request) -> Reply:
        is_oak = "Oak Chair" in body["messages"][-1]["content"]
        return Reply("It costs 80 USD, within your limit." if is_oak else "It costs 60 USD.")

    with FakeOpenAIServer(explaining) as stage.server:
        stage.manner = TurnSettings(planner="reading", ranking="fused")
        first, _, _ = await stage.turn(WISH)
        reply, events, _ = await stage.turn("", drop=[{"field": "max_price", "value": 89.99}])
    before, now = ({item.item_id: item for item in turn.recommendations} for turn in (first, reply))
    assert {item.explained_by for item in before.values()} == {"model"}
    assert now["shoe"].explanation == "It costs 60 USD."
    assert now["oak"].explained_by == "template"
    assert "limit" not in now["oak"].explanation
    assert len([event for event in events if isinstance(event, Explained)]) == len(now)
    assert reply.degraded == [], "no sentence was refused that was asked for now"


async def test_a_picture_beside_it_is_a_wish(stage: Stage, model: FakeOpenAIServer, file: Path) -> None:
    await stage.turn(WISH)
    model.requests.clear()
    await stage.turn("show more", act="more", images=[file])
    assert model.requests
