"""A model's answers to what was held out of its training, beside the labels."""

import json

import pytest

from assistant.llm.client import ChatClient
from assistant.tuning.examples import Example, ExampleMessage
from eval.steps import StepAnswer, StepFigures, ask, figures
from tests.fakes.encoders import HashText
from tests.fakes.openai_server import FakeOpenAIServer, Reply, Request


def calls(*tool_calls: tuple[str, dict[str, object]]) -> str:
    return json.dumps({"calls": [{"tool": tool, "arguments": arguments} for tool, arguments in tool_calls]})


def example(step: str, *answers: str, language: str = "en") -> Example:
    messages = [ExampleMessage(role="user", content="?")]
    for answer in answers:
        messages += [
            ExampleMessage(role="assistant", content=answer, learned=True),
            ExampleMessage(role="user", content="go on"),
        ]
    return Example.model_validate({"step": step, "language": language, "messages": messages[:-1], "source": "test"})


def judged(step: str, right: str, answer_text: str) -> StepFigures:
    answer = StepAnswer(example(step, right), 1, answer_text)
    return figures([answer], HashText(), lambda text: "de" if "ein" in text else "en")[step, "all"]  # type: ignore[arg-type]


SEARCH = calls(("search_by_text", {"query": "hand saw", "filters": {"max_price": 40}}))


@pytest.mark.parametrize(
    ("step", "right", "text", "figures"),
    [
        ("plan", SEARCH, SEARCH, (1, 1, 1)),
        ("plan", SEARCH, SEARCH.replace("hand saw", "Hand Saw"), (1, 1, 1)),
        ("plan", SEARCH, SEARCH.replace("40", "50"), (0, 1, 1)),
        ("plan", SEARCH, SEARCH.replace("hand saw", "bicycle"), (0, 1, 1)),
        ("plan", SEARCH, calls(), (0, 0, 1)),
        ("plan", calls(), calls(), (1, 1, 1)),
        ("plan", calls(), "Sure! I will search.", (0, 0, 0)),
        ("plan", calls(), '{"calls": "none"}', (0, 0, 0)),
        ("plan", calls(), "[1]", (0, 0, 0)),
        ("order", '{"ranking": [{"item": "B"}]}', '{"ranking": [{"item": "B"}, {"item": "A"}]}', (1, 1, 1)),
        ("order", '{"ranking": [{"item": "B"}]}', '{"ranking": [{"item": "A"}]}', (0, 0, 1)),
        ("order", '{"ranking": [{"item": "B"}]}', '{"ranking": []}', (0, 0, 0)),
        ("role", "C", "C", (1, 1, 1)),
        ("role", "C", "A", (0, 0, 0)),
        ("sentence", "A saw.", "A good saw.", (1, 1, 1)),
        ("sentence", "A saw.", "Das ist eine Saege.", (0, 0, 0)),
        ("sentence", "A saw.", "", (0, 0, 0)),
    ],
)
def test_an_answer_is_right_or_it_is_not(step: str, right: str, text: str, figures: tuple[int, int, int]) -> None:
    own = judged(step, right, text)
    assert (own.right, own.tools, own.valid) == figures


async def test_every_round_is_asked_with_the_right_answers_before_it() -> None:
    def echo(body: Request) -> Reply:
        return Reply(str(len(body["messages"])))

    with FakeOpenAIServer() as server:
        server.script(echo)
        progress = list[int]()
        answers = await ask(ChatClient(server.settings()), [example("plan", "one", "two")], progress.append)
    assert [(answer.position, answer.text, answer.right) for answer in answers] == [(1, "1", "one"), (3, "3", "two")]
    assert progress == [1, 2]
    assert all("response_format" not in body for body in server.requests)
