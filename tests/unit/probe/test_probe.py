"""The built-in tasks that show what a model is able to do, put to scripted models over the wire."""

from collections import Counter

import pytest

from assistant.agent.scores import Scores
from assistant.agent.steps import ModelSteps, steps_of
from assistant.errors import LLMUnavailable
from assistant.llm.client import ChatClient
from assistant.probe import load_tasks, probe
from tests.fakes.openai_server import FakeOpenAIServer, Reply, Script
from tests.fakes.probed_model import right_answer


async def probed(replies: Script) -> tuple[Scores, list[tuple[int, int]]]:
    told: list[tuple[int, int]] = []
    with FakeOpenAIServer(replies) as server:
        chat = ChatClient(server.settings())
        try:
            return await probe(chat, server.settings(), load_tasks(), progress=lambda *done: told.append(done)), told
        finally:
            await chat.aclose()


def test_there_are_forty_tasks_in_three_languages_about_items_that_exist() -> None:
    tasks = load_tasks()
    assert tasks.count == 40
    every = [*tasks.planning, *tasks.roles, *tasks.order, *tasks.evidence]
    assert min(Counter(task.language for task in every).values()) >= 8
    named = {item_id for task in tasks.planning for item_id in [*task.found, *task.then]}
    named |= {item_id for task in tasks.order for item_id in [*task.candidates, task.first]}
    assert named | {task.item for task in tasks.evidence} <= {item.id for item in tasks.items}


async def test_a_model_that_does_all_right_is_given_every_step() -> None:
    scores, told = await probed(right_answer)
    assert {part: score.share for part, score in scores.parts.items() if score.share < 1} == {}
    assert steps_of(scores) == ModelSteps(plans=True, asks=True, ranks=True, explains=True)
    assert told[-1] == (40, 40)


async def test_a_model_that_only_talks_is_given_nothing() -> None:
    scores, _ = await probed([Reply("Certainly! Here is the best product, it weighs 2 kg.")])
    assert steps_of(scores) == ModelSteps(plans=False, asks=False, ranks=False, explains=False)
    assert scores.parts["arguments"].right == scores.parts["order"].right == scores.parts["roles"].right == 0


async def test_a_model_that_searches_whatever_is_asked_does_not_plan() -> None:
    scores, _ = await probed([Reply(calls=[("search_by_text", {"query": "jacket"})], finish_reason="tool_calls")])
    assert scores.parts["tools"].right == 0
    assert not steps_of(scores).plans


async def test_a_server_that_fails_gives_no_scores() -> None:
    with pytest.raises(LLMUnavailable):
        await probed([Reply(status=500)])
