"""Private counts: whose choices count, what is spent, what is told. The noise itself is never asserted."""

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from tools.errors import BadInput, StoreError
from tools.taste.privacy_ledger import BudgetSpent, PrivacyLedger, Total
from tools.taste.private_counts import (
    DELTA,
    Cooccurrence,
    NoisyCounts,
    Spent,
    bounded,
    most_chosen,
    private_cooccurrence,
    private_popularity,
    rho_of,
)
from tools.taste.private_release import release

MATRIX = csr_matrix(np.array([[1, 2, 0.2, 0, -1], [0, 1, 1, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0]], dtype=np.float32))
"""Four people, five items; what is below zero was refused."""

NOISELESS = 1000.0
"""A rho at which, of so few choices, the deviation is 0.05: noise as large as one count comes once in 10^80 draws."""


def draw(seed: int = 7) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("bound", [1, 2, 3, 20])
def test_nobody_brings_more_items_than_the_bound(bound: int) -> None:
    ones = bounded(MATRIX, bound, draw())
    assert ones.sum(axis=1).A1.tolist() == [min(bound, count) for count in (3, 2, 5, 0)]
    assert set(ones.data) == {1}
    assert ((MATRIX > 0).astype(int) - ones).min() >= 0, "only what was chosen counts"


def test_the_items_of_a_person_are_drawn_evenly() -> None:
    everybody = csr_matrix(np.ones((4000, 4), dtype=np.float32))
    counts = bounded(everybody, 1, draw()).sum(axis=0).A1
    assert counts.sum() == 4000
    assert counts.min() > 900


@pytest.mark.parametrize("rho", [0.01, 0.5, 3.0])
@pytest.mark.parametrize("bound", [1, 4, 100])
def test_a_release_costs_what_it_may_and_no_more(rho: float, bound: int) -> None:
    assert private_popularity(MATRIX, rho, bound, draw=draw()).spent.rho == pytest.approx(rho)
    assert private_popularity(MATRIX, rho, bound, draw=draw()).spent.rho <= rho
    assert private_cooccurrence(MATRIX, rho, bound, items=np.arange(5), draw=draw()).spent.rho <= rho


def test_the_noise_is_as_large_as_what_one_person_can_change() -> None:
    rho, bound = 0.5, 9
    assert private_popularity(MATRIX, rho, bound).deviation == pytest.approx(3)
    assert private_cooccurrence(MATRIX, rho, bound, items=np.arange(5)).deviation == pytest.approx(6)


@pytest.mark.parametrize("epsilon", [0.1, 0.5, 1.0, 8.0])
def test_rho_is_the_most_that_keeps_within_epsilon(epsilon: float) -> None:
    rho = rho_of(epsilon)
    assert 0.995 * epsilon < Spent(rho).epsilon <= epsilon
    assert rho + 2 * (rho * np.log(1 / DELTA)) ** 0.5 >= 0.995 * epsilon, "Bun and Steinke's bound is looser"


def test_releases_add_up() -> None:
    assert (Spent(0.25) + Spent(0.5)).rho == 0.75
    assert Spent(0.0).epsilon == 0


def test_without_noise_to_speak_of_the_counts_are_right() -> None:
    counts = private_popularity(MATRIX, NOISELESS, 5, draw=draw())
    assert counts.counts.tolist() == [2, 3, 3, 1, 1]
    two_each = csr_matrix(np.array([[1, 1, 0], [1, 0, 1], [1, 1, 0], [0, 0, 1]], dtype=np.float32))
    pairs = private_cooccurrence(two_each, NOISELESS, 2, items=np.array([2, 0, 1]), draw=draw())
    assert pairs.counts.toarray().tolist() == [[0, 2, 1], [2, 0, 0], [1, 0, 0]]


def test_every_item_has_a_count_whether_anybody_chose_it_or_not() -> None:
    nobody = csr_matrix((3, 50), dtype=np.float32)
    counts = private_popularity(nobody, 0.1).counts
    assert counts.shape == (50,)
    assert counts.min() >= 0


def test_pairs_are_told_of_the_given_items_only() -> None:
    pairs = private_cooccurrence(MATRIX, 0.5, 3, items=np.array([1, 3])).counts
    assert pairs.shape == (5, 5)
    assert set(map(tuple, np.argwhere(pairs.toarray()))) <= {(1, 3), (3, 1)}


