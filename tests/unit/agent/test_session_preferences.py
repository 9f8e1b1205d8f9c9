"""Preferences in a conversation: they move the ranking, are told, carried over, replaced, and taken back."""

from typing import Any

import pytest

from assistant.agent.reading.reader import MessageReader
from assistant.agent.session_preferences import MOST_PREFERENCES, preferences_in_force
from assistant.agent.state import Dropped
from assistant.errors import BadInput, LLMUnavailable
from assistant.records import Constraint, Memory, Reply
from assistant.understanding import Understanding, Wish
from tests.unit.agent.conftest import Stage

DOWN = LLMUnavailable("down")
SONY, NIKE = ("brands", "Sony"), ("brands", "Nike")


def condition(field: str, value: str | float, attribute: str | None = None) -> Constraint:
    return Constraint.model_validate(
        {"field": field, "value": value, "attribute": attribute, "source": "text", "words": str(value)}
    )


def read(*, refines: bool = True, **more: Any) -> Understanding:  # noqa: ANN401
    fields = {"language": "en", "intent": None, "constraints": [], "currency": None, "references": [], "topic": ""}
    return Understanding.model_validate(fields | {"refines": refines} | more)


RED, BLUE = condition("attributes", "red", "color"), condition("attributes", "blue", "color")
SIZE = condition("attributes", "43", "size")


@pytest.mark.parametrize(
    ("before", "message", "after"),
    [
        ([RED], read(), [RED]),
        ([RED], read(refines=False), []),
        ([RED], read(preferences=[BLUE]), [BLUE]),
        ([RED], read(constraints=[BLUE]), []),
        ([RED], read(preferences=[SIZE]), [RED, SIZE]),
        ([RED], read(dropped=[RED]), []),
        ([condition(*SONY)], read(constraints=[condition("exclude_brands", "Sony")]), []),
        (
            [condition("exclude_terms", "wool")],
            read(preferences=[condition("exclude_terms", "silk")]),
            [condition("exclude_terms", "wool"), condition("exclude_terms", "silk")],
        ),
        ([], read(preferences=[condition("brands", "nike"), RED], constraints=[condition(*NIKE)]), [RED]),
        ([], read(preferences=[condition(*SONY), condition(*NIKE)]), [condition(*SONY), condition(*NIKE)]),
    ],
)
def test_what_counts_after_a_message(before: list[Constraint], message: Understanding, after: list[Constraint]) -> None:
    memory = Memory(topic="shoes", preferences=before)
    assert preferences_in_force(memory, message, message.constraints) == (after, [])


def test_the_latest_count_and_what_is_left_out_is_told() -> None:
    many = [condition("exclude_terms", f"word {number}") for number in range(MOST_PREFERENCES + 2)]
    preferences, unused = preferences_in_force(Memory(), read(preferences=[*many, condition("brands", " ")]), [])
    assert preferences == many[2:]
    assert unused == [condition("brands", " "), *many[:2]]


@pytest.fixture
def shop(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A shelf where the words of a message after "|" are preferences, as the reading will tell them."""

    def reading(_: MessageReader, utterances: list[Any], memory: Memory, *rest: object, **__: object) -> Understanding:
        text, _, conditions = utterances[0].text.partition("|") if utterances else ("", "", "")
        preferences = [condition(*pair.strip().split("=")) for pair in conditions.split(",") if pair]
        topic, refines = text.removeprefix("还要").strip(), not utterances or text.startswith("还要")
        chinese = "zh" if refines and utterances else memory.language
        return read(refines=refines, topic=topic, preferences=preferences, language=chinese)

    monkeypatch.setattr(MessageReader, "understand", reading)
    return stage


def field_values(reply: Reply) -> list[tuple[str, object]]:
    return [(constraint.field, constraint.value) for constraint in reply.preferences]


async def test_a_preference_goes_first_is_told_and_hides_nothing(shop: Stage) -> None:
    reply, _, _ = await shop.turn("a chair | include_terms=cafe", DOWN)
    assert [item.item_id for item in reply.recommendations][:2] == ["cafe", "oak"]
    assert (field_values(reply), reply.constraints) == ([("include_terms", "cafe")], {})
    assert reply.message.endswith("Preferred, not required: cafe.")
    free, _, _ = await shop.turn("a chair", DOWN)
    assert (field_values(free), "Preferred" in free.message) == ([], False)


async def test_what_is_of_another_kind_does_not_go_first(shop: Stage) -> None:
    shop.scores = {"shoe": 0.55}
    reply, _, _ = await shop.turn("a chair | include_terms=light", DOWN)
    assert [item.item_id for item in reply.recommendations] == ["oak", "cafe", "shoe"]


async def test_it_is_kept_in_a_refinement_until_it_is_removed(shop: Stage) -> None:
    await shop.turn("a chair | brands=Nike", DOWN)
    reply, _, _ = await shop.turn("还要", DOWN)
    assert field_values(reply) == [NIKE]
    assert reply.message.endswith("优先考虑，但非必需：品牌 Nike。")
    drop = [Dropped(field="brands", value="nike")]
    for text, more in (("", {"drop": drop}), ("还要", {})):
        reply, _, _ = await shop.turn(text, DOWN, **more)
        assert (field_values(reply), "优先" in reply.message) == ([], False)
    with pytest.raises(BadInput, match="brands nike is not in force"):
        await shop.turn("", DOWN, drop=drop)


async def test_where_nothing_is_shown_nothing_is_said_of_preferences(shop: Stage) -> None:
    shop.shelf.items.clear()
    reply, _, _ = await shop.turn("a chair | brands=Nike", DOWN)
    assert "Preferred" not in reply.message


async def test_of_several_wishes_it_is_told_once(shop: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    wishes = [Wish(topic="chair"), Wish(topic="shoe", constraints=[condition(*NIKE)])]
    understanding = read(
        refines=False, wishes=wishes, preferences=[condition("include_terms", "cafe"), condition(*NIKE)]
    )
    monkeypatch.setattr(MessageReader, "understand", lambda *_, **__: understanding)
    reply, _, _ = await shop.turn("a chair and a Nike shoe", DOWN)
    assert field_values(reply) == [("include_terms", "cafe"), NIKE]
    assert reply.message.count("Preferred") == 1
