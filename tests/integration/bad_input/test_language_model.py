"""The language model's server is away, dies, hangs or talks nonsense: the turn still ends with a true answer."""

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.records import Reply as Answer
from tests.fakes.openai_server import FakeOpenAIServer, Reply, Request
from tests.integration.bad_input.conftest import CommandLine, OpenAssistant, ended, interrupt, obliging, purpose
from tests.integration.bad_input.shop import PRICES

pytestmark = pytest.mark.models

WISH = "a solid chair under 100 dollars"
NONSENSE = {
    "no JSON": Reply("Sure! Here is the JSON that you asked for:"),
    "half of it": Reply('{"intent": "recommend", "calls": ['),
    "another schema": Reply(json={"answer": 42}),
    "a made-up tool": Reply(json={"intent": "recommend", "calls": [{"tool": "delete_item", "arguments": {}}]}),
    "a made-up item": Reply(json={"ranking": [{"item": "Z", "evidence": ["e999"]}]}),
    "nothing": Reply(""),
    "cut off": Reply('{"intent"', finish_reason="length"),
    "no completion": Reply(raw=b"{]"),
    "a web page": Reply(raw=b"<html>Welcome</html>"),
    "an error": Reply(status=500),
    "too busy": Reply(status=503),
    "not allowed": Reply(status=401),
    "hangs up": Reply(reset=True),
}


def is_true(answer: Answer) -> None:
    """Items, prices and the limit are the catalogue's, explanations are templates, and the reply says why."""
    assert answer.recommendations[0].item_id == "oak"
    assert answer.constraints["max_price"] < 100
    for item in answer.recommendations:
        assert item.price == PRICES[item.item_id] < 100
        assert item.explained_by == "template"
        assert item.explanation
    assert answer.degraded


@pytest.mark.parametrize("said", NONSENSE.values(), ids=NONSENSE.keys())
async def test_nonsense_from_the_server_leaves_a_true_answer(
    opened: OpenAssistant, model: FakeOpenAIServer, said: Reply
) -> None:
    model.script([said])
    async with opened() as assistant:
        is_true(await assistant.reply(WISH))


async def test_a_server_that_dies_in_the_middle_leaves_a_true_answer(
    opened: OpenAssistant, model: FakeOpenAIServer
) -> None:
    model.script(lambda body: obliging(body) if purpose(body) == "plan" else Reply(reset=True))
    async with opened() as assistant:
        is_true(await assistant.reply(WISH))
    assert [purpose(body) for body in model.requests][:2] == ["plan", "rank"]
    assert "text" not in [purpose(body) for body in model.requests], "a dead server is not asked for explanations"


async def test_a_server_that_hangs_is_given_up(opened: OpenAssistant, model: FakeOpenAIServer) -> None:
    def hang_later(body: Request) -> Reply:
        return obliging(body) if purpose(body) == "plan" else Reply(hang=True)

    async with opened(call_seconds=0.5) as assistant:
        for script in (lambda _: Reply(hang=True), hang_later):
            model.script(script)
            began = time.monotonic()
            is_true(await assistant.reply(WISH))
            assert time.monotonic() - began < 4
    assert model.wait_for_hang_up()


async def test_no_server_at_all_leaves_a_true_answer(opened: OpenAssistant) -> None:
    async with opened(base_url="http://127.0.0.1:9/v1") as assistant:
        is_true(await assistant.reply(WISH))


def test_recommend_answers_without_a_server_and_says_so(shop_data: Path) -> None:
    answer = CommandLine(shop_data).json("recommend", "--text", WISH, "--json")
    is_true(Answer.model_validate(answer))
    assert answer["degraded"][0].startswith("The language model is not available just now")
    assert "ASSISTANT_" not in json.dumps(answer)


def test_ctrl_c_in_the_middle_of_a_turn_ends_it_in_one_sentence(shop_data: Path, model: FakeOpenAIServer) -> None:
    model.script(lambda body: obliging(body) if purpose(body) == "plan" else Reply(hang=True))
    process = CommandLine(shop_data, model.base_url).start("recommend", "--text", WISH, "--json")
    _wait_for_requests(model, 2)
    began = time.monotonic()
    done = interrupt(process)
    assert (done.code, done.stdout) == (130, "")
    assert done.sentence.startswith("Interrupted")
    assert time.monotonic() - began < 45, "it does not wait for the model's deadline of 90 s"
    assert model.wait_for_hang_up()


def test_ctrl_c_in_a_chat_stops_the_turn_and_the_conversation_goes_on(shop_data: Path, model: FakeOpenAIServer) -> None:
    model.script([Reply(hang=True)])
    process = CommandLine(shop_data, model.base_url).start("chat", stdin=subprocess.PIPE)
    assert process.stdin is not None
    for turn in (1, 2):
        process.stdin.write("hello\n")
        process.stdin.flush()
        _wait_for_requests(model, 1 + turn)  # the first request is the warm-up's
        hung_up = model.hang_ups
        process.send_signal(signal.SIGINT)
        _wait(lambda before=hung_up: model.hang_ups > before)
    done = ended(process, "/quit\n")
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.count("Stopped.") == 2
    assert "Go on later with" in done.stdout


def _wait_for_requests(model: FakeOpenAIServer, count: int) -> None:
    _wait(lambda: len(model.requests) >= count)


def _wait(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
