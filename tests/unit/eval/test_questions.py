"""Who decides unsure words rightly: counts over answers."""

import math

import pytest

from assistant.agent.reading.questions import RoleQuestion
from assistant.llm.client import ChatClient
from eval.questions import NEVER, AnsweredQuestion, QuestionCase, ask, best_bound, figures, in_words
from tests.fakes.openai_server import FakeOpenAIServer, Reply


def answered_question(truth: str, prediction: str, answer: str, probability: float) -> AnsweredQuestion:
    return AnsweredQuestion(QuestionCase(RoleQuestion("no Sony", 3, 7, False), truth, prediction), answer, probability)


RIGHT_WHEN_SURE = [answered_question("not", "prop", "not", 0.9), answered_question("prop", "prop", "not", 0.4)] * 4
WRONG = [answered_question("not", "not", "prop", 0.9), answered_question("prop", "prop", "said", 0.4)] * 4


def test_the_model_counts_from_where_it_is_better() -> None:
    assert 0.4 < best_bound(RIGHT_WHEN_SURE) <= 0.9
    assert best_bound(WRONG) == NEVER


def test_each_half_is_counted_by_the_bound_of_the_other() -> None:
    paired = [answer for pair in zip(RIGHT_WHEN_SURE[::2], RIGHT_WHEN_SURE[::2], strict=True) for answer in pair]
    paired += [answer for pair in zip(RIGHT_WHEN_SURE[1::2], RIGHT_WHEN_SURE[1::2], strict=True) for answer in pair]
    counts = figures(paired, 100)
    assert (counts.unsure, counts.by_classifiers, counts.by_model, counts.by_both, counts.counted) == (16, 8, 8, 16, 8)
    assert in_words("names", counts).startswith("names: 16 of 100 unsure; right by the classifiers 8,")


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [({"B": math.log(0.8), "A": math.log(0.2)}, ("not", 0.8)), ({"C": 0.0}, ("said", 1.0)), ({"?": 0.0}, ("prop", 0))],
)
async def test_letters_are_decisions(tokens: dict[str, float], expected: tuple[str, float]) -> None:
    case = QuestionCase(RoleQuestion("no Sony", 3, 7, False), "not", "prop")
    with FakeOpenAIServer([Reply("A", finish_reason="length", top_tokens=tokens)]) as server:
        (answer,) = await ask(ChatClient(server.settings()), [case], lambda _: None)
    assert (answer.answer, answer.probability) == (expected[0], pytest.approx(expected[1]))
