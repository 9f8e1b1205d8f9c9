"""What no message may do: hang, overflow a filter, or leave a value behind that cannot be stored or compared."""

import math

import pytest
from hypothesis import given, settings

from assistant.records import Constraint, Memory, Recommendation, Reply
from assistant.sessions import serializer
from assistant.understanding import (
    MOST_THINGS,
    Said,
    Understanding,
    carry_over,
    to_filters,
    understand,
    usable,
    within_limits,
)
from assistant.understanding.lexicon import load_lexicon
from eval.bench.messages import NAMED_FLOODS
from tests.strategies.messages import messages
from tools.records import Filters, Vocabulary

VOCABULARY = Vocabulary(
    categories=["Shoes", "Furniture", "Plants"], brands=["Nike", "Adidas", "Apple"], currencies=["USD"]
)
SHOWN = [Recommendation(rank=1, item_id="i1", title="Oak Chair", price=80, score=1, explanation="", evidence=[])]


def read(text: str, memory: Memory | None = None) -> Understanding:
    return understand([Said(source="text", text=text)], memory or Memory(), VOCABULARY, attached=False)


def in_force(text: str, memory: Memory | None = None) -> list[Constraint]:
    return within_limits(carry_over(memory or Memory(), read(text, memory)))[0]


def excluded(text: str) -> dict[str, list[object]]:
    found: dict[str, list[object]] = {}
    for constraint in in_force(text):
        if constraint.field.startswith("exclude"):
            found.setdefault(constraint.field, []).append(constraint.value)
    return found


@settings(max_examples=40, deadline=None)
@given(messages())
def test_every_message_gives_constraints_that_a_filter_can_hold(text: str) -> None:
    for memory in (Memory(), Memory(turns=1, shown=SHOWN, topic="chair")):
        constraints = in_force(text, memory)
        assert all(usable(constraint) for constraint in constraints)
        filters = to_filters(constraints)
        assert Filters.model_validate_json(filters.model_dump_json()) == filters


@pytest.mark.parametrize("text", NAMED_FLOODS, ids=lambda text: repr(text[:8]))
def test_a_flood_is_read(text: str) -> None:
    assert to_filters(in_force(text)).is_empty()


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("shoes, not black, not white and not red", ["black", "white", "red"]),
        ("no black, white, red, blue or green shoes", ["black", "white", "red", "blue", "green"]),
        ("不要黑色、白色、红色的鞋", ["black", "white", "red"]),
        ("Schuhe, nicht schwarz, weiß oder rot", ["black", "white", "red"]),
        ("zapatos, sin cuero y sin madera", ["leather", "wood"]),
        ("chaussures sans cuir, sans bois", ["leather", "wood"]),
    ],
)
def test_many_things_can_be_excluded_at_once(text: str, terms: list[str]) -> None:
    assert excluded(text) == {"exclude_terms": terms}
    spellings = to_filters(in_force(text)).exclude_terms
    assert all(set(load_lexicon().terms[term]) <= set(spellings) for term in terms)


def test_exclusions_of_a_whole_conversation_stay_in_force() -> None:
    memory = Memory()
    words = list(load_lexicon().attributes)
    for word in words:
        memory = memory.model_copy(update={"constraints": in_force(f"shoes, not {word}", memory), "turns": 1})
    assert [c.value for c in memory.constraints if c.field == "exclude_terms"] == words
    to_filters(memory.constraints)


def test_of_too_many_exclusions_the_last_are_in_force_and_the_others_are_named() -> None:
    words = [f"q{chr(97 + i // 26)}{chr(97 + i % 26)}x" for i in range(MOST_THINGS + 20)]
    kept, left = within_limits(carry_over(Memory(), read("shoes, " + ", ".join(f"no {word}" for word in words))))
    assert [c.value for c in kept if c.field == "exclude_terms"] == words[20:]
    assert {c.value for c in left} == set(words[:20])


@pytest.mark.parametrize(
    "text",
    [
        "a chair without " + "x" * 150,
        "不要" + "x" * 150,
        "an oak chair over " + "9" * 400 + " dollars",
        "under " + "1" * 20 + " dollars",
        "under 1e999 dollars",
        "between 1e999 and 2e999 dollars",
    ],
)
def test_what_no_filter_can_hold_is_left_out(text: str) -> None:
    assert not excluded(text)
    filters = to_filters(in_force(text))
    assert (filters.min_price, filters.max_price) == (None, None)


