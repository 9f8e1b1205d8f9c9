"""A taste model of private counts: of the catalogue's items only, and of nothing but the counts."""

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from tools.taste.choices import Choices
from tools.taste.model import TasteModel
from tools.taste.neighbours import Neighbourhood
from tools.taste.privacy_ledger import BudgetSpent, PrivacyLedger
from tools.taste.private_training import nearest, of_items, train_private
from tools.taste.training import TooFewError

ITEMS = ["a", "b", "c", "new"]


def choices(user_count: int = 4000) -> Choices:
    """Half of the people chose a and b, the others c; everybody chose what the catalogue does not have."""
    rows = np.array([[1, 1, 0, 1], [0, 0, 1, 1]], dtype=np.float32)
    matrix = csr_matrix(np.tile(rows, (user_count // 2, 1)))
    return Choices(matrix, np.zeros(matrix.nnz, np.int32), ("a", "b", "c", "gone"))


@pytest.fixture
def ledger(tmp_path: Path) -> PrivacyLedger:
    return PrivacyLedger(tmp_path / "ledger.jsonl", budget=20.0)


def test_the_items_are_the_catalogue_s_whether_anybody_chose_them_or_not() -> None:
    matrix = of_items(choices(4), ITEMS)
    assert matrix.toarray().tolist() == [[1, 1, 0, 0], [0, 0, 1, 0]] * 2
    assert of_items(choices(4), ["new"]).toarray().tolist() == [[0]] * 4


def test_exact_counts_give_the_neighbours_of_the_exact_model() -> None:
    matrix = csr_matrix((np.random.default_rng(7).random((60, 9)) < 0.4).astype(np.float32))
    ones = matrix.astype(np.int64)
    pair_counts = (ones.T @ ones).toarray()
    user_counts = pair_counts.diagonal().copy()
    np.fill_diagonal(pair_counts, 0)
    actual, expected = nearest(csr_matrix(pair_counts), user_counts, 0.0), Neighbourhood.of(matrix)
    assert np.allclose(actual.strengths.toarray(), expected.strengths.toarray())
    assert (actual.counts.toarray() == expected.counts.toarray()).all()


def test_noise_makes_pairs_of_rarely_chosen_items_weaker() -> None:
    pairs = csr_matrix(np.array([[0, 300, 0], [300, 0, 30], [0, 30, 0]]))
    user_counts = np.array([400, 400, 30])
    weak = nearest(pairs, user_counts, 50.0).strengths.toarray()
    sure = nearest(pairs, user_counts, 0.0).strengths.toarray()
    assert (weak <= sure).all()
    assert weak[1, 2] / sure[1, 2] < weak[0, 1] / sure[0, 1]


def test_a_model_of_private_counts_recommends_and_is_stored(ledger: PrivacyLedger, tmp_path: Path) -> None:
    model = train_private(choices(), ITEMS, 20.0, 3, ledger)
    assert model.ids == tuple(ITEMS)
    assert model.content is None
    assert model.card.figures == {}
    assert model.card.parameters["epsilon"] == 20.0
    assert abs(model.card.people - 4000) < 100, "a deviation is about 3"
    assert model.neighbours("a", 1)[0].item_id == "b", "2,000 people chose both; a deviation is about 30"
    assert {item_id for item_id, _ in model.score({"a": 1.0}, k=2, exclude=["a"])} == {"b", "c"}
    model.save(tmp_path)
    loaded = TasteModel.load(tmp_path)
    assert loaded is not None
    assert loaded.card == model.card
    assert [(release.version, release.epsilon) for release in ledger.releases()] == [(3, 20.0)]


def test_a_second_training_on_the_same_events_is_refused(ledger: PrivacyLedger) -> None:
    train_private(choices(), ITEMS, 20.0, 3, ledger)
    with pytest.raises(BudgetSpent):
        train_private(choices(), ITEMS, 20.0, 3, ledger)
    train_private(choices(), ITEMS, 20.0, 4, ledger)


def test_nothing_is_learned_from_nobody(ledger: PrivacyLedger) -> None:
    nobody = Choices(csr_matrix((0, 1), dtype=np.float32), np.zeros(0, np.int32), ("a",))
    with pytest.raises(TooFewError):
        train_private(nobody, ITEMS, 20.0, 3, ledger)
