"""The main job over the sample catalogue: the demonstration question, follow-ups, languages, and what each part adds.

What the answers say is the model's; what they must hold is checked here.
"""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from assistant import Assistant, Reply
from assistant.agent.state import TurnRules
from assistant.demo import TEXT, photo, voice_note
from assistant.engines import open_engines
from assistant.records import Done, StepFinished
from assistant.settings import Settings, TurnSettings, load_settings
from tests.e2e.conftest import RealServer
from tools.engines.parts import Engines
from tools.store import Catalogue

pytestmark = pytest.mark.models

PROGRAM = Path(sys.executable).with_name("assistant")
BLACK_SHOES = {"runx-running-shoe", "pureboost-running-shoe", "allstar-sneakers", "freerun-running-shoe"}


def run(
    *arguments: str, data: Path, env: dict[str, str] | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """One ``assistant`` command over a data folder."""
    variables = {**os.environ, **(env or {}), "ASSISTANT_DATA": str(data)}
    return subprocess.run(
        [str(PROGRAM), *arguments], input=stdin, capture_output=True, text=True, env=variables, timeout=300, check=False
    )


@dataclass(frozen=True)
class Shop:
    """The sample catalogue, ingested, with one set of engines for all tests."""

    data: Path
    engines: Engines
    photo: Path
    voice: Path

    @asynccontextmanager
    async def assistant(self, **llm: str) -> AsyncIterator[Assistant]:
        """An assistant over it; ``llm`` are settings of the language model."""
        async with Assistant(self.settings(**llm), engines=self.engines) as opened:
            yield opened

    def settings(self, **llm: str) -> Settings:
        return load_settings(data=self.data, llm=llm)

    def price(self, item_id: str) -> float | None:
        item = self.engines.catalogue.get(item_id)
        assert item is not None, f"{item_id} is not in the catalogue"
        return item.price


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    data = tmp_path_factory.mktemp("shop")
    fetched = run("sample", "fetch", data=data)
    assert fetched.returncode == 0, fetched.stderr
    ingested = run("ingest", fetched.stdout.strip(), data=data)
    assert ingested.returncode == 0, ingested.stderr
    settings = load_settings(data=data)
    engines = open_engines(settings)
    yield Shop(data, engines, photo(settings, data), voice_note(data))
    catalogue: Catalogue = engines.catalogue
    catalogue.close()


def check_promises(reply: Reply, shop: Shop) -> None:
    """Items and prices are the catalogue's, ranks count up, evidence is there, constraints hold."""
    assert [item.rank for item in reply.recommendations] == list(range(1, len(reply.recommendations) + 1))
    for item in reply.recommendations:
        assert item.price == shop.price(item.item_id)
        assert item.explanation
        assert item.evidence
        assert item.price is None or item.price <= reply.constraints.get("max_price", float("inf"))
    ids = [entry.id for item in reply.recommendations for entry in item.evidence]
    assert len(ids) == len(set(ids))


DOWN = {"profile": "remote", "base_url": "http://127.0.0.1:9/v1", "model": "none"}


async def test_photo_voice_and_text_each_matter_to_the_demonstration(shop: Shop) -> None:
    """Without one of the three the answer is another; the fused ranking alone shows it, so no model is asked."""

    async def titles(text: str = TEXT, *, shows: bool = True, says: bool = True, count: int = 3) -> list[str]:
        async with shop.assistant(**DOWN) as assistant:
            images, audio = [shop.photo] * shows, [shop.voice] * says
            reply = await assistant.reply(text, images=images, audio=audio, top_n=count)
        check_promises(reply, shop)
        assert reply.degraded
        return [item.item_id for item in reply.recommendations]

    whole = await titles()
    assert set(whole) <= BLACK_SHOES - {"freerun-running-shoe"}
    dear = "freerun-running-shoe"
    assert dear in await titles(says=False, count=6), "without the voice note, 160 dollars are not too much"
    assert dear not in await titles(count=6)
    assert not set(await titles("")) <= BLACK_SHOES, "without the text, shoes need not be black"
    assert await titles("In black please.", shows=False) != whole, "without the photo, nothing says shoes"


@pytest.mark.vllm
async def test_the_demonstration_question_is_answered_by_the_real_model(shop: Shop, vllm_server: RealServer) -> None:
    async with Assistant(
        vllm_server.settings.model_copy(update={"data": shop.data}), engines=shop.engines
    ) as assistant:
        reply = await assistant.reply(TEXT, images=[shop.photo], audio=[shop.voice])
    check_promises(reply, shop)
    assert {item.item_id for item in reply.recommendations} <= BLACK_SHOES
    assert (reply.constraints["max_price"], reply.constraints["attributes"]) == (100, {"color": ["black"]})
    assert "100" in reply.query.transcripts[0].text
    assert {label.label for label in reply.query.pictures[0].labels} & {"sneaker", "running shoe"}
    origins = {step.tool: step.origin for step in reply.steps}
    assert {"transcribe_audio", "describe_image", "search_by_image", "search_by_text"} <= set(origins)
    assert reply.usage.llm_calls == len(reply.recommendations), "one explanation an item"
    assert not any("language model" in note for note in reply.degraded)


@pytest.mark.vllm
async def test_the_small_model_is_held_to_the_rules_where_it_plans_and_ranks(
    shop: Shop, vllm_server: RealServer
) -> None:
    """Its tool calls pass through vLLM's own parser; what it makes of the tools is its affair."""
    turn = TurnSettings(planner="model", ranking="model")
    settings = vllm_server.settings.model_copy(update={"data": shop.data, "turn": turn})
    async with Assistant(settings, engines=shop.engines, rules=TurnRules(planner_seconds=120)) as assistant:
        events = [event async for event in assistant.stream("a grey chair under 150 dollars")]
    plans = [event for event in events if isinstance(event, StepFinished) and event.step == "plan"]
    assert plans
    assert all(plan.ok for plan in plans), [plan.summary for plan in plans]
    done = events[-1]
    assert isinstance(done, Done)
    check_promises(done.reply, shop)
    assert done.reply.constraints["max_price"] == 149.99


@pytest.mark.vllm
async def test_a_conversation_keeps_its_thread(shop: Shop, vllm_server: RealServer) -> None:
    async with Assistant(
        vllm_server.settings.model_copy(update={"data": shop.data}), engines=shop.engines
    ) as assistant:

        async def say(text: str, **files: list[Path]) -> Reply:
            reply = await assistant.reply(text, session_id="thread", top_n=2, **files)
            check_promises(reply, shop)
            return reply

        chairs = await say("a chair, no leather")
        first = chairs.recommendations[0]
        assert "chair" in first.title.casefold()
        cheaper = await say("cheaper")
        assert all(item.price < first.price for item in cheaper.recommendations)  # type: ignore[operator]
        because = await say("why the first one?")
        assert cheaper.recommendations[0].title in because.message
        assert because.usage.llm_calls == 0
        photographed = await say("and something like this?", images=[shop.photo])
        assert {step.tool for step in photographed.steps} >= {"describe_image", "search_by_image"}
        assert (await say("thanks!")).recommendations == []
        assert (await assistant.memory("thread")).turns == 5


@pytest.mark.vllm
async def test_chinese_constraints_hold_and_the_answer_is_chinese(shop: Shop, vllm_server: RealServer) -> None:
    async with Assistant(
        vllm_server.settings.model_copy(update={"data": shop.data}), engines=shop.engines
    ) as assistant:
        reply = await assistant.reply("我想要一把灰色的椅子，不超过150美元", top_n=2)
    check_promises(reply, shop)
    assert reply.language == "zh"
    assert reply.constraints["max_price"] == 150
    assert "chair" in reply.recommendations[0].title.casefold()
    assert reply.message.startswith("为您找到")


@pytest.mark.vllm
def test_recommend_prints_one_json_object_and_the_session_survives_the_process(
    shop: Shop, vllm_server: RealServer
) -> None:
    env = vllm_server.environment
    first = run("recommend", "--text", "a bonsai tree", "--top", "1", "--json", data=shop.data, env=env)
    assert first.returncode == 0, first.stderr
    reply = json.loads(first.stdout)
    assert set(reply) >= {
        "session_id", "query", "constraints", "relaxed", "recommendations", "steps", "message", "degraded", "models",
        "timings", "usage",
    }  # fmt: skip
    assert reply["recommendations"][0]["item_id"] == "bonsai-tree"
    chat = run(
        "chat", "--session", reply["session_id"], data=shop.data, env=env, stdin="why the first one?\n/why 1\n/quit\n"
    )
    assert chat.returncode == 0, chat.stderr
    assert "Bonsai Tree was recommended because" in " ".join(chat.stdout.split())
