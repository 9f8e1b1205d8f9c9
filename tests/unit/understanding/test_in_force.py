"""Which constraints are in force after a message, and that a filter can hold them and a session keep them."""

import math

import pytest

from assistant.records import Constraint, ItemFeedback, Memory, Recommendation, Reply
from assistant.sessions import serializer
from assistant.understanding import MOST_CONSTRAINTS, Understanding, carry_over, to_filters, usable, within_limits
from assistant.understanding.lexicon import load_lexicon

SHOWN = [Recommendation(rank=1, item_id="i1", title="Oak Chair", price=80, score=1, explanation="", evidence=[])]


def constraint(field: str, value: float | bool | str, words: str = "", **more: str) -> Constraint:
    return Constraint.model_validate({"field": field, "value": value, "source": "text", "words": words, **more})


def understood(*constraints: Constraint, refines: bool = False, **more: object) -> Understanding:
    settled = {"language": "en", "intent": None, "currency": None, "references": [], "topic": ""}
    return Understanding.model_validate({**settled, "constraints": constraints, "refines": refines, **more})


LIMIT, NO_LEATHER = constraint("max_price", 150.0), constraint("exclude_terms", "leather")
NO_CACTUS, NO_NIKE = constraint("exclude_terms", "cactus"), constraint("exclude_brands", "Nike")
MEMORY = Memory(turns=1, topic="chair", shown=SHOWN, constraints=[LIMIT, NO_LEATHER, NO_CACTUS, NO_NIKE])


def test_a_refinement_keeps_what_was_said_and_a_new_topic_what_was_ruled_out_of_any_topic() -> None:
    assert carry_over(MEMORY, understood(refines=True)) == MEMORY.constraints
    assert carry_over(MEMORY, understood()) == [NO_LEATHER, NO_NIKE]


def test_what_is_taken_back_and_what_is_asked_for_again_is_no_longer_in_force() -> None:
    taken_back = understood(refines=True, dropped=[LIMIT, NO_CACTUS])
    assert carry_over(MEMORY, taken_back) == [NO_LEATHER, NO_NIKE]
    again = understood(constraint("include_terms", "leather"), refines=True)
    assert NO_LEATHER not in carry_over(MEMORY, again)


def test_a_newer_bound_replaces_the_older_and_one_that_contradicts_it() -> None:
    lower = constraint("max_price", 60.0)
    assert carry_over(MEMORY, understood(lower, refines=True))[-1] == lower
    memory = Memory(turns=1, constraints=[constraint("min_price", 100.0)])
    assert carry_over(memory, understood(lower, refines=True)) == [lower]


def test_a_value_of_an_attribute_replaces_that_of_the_same_attribute_alone() -> None:
    red, small, large = (constraint("attributes", value, attribute=name) for value, name in (
        ("red", "color"), ("42", "size"), ("43", "size"),
    ))  # fmt: skip
    memory = Memory(turns=1, constraints=[red, small])
    assert to_filters(carry_over(memory, understood(large, refines=True))).attributes == {
        "color": ["red"],
        "size": ["43"],
    }


def test_what_was_rejected_stays_away_until_it_is_asked_for() -> None:
    memory = Memory(turns=1, rejected=[ItemFeedback(item_id="i1", title="Oak Chair", turn=1, source="words")])
    assert to_filters(carry_over(memory, understood())).exclude_ids == ["i1"]
    assert carry_over(memory, understood(recalled=["i1"])) == []
    assert carry_over(memory, understood(liked=SHOWN)) == []


def test_of_too_many_exclusions_the_last_are_in_force_and_the_others_are_named() -> None:
    words = [f"q{number}" for number in range(MOST_CONSTRAINTS + 20)]
    accepted, rejected = within_limits([constraint("exclude_terms", word) for word in words])
    assert [condition.value for condition in accepted] == words[20:]
    assert {condition.value for condition in rejected} == set(words[:20])


def test_a_colour_is_excluded_in_every_spelling_and_a_noun_as_it_was_said_too() -> None:
    filters = to_filters(
        [constraint("exclude_terms", "red"), constraint("exclude_terms", "boots", words="keine Stiefel")]
    )
    assert set(filters.exclude_terms) == {*load_lexicon().terms["red"], "boots", "stiefel"}


@pytest.mark.parametrize(
    "one",
    [
        constraint("exclude_terms", "x" * 150),
        constraint("exclude_terms", "  "),
        constraint("max_price", -1.0),
        constraint("attributes", "43"),
    ],
)
def test_what_no_filter_can_hold_is_left_out_and_named(one: Constraint) -> None:
    assert not usable(one)
    assert to_filters([one]).is_empty()
    assert within_limits([one, LIMIT]) == ([LIMIT], [one])


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
