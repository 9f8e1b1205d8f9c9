"""Real vLLM, started, asked and looked at the way the product does it."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage, SystemMessage

from assistant.agent.first_searches import to_chat
from assistant.agent.reading.questions import ANSWERS, RoleQuestion
from assistant.errors import LLMBadReply, LLMUnavailable
from assistant.llm import process, server
from assistant.llm.client import ChatClient
from tests.e2e.conftest import RealServer

pytestmark = pytest.mark.vllm

SCHEMA = {
    "type": "object",
    "properties": {
        "tool": {"enum": ["search_by_text", "browse"]},
        "query": {"type": "string", "maxLength": 40},
        "k": {"type": "integer", "minimum": 1, "maximum": 9},
    },
    "required": ["tool", "query", "k"],
    "additionalProperties": False,
}
RULES = SystemMessage("You plan searches in a shop's catalogue. Answer with JSON only. " + "Be brief and exact. " * 40)


def command(vllm: RealServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("assistant")
    return subprocess.run(
        [program, "llm", *arguments], env=vllm.environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_first_start_and_the_second(vllm_server: RealServer) -> None:
    assert vllm_server.first_up.state == "ready"
    assert not vllm_server.first_up.already_running
    begun = time.monotonic()
    again = command(vllm_server, "up")
    assert again.returncode == 0
    assert "runs already" in again.stdout
    assert time.monotonic() - begun < 15
    status = command(vllm_server, "status")
    assert status.returncode == 0
    assert f"process   {vllm_server.first_up.pid}" in status.stdout or str(vllm_server.first_up.pid) in status.stdout
    assert "Route" in command(vllm_server, "logs", "-n", "500").stdout


def test_it_uses_every_core_it_may(vllm_server: RealServer) -> None:
    record = process.read_record(server.record_path(vllm_server.settings))
    assert record is not None
    affinities = [set(member.cpu_affinity()) for member in process.members(record)]
    assert affinities
    assert all(affinity == set.union(*affinities) for affinity in affinities)


async def test_json_keeps_to_its_schema(vllm_server: RealServer) -> None:
    client = ChatClient(vllm_server.settings)
    answer = await client.complete_json([RULES, HumanMessage("red shoes")], SCHEMA, purpose="plan", max_tokens=60)
    assert set(answer) == {"tool", "query", "k"}
    await client.complete_json([RULES, HumanMessage("a blue lamp")], SCHEMA, purpose="plan", max_tokens=60)
    first, second = client.usage.records
    assert first.prompt_tokens > 100
    assert first.completion_tokens > 5
    assert second.cached_tokens > 100  # the rules came from the prefix cache
    await client.aclose()


async def test_an_enumerated_question_is_answered_with_one_token(vllm_server: RealServer) -> None:
    client = ChatClient(vllm_server.settings)
    for text in ("a mouse, anything but Logitech", "headphones by Sony"):
        start = text.rindex(" ") + 1
        question = RoleQuestion(text, start, len(text), number=False)
        told = await client.choose(to_chat(question.messages()), ANSWERS, purpose="role")
        assert sum(told.values()) == pytest.approx(1)
        assert min(told.values()) > 0
    first, second = client.usage.records
    assert (first.completion_tokens, second.completion_tokens) == (1, 1)
    assert second.cached_tokens > 300  # the examples came from the prefix cache
    await client.aclose()


async def test_calls_side_by_side_cost_less_than_one_after_another(vllm_server: RealServer) -> None:
    client = ChatClient(vllm_server.settings).for_turn()
    asked = [HumanMessage(f"Write one short sentence about the number {number}.") for number in range(4)]
    texts = await asyncio.gather(
        *(client.complete_text([m], purpose="explain", max_tokens=40, when_cut="whole sentences") for m in asked)
    )
    assert all(texts)
    assert client.usage.busy_seconds < 0.8 * client.usage.seconds
    await client.aclose()


async def test_errors_of_the_real_server(vllm_server: RealServer) -> None:
    settings = vllm_server.settings
    with pytest.raises(LLMBadReply, match="cut off"):
        await ChatClient(settings).complete_text([HumanMessage("Count to 100.")], purpose="chat", max_tokens=3)
    with pytest.raises(LLMBadReply, match="maximum context length"):
        await ChatClient(settings).complete_text([HumanMessage("word " * 9000)], purpose="chat", max_tokens=3)
    other = settings.model_copy(update={"llm": settings.llm.model_copy(update={"model": "other"})})
    with pytest.raises(LLMUnavailable, match="has no model named other"):
        await ChatClient(other).complete_text([HumanMessage("hi")], purpose="chat", max_tokens=3)


async def test_hanging_up_ends_the_work(vllm_server: RealServer) -> None:
    settings = vllm_server.settings
    endless = settings.llm.model_copy(update={"extra_body": {"ignore_eos": True}})  # whatever the model makes of it
    client = ChatClient(settings.model_copy(update={"llm": endless}))
    with pytest.raises(LLMUnavailable, match="did not answer"):
        await client.complete_text([HumanMessage("Count to 10000.")], purpose="chat", max_tokens=3000, timeout=2)
    for _ in range(50):
        if await asyncio.to_thread(running, vllm_server) == 0:
            break
        await asyncio.sleep(0.2)
    assert await asyncio.to_thread(running, vllm_server) == 0
    await client.aclose()


def running(vllm: RealServer) -> float:
    """How many requests vLLM works on, by its own metrics."""
    import httpx

    metrics = httpx.get(f"http://127.0.0.1:{vllm.settings.llm.port}/metrics", trust_env=False, timeout=10).text
    (line,) = [line for line in metrics.splitlines() if line.startswith("vllm:num_requests_running{")]
    return float(line.rsplit(" ", 1)[1])
