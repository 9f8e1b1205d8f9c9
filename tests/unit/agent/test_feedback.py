"""What a conversation shows for items, and what follows from it in its next turns."""

import pytest

from assistant.agent.feedback import Click, item_feedback, with_buttons, with_words
from assistant.errors import LLMUnavailable
from assistant.records import ItemFeedback, Memory, Recommendation
from assistant.understanding import Understanding
from tests.unit.agent.conftest import Stage

DOWN = LLMUnavailable("The language model cannot be reached.")
TITLES = {"oak": "Oak Chair", "cafe": "Cafe Chair"}


def shown(item_id: str) -> Recommendation:
    return Recommendation(rank=1, item_id=item_id, title=TITLES[item_id], price=1, score=1, explanation="", evidence=[])


def said(**what: list[Recommendation] | str | None) -> Understanding:
    settled = {"language": "en", "intent": None, "constraints": [], "currency": None, "references": [], "topic": ""}
    return Understanding.model_validate({**settled, "refines": True, **what})


def test_words_beat_buttons_and_later_words_beat_earlier_ones() -> None:
    memory = with_words(Memory(), said(liked=[shown("oak")])).model_copy(update={"turns": 1})
    pressed = with_buttons(memory, [Click("oak", "dislike", 5.0), Click("cafe", "dislike", 6.0)], TITLES)
    assert [regard.item_id for regard in pressed.liked] == ["oak"]
    assert [regard.item_id for regard in pressed.rejected] == ["cafe"]
    changed = with_words(pressed, said(rejected=[shown("oak")]))
    assert [regard.item_id for regard in changed.liked] == []
    assert {regard.item_id for regard in changed.rejected} == {"cafe", "oak"}


def test_a_button_counts_once_and_unknown_items_say_nothing() -> None:
    press = [Click("oak", "like", 5.0), Click("gone", "like", 5.0)]
    once = with_buttons(Memory(turns=1), press, TITLES)
    twice = with_buttons(once.model_copy(update={"turns": 2}), press, TITLES)
    assert twice.liked == [ItemFeedback(item_id="oak", title="Oak Chair", turn=1, source="button")]


def test_what_was_shown_for_an_item_fades_with_the_turns() -> None:
    liked = [
        ItemFeedback(item_id=item_id, title="", turn=turn, source="words") for item_id, turn in (("a", 1), ("b", 3))
    ]
    looked = [ItemFeedback(item_id="c", title="", turn=3, source="words")]
    found = item_feedback(Memory(turns=3, liked=liked, looked_at=looked))
    assert found["b"] > found["a"] > found["c"] > 0


@pytest.mark.parametrize(
    "words", ["not [item:the first one]", "[item:the first one] is too dark", "I don't like [item:the first one]"]
)
async def test_a_rejected_item_does_not_come_back_unless_it_is_named(stage: Stage, words: str) -> None:
    await stage.turn("a chair", DOWN)
    rejecting, _, _ = await stage.turn(words, DOWN, act="refine", asks=["rejects"])
    later, _, _ = await stage.turn("a running shoe of oak", DOWN)
    named, _, _ = await stage.turn("show me the oak chair again", DOWN)
    assert "oak" not in [item.item_id for item in [*rejecting.recommendations, *later.recommendations]]
    assert "oak" in [item.item_id for item in named.recommendations]


async def test_a_pressed_button_moves_the_next_turn_and_can_be_taken_back(stage: Stage) -> None:
    await stage.turn("a chair", DOWN)
    stage.pressed = [Click("oak", "not_this", 10.0)]
    reply, _, _ = await stage.turn("a chair", DOWN)
    assert "oak" not in [item.item_id for item in reply.recommendations]
    assert reply.constraints == {"exclude_ids": ["oak"]}
    back, _, _ = await stage.turn("", DOWN, drop=[{"field": "exclude_ids", "value": "oak"}])
    assert "oak" in [item.item_id for item in back.recommendations]


async def test_what_is_too_expensive_says_nothing_against_what_is_like_it(stage: Stage) -> None:
    await stage.turn("a chair", DOWN)
    await stage.turn("[item:the second one] is too expensive", DOWN, act="refine", asks=["rejects", "cheaper"])
    memory = (await stage.graph.aget_state({"configurable": {"thread_id": "s"}})).values["kept"]
    assert [regard.item_id for regard in memory.rejected] == ["cafe"]
    assert item_feedback(memory) == {}


def test_what_was_said_last_comes_first() -> None:
    def of(item_id: str, turn: int) -> ItemFeedback:
        return ItemFeedback(item_id=item_id, title=item_id, turn=turn, source="button")

    memory = Memory(turns=4, liked=[of("a", 1), of("b", 3), of("c", 3)], rejected=[of("d", 2)], looked_at=[of("e", 4)])
    assert list(item_feedback(memory)) == ["e", "c", "b", "d", "a"]
