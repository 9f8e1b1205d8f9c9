"""Every baseline as `open_baseline` gives it: the real encoders over a small shop, and a scripted language model."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageOps

from assistant.errors import BadInput, ServiceMissing
from assistant.settings import Settings, load_settings
from eval.runs.answering import ReadyTurn
from eval.runs.baselines import open_baseline
from eval.runs.records import EvalVariant, TurnAnswer
from eval.sample import voice
from eval.suite.records import Turn
from tests.fakes.openai_server import FakeOpenAIServer, Reply, Request
from tests.integration.bad_input.conftest import obliging, purpose

pytestmark = pytest.mark.models


def turn_with(text: str = "", **files: list[Path]) -> ReadyTurn:
    return ReadyTurn(Turn(text=text or "attached"), text, **files)


async def answers(name: str, settings: Settings, *turns: ReadyTurn) -> list[TurnAnswer]:
    """One conversation with the baseline of that name."""
    variant = EvalVariant(name=name, answerer=name)  # type: ignore[arg-type]
    async with open_baseline(variant, settings) as answerer, answerer.conversation() as conversation:
        return [await conversation.say(turn) for turn in turns]


@pytest.fixture
def settings(own_data: Path, model: FakeOpenAIServer) -> Settings:
    remote = {"profile": "remote", "base_url": model.base_url, "model": model.model}
    return load_settings(data=own_data, llm=remote)


@pytest.fixture
def photo_of_the_ball(shop_file: Path, tmp_path: Path) -> Path:
    """The shop's picture of its ball, mirrored, so that it is not the same file."""
    with Image.open(shop_file.parent / "images" / "ball.jpg") as picture:
        ImageOps.mirror(picture).save(tmp_path / "photo.jpg", quality=88)
    return tmp_path / "photo.jpg"


async def test_words_find_items_by_keyword_and_by_meaning(settings: Settings) -> None:
    (keyword,) = await answers("bm25", settings, turn_with("a tent"))
    assert (keyword.ranking, keyword.shown, keyword.reply, keyword.error) == (["tent"], ["tent"], None, None)
    near, narrowed = await answers(
        "dense", settings, turn_with("something to sleep in outdoors"), turn_with("or to drink tea")
    )
    assert near.ranking[0] == "tent"
    assert len(near.ranking) == 12
    assert near.shown == near.ranking[:3]
    assert "pot" in narrowed.shown


async def test_a_voice_note_counts_by_its_words(settings: Settings, tmp_path: Path) -> None:
    (answer,) = await answers("bm25", settings, turn_with(audio=[voice("tent.flac", tmp_path)]))
    assert answer.ranking == ["tent"]


async def test_a_photo_is_compared_with_photos_alone(settings: Settings, photo_of_the_ball: Path) -> None:
    nothing, answer = await answers(
        "picture", settings, turn_with("a tent"), turn_with("a tent like this", images=[photo_of_the_ball])
    )
    assert nothing == TurnAnswer(seconds=nothing.seconds)
    assert answer.ranking[0] == "ball"


async def test_random_and_popular_ask_no_model_at_all(settings: Settings, model: FakeOpenAIServer) -> None:
    (first,) = await answers("random", settings, turn_with("a tent"))
    (again,) = await answers("random", settings, turn_with("a tent"))
    (popular,) = await answers("popular", settings, turn_with("a tent"))
    assert first.ranking == again.ranking
    assert sorted(first.ranking) == sorted(popular.ranking)
    assert popular.shown == ["oak", "cafe", "desk"]
    assert model.requests == []


async def test_the_fusion_alone_plans_by_rules_and_explains_by_templates(
    settings: Settings, model: FakeOpenAIServer
) -> None:
    answer, follow_up = await answers(
        "fusion", settings, turn_with("a lamp under 40 dollars"), turn_with("why the first one?")
    )
    assert answer.reply is not None
    assert answer.shown[0] == "moon"
    assert "lamp" not in answer.shown, "the desk lamp costs 45"
    assert answer.reply.usage.llm_calls == 0
    assert {item.explained_by for item in answer.reply.recommendations} == {"template"}
    assert follow_up.reply is not None
    assert follow_up.reply.intent == "why"
    assert model.requests == []


