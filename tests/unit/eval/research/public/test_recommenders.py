"""Scores of the recommenders on matrices small enough to reckon by hand, and the protocol over them."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from eval.research.public.interactions import Dataset, collect
from eval.research.public.protocol import MEASURES, evaluate, measured, ranked
from eval.research.public.recommenders import Als, Bpr, ContentBased, Ease, ItemKnn, Popularity, fuse_scores, ranks

TWO_TASTES = csr_matrix(
    np.array([[1, 1, 1, 0, 0, 0], [1, 1, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 0]] * 3, dtype=np.float32)
)
LIKES_THE_FIRST = csr_matrix(np.array([[1, 1, 0, 0, 0, 0]], dtype=np.float32))


@pytest.mark.parametrize(
    "model", [ItemKnn(neighbours=4), Als(factors=2), Bpr(factors=4, iterations=400), Ease(penalty=1.0)]
)
def test_a_collaborative_recommender_tells_two_tastes_apart(model: ItemKnn | Als | Bpr | Ease) -> None:
    model.fit(TWO_TASTES)
    scores = model.score(LIKES_THE_FIRST)[0]
    assert scores[2] > max(scores[3:])


def test_ease_is_steck_s_closed_form() -> None:
    x = TWO_TASTES.toarray().astype(np.float64)
    model = Ease(penalty=2.0)
    model.fit(TWO_TASTES)
    p = np.linalg.inv(x.T @ x + 2.0 * np.eye(6))
    b = np.eye(6) - p / np.diag(p)
    np.testing.assert_allclose(model.score(TWO_TASTES), x @ b, rtol=1e-4, atol=1e-5)


def test_ease_refuses_what_does_not_fit_in_memory() -> None:
    with pytest.raises(ValueError, match="dense matrix"):
        Ease().fit(csr_matrix((2, 30_000), dtype=np.float32))


def test_popularity_counts_users() -> None:
    model = Popularity()
    model.fit(TWO_TASTES)
    assert model.score(LIKES_THE_FIRST).tolist() == [[6, 6, 3, 6, 6, 3]]


def test_content_is_the_cosine_to_the_history_s_centre() -> None:
    vectors = np.array([[1, 0], [0, 1], [0.6, 0.8]], dtype=np.float32)
    scores = ContentBased(vectors).score(csr_matrix(np.array([[1, 1, 0], [0, 0, 0]], dtype=np.float32)))
    np.testing.assert_allclose(scores[0], [0.5**0.5, 0.5**0.5, 1.4 * 0.5**0.5], rtol=1e-5)
    assert scores[1].tolist() == [0, 0, 0]


def test_fusion_adds_weight_over_k_plus_rank_and_leaves_out_who_knows_nothing() -> None:
    first, silent = np.array([[3.0, 1.0, 2.0]], dtype=np.float32), np.zeros((1, 3), dtype=np.float32)
    fused = fuse_scores([first, silent], [2.0, 1.0], k=60)
    np.testing.assert_allclose(fused, [[2 / 61, 2 / 63, 2 / 62]], rtol=1e-6)
    assert ranks(first).tolist() == [[1, 3, 2]]


def test_the_history_is_not_recommended_and_ties_go_by_popularity() -> None:
    popular = Popularity()
    popular.fit(csr_matrix(np.array([[0, 1, 1], [0, 1, 0]], dtype=np.float32)))
    order = ranked(np.zeros((1, 3), dtype=np.float32), popular, csr_matrix(np.array([[0, 0, 1]], dtype=np.float32)))
    assert order.tolist() == [[1, 0, 2]]  # the popular one, the unknown one, and last what was had


def test_measures_are_the_textbook_s() -> None:
    first = np.array([[5, 6, 7], [5, 6, 7], [5, 6, 7]])
    found = measured(first, np.array([5, 7, 9]), ("recall@10", "ndcg@10"))
    assert found["recall@10"].tolist() == [1, 1, 0]
    np.testing.assert_allclose(found["ndcg@10"], [1, 1 / np.log2(4), 0])


def test_the_protocol_leaves_nobody_out() -> None:
    draw = np.random.default_rng(3)
    events = [
        (f"u{user}", f"i{item}", 1.0, order)
        for user in range(30)
        for order, item in enumerate(draw.permutation(np.arange(20) * 2 + user % 2)[:8])
    ]
    interactions = collect(events)
    parity = np.array([[1, 0] if int(item[1:]) % 2 else [0, 1] for item in interactions.items], dtype=np.float32)
    outcomes = {one.name: one for one in evaluate(Dataset("toy", interactions, [], "none"), {"text": parity})}
    assert set(outcomes) == {"popularity", "item-kNN", "ALS", "BPR", "EASE", "text", "fused", "hybrid", "multimodal"}
    for outcome in outcomes.values():
        assert len(outcome.groups["all users"][MEASURES[0]]) == 30
        assert len(outcome.groups["cold users, nothing known"][MEASURES[0]]) == 3
        assert len(outcome.groups["cold items, among themselves"]["recall@20"])
    hits = {name: one.groups["all users"]["recall@20"].mean() for name, one in outcomes.items()}
    assert hits["text"] == 1.0  # parity is all that there is to know: 12 candidates of the right one, and 20 places
    assert hits["EASE"] > hits["popularity"]
    assert hits["hybrid"] > hits["popularity"]
    cold = {name: one.groups["cold items, among themselves"]["ndcg@10"].mean() for name, one in outcomes.items()}
    assert cold["multimodal"] > cold["ALS"], "contents tell new items apart, choices do not"
