"""Items that the shop has pinned: first, marked, and behind what the customer's own photo or order says."""

from typing import Any

import pytest

from assistant.agent.fuse import _pinned_first
from assistant.agent.fusion import FusedHit
from assistant.agent.relevance import is_relevant
from assistant.records import PlannedCall
from assistant.settings import TurnSettings
from tests.unit.agent.conftest import Stage, ranking
from tools.records import Hit, Signal


def entry(item_id: str, score: float, *, pinned: int = 0, photo: float = 0) -> FusedHit:
    signals = [Signal(source="dense", score=0.5, rank=1, z=6.0)]
    signals += [Signal(source="pinned", score=1, rank=pinned)] if pinned else []
    signals += [Signal(source="picture", score=0.9, rank=1, z=photo)] if photo else []
    return FusedHit(Hit(item_id=item_id, title=item_id), score, [("chair", signal) for signal in signals])


def test_pinned_items_go_first_in_the_shops_order_and_by_score() -> None:
    near = [entry("a", 0.9), entry("b", 0.5, pinned=2), entry("c", 0.1, pinned=1)]
    ordered = _pinned_first(near)
    assert [one.hit.item_id for one in ordered] == ["c", "b", "a"]
    assert [one.score for one in ordered] == sorted((one.score for one in ordered), reverse=True)
    assert _pinned_first(near[:1]) == near[:1]


def test_what_a_photo_shows_itself_stays_before_them() -> None:
    near = [entry("shown", 0.9, photo=9), entry("alike", 0.8, photo=5), entry("pinned", 0.1, pinned=1)]
    assert [one.hit.item_id for one in _pinned_first(near)] == ["shown", "pinned", "alike"]
    assert [one.hit.item_id for one in _pinned_first(near, {"alike"})] == ["shown", "alike", "pinned"]


def test_what_is_pinned_for_a_wish_has_to_do_with_it() -> None:
    weak, pinned = Signal(source="dense", score=0, rank=9, z=0.5), Signal(source="pinned", score=1, rank=1)
    assert not is_relevant([("chair", weak)], {"text": 9.0})
    assert is_relevant([("chair", weak), ("chair", pinned)], {"text": 9.0})


def pinning(stage: Stage, monkeypatch: pytest.MonkeyPatch, item_id: str) -> None:
    """Have the search mark an item as it marks what is pinned."""
    original = stage._result

    def result(call: PlannedCall) -> dict[str, Any]:
        found = original(call)
        for hit in found.get("items", []):
            if hit["item_id"] == item_id:
                hit["signals"].append(Signal(source="pinned", score=1, rank=1).model_dump())
        return found

    monkeypatch.setattr(stage, "_result", result)


async def shown(stage: Stage, *script: dict[str, Any], asks: tuple[str, ...] = ()) -> list[str]:
    reply, _, _ = await stage.turn("a [thing:chair]", *script, asks=asks)
    marked = [r.item_id for r in reply.recommendations if any(e.source == "pinned" for e in r.evidence)]
    return [f"{r.item_id}{'*' if r.item_id in marked else ''}" for r in reply.recommendations]


async def test_a_pinned_item_is_first_and_marked_also_where_a_model_orders(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await shown(stage)
    last = before[-1]
    pinning(stage, monkeypatch, last)
    assert (await shown(stage))[0] == f"{last}*"
    for manner in ("model", "vote"):
        stage.manner = TurnSettings(ranking=manner)  # type: ignore[arg-type]
        order = ranking(("C", []), ("B", []), ("A", []))
        assert (await shown(stage, order))[0] == f"{last}*"


async def test_an_order_that_the_customer_asks_for_goes_before_pins(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    cheapest = await shown(stage, asks=("cheapest",))
    pinning(stage, monkeypatch, cheapest[-1])
    assert [one.strip("*") for one in await shown(stage, asks=("cheapest",))] == cheapest
