"""The classifier of claims: what it reads, and that the runtime computes what was trained."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from assistant.claims import Explanation, OtherItem, PriceLimit, unsupported
from assistant.claims.entailment import KINDS, Entailment, ground_lines, kinds_of, matches
from assistant.claims.training import COMPONENTS, _Network, labelled
from assistant.records import Evidence
from tools.engines.text import Purpose, TokenStates
from tools.records import Vocabulary

STATES = 32


class Drawn:
    """Token states drawn by the words."""

    def token_states(self, text: str, *, purpose: Purpose = "query") -> TokenStates:
        offsets, place = [], 0
        for word in text.split(" "):
            offsets.append((place, place + len(word)))
            place += len(word) + 1
        vectors = np.stack([np.random.default_rng(len(text[a:b])).normal(size=STATES) for a, b in offsets])
        return TokenStates(offsets, vectors.astype(np.float32), np.zeros(4, np.float32))


@pytest.fixture
def network() -> _Network:
    torch.manual_seed(7)
    return _Network().eval()


@pytest.fixture
def entailment(network: _Network) -> Entailment:
    random = np.random.default_rng(1)
    weights = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    weights |= {
        "mean": random.normal(size=STATES).astype(np.float32),
        "components": random.normal(size=(STATES, COMPONENTS)).astype(np.float32) / 8,
    }
    return Entailment(Drawn(), weights)


def entry(key: str, **facts: object) -> Evidence:
    return Evidence(id="e1", item_id="x", source="attribute", key=key, detail="", facts=facts)


EXPLANATION = Explanation(
    text="A light shoe for 44.95 USD",
    title="Aero Runner",
    evidence=[
        entry("evidence_attribute", name="color", value="black"),
        entry("evidence_price_within", price=44.95, currency="USD"),
        entry("evidence_quote", quote="An airy mesh upper."),
        entry("evidence_collaborative", titles=["City Step"], people=12),
        entry("evidence_dense", query="light shoes"),
    ],
    language="en",
    wish="light shoes",
    limit=PriceLimit(60.0, "USD"),
    others=(OtherItem("Trail King", 59.0, "EUR"), OtherItem("Free Gift", None, None)),
)


def test_everything_that_a_sentence_may_rest_on_is_a_line() -> None:
    assert ground_lines(EXPLANATION) == [
        "title: Aero Runner",
        "color: black",
        "within: 44.95 USD",
        "quote: An airy mesh upper.",
        "liked: City Step",
        "people: 12",
        "wish: light shoes",
        "limit: max_price 60, currency USD",
        "other: Trail King, price 59, currency EUR",
        "other: Free Gift",
    ]


def test_a_token_has_the_kind_of_its_line() -> None:
    ground = "title: A\ncolor: black\nquote: B"
    offsets = [(0, 5), (7, 8), (9, 14), (16, 21), (22, 27), (29, 30)]
    names = [KINDS[kind] for kind in kinds_of(ground, offsets)]
    assert names == ["title", "title", "attribute", "attribute", "quote", "quote"]


def test_equal_words_match_and_empty_ones_do_not() -> None:
    found = matches(["a", "", "b"], ["b", "a", ""])
    assert found.tolist() == [[0, 1, 0], [0, 0, 0], [1, 0, 0]]


def test_the_runtime_computes_what_was_trained(network: _Network, entailment: Entailment) -> None:
    random = np.random.default_rng(3)

    def drawn(*shape: int) -> NDArray[np.float32]:
        return random.normal(size=shape).astype(np.float32)

    sentence, ground = drawn(5, STATES), drawn(9, STATES)
    kinds, match = random.integers(0, len(KINDS), 9), (random.random((5, 9)) < 0.2).astype(np.float32)
    score = entailment.score(sentence, ground, kinds, match)

    reduced = [torch.from_numpy(entailment._reduced(states))[None] for states in (sentence, ground)]
    mask = torch.ones(1, 5, dtype=torch.bool)
    with torch.inference_mode():
        _, expected = network(*reduced, torch.from_numpy(kinds)[None], mask, torch.from_numpy(match)[None])
    assert score == pytest.approx(expected.item(), abs=1e-4)


@pytest.mark.parametrize(("bias", "stands"), [(-100.0, True), (100.0, False)])
def test_the_classifier_looks_at_what_the_rules_let_stand(entailment: Entailment, bias: float, stands: bool) -> None:
    entailment.weights["pool.bias"] = np.array([0.0, bias], np.float32)
    plain = replace(EXPLANATION, text="A black shoe for 44.95 USD.", title="Black Shoe")
    assert unsupported(plain, Vocabulary()) == []
    assert (unsupported(plain, Vocabulary(), entailment) == []) == stands


def test_what_the_rules_refuse_is_refused_whatever_the_classifier_says(entailment: Entailment) -> None:
    entailment.weights["pool.bias"] = np.array([0.0, -100.0], np.float32)
    assert unsupported(replace(EXPLANATION, text="A shoe for 60 EUR."), Vocabulary(), entailment)


def test_every_part_that_is_wrong_stands_in_its_sentence() -> None:
    given = list(labelled())
    assert len({one.explanation.text for one in given}) == len(given)
    assert all(part in one.explanation.text for one in given for part in one.wrong)
    assert all(not one.wrong for one in given if one.is_true)
    share = sum(one.is_true for one in given) / len(given)
    assert 0.45 < share < 0.55
