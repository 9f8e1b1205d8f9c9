import pytest

from assistant.agent.fusion import SearchOutcome, fuse, votes
from assistant.impressions import RankedSignal
from eval.research.fusion.gates import FusionGates, built_in, gate, gated_scores, known
from tools.records import Hit, Signal

PRIOR = {"dense": 1.0, "keyword": 0.7, "picture": 2.0}


def vote(source: str, rank: int, share: float = 0.0, lists: int = 1) -> RankedSignal:
    return RankedSignal(source=source, rank=rank, score=share, share=share, lists=lists)


def test_gates_sum_to_one_and_start_at_the_prior() -> None:
    gates = gate(FusionGates(prior=PRIOR), ["dense", "keyword"])
    assert gates == pytest.approx({"dense": 1 / 1.7, "keyword": 0.7 / 1.7})
    assert sum(gate(FusionGates(prior=PRIOR), PRIOR).values()) == pytest.approx(1)


def test_what_is_known_moves_the_gates() -> None:
    gates = FusionGates(prior=PRIOR, logits={"dense": {"photo": 3.0}})
    assert known(["dense", "picture"]) == {"always", "text", "photo"}
    assert gate(gates, ["dense", "keyword"]) == gate(FusionGates(prior=PRIOR), ["dense", "keyword"])
    assert gate(gates, ["dense", "picture"])["dense"] > 0.9


def test_unfitted_gates_order_as_weighted_rank_fusion_does() -> None:
    hits = [
        Hit(item_id="a", title="a", signals=[Signal(source="dense", rank=1, score=0.9)]),
        Hit(item_id="b", title="b", signals=[Signal(source="dense", rank=9, score=0.2),
                                             Signal(source="keyword", rank=1, score=7)]),
        Hit(item_id="c", title="c", signals=[Signal(source="keyword", rank=2, score=6)]),
    ]  # fmt: skip
    outcomes = [SearchOutcome("search_by_text", "q", hits)]
    scores = gated_scores(FusionGates(prior=PRIOR), votes(outcomes))
    assert sorted(scores, key=lambda item: -scores[item]) == [e.hit.item_id for e in fuse(outcomes, PRIOR)]


def test_a_learned_share_counts_how_far_scores_are_apart() -> None:
    given = {"a": [vote("dense", 2, 0.1)], "b": [vote("dense", 1, 1.0)], "c": [vote("dense", 3, 0.0)]}
    flat, steep = (
        gated_scores(FusionGates(prior=PRIOR), given),
        gated_scores(FusionGates(prior=PRIOR, scores={"dense": 2}), given),
    )
    assert flat["b"] - flat["a"] < 0.02 < 1.5 < steep["b"] - steep["a"]


def test_a_source_that_was_never_learned_counts_nothing() -> None:
    assert gated_scores(FusionGates(prior=PRIOR), {"a": [vote("popular", 1)]}) == {"a": 0}


def test_two_lists_of_a_source_share_its_gate() -> None:
    once = gated_scores(FusionGates(prior=PRIOR), {"a": [vote("dense", 1)]})
    assert gated_scores(FusionGates(prior=PRIOR), {"a": [vote("dense", 1, lists=2)] * 2}) == pytest.approx(once)


def test_the_fitted_gates_know_every_source_of_a_search() -> None:
    assert {"picture", "picture_text", "text_picture", "dense", "keyword", "browse"} <= set(built_in().prior)
