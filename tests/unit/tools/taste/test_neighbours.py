"""Item-item neighbours: counts that can be checked by hand."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from tools.taste import neighbours
from tools.taste.choices import Choices
from tools.taste.neighbours import NEXT_TAU, Neighbourhood, next_choices

CHOSEN = csr_matrix(np.array([[1, 1, 0, 0], [2, 0.2, 1, 0], [1, 1, -1, 0], [1, 0, 0, 0]], dtype=np.float32))
"""Item 0 was chosen by all four, item 1 by three of them, item 2 by one and refused by another, item 3 by nobody."""


def test_counts_and_strengths() -> None:
    near = Neighbourhood.of(CHOSEN, shrink=0)
    assert near.counts.toarray().tolist() == [[0, 3, 1, 0], [3, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]]
    assert near.strengths[0, 1] == pytest.approx(3 / np.sqrt(4 * 3))
    assert near.strengths[0].indices.tolist() == [1, 2], "strongest first"


def test_few_people_are_shrunk() -> None:
    plain, shrunk = (Neighbourhood.of(CHOSEN, shrink=shrink).strengths for shrink in (0, 10))
    assert shrunk[0, 1] == pytest.approx(plain[0, 1] * 3 / 13)
    assert shrunk[0, 2] == pytest.approx(plain[0, 2] * 1 / 11)


def test_only_the_strongest_are_kept() -> None:
    assert np.diff(Neighbourhood.of(CHOSEN, most=1).counts.indptr).tolist() == [1, 1, 1, 0]


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = csr_matrix((np.random.default_rng(1).random((40, 30)) < 0.2).astype(np.float32))
    whole = Neighbourhood.of(matrix)
    monkeypatch.setattr(neighbours, "BLOCK_WORK", 25)
    parts = Neighbourhood.of(matrix)
    assert (whole.strengths != parts.strengths).nnz == (whole.counts != parts.counts).nnz == 0


def test_a_program_that_likes_everything_hardly_moves_anything() -> None:
    rows = np.zeros((40, 20), np.float32)
    rows[:20, :10] = rows[20:, 10:] = 1
    with_bot = np.vstack([rows, np.ones((1, 20), np.float32)])
    near = Neighbourhood.of(csr_matrix(with_bot))
    assert near.strengths[0, 9] > 0.6
    assert near.strengths[0, 10] < 0.01


# Order ---------------------------------------------------------------------------------------------------------------


def in_order(*people: list[int], items: int = 4) -> Choices:
    """What each person chose, in order."""
    rows, columns, place = [], [], []
    for person, chosen in enumerate(people):
        rows += [person] * len(chosen)
        columns += chosen
        place += range(len(chosen))[::-1]
    order = np.lexsort((columns, rows))
    matrix = csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=(len(people), items))
    return Choices(matrix, np.array(place, np.int32)[order], tuple(map(str, range(items))))


def test_what_comes_next_counts_by_its_distance_and_the_way_back_half() -> None:
    step = np.exp(-1 / NEXT_TAU)
    weights = next_choices(in_order([0, 1, 2]), shrink=0).toarray()
    assert weights[0, :3] == pytest.approx([0, 1, step])
    assert weights[1, :3] == pytest.approx([0.5, 0, 1])
    assert weights[2, :3] == pytest.approx([step / 2, 0.5, 0])


def test_people_add_up_and_refusals_are_passed_over() -> None:
    choices = in_order([0, 3, 1], [0, 1], [1])
    choices.matrix.data[choices.matrix.indices == 3] = -1
    weights = next_choices(choices, shrink=0).toarray()
    assert weights[0, 1] == pytest.approx(2 / np.sqrt(2 * 3))
    assert not weights[3].any()
    assert next_choices(choices, shrink=2).toarray()[0, 1] == pytest.approx(2 / np.sqrt(2 * 3) * 2 / 4)


def test_blocks_change_no_order_either(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(2)
    choices = in_order(*([int(item) for item in draw.permutation(30)[:8]] for _ in range(40)), items=30)
    whole = next_choices(choices)
    monkeypatch.setattr(neighbours, "BLOCK_WORK", 200)
    assert (whole != next_choices(choices)).nnz == 0
    assert whole.nnz > 200
