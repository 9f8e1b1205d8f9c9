import numpy as np
import pytest
from numpy.typing import NDArray
from ranx import Run
from ranx import fuse as ranx_fuse

from assistant.agent import fusion
from assistant.agent.fusion import FusedHit, SearchOutcome, fuse, rank_scores
from eval.research.fusion.methods import METHODS, fused_by
from eval.runs.sources import code_hash
from tools.records import Hit, Signal


def scored(item_id: str, **scores: tuple[int, float]) -> Hit:
    signals = [Signal(source=source, rank=rank, score=score) for source, (rank, score) in scores.items()]  # type: ignore[arg-type]
    return Hit(item_id=item_id, title=item_id, signals=signals)


FOUND = [
    SearchOutcome(
        "search_by_text",
        "chair",
        [scored("a", dense=(1, 0.9)), scored("b", dense=(2, 0.5), keyword=(1, 8.0)), scored("c", dense=(3, 0.4))],
    ),
    SearchOutcome("search_by_image", "img1", [scored("c", picture=(1, 0.8)), scored("b", picture=(2, 0.7))]),
]
WEIGHTS = {"dense": 1.0, "keyword": 0.7, "picture": 2.0}


def fused(method: str, outcomes: list[SearchOutcome] = FOUND, weights: dict[str, float] = WEIGHTS) -> list[FusedHit]:
    with fused_by(METHODS[method]):
        return fuse(outcomes, weights)


def order(method: str, outcomes: list[SearchOutcome] = FOUND, weights: dict[str, float] = WEIGHTS) -> list[str]:
    return [entry.hit.item_id for entry in fused(method, outcomes, weights)]


def test_weighted_scores_equal_ranx_with_min_max() -> None:
    dense, keyword = {"a": 0.9, "b": 0.5, "c": 0.4}, {"c": 3.0, "d": 2.0, "a": 1.5}
    reference = ranx_fuse(
        [Run({"q": dense}), Run({"q": keyword})], norm="min-max", method="wsum", params={"weights": (0.6, 0.4)}
    )
    by_item = {item: {} for item in (*dense, *keyword)}  # type: dict[str, dict[str, tuple[int, float]]]
    for source, scores in (("dense", dense), ("keyword", keyword)):
        for rank, (item, score) in enumerate(scores.items(), start=1):
            by_item[item][source] = (rank, score)
    found = [SearchOutcome("search_by_text", "q", [scored(item, **by) for item, by in by_item.items()])]
    expected = sorted(reference.run["q"], key=lambda item: -reference.run["q"][item])
    assert order("score", found, {"dense": 0.6, "keyword": 0.4}) == expected


def test_scores_count_by_how_far_they_are_apart_and_ranks_do_not() -> None:
    hits = [
        scored("a", dense=(1, 0.9), keyword=(2, 1.0)),
        scored("b", dense=(2, 0.1), keyword=(1, 1.1)),
        scored("c", dense=(3, 0.0), keyword=(3, 0.9)),
    ]
    found, weights = [SearchOutcome("t", "q", hits)], {"dense": 1.0, "keyword": 1.1}
    assert order("rrf", found, weights) == ["b", "a", "c"]
    assert order("score", found, weights) == ["a", "b", "c"]


def test_an_item_that_a_list_does_not_hold_counts_as_its_worst_in_deviations() -> None:
    assert order("zscore")[0] == "c"
    assert order("zscore", [SearchOutcome("t", "q", [scored("a", dense=(1, 0.5)), scored("b", dense=(2, 0.5))])]) == [
        "a", "b"
    ]  # fmt: skip


def test_concatenation_is_the_cosine_of_vectors_put_side_by_side() -> None:
    numbers = np.random.default_rng(3)

    def unit(count: int) -> NDArray[np.float64]:
        rows = numbers.normal(size=(count, 8))
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    texts, pictures, words, photo = unit(6), unit(6), unit(1)[0], unit(1)[0]
    weights = {"dense": 1.0, "picture": 2.0, "keyword": 5.0}
    items = np.hstack([texts, np.sqrt(2) * pictures]) / np.sqrt(3)
    query = np.hstack([words, np.sqrt(2) * photo]) / np.sqrt(3)
    expected = [str(i) for i in np.argsort(-(items @ query))]
    by_words = [scored(str(i), dense=(1, float(texts[i] @ words)), keyword=(i + 1, 1.0)) for i in range(6)]
    by_photo = [scored(str(i), picture=(1, float(pictures[i] @ photo))) for i in range(6)]
    found = [SearchOutcome("search_by_text", "q", by_words), SearchOutcome("search_by_image", "img1", by_photo)]
    assert order("concat", found, weights) == expected


def test_queries_of_one_kind_are_averaged_when_concatenated() -> None:
    twice = [
        SearchOutcome("t", "one", [scored("a", dense=(1, 0.9)), scored("b", dense=(2, 0.8))]),
        SearchOutcome("t", "two", [scored("b", dense=(1, 0.8)), scored("a", dense=(2, 0.1))]),
    ]
    assert order("concat", twice) == ["b", "a"]


def test_concatenation_without_any_cosine_counts_ranks() -> None:
    words = [SearchOutcome("t", "q", [scored("a", keyword=(1, 3.0)), scored("b", keyword=(2, 2.0))])]
    assert order("concat", words) == order("rrf", words)
    assert order("concat", [SearchOutcome("browse", "", [scored("e"), scored("f")])]) == ["e", "f"]


@pytest.mark.parametrize("method", ["score", "zscore", "concat", "learned"])
def test_every_method_keeps_all_items_and_the_scale_of_rank_fusion(method: str) -> None:
    entries = fused(method)
    assert {entry.hit.item_id for entry in entries} == {"a", "b", "c"}
    assert [entry.score for entry in entries] == pytest.approx([3.7 / 61, 3.7 / 62, 3.7 / 63])
    assert [asked for asked, _ in next(e.signals for e in entries if e.hit.item_id == "b")] == [
        "chair",
        "chair",
        "img1",
    ]
    assert order(method, [SearchOutcome("browse", "", [scored("e"), scored("f")])]) == ["e", "f"]
    assert fused(method, []) == []


def test_another_method_is_in_force_for_a_while_and_its_answers_are_its_own() -> None:
    own = code_hash()
    with fused_by(METHODS["score"]):
        scores = code_hash()
        with fused_by(METHODS["learned"]):
            assert len({own, scores, code_hash()}) == 3
    assert fusion.fusion_method is rank_scores
    assert code_hash() == own
