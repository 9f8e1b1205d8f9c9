"""Orders of what several texts and a picture found."""

from types import SimpleNamespace
from typing import Any

import pytest

from assistant.agent import fuse
from assistant.agent.fuse import _by_strength, _by_taste, _kind_first, _without_others
from assistant.agent.fusion import FusedHit, SearchOutcome
from assistant.agent.state import Plan
from tools.records import Hit, Signal


def _hit(item_id: str, z: float, rank: int) -> Hit:
    return Hit(
        item_id=item_id, title=item_id, score=0.0, signals=[Signal(source="dense", score=z / 20, rank=rank, z=z)]
    )


def _plan(topic: str, head: str) -> Plan:
    return Plan.model_validate({"intent": "recommend", "topic": topic, "head": head, "filters": {}})


def test_one_item_that_fits_the_purpose_counts_more_than_a_place_among_the_kind() -> None:
    kind = SearchOutcome("search_by_text", "laptop", [_hit("office", 6.2, 1), _hit("gaming", 5.4, 2)])
    purpose = SearchOutcome("search_by_text", "a laptop for games", [_hit("gaming", 9.8, 1), _hit("office", 6.5, 2)])
    ranked = _by_strength([kind, purpose])
    assert [[hit.item_id for hit in one.hits] for one in ranked] == [["gaming", "office"]] * 2
    assert [[hit.signals[0].rank for hit in one.hits] for one in ranked] == [[1, 2]] * 2


def test_one_text_keeps_its_order() -> None:
    alone = [SearchOutcome("search_by_text", "laptop", [_hit("office", 5.0, 1), _hit("gaming", 5.4, 2)])]
    assert _by_strength(alone) == alone


def test_the_kind_that_is_named_comes_before_what_it_is_for() -> None:
    battery = FusedHit(_hit("battery", 8.0, 2), 0.1, [("battery", Signal(source="dense", score=0.4, rank=1, z=8.0))])
    drill = FusedHit(_hit("drill", 3.0, 1), 0.2, [("battery", Signal(source="dense", score=0.1, rank=9, z=3.0))])
    found = _kind_first([drill, battery], _plan("battery for a drill", "battery"))
    assert [entry.hit.item_id for entry in found] == ["battery", "drill"]
    assert found[0].score > found[1].score  # the final order starts from the scores
    assert _kind_first([drill, battery], _plan("battery", "battery")) == [drill, battery]


def test_the_item_that_a_photo_shows_stays_first_whatever_the_user_likes() -> None:
    def of_photo(item_id: str, z: float, score: float) -> FusedHit:
        return FusedHit(_hit(item_id, 0.0, 1), score, [("a1", Signal(source="picture", score=z / 15, rank=1, z=z))])

    state: Any = {"known": SimpleNamespace(is_cold=False)}
    shown, like_it, liked = of_photo("shown", 9.5, 0.3), of_photo("like it", 6.5, 0.2), of_photo("liked", 4.0, 0.1)
    by_taste = [FusedHit(liked.hit, 0.9, liked.signals), shown, like_it]
    ordered = _by_taste([shown, like_it, liked], by_taste, state)
    assert [entry.hit.item_id for entry in ordered] == ["shown", "liked", "like it"]
    assert ordered[0].score > ordered[1].score
    alike = _by_taste([like_it, liked], by_taste, state)
    assert [entry.hit.item_id for entry in alike] == ["liked", "like it"], "a photo of something like it is no reason"


WISH = "kettle for my stove"


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 - the parts of a turn that are used
    """A shop where the other thing is a stove: the stove itself, then what belongs to it."""

    def search(catalogue: object, encoder: object, words: str) -> list[Hit]:
        return [_hit("stove", 10.0, 1), _hit("kettle", 6.0, 2)] if words == "stove" else [_hit("kettle", 2.0, 1)]

    monkeypatch.setattr(fuse, "find_items", search)
    return SimpleNamespace(catalogue=None, reader=SimpleNamespace(encoder=object()))


def _found(item_id: str, z: float, asked: str = WISH) -> FusedHit:
    return FusedHit(_hit(item_id, z, 1), z / 100, [(asked, Signal(source="dense", score=z / 20, rank=1, z=z))])


@pytest.mark.parametrize(
    ("others", "vague", "expected"),
    [
        (["stove"], False, ["kettle"]),  # nearer to the stove than to what is wanted
        (["stove"], True, ["kettle", "stove"]),  # perhaps a new stove is needed: it goes last
        (["holiday"], False, ["stove", "kettle"]),  # nothing in the shop is such a thing
        ([], False, ["stove", "kettle"]),
    ],
)
def test_what_is_another_thing_than_the_one_wanted(
    context: Any,  # noqa: ANN401
    others: list[str],
    *,
    vague: bool,
    expected: list[str],
) -> None:
    near = [_found("stove", 7.0), _found("kettle", 8.0)]
    plan = _plan(WISH, "kettle").model_copy(update={"vague": vague})
    assert [entry.hit.item_id for entry in _without_others(near, plan, others, context)] == expected


def test_what_is_as_near_to_the_wish_stays(context: Any) -> None:  # noqa: ANN401
    near = [_found("stove", 8.0), _found("kettle", 7.9)]  # "my old stove is broken, I need a stove"
    assert _without_others(near, _plan("stove", "stove"), ["stove"], context) == near