async def test_without_fusion_the_models_order_stands_over_lists_taken_in_turns(
    settings: Settings, model: FakeOpenAIServer
) -> None:
    model.script(the_last_first)
    (answer,) = await answers("unfused", settings, turn_with("a lamp"))
    assert answer.reply is not None
    assert {item.score for item in answer.reply.recommendations} == {0}
    ranking_request = next(request for request in model.requests if purpose(request) == "rank")
    assert answer.shown == [item_named(ranking_request, entry) for entry in said_last(ranking_request)]
    assert answer.provisional
    assert answer.provisional[0] != answer.shown[0]


async def test_the_stock_agent_shows_what_it_names_and_remembers_the_conversation(
    settings: Settings, model: FakeOpenAIServer, photo_of_the_ball: Path
) -> None:
    search = {"name": "search_by_image", "arguments": json.dumps({"image": "img1", "k": 2})}
    model.script([called(search), Reply("Take the Soccer Ball, or else the Moon Lamp."), Reply("The Soccer Ball.")])
    answer, second = await answers(
        "stock-agent", settings, turn_with("like this", images=[photo_of_the_ball]), turn_with("only the cheaper one")
    )
    assert (answer.shown, answer.ranking, answer.error) == (["ball", "moon"], ["ball", "moon"], None)
    tool_message = next(message for message in model.requests[1]["messages"] if message["role"] == "tool")
    assert "Soccer Ball" in tool_message["content"]
    assert second.shown == ["ball"]
    roles = [message["role"] for message in model.requests[2]["messages"]]
    assert roles == ["system", "user", "assistant", "tool", "assistant", "user"]
    assert model.requests[2]["messages"][1]["content"] == "like this\nAttached picture: img1"


async def test_a_turn_that_the_stock_agent_cannot_answer_is_an_error_and_forgotten(
    settings: Settings, model: FakeOpenAIServer
) -> None:
    model.script([Reply(status=500), Reply("The Moon Lamp.")])
    broken, second = await answers("stock-agent", settings, turn_with("a tent"), turn_with("a lamp"))
    assert broken.error is not None
    assert broken.shown == []
    assert second.shown == ["moon"]
    assert [m["content"] for m in model.requests[-1]["messages"] if m["role"] == "user"] == ["a lamp"]


async def test_a_picture_that_cannot_be_read_is_the_answers_error(settings: Settings, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    for name in ("picture", "fusion"):
        (answer,) = await answers(name, settings, turn_with(images=[broken]))
        assert answer.error is not None
        assert "broken.jpg" in answer.error
        assert answer.shown == []


async def test_what_is_no_baseline_or_lacks_a_model_is_refused_on_opening(settings: Settings) -> None:
    with pytest.raises(BadInput, match="'assistant' is no baseline; known: random, popular, bm25"):
        await answers("assistant", settings)
    other = settings.text.model_copy(update={"model": "/no/such/folder"})
    with pytest.raises(ServiceMissing, match="no model folder /no/such/folder"):
        await answers("dense", settings.model_copy(update={"text": other}))


def the_last_first(body: Request) -> Reply:
    """A model that ranks the candidates backwards."""
    if purpose(body) != "rank":
        return obliging(body)
    return Reply(json={"ranking": [{"item": alias, "evidence": [first]} for alias, first in said_last(body)]})


def said_last(body: Request) -> list[tuple[str, str]]:
    """The last candidates of a ranking request, the very last first, each with its first evidence."""
    listing = body["response_format"]["json_schema"]["schema"]["properties"]["ranking"]
    entries: list[dict[str, Any]] = [entry["properties"] for entry in listing["items"]["anyOf"]]
    candidates = [(entry["item"]["const"], entry["evidence"]["items"]["enum"][0]) for entry in entries]
    return candidates[::-1][: listing["minItems"]]


def item_named(body: Request, entry: tuple[str, str]) -> str:
    """The id behind a candidate's letter."""
    titles = {"Desk Lamp": "lamp", "Moon Lamp": "moon"}
    prompt = body["messages"][-1]["content"].splitlines()
    title = next(line.split(": ", 1)[1] for line in prompt if line.startswith(f"{entry[0]}: "))
    return titles[title]


def called(function: dict[str, str]) -> Reply:
    """A tool call as vLLM sends it."""
    call = {"id": "call-1", "type": "function", "function": function}
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": None, "tool_calls": [call]},
        "finish_reason": "tool_calls",
    }
    whole = {"id": "x", "object": "chat.completion", "created": 1, "model": "fake-model", "choices": [choice]}
    return Reply(raw=json.dumps(whole).encode())
