"""Turns of users whose history is known: what it moves, what it must not move, and what is told of it."""

import time
from collections.abc import Iterator

import pytest

from assistant.agent.feedback import Click
from assistant.errors import LLMUnavailable
from assistant.records import LOCAL
from assistant.settings import TasteSettings
from tests.unit.agent.conftest import Stage
from tools.records import Item
from tools.taste.records import EventKind, Interaction, Preference
from tools.taste.taste import Taste

DOWN = LLMUnavailable("The language model cannot be reached.")
FURNITURE = {"currency": "USD", "category": "Furniture"}


@pytest.fixture
def known(stage: Stage) -> Iterator[Stage]:
    """A stage whose users may have a history."""
    stage.shelf.items.append(
        Item(id="bench", title="Black Cafe Bench", description="A black bench for a cafe.", price=150, **FURNITURE)
    )
    taste = Taste(stage.folder, lambda: stage.shelf)  # type: ignore[arg-type, return-value]
    stage.taste = taste
    yield stage
    taste.close()


def did(stage: Stage, item_id: str, event: EventKind = "like", user: str = LOCAL, count: int = 1) -> None:
    assert stage.taste
    now = time.time()
    stage.taste.events.add([Interaction(user=user, item_id=item_id, event=event, at=now - n) for n in range(count)])


async def order(stage: Stage, text: str, *asks: str) -> list[str]:
    reply, _, _ = await stage.turn(text, DOWN, asks=asks)
    return [item.item_id for item in reply.recommendations]


async def test_without_history_the_ranking_is_that_of_the_searches(known: Stage) -> None:
    assert await order(known, "a chair") == ["oak", "cafe", "shoe"]
    did(known, "bench", user="somebody else")
    assert await order(known, "a chair") == ["oak", "cafe", "shoe"]


async def test_what_was_liked_before_moves_what_is_like_it_up_and_is_told(known: Stage) -> None:
    did(known, "bench", "purchase", count=20)
    reply, _, _ = await known.turn("a chair", DOWN)
    first = reply.recommendations[0]
    assert first.item_id == "cafe"
    (told,) = [entry for entry in first.evidence if entry.source == "profile"]
    assert told.detail == "close to what you liked: “Black Cafe Bench”"


async def test_taste_brings_in_nothing_that_has_nothing_to_do_with_the_wish(known: Stage) -> None:
    did(known, "shoe", "purchase", count=20)
    known.scores = {"shoe": 0.1, "bench": 0.1}
    assert await order(known, "a chair") == ["oak", "cafe"]


async def test_constraints_hold_whatever_the_user_likes(known: Stage) -> None:
    did(known, "bench", "purchase", count=20)
    assert await order(known, "a [thing:chair] under [max:90] dollars") == ["oak", "shoe"]


async def test_words_of_this_conversation_beat_the_history(known: Stage) -> None:
    did(known, "bench", "purchase", count=20)
    await known.turn("a chair", DOWN)
    reply, _, _ = await known.turn("I don't like [item:the first one]", DOWN, act="refine", asks=["rejects"])
    assert "cafe" not in [item.item_id for item in reply.recommendations]


async def test_a_button_of_this_conversation_beats_the_history(known: Stage) -> None:
    did(known, "bench", "purchase", count=20)
    assert (await order(known, "a chair"))[0] == "cafe"
    known.pressed = [Click("cafe", "dislike", time.time())]
    assert "cafe" not in await order(known, "a chair")


async def test_for_somebody_else_the_users_own_history_is_not_used(known: Stage) -> None:
    did(known, "bench", "purchase", count=20)
    assert (await order(known, "[for:my father] wants a [thing:chair]", "gift"))[0] == "oak"
    assert (await order(known, "a chair"))[0] == "oak", "it goes on in the conversation"
    assert (await order(known, "no, a [thing:chair] for me", "self"))[0] == "cafe"


async def test_a_correction_by_the_user_counts_without_any_event(known: Stage) -> None:
    assert known.taste
    known.shelf.items[1] = known.shelf.items[1].model_copy(update={"brand": "Viva"})
    known.taste.events.set_preference(LOCAL, Preference(attribute="brand", value="Viva", weight=1))
    assert (await order(known, "a chair"))[0] == "cafe"


async def test_a_history_that_cannot_be_read_is_told_and_the_turn_goes_on(known: Stage) -> None:
    did(known, "bench")
    path = known.folder / "interactions.sqlite"
    assert known.taste
    known.taste.close()
    for file in known.folder.glob("interactions.sqlite*"):
        file.unlink()
    path.write_bytes(b"this is no database" * 1000)
    known.taste = Taste(known.folder, lambda: known.shelf)  # type: ignore[arg-type, return-value]
    reply, _, _ = await known.turn("a chair", DOWN)
    assert [item.item_id for item in reply.recommendations] == ["oak", "cafe", "shoe"]
    assert any(note.startswith("Your history could not be read") for note in reply.degraded)


async def test_a_wish_left_open_is_answered_by_what_is_like_the_history(known: Stage) -> None:
    did(known, "bench", "like", count=3)
    reply, _, _ = await known.turn("surprise me", asks=["open"])
    assert reply.recommendations[0].item_id == "cafe"
    assert "bench" not in [item.item_id for item in reply.recommendations]


async def test_a_new_user_without_a_wish_gets_what_people_chose_and_what_is_new_and_is_told_so(known: Stage) -> None:
    for number in range(5):
        did(known, "shoe", user=f"user {number}")
    reply, _, _ = await known.turn("surprise me", asks=["open"])
    assert reply.recommendations[0].item_id == "shoe"
    assert reply.recommendations[0].evidence[0].detail == "5 people chose this"
    assert len({item.item_id for item in reply.recommendations}) == 3
    assert reply.message.startswith("As your taste is not known yet, this is a mix of what many people chose")


async def test_fewer_people_than_may_be_counted_are_not(known: Stage) -> None:
    did(known, "shoe", user="one")
    did(known, "shoe", user="another")
    reply, _, _ = await known.turn("surprise me", asks=["open"])
    told = [entry.source for item in reply.recommendations for entry in item.evidence]
    assert "popular" not in told


async def test_without_any_interaction_a_wish_left_open_is_answered_as_ever(known: Stage) -> None:
    with_taste = await order(known, "surprise me", "open")
    known.taste = None
    assert await order(known, "surprise me", "open") == with_taste


async def test_exploring_gives_the_last_place_to_what_few_people_chose_and_says_so(known: Stage) -> None:
    for number in range(5):
        did(known, "shoe", user=f"user {number}")
    known.tasting = TasteSettings(exploration=0.34)
    reply, _, _ = await known.turn("a chair", DOWN)
    assert [item.item_id for item in reply.recommendations] == ["oak", "cafe", "bench"]
    assert reply.recommendations[2].evidence[0].detail == "shown so that what few people have seen is seen too"


async def test_what_was_only_looked_at_speaks_for_what_is_like_it_and_not_for_itself(known: Stage) -> None:
    known.shelf.items[1:1] = [Item(id="pine", title="Pine Chair", description="A solid pine chair.", price=90)]
    assert await order(known, "a chair") == ["oak", "pine", "cafe"]
    await known.turn("tell me more about [item:the first one]", act="item")
    reply, _, _ = await known.turn("another chair", DOWN)
    assert reply.recommendations[0].item_id == "pine"
    told = [entry.source for entry in reply.recommendations[0].evidence]
    assert "session" not in told, "to look at something is not to like it"
