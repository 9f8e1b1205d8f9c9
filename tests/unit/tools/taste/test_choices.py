"""Events as choices: what counts when they contradict each other, repeat, or all come from one program."""

import numpy as np
import pytest

from tools.taste.choices import gather, latest_first
from tools.taste.events import EventBatch
from tools.taste.records import Interaction

LIKE, DISLIKE, VIEW, PURCHASE = 1.0, -1.0, 0.2, 1.5


def batch(*rows: tuple[int, int, float, float]) -> EventBatch:
    users, items, strengths, at = zip(*rows, strict=True)
    return EventBatch(np.array(users), np.array(items), np.array(strengths, np.float32), np.array(at, dtype=np.float64))


@pytest.mark.parametrize(
    ("events", "strength"),
    [
        ([(LIKE, 1), (DISLIKE, 2)], DISLIKE),
        ([(DISLIKE, 1), (LIKE, 2)], LIKE),
        ([(DISLIKE, 1), (VIEW, 2)], DISLIKE),
        ([(LIKE, 2), (DISLIKE, 1)], LIKE),
        ([(VIEW, 1), (PURCHASE, 2), (LIKE, 3)], PURCHASE),
        ([(VIEW, 1), (VIEW, 2), (VIEW, 3)], VIEW),
        ([(0.0, 5), (LIKE, 1)], LIKE),
    ],
)
def test_the_latest_decisive_event_gives_the_sign_and_the_strongest_of_that_sign_how_much(
    events: list[tuple[float, float]], strength: float
) -> None:
    choices = gather([batch(*((0, 0, value, at) for value, at in events))], ["a"])
    assert choices.matrix.toarray() == pytest.approx(np.array([[strength]]))


def test_an_event_that_says_nothing_is_no_choice() -> None:
    assert gather([batch((0, 0, 0.0, 1.0))], ["a"]).matrix.nnz == 0


def test_nothing_at_all_is_an_empty_matrix() -> None:
    assert gather([], ["a", "b"]).matrix.shape == (0, 2)


def test_a_person_in_two_batches_is_one_and_people_are_numbered_anew() -> None:
    choices = gather([batch((9, 1, LIKE, 2), (70, 0, LIKE, 1)), batch((70, 1, LIKE, 3))], ["a", "b"])
    assert choices.matrix.toarray().tolist() == [[0, 1], [1, 1]]
    assert choices.place.tolist() == [0, 1, 0]
    assert choices.user_count == 2


def test_events_of_one_moment_keep_their_order_and_a_repeated_item_stands_where_it_came_last() -> None:
    choices = gather([batch((0, 0, LIKE, 1), (0, 2, LIKE, 5), (0, 1, LIKE, 5), (0, 0, VIEW, 9))], ["a", "b", "c"])
    assert dict(zip(choices.matrix.indices.tolist(), choices.place.tolist(), strict=True)) == {0: 0, 1: 1, 2: 2}


def test_the_latest_say_most() -> None:
    choices = gather([batch((0, 0, LIKE, 1), (0, 1, DISLIKE, 2), (1, 1, LIKE, 1))], ["a", "b"])
    assert choices.weighted(2.0).toarray() == pytest.approx(np.array([[np.exp(-0.5), -1.0], [0.0, 1.0]]))
    assert choices.weighted(None).toarray().tolist() == choices.matrix.toarray().tolist()


def test_places_are_counted_anew_where_entries_go() -> None:
    choices = gather([batch(*((0, item, LIKE, item) for item in range(4)), (1, 0, LIKE, 1))], list("abcd"))
    some = choices.only(choices.matrix.indices != 3)
    assert (some.matrix.toarray().tolist(), some.place.tolist()) == ([[1, 1, 1, 0], [1, 0, 0, 0]], [2, 1, 0, 0])
    turned = some.rows(np.array([1, 0]))
    assert (turned.matrix.toarray().tolist(), turned.place.tolist()) == ([[1, 0, 0, 0], [1, 1, 1, 0]], [0, 2, 1, 0])


def test_one_persons_events_are_read_as_those_of_all() -> None:
    events = [("b", "view", 9.0), ("a", "dislike", 5.0), ("b", "like", 1.0), ("c", "rating", 0.5)]
    told = [Interaction(user="u", item_id=i, event=kind, value=3.0, at=at) for i, kind, at in events]  # type: ignore[arg-type]
    assert list(latest_first(told).items()) == [("b", 1.0), ("a", -1.0)]


def test_of_one_person_only_the_latest_count() -> None:
    rows = [(0, item, LIKE, float(item)) for item in range(50)] + [(1, 0, LIKE, 0.0)]
    choices = gather([batch(*rows)], [str(item) for item in range(50)], most=10)
    assert choices.left_out == 40
    assert choices.matrix[0].indices.tolist() == list(range(40, 50))
    assert choices.chosen_by().sum() == 11


def test_items_without_entries_are_left_out() -> None:
    choices = gather([batch((0, 2, LIKE, 1), (0, 0, DISLIKE, 2))], ["a", "b", "c"]).only_items_with_entries()
    assert choices.item_ids == ("a", "c")
    assert choices.matrix.toarray().tolist() == [[-1, 1]]
