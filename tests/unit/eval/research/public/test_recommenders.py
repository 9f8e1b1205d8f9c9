"""Scores of the recommenders on matrices small enough to reckon by hand, and the protocol over them."""

from collections.abc import Iterator

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from eval.research.public import protocol
from eval.research.public.interactions import Dataset, collect
from eval.research.public.protocol import evaluate, measured, ranked
from eval.research.public.recommenders import Als, ContentBased, Ease, ItemKnn, Popularity
from eval.research.public.tables import lines, published
from tools.taste.choices import Choices


def histories(*rows: list[int]) -> Choices:
    """Everybody chose the items of their row in the order of the items."""
    matrix = csr_matrix(np.array(rows, dtype=np.float32))
    sizes = np.diff(matrix.indptr)
    place = np.concatenate([np.arange(size)[::-1] for size in sizes]).astype(np.int32)
    return Choices(matrix, place, tuple(str(item) for item in range(matrix.shape[1])))


TWO_TASTES = histories(*[[1, 1, 1, 0, 0, 0], [1, 1, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 0]] * 3)
LIKES_THE_FIRST = histories([1, 1, 0, 0, 0, 0])


@pytest.mark.parametrize("model", [ItemKnn(neighbours=4), Als(factors=2), Ease(penalty=1.0)])
def test_a_collaborative_recommender_tells_two_tastes_apart(model: ItemKnn | Als | Ease) -> None:
    model.fit(TWO_TASTES)
    scores = model.score(LIKES_THE_FIRST)[0]
    assert scores[2] > max(scores[3:])


def test_ease_is_steck_s_closed_form() -> None:
    x = TWO_TASTES.matrix.toarray().astype(np.float64)
    model = Ease(penalty=2.0)
    model.fit(TWO_TASTES)
    p = np.linalg.inv(x.T @ x + 2.0 * np.eye(6))
    b = np.eye(6) - p / np.diag(p)
    np.testing.assert_allclose(model.score(TWO_TASTES), x @ b, rtol=1e-4, atol=1e-5)


def test_popularity_counts_users() -> None:
    model = Popularity()
    model.fit(TWO_TASTES)
    assert model.score(LIKES_THE_FIRST).tolist() == [[6, 6, 3, 6, 6, 3]]


def test_content_is_the_cosine_to_the_history_s_centre() -> None:
    vectors = np.array([[1, 0], [0, 1], [0.6, 0.8]], dtype=np.float32)
    scores = ContentBased(vectors).score(histories([1, 1, 0], [0, 0, 0]))
    np.testing.assert_allclose(scores[0], [0.5**0.5, 0.5**0.5, 1.4 * 0.5**0.5], rtol=1e-5)
    assert scores[1].tolist() == [0, 0, 0]


def test_the_history_is_not_recommended_and_ties_go_by_popularity() -> None:
    popular = np.array([0, 2, 1, 1], dtype=np.float32)
    known = histories([0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0])
    silent = np.zeros((3, 4), dtype=np.float32)
    assert ranked(silent, popular, known, np.array([0, 3, 3])).tolist() == [3, 2, 3]
    loud = np.array([[3, 2, 4, 1]], dtype=np.float32)
    assert ranked(loud, popular, histories([0, 0, 1, 0]), np.array([1])).tolist() == [2]


def test_measures_are_the_textbook_s() -> None:
    found = measured(np.array([1, 3, 11]))
    assert found["recall@10"].tolist() == [1, 1, 0]
    np.testing.assert_allclose(found["ndcg@10"], [1, 1 / np.log2(4), 0])
    np.testing.assert_allclose(found["ndcg@20"], [1, 1 / np.log2(4), 1 / np.log2(12)])


def walks(users: int, steps: int) -> Iterator[tuple[str, str, float, int]]:
    """Of 40 items everybody walks through the odd ones or the even ones in turn, from somewhere on; a step an hour."""
    draw = np.random.default_rng(3)
    for user in range(users):
        start, began = int(draw.integers(20)), int(draw.integers(10**6))
        for step in range(steps):
            yield f"u{user}", f"i{(start + step) % 20 * 2 + user % 2}", 1.0, began + 3600 * step


def test_the_protocol_asks_everybody_in_every_way() -> None:
    interactions = collect(walks(users=60, steps=8))
    parity = np.array([[1, 0] if int(item[1:]) % 2 else [0, 1] for item in interactions.items], dtype=np.float32)
    told: list[str] = []
    outcomes = {
        one.name: one for one in evaluate(Dataset("toy", interactions, [], "none"), {"text": parity}, say=told.append)
    }
    baselines = {"popularity", "item-kNN", "ALS", "EASE", "text"}
    assert set(outcomes) == baselines | {"hybrid", "hybrid, order off", "hybrid, ridge off"}
    groups = outcomes["hybrid"].groups
    known = ["no events", "1 event", "2 events", "3 events", "5 events"]
    assert {name: len(groups[f"{name} known"]) for name in known} == dict.fromkeys(known, 60)
    assert "10 events known" not in groups, "nobody has eleven"
    assert len(groups["all users"]) == len(groups["up to an hour since the last event"]) == 60
    assert 0 < len(groups["after a moment"]) < 60
    assert 0 < len(groups["new items, among themselves"]) == len(groups["new items"])
    ndcg = {
        name: {group: measured(ranks)["ndcg@10"].mean() for group, ranks in one.groups.items()}
        for name, one in outcomes.items()
    }
    best_baseline = max(ndcg[name]["all users"] for name in baselines)
    assert ndcg["hybrid"]["all users"] > max(best_baseline, ndcg["hybrid, order off"]["all users"]), "order is all"
    assert ndcg["hybrid"]["1 event known"] > ndcg["EASE"]["1 event known"], "the event after the first is asked for"
    new = "new items, among themselves"
    assert ndcg["hybrid"][new] >= ndcg["ALS"][new], "contents tell new items apart, choices do not"
    assert told[0] == "tuning item-kNN: 4 settings"


def test_a_set_without_times_has_no_groups_by_time_and_a_large_one_no_ease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "MOST_DENSE_ITEMS", 39)
    monkeypatch.setattr(protocol, "ENOUGH", 10)
    told: list[str] = []
    dataset = Dataset("toy", collect(walks(users=60, steps=5)), [], "none", timed=False)
    outcomes = evaluate(dataset, {}, say=told.append)
    assert [one.name for one in outcomes] == ["popularity", "item-kNN", "ALS", "hybrid", "hybrid, order off"]
    assert any(line.startswith("EASE is left out") for line in told)
    assert not any("since" in group or "moment" in group or "new" in group for group in outcomes[0].groups)
    assert len(outcomes[0].groups["1 event known"]) == 12, "one fold was enough"


def test_published_figures_are_told_for_their_data_set() -> None:
    (one,) = published("Beauty (S3-Rec)")
    assert one["ndcg@10"] == 0.0531
    assert "Published for all users: SASRec" in "\n".join(lines({"means": {}, "published": [one]}))
    assert published("toy") == []