@pytest.mark.parametrize("text", ["shoes under 0 dollars", "鞋低于0元", "Schuhe unter 0 Euro", "less than 0.00 usd"])
def test_nothing_is_cheaper_than_nothing(text: str) -> None:
    assert to_filters(in_force(text)).max_price == 0


@pytest.mark.parametrize("price", [math.inf, 1e300, 0.0])
@pytest.mark.parametrize("text", ["cheaper", "more expensive", "便宜一点", "for less than the first one"])
def test_a_relative_price_is_finite(text: str, price: float) -> None:
    shown = [Recommendation.model_validate(SHOWN[0].model_dump() | {"price": price})]
    for constraint in in_force(text, Memory(turns=1, shown=shown)):
        assert constraint.field not in ("min_price", "max_price") or math.isfinite(float(constraint.value))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("不要耐克的鞋", {"exclude_brands": ["Nike"]}),
        ("不要耐克和阿迪达斯的鞋", {"exclude_brands": ["Nike", "Adidas"]}),
        ("鞋子，别要苹果", {"exclude_brands": ["Apple"]}),
        ("shoes, anything but nike", {"exclude_brands": ["Nike"]}),
        ("shoes, not 耐克", {"exclude_brands": ["Nike"]}),
        ("Schuhe, aber nicht von Nike", {"exclude_brands": ["Nike"]}),
        ("Schuhe außer Nike oder Adidas", {"exclude_brands": ["Nike", "Adidas"]}),
        ("des chaussures, sauf Nike", {"exclude_brands": ["Nike"]}),
        ("des chaussures, pas de chez Nike", {"exclude_brands": ["Nike"]}),
        ("zapatos que no sean de Nike", {"exclude_brands": ["Nike"]}),
        ("zapatos, excepto Adidas", {"exclude_brands": ["Adidas"]}),
        ("no furniture please", {"exclude_categories": ["Furniture"]}),
        ("keine Möbel", {"exclude_categories": ["Furniture"]}),
        ("pas de meubles", {"exclude_categories": ["Furniture"]}),
        ("sin muebles", {"exclude_categories": ["Furniture"]}),
        ("不要家具", {"exclude_categories": ["Furniture"]}),
    ],
)  # fmt: skip
def test_an_excluded_name_is_excluded_in_every_language(text: str, expected: dict[str, list[object]]) -> None:
    assert excluded(text) == expected
    assert not [c for c in in_force(text) if c.field == "brands"]


def test_a_foreign_noun_is_excluded_in_english_and_as_it_was_said() -> None:
    assert to_filters(in_force("keine Stiefel")).exclude_terms == ["boots", "stiefel"]


def test_a_session_with_an_infinite_price_can_be_read_again() -> None:
    """Earlier versions took a price of 400 digits for one."""
    good = Constraint(field="exclude_terms", value="red", source="text", words="no red")
    bad = {"field": "max_price", "value": math.inf, "source": "text", "words": "under 999"}
    poisoned = Memory.model_construct(constraints=[Constraint.model_construct(**bad), good], turns=1)
    kinds, data = serializer().dumps_typed(poisoned)
    revived = serializer().loads_typed((kinds, data))
    assert isinstance(revived, Memory)
    assert revived.constraints == [good]
    assert Memory.model_validate({"constraints": [bad, good.model_dump()]}).constraints == [good]


def test_a_reply_with_an_infinite_price_can_be_read_again(reply: Reply) -> None:
    data = reply.model_dump()
    change = {"field": "max_price", "wanted": math.inf, "used": None, "words": "under 999"}
    data |= {"constraints": {"max_price": math.inf, "brands": ["Nike"]}, "relaxed": [change]}
    revived = Reply.model_validate(data)
    assert (revived.constraints, revived.relaxed) == ({"brands": ["Nike"]}, [])
    as_null = Reply.model_construct(**data).model_dump_json(warnings=False)
    assert Reply.model_validate_json(as_null).constraints == {"brands": ["Nike"]}


@pytest.fixture
def reply() -> Reply:
    return Reply(
        session_id="s", query={"text": "a"}, intent="recommend", language="en", constraints={}, relaxed=[],
        recommendations=[], steps=[], message="", degraded=[], models={}, timings={}, usage={},
    )  # fmt: skip
