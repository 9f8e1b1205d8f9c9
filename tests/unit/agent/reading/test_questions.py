"""Which words the language model is asked about, and with which question."""

from collections.abc import Sequence

import numpy as np
import pytest

from assistant.agent.reading.labels import ROLES
from assistant.agent.reading.questions import ANSWERS, RoleQuestion, decision, settled, unsure
from assistant.agent.reading.spans import TaggedTokens
from tools.records import Vocabulary

TEXT = "no Sony under 100"
BRAND, NUMBER = RoleQuestion(TEXT, 3, 7, False), RoleQuestion(TEXT, 14, 17, True)


def tagged(brand: dict[str, float], number: dict[str, float]) -> TaggedTokens:
    rows = np.full((4, len(ROLES)), 1e-6, np.float32)
    for row, given in zip(rows, ({"other": 1.0}, brand, {"other": 1.0}, number), strict=True):
        for role, probability in given.items():
            row[ROLES.index(role)] = probability
    return TaggedTokens(TEXT, [(0, 2), (3, 7), (8, 13), (14, 17)], rows)


def test_roles_that_search_alike_are_one_decision() -> None:
    tokens = tagged({"thing": 0.3, "prop": 0.3, "not": 0.4}, {"max": 0.9, "num": 0.1})
    assert decision(tokens, BRAND) == ("prop", pytest.approx(0.6, abs=1e-3))
    assert decision(tokens, NUMBER) == ("max", pytest.approx(0.9, abs=1e-3))
    tokens = tagged({"for": 0.2, "said": 0.2, "item": 0.2, "not": 0.4}, {"max": 1.0})
    assert decision(tokens, BRAND) == ("said", pytest.approx(0.6, abs=1e-3))


def test_what_is_unsure_is_asked_the_least_sure_first() -> None:
    tokens = tagged({"prop": 0.55, "not": 0.45}, {"max": 0.5, "min": 0.5})
    assert unsure(tokens, [BRAND, NUMBER, BRAND], 0.6) == [NUMBER, BRAND]
    assert unsure(tagged({"prop": 0.7, "not": 0.3}, {"max": 0.5, "min": 0.5}), [BRAND, NUMBER], 0.6) == [NUMBER]


def test_the_answers_settle_brands_and_numbers() -> None:
    asked: list[RoleQuestion] = []

    def ask(questions: Sequence[RoleQuestion]) -> dict[RoleQuestion, str]:
        asked.extend(questions)
        return {BRAND: "not"}

    tokens = tagged({"prop": 0.55, "not": 0.45}, {"max": 0.5, "min": 0.5})
    after = settled(tokens, Vocabulary(brands=["Sony"]), "en", 0.6, ask)
    assert asked == [NUMBER, BRAND]
    assert decision(after, BRAND) == ("not", pytest.approx(1.0, abs=1e-3))
    assert decision(after, NUMBER) == decision(tokens, NUMBER)
    sure = tagged({"prop": 0.9, "not": 0.1}, {"max": 1.0})
    asked.clear()
    settled(sure, Vocabulary(brands=["Sony"]), "en", 0.6, ask)
    assert asked == []


def test_the_words_are_marked_in_the_last_part_alone() -> None:
    one, other = BRAND.messages(), RoleQuestion("a case for my Pixel", 14, 19, False).messages()
    assert one[:-1] == other[:-1]
    assert one[-1].content == "no [Sony] under 100"
    assert NUMBER.messages()[0] != one[0]
    assert NUMBER.messages()[-1].content == "no Sony under [100]"


def test_a_long_message_is_cut_around_the_words() -> None:
    text = "a " * 4000 + "Sony" + " b" * 4000
    (*_, last) = RoleQuestion(text, 8000, 8004, False).messages()
    assert "[Sony]" in last.content
    assert len(last.content) < 400


@pytest.mark.parametrize("question", [BRAND, NUMBER])
def test_every_example_is_answered_with_one_of_the_answers(question: RoleQuestion) -> None:
    answers = [message.content for message in question.messages() if message.role == "assistant"]
    assert set(answers) == set(ANSWERS)
    assert len(question.roles) == len(ANSWERS)
