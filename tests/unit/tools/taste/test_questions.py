"""A question leaves out no item that is among the best, however it is made cheap."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix, random_array

from tools.taste.blend import POPULARITY, Blend, standardised
from tools.taste.collaborative import ItemWeights
from tools.taste.model import BlendPart, ModelCard, TasteModel
from tools.taste.neighbours import Neighbourhood

COUNT = 500
IDS = tuple(f"{number:03}" for number in range(COUNT))


@pytest.fixture(scope="module")
def model() -> TasteModel:
    weights = csr_matrix(random_array((COUNT, COUNT), density=0.05, rng=np.random.default_rng(2), dtype=np.float32))
    people = np.random.default_rng(3).integers(0, 4, COUNT).astype(np.int32)  # many ties
    card = ModelCard(version="v", trained_at=0.0, events=1, people=10, items=COUNT, algorithm="auto")
    near = Neighbourhood(weights, weights.astype(np.int32))
    parts = {"neighbours": BlendPart(ItemWeights(weights))}
    blend = Blend(("neighbours", POPULARITY), np.ones((3, 2), np.float32), np.array([0.0, 1.0], np.float32))
    return TasteModel(card, IDS, people, near, parts, blend)


@pytest.mark.parametrize("k", [0, 1, 10, 31, 32, 100, COUNT])
@pytest.mark.parametrize("among", [None, IDS[:40], (*IDS[::3], "unknown")])
def test_the_best_are_those_of_all_scores(model: TasteModel, k: int, among: tuple[str, ...] | None) -> None:
    history, exclude = {"003": 1.0, "100": 0.5, "unknown": 1.0}, ("003", "100", "200")
    scores = model.scores(model.histories(history))[0]
    allowed = [row for row, item_id in enumerate(IDS) if item_id in (among or IDS) and item_id not in exclude]
    best = model.score(history, k=k, among=among, exclude=exclude)
    np.testing.assert_allclose([score for _, score in best], sorted(scores[allowed])[::-1][:k], atol=1e-4)
    assert {item_id for item_id, _ in best} <= {IDS[row] for row in allowed}


def test_one_history_is_scored_as_several_are(model: TasteModel) -> None:
    scorer = model.parts["neighbours"].scorer
    one, two = (model.histories({first: 1.0, "100": -0.5}).matrix for first in ("003", "007"))
    both = scorer.scores(csr_matrix(np.concatenate([one.toarray(), two.toarray()])))
    np.testing.assert_allclose(np.concatenate([scorer.scores(one), scorer.scores(two)]), both, rtol=1e-6)


def test_rows_are_standardised_over_touched_items_and_zeros_where_all_are_alike() -> None:
    scores = np.random.default_rng(1).normal(5.0, 2.0, (3, 1_000)).astype(np.float32)
    scores[2] = 1.7
    touched = np.arange(1_000) % 3 > 0
    among = standardised(scores, touched)[:, touched]
    np.testing.assert_allclose(among.mean(axis=1), 0.0, atol=1e-5)
    np.testing.assert_allclose(among.std(axis=1), [1.0, 1.0, 0.0], atol=1e-4)
    assert not standardised(scores, np.zeros(1_000, np.bool_))[2].any()