def test_the_most_chosen_items_are_those_of_the_private_counts() -> None:
    popularity = NoisyCounts(np.array([3, 0, 9, 3]), Spent(1.0), 2.0)
    assert most_chosen(popularity, 3).tolist() == [2, 0, 3]


@pytest.mark.parametrize(("rho", "bound"), [(0.0, 5), (-1.0, 5), (float("inf"), 5), (float("nan"), 5), (1.0, 0)])
def test_what_makes_no_sense_is_refused(rho: float, bound: int) -> None:
    with pytest.raises(BadInput):
        private_popularity(MATRIX, rho, bound)
    with pytest.raises(BadInput):
        private_cooccurrence(MATRIX, rho, bound, items=np.arange(5))


@pytest.mark.parametrize(("epsilon", "delta"), [(0.0, 1e-6), (float("nan"), 1e-6), (101.0, 1e-6), (1.0, 0), (1.0, 1)])
def test_an_epsilon_out_of_range_is_refused(epsilon: float, delta: float) -> None:
    with pytest.raises(BadInput, match="epsilon above 0"):
        rho_of(epsilon, delta)


def test_pairs_are_trusted_as_far_as_they_are_more_than_noise_would_leave() -> None:
    def cooccurrence(pairs: int) -> Cooccurrence:
        first, second = np.triu_indices(200, k=1)
        half = csr_matrix((np.full(pairs, 9), (first[:pairs], second[:pairs])), shape=(200, 200))
        return Cooccurrence(csr_matrix(half + half.T), Spent(1.0), 2.0, len(first))

    by_chance = 0.02275 * 19_900
    assert cooccurrence(0).trust == 0
    assert cooccurrence(int(by_chance) - 1).trust == 0
    assert cooccurrence(int(2 * by_chance)).trust == pytest.approx(0.5, abs=0.01)


# The ledger ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def ledger(tmp_path: Path) -> PrivacyLedger:
    return PrivacyLedger(tmp_path / "taste" / "ledger.jsonl", budget=1.0)


def test_epsilons_add_up_and_the_budget_holds(ledger: PrivacyLedger) -> None:
    for _ in range(10):
        ledger.spend("popularity", 3, 0.1, bound=20)
    assert ledger.total(3).epsilon == pytest.approx(1.0)
    with pytest.raises(BudgetSpent, match="have cost epsilon 1 of 1"):
        ledger.spend("popularity", 3, 0.01, bound=20)
    assert len(ledger.releases()) == 10, "what was refused is not written"


def test_another_version_has_a_budget_of_its_own_and_the_sum_is_told(ledger: PrivacyLedger) -> None:
    ledger.spend("pairs", 3, 1.0, bound=20, delta=1e-6)
    ledger.spend("pairs", 4, 0.5, bound=20, delta=1e-6)
    assert ledger.total(3) == Total(epsilon=1.0, delta=1e-6)
    assert ledger.total(4) == Total(epsilon=0.5, delta=1e-6)
    assert ledger.total() == Total(epsilon=1.5, delta=2e-6)


def test_a_ledger_is_read_again(ledger: PrivacyLedger, tmp_path: Path) -> None:
    written = ledger.spend("pairs", 3, 0.5, bound=7, delta=1e-6)
    assert PrivacyLedger(tmp_path / "taste" / "ledger.jsonl", 1.0).releases() == [written]


def test_a_damaged_ledger_lets_nothing_be_released(ledger: PrivacyLedger, tmp_path: Path) -> None:
    ledger.spend("pairs", 3, 0.5, bound=7)
    with (tmp_path / "taste" / "ledger.jsonl").open("a") as file:
        file.write('{"at": 1')
    with pytest.raises(StoreError, match="what was spent is unknown"):
        ledger.spend("pairs", 4, 0.1, bound=7)


def test_a_release_is_written_down_with_all_it_costs(ledger: PrivacyLedger) -> None:
    counts = release(MATRIX, 1.0, 3, ledger, bound=4, paired=3)
    (written,) = ledger.releases()
    assert (written.epsilon, written.delta, written.version, written.bound) == (1.0, DELTA, 3, 4)
    assert 0.99 < counts.spent.epsilon <= 1.0
    assert counts.spent.delta == DELTA
    assert counts.pairs.counts.shape == (5, 5)
    with pytest.raises(BudgetSpent):
        release(MATRIX, 0.5, 3, ledger)
    assert len(ledger.releases()) == 1
