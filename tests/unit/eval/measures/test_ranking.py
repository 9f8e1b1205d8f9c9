"""Ranking measures against values worked out by hand."""

from math import log2

import numpy as np
import pytest

from eval.measures.ranking import (
    JudgedRanking,
    average_popularity,
    coverage,
    diversity,
    gini,
    novelty,
    popularity,
    relevance,
)
from eval.suite.records import Case, Expectation, Suite, Turn
from tests.unit.eval.measures.shop import ITEMS


def test_relevance_is_measured_turn_by_turn_in_one_call() -> None:
    grades = {"a": 3, "b": 1}
    values = relevance(
        {
            "z right": JudgedRanking(["a", "b", "x"], grades),
            "y late": JudgedRanking(["x", "b", "y", "a"], grades),
            "x empty": JudgedRanking([], grades),
            "w twice": JudgedRanking(["a", "a", "b"], grades),
            "nothing relevant": JudgedRanking(["a"], {}),
            "only irrelevant": JudgedRanking(["a"], {"a": 0}),
        },
        k=2,
    )
    assert set(values) == {"z right", "y late", "x empty", "w twice"}
    assert values["z right"] == {"recall": 1, "precision": 1, "ndcg": 1, "mrr": 1, "hit_rate": 1}
    assert values["w twice"] == values["z right"]
    assert values["x empty"] == {"recall": 0, "precision": 0, "ndcg": 0, "mrr": 0, "hit_rate": 0}
    ideal = 3 + 1 / log2(3)
    late = {"recall": 0.5, "precision": 0.5, "ndcg": (1 / log2(3)) / ideal, "mrr": 0.5, "hit_rate": 1}
    assert values["y late"] == pytest.approx(late, abs=1e-6)


def test_no_judged_turn_is_no_value() -> None:
    assert relevance({"a": JudgedRanking(["x"], {})}, k=5) == {}


def test_diversity_is_the_mean_pairwise_cosine_distance() -> None:
    vectors = {
        "runner": np.array([1, 0], np.float32),
        "trainer": np.array([0, 2], np.float32),
        "sofa": np.array([3, 0], np.float32),
    }
    assert diversity(["runner", "trainer", "sofa"], ITEMS, vectors) == pytest.approx(2 / 3)
    assert diversity(["runner"], ITEMS, vectors) is None


def test_diversity_without_vectors_is_of_category_and_brand() -> None:
    assert diversity(["runner", "trainer"], ITEMS) == 0.5
    assert diversity(["sofa", "gift", "unicorn"], ITEMS) == 0.5
    assert diversity(["runner", "sofa"], ITEMS) == 1


def test_popularity_is_how_much_the_suite_asks_for_an_item() -> None:
    asks = [{"first": ["runner"], "relevant": {"runner": 3}}, {"any": ["runner", "trainer"]}, {"relevant": {"sofa": 0}}]
    cases = [
        Case(
            id=f"c{n}", tags=["t"], because="a test", turns=[Turn(text="?", expect=Expectation.model_validate(expect))]
        )
        for n, expect in enumerate(asks)
    ]
    p = popularity(Suite(suite="s", description="", cases=cases), ITEMS)
    assert p == {"runner": 3 / 4, "trainer": 2 / 4, "sofa": 1 / 4, "gift": 1 / 4}
    assert novelty(["trainer", "sofa", "unicorn"], p) == pytest.approx((1 + 2) / 2)
    assert average_popularity(["trainer", "sofa"], p) == pytest.approx(3 / 8)
    assert novelty([], p) is None
    assert average_popularity(["unicorn"], p) is None


def test_exposure_over_the_run() -> None:
    assert coverage([["runner", "unicorn"], ["runner", "sofa"]], ITEMS) == 0.5
    assert gini([["runner", "trainer"], ["sofa", "gift"]], ITEMS) == 0
    assert gini([["runner"], ["runner"]], ITEMS) == pytest.approx(3 / 4)
    assert gini([], ITEMS) == 0
