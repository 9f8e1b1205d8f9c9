"""Several wishes in one message: each is searched on its own and has a group in the reply."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistant.agent.reading.reader import MessageReader
from assistant.errors import LLMUnavailable
from assistant.records import Constraint, Done, Explained, Provisional, Ranked
from assistant.understanding import Understanding, Wish
from tests.unit.agent.conftest import Stage
from tools.records import Item

Understood = Callable[..., None]
DOWN = LLMUnavailable("The language model cannot be reached.")


def limit(price: float) -> Constraint:
    return Constraint(field="max_price", value=price, source="text", words=f"up to {price:g}")


@pytest.fixture
def understood(monkeypatch: pytest.MonkeyPatch) -> Understood:
    """Sets what the next messages are understood as."""

    def set_to(**settled: Any) -> None:  # noqa: ANN401
        usual = {"language": "en", "intent": None, "constraints": [], "currency": None, "references": [], "topic": ""}
        understanding = Understanding.model_validate({**usual, "refines": False, **settled})
        monkeypatch.setattr(MessageReader, "understand", lambda *_, **__: understanding)

    return set_to


@pytest.fixture
def shop(stage: Stage) -> Stage:
    stage.by_title = True
    stage.shelf.items += [
        Item(id="lamp", title="Desk Lamp", price=30, currency="USD", category="Lighting"),
        Item(id="floor-lamp", title="Floor Lamp", price=120, currency="USD", category="Lighting"),
    ]
    return stage


async def test_each_wish_is_searched_with_its_own_words_and_limits(shop: Stage, understood: Understood) -> None:
    understood(wishes=[Wish(topic="chair", constraints=[limit(90)]), Wish(topic="lamp")])
    reply, _, _ = await shop.turn("a chair up to 90 and a lamp")
    assert [(group.wish, group.item_ids) for group in reply.groups] == [
        ("chair", ["oak"]), ("lamp", ["lamp", "floor-lamp"])
    ]  # fmt: skip
    assert [group.constraints for group in reply.groups] == [{"max_price": 90}, {}]
    assert [(item.rank, item.item_id) for item in reply.recommendations] == [
        (1, "oak"), (2, "lamp"), (3, "floor-lamp")
    ]  # fmt: skip
    assert reply.constraints == {}
    assert [group.message for group in reply.groups] == [None, None]


async def test_what_holds_for_all_wishes_reaches_every_search(shop: Stage, understood: Understood) -> None:
    understood(constraints=[limit(90)], wishes=[Wish(topic="chair"), Wish(topic="lamp", constraints=[limit(50)])])
    reply, _, _ = await shop.turn("a chair and a lamp, ...")
    assert [group.constraints for group in reply.groups] == [{"max_price": 90}, {"max_price": 50}]
    assert [group.item_ids for group in reply.groups] == [["oak"], ["lamp"]]
    assert reply.constraints == {"max_price": 90}


@pytest.mark.parametrize("wishes", [[], [Wish(topic="lamp", constraints=[limit(10)])]])
async def test_a_single_wish_has_no_groups(shop: Stage, understood: Understood, wishes: list[Wish]) -> None:
    understood(topic="chair", wishes=wishes)
    reply, _, _ = await shop.turn("a chair")
    assert reply.groups == []
    assert [item.item_id for item in reply.recommendations] == ["oak", "cafe"]


async def test_a_wish_that_nothing_fits_says_so_and_the_others_stand(shop: Stage, understood: Understood) -> None:
    understood(wishes=[Wish(topic="violin"), Wish(topic="lamp")])
    reply, _, _ = await shop.turn("a violin and a lamp")
    assert [group.item_ids for group in reply.groups] == [[], ["lamp", "floor-lamp"]]
    assert reply.groups[0].message
    assert "comes near" in reply.groups[0].message
    assert reply.groups[1].message is None


async def test_when_nothing_fits_any_wish_each_group_says_so(shop: Stage, understood: Understood) -> None:
    understood(wishes=[Wish(topic="violin"), Wish(topic="harp")])
    reply, events, _ = await shop.turn("a violin and a harp")
    assert reply.recommendations == []
    assert all(group.message and not group.item_ids for group in reply.groups)
    assert reply.message
    assert isinstance(events[-1], Done)


async def test_a_limit_is_relaxed_for_the_wish_alone_that_nothing_keeps(shop: Stage, understood: Understood) -> None:
    understood(wishes=[Wish(topic="chair", constraints=[limit(20)]), Wish(topic="lamp", constraints=[limit(50)])])
    reply, _, _ = await shop.turn("a chair up to 20 and a lamp up to 50")
    assert [group.item_ids for group in reply.groups] == [["oak"], ["lamp"]]
    assert "80" in (reply.groups[0].message or "")
    assert reply.groups[1].message is None
    assert [(change.wanted, change.used) for change in reply.relaxed] == [(20, 80)]


async def test_each_group_has_at_most_the_number_of_items_asked_for(shop: Stage, understood: Understood) -> None:
    understood(wishes=[Wish(topic="chair"), Wish(topic="lamp")])
    reply, _, _ = await shop.turn("a chair and a lamp", top_n=1)
    assert [group.item_ids for group in reply.groups] == [["oak"], ["lamp"]]


async def test_more_than_four_wishes_are_said_to_be_too_many(shop: Stage, understood: Understood) -> None:
    understood(wishes=[Wish(topic=topic) for topic in ("chair", "lamp", "shoe", "violin", "harp")])
    reply, _, _ = await shop.turn("...")
    assert [group.wish for group in reply.groups] == ["chair", "lamp", "shoe", "violin"]
    assert any("harp" in note for note in reply.degraded)


async def test_an_item_near_to_two_wishes_stands_in_one_group(shop: Stage, understood: Understood) -> None:
    understood(wishes=[Wish(topic="floor lamp"), Wish(topic="desk lamp")])
    reply, _, _ = await shop.turn("a floor lamp and a desk lamp", top_n=1)
    ids = [item.item_id for item in reply.recommendations]
    assert len(ids) == len(set(ids)) == 2


async def test_the_only_item_for_two_wishes_is_in_both_groups_and_once_in_the_ranking(
    shop: Stage, understood: Understood
) -> None:
    understood(wishes=[Wish(topic="shoe"), Wish(topic="running shoe")])
    reply, _, _ = await shop.turn("...")
    assert [group.item_ids for group in reply.groups] == [["shoe"], ["shoe"]]
    assert [(item.rank, item.item_id) for item in reply.recommendations] == [(1, "shoe")]


async def test_events_carry_the_groups_and_the_model_only_explains(shop: Stage, understood: Understood) -> None:
    understood(wishes=[Wish(topic="chair"), Wish(topic="lamp")])
    reply, events, chat = await shop.turn("a chair and a lamp", *["It fits your request."] * 4)
    assert [purpose for purpose, _ in chat.asked] == ["explain"] * 4
    for kind in (Provisional, Ranked):
        (event,) = [entry for entry in events if isinstance(entry, kind)]
        assert [hit.item_id for hit in event.items] == ["oak", "cafe", "lamp", "floor-lamp"]
        assert [group.item_ids for group in event.groups] == [group.item_ids for group in reply.groups]
    assert len([event for event in events if isinstance(event, Explained)]) == 4
    assert reply.degraded == []


async def test_evidence_ids_are_unique_over_the_groups(shop: Stage, understood: Understood) -> None:
    understood(wishes=[Wish(topic="chair"), Wish(topic="lamp")])
    reply, _, _ = await shop.turn("a chair and a lamp")
    ids = [entry.id for item in reply.recommendations for entry in item.evidence]
    assert ids
    assert len(ids) == len(set(ids))


async def test_a_follow_up_counts_over_all_groups_and_is_about_all_wishes(shop: Stage, understood: Understood) -> None:
    understood(wishes=[Wish(topic="chair"), Wish(topic="lamp")])
    await shop.turn("a chair and a lamp")
    memory = (await shop.graph.aget_state({"configurable": {"thread_id": "s"}})).values["kept"]
    assert [item.item_id for item in memory.shown] == ["oak", "cafe", "lamp", "floor-lamp"]
    assert {"chair", "lamp"} <= set(memory.topic.replace(",", " ").split())
    assert {entry.item_id for entry in memory.ledger} == {"oak", "cafe", "lamp", "floor-lamp"}


async def test_each_picture_gets_a_group(shop: Stage, understood: Understood, file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"content")
    understood(each_picture=True)
    reply, _, _ = await shop.turn("one of each", images=[file, other], top_n=1)
    assert len(reply.groups) == 2
    assert reply.groups[0].wish != reply.groups[1].wish
    searched = [call.arguments["image"] for call in shop.calls if call.tool == "search_by_image"]
    assert searched == ["img1", "img2"]


async def test_one_picture_is_a_single_wish_whatever_the_words(shop: Stage, understood: Understood, file: Path) -> None:
    understood(each_picture=True)
    reply, _, _ = await shop.turn("one of each", images=[file])
    assert reply.groups == []


@pytest.mark.parametrize("settled", [{"open_wish": True}, {"recipient": "for my father"}])
async def test_an_open_wish_is_asked_about_and_a_spread_shown(
    shop: Stage, understood: Understood, settled: dict[str, Any]
) -> None:
    shop.by_title = False
    shop.vocabulary = shop.vocabulary.model_copy(update={"frequent_categories": ["Furniture", "Lighting"]})
    understood(intent="recommend", **settled)
    reply, _, _ = await shop.turn("surprise me", DOWN, top_n=2)
    assert reply.question
    assert reply.question.endswith("?")
    items = {item.id: item for item in shop.shelf.items}
    assert {items[item.item_id].category for item in reply.recommendations} == {"Furniture", "Lighting"}


async def test_a_limit_that_is_known_is_not_asked_for(shop: Stage, understood: Understood) -> None:
    understood(intent="recommend", open_wish=True)
    without, _, _ = await shop.turn("surprise me", DOWN)
    understood(intent="recommend", open_wish=True, constraints=[limit(100)])
    with_limit, _, _ = await shop.turn("surprise me up to 100", DOWN)
    assert with_limit.question
    assert with_limit.question != without.question


@pytest.mark.parametrize(
    "settled", [{"topic": "chair"}, {"topic": "chair", "recipient": "for my father"}, {"recipient": ""}]
)
async def test_a_wish_that_names_something_is_not_asked_about(
    shop: Stage, understood: Understood, settled: dict[str, Any]
) -> None:
    understood(**settled)
    reply, _, _ = await shop.turn("a chair", DOWN)
    assert reply.question is None
