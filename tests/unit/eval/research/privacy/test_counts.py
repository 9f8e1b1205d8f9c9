"""Recommenders of counts alone, and the table of what privacy costs."""

import numpy as np
from scipy.sparse import csr_matrix

from eval.research.privacy.counts import Measured, compare, cut, exact, private, table
from eval.research.public.interactions import Interactions, collect
from tools.taste.private_counts import BOUND

TRAIN = csr_matrix(np.array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 1, 1], [1, 1, 0, 1]], dtype=np.float32))


def interactions(people: int = 12, items: int = 6) -> Interactions:
    """Everybody goes through half of the items in turn, each from another one on."""
    return collect(
        (f"u{user}", f"i{(user + step) % items}", 1.0, 1000 + step)
        for user in range(people)
        for step in range(items // 2)
    )


def test_exact_counts_are_the_gram_matrix() -> None:
    counted = exact(TRAIN)
    assert counted.people.tolist() == [3, 3, 2, 2]
    assert counted.pairs.toarray().tolist() == [[0, 3, 1, 1], [3, 0, 1, 1], [1, 1, 0, 1], [1, 1, 1, 0]]


def test_bounding_leaves_at_most_so_many_items_of_a_person() -> None:
    keen = csr_matrix(np.ones((1, 3 * BOUND), dtype=np.float32))
    assert cut(keen).people.sum() == BOUND


def test_private_counts_have_the_shape_of_exact_ones() -> None:
    counted = private(TRAIN, 1.0)
    pairs = counted.pairs.toarray()
    assert counted.people.shape == (4,)
    assert pairs.shape == (4, 4)
    assert (pairs == pairs.T).all()
    assert pairs.diagonal().tolist() == [0, 0, 0, 0]
    assert counted.deviation > 0


def test_every_kind_of_counts_is_compared_with_every_recommender() -> None:
    told: list[str] = []
    found = compare(interactions(), repeats=1, say=told.append)
    kinds = ["exact", f"at most {BOUND} a person", *(f"epsilon {one:g}" for one in (8, 4, 2, 1, 0.5))]
    assert [one.counts for one in found] == [kind for kind in kinds for _ in range(3)]
    assert told == [f"counting: {kind}" for kind in kinds]
    assert all(0 <= one.ndcg <= 1 and one.deviation == 0 for one in found)
    by_name = {(one.counts, one.recommender): one for one in found}
    assert by_name["exact", "item-kNN"].ndcg > by_name["exact", "popularity"].ndcg


def test_the_table_has_a_row_for_each_kind_of_counts() -> None:
    names = ("popularity", "item-kNN", "both")
    found = [Measured(counts="exact", recommender=name, ndcg=0.05, recall=0.1, deviation=0.001) for name in names]
    head, row = table(found)
    assert head.split() == ["NDCG@10", *names]
    assert row.split() == ["exact", *(["0.0500", "±", "0.0010"] * 3)]
