"""The classifiers compute without torch what was trained with it, and give spans their roles."""

import numpy as np
import pytest

from assistant.agent.reading.heads import Heads
from assistant.agent.reading.labels import ACTS, OPERATIONS, ROLES, LabelledMessage, LabelledSpan
from assistant.agent.reading.spans import TaggedTokens
from assistant.agent.reading.training import MessageExample, fit
from tools.engines.text import TokenStates
from tools.errors import ServiceMissing

WIDTH = 6
RANDOM = np.random.default_rng(3)
VECTORS = {role: RANDOM.normal(size=WIDTH).astype(np.float32) * 3 for role in ROLES}


def example(index: int) -> MessageExample:
    """A message of two words, whose states and embedding say what they are."""
    role, act = ROLES[1 + index % (len(ROLES) - 1)], ACTS[index % len(ACTS)]
    embedding = np.zeros(len(ACTS), np.float32)
    embedding[ACTS.index(act)] = 1
    noise = RANDOM.normal(size=(2, WIDTH)).astype(np.float32) * 0.2
    states = TokenStates([(0, 3), (4, 8)], np.stack([VECTORS["other"], VECTORS[role]]) + noise, embedding)
    return MessageExample(
        LabelledMessage("the word", "en", False, act, frozenset(), (LabelledSpan(4, 8, role),)), states
    )


def operation(index: int) -> MessageExample:
    message_example, name = example(index), OPERATIONS[index % len(OPERATIONS)]
    return message_example._replace(
        message=message_example.message._replace(act=None, operations=frozenset({name}), spans=())
    )


@pytest.fixture(scope="module")
def heads() -> Heads:
    return Heads(fit([example(index) for index in range(330)] + [operation(index) for index in range(52)]))


def test_acts_and_roles_are_learned(heads: Heads) -> None:
    right = 0
    for index in range(33):
        message, states = example(index)
        read = heads.read(message.text, states, shown=False)
        assert read.act == message.act
        assert sum(read.acts.values()) == pytest.approx(1, abs=1e-4)
        right += read.tagged.role_of(4, 8)[0] == message.spans[0].role
    assert right >= 30


def test_fitting_is_repeatable() -> None:
    examples = [example(index) for index in range(44)] + [operation(index) for index in range(13)]
    first, second = fit(examples), fit(examples)
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_states_of_another_encoder_are_refused_with_what_to_do(heads: Heads) -> None:
    states = TokenStates([(0, 3)], np.zeros((1, WIDTH + 1), np.float32), np.zeros(len(ACTS), np.float32))
    with pytest.raises(ServiceMissing, match="assistant models pull"):
        heads.read("the", states, shown=False)


def probabilities(*roles: str) -> np.ndarray:
    rows = np.full((len(roles), len(ROLES)), 0.01, np.float32)
    for row, role in enumerate(roles):
        rows[row, ROLES.index(role)] = 0.9
    return rows


def test_neighbouring_words_of_one_role_are_one_span() -> None:
    text = "red running shoes, no leather"
    offsets = [(0, 3), (4, 11), (12, 17), (17, 18), (19, 21), (22, 29)]
    tagged = TaggedTokens(text, offsets, probabilities("prop", "thing", "thing", "other", "other", "not"))
    assert [(text[s.start : s.end], s.role) for s in tagged.spans()] == [
        ("red", "prop"), ("running shoes", "thing"), ("leather", "not"),
    ]  # fmt: skip


def test_pieces_of_a_word_and_digits_have_one_role() -> None:
    text = "under 1500 for a Thinkpad"
    offsets = [(0, 5), (6, 7), (7, 8), (8, 9), (9, 10), (11, 14), (15, 16), (17, 22), (22, 25)]
    rows = probabilities("other", "max", "max", "num", "max", "other", "other", "for", "thing")
    rows[7, ROLES.index("for")] = 0.99
    spans = TaggedTokens(text, offsets, rows).spans()
    assert [(text[s.start : s.end], s.role) for s in spans] == [("1500", "max"), ("Thinkpad", "for")]


def test_a_stretch_without_tokens_has_no_role() -> None:
    assert TaggedTokens("a b", [(0, 1)], probabilities("thing")).role_of(2, 3)[0] == "other"


def test_only_the_roles_of_numbers_are_compared_for_a_number() -> None:
    rows = probabilities("prop")
    rows[0, ROLES.index("num")] = 0.05
    assert TaggedTokens("43", [(0, 2)], rows).role_of(0, 2, number=True)[0] == "num"
