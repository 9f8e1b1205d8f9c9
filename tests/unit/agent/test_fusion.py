import pytest
from ranx import Run
from ranx import fuse as ranx_fuse

from assistant.agent.fusion import SearchOutcome, fuse, interleave, vote
from tools.records import Hit, Signal


def hit(item_id: str, **ranks: int) -> Hit:
    return Hit(
        item_id=item_id, title=item_id, signals=[Signal(source=s, rank=r, score=1 / r) for s, r in ranks.items()]
    )  # type: ignore[arg-type]


def test_an_item_that_two_signals_agree_on_beats_one_signals_best() -> None:
    found = SearchOutcome("search_by_text", "chair", [hit("a", dense=1), hit("b", dense=2, keyword=1)])
    assert [f.hit.item_id for f in fuse([found], {"dense": 1, "keyword": 1})] == ["b", "a"]


def test_two_searches_of_one_source_share_its_weight() -> None:
    once = [SearchOutcome("search_by_text", "chair", [hit("a", dense=1)])]
    twice = [*once, SearchOutcome("search_by_text", "seat", [hit("a", dense=1)])]
    assert fuse(once, {"dense": 1})[0].score == pytest.approx(fuse(twice, {"dense": 1})[0].score)


def test_a_list_without_signals_counts_by_position() -> None:
    listed = SearchOutcome("browse", "", [hit("a"), hit("b")])
    assert [f.hit.item_id for f in fuse([listed], {})] == ["a", "b"]


def test_a_list_may_hold_items_with_and_without_signals() -> None:
    mixed = SearchOutcome("search_by_text", "chair", [hit("a"), hit("b", dense=1)])
    assert [f.hit.item_id for f in fuse([mixed], {"dense": 2})] == ["b", "a"]


def test_unweighted_fusion_equals_ranx() -> None:
    dense, keyword = {"a": 3.0, "b": 2.0, "c": 1.0}, {"c": 3.0, "d": 2.0}
    reference = ranx_fuse([Run({"q": dense}), Run({"q": keyword})], method="rrf", params={"k": 60})
    ranks = {"a": {"dense": 1}, "b": {"dense": 2}, "c": {"dense": 3, "keyword": 1}, "d": {"keyword": 2}}
    found = SearchOutcome("search_by_text", "q", [hit(item, **by) for item, by in ranks.items()])
    ours = {f.hit.item_id: f.score for f in fuse([found], {"dense": 1, "keyword": 1})}
    assert ours == pytest.approx(dict(reference.run["q"]))


def test_without_fusion_the_lists_are_taken_in_turns_and_no_item_has_a_score() -> None:
    words = SearchOutcome("search_by_text", "chair", [hit("a", dense=1), hit("b", dense=2, keyword=1)])
    photo = SearchOutcome("search_by_image", "img1", [hit("c", picture=1), hit("b", picture=2), hit("d", picture=3)])
    taken = interleave([words, photo])
    assert [(f.hit.item_id, f.score) for f in taken] == [("a", 0), ("b", 0), ("c", 0), ("d", 0)]
    assert [(asked, signal.source) for asked, signal in taken[1].signals] == [
        ("chair", "dense"), ("chair", "keyword"), ("img1", "picture"),
    ]  # fmt: skip
    listed = SearchOutcome("browse", "", [hit("e"), hit("f")])
    assert [f.hit.item_id for f in interleave([listed, photo])] == ["e", "c", "f", "b", "d"]


def test_the_models_vote_moves_an_item_but_does_not_decide_alone() -> None:
    fused = [("a", 0.0330), ("b", 0.0328), ("c", 0.0100)]
    assert vote(fused, ["b", "a"], weight=1.0) == ["b", "a", "c"]
    assert vote(fused, ["c", "b", "a"], weight=1.0)[-1] == "c"
    assert vote(fused, ["c", "b", "a"], weight=100.0)[0] == "c"
    assert vote(fused, ["c"], weight=0.0) == ["a", "b", "c"]
