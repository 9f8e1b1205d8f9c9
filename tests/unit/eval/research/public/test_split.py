"""Temporal leave-last-out, and the columns of interactions."""

import numpy as np
import pytest

from assistant.errors import BadInput
from eval.research.public.interactions import Interactions, collect, core
from eval.research.public.split import leave_last_out


def pairs(events: Interactions) -> set[tuple[str, str]]:
    return {(events.users[u], events.items[i]) for u, i in zip(events.user, events.item, strict=True)}


def test_the_last_is_tested_the_one_before_tunes_and_the_rest_trains() -> None:
    events = [("ann", "c", 1, 30), ("ann", "a", 1, 10), ("ann", "d", 1, 40), ("ann", "b", 1, 20), ("bob", "a", 1, 5)]
    split = leave_last_out(collect(events))
    assert pairs(split.test) == {("ann", "d")}
    assert pairs(split.tune) == {("ann", "c")}
    assert pairs(split.train) == {("ann", "a"), ("ann", "b"), ("bob", "a")}
    assert pairs(split.known) == pairs(split.train) | pairs(split.tune)


def test_events_of_one_second_keep_the_file_s_order() -> None:
    split = leave_last_out(collect([("ann", item, 1, 7) for item in "abcd"]))
    assert pairs(split.test) == {("ann", "d")}
    assert pairs(split.tune) == {("ann", "c")}


def test_an_item_met_again_is_no_test() -> None:
    events = [("ann", "a", 1, 1), ("ann", "b", 1, 2), ("ann", "c", 1, 3), ("ann", "a", 1, 4)]
    split = leave_last_out(collect(events))
    assert pairs(split.test) == {("ann", "c")}
    assert ("ann", "a") in pairs(split.train)


def test_a_user_with_two_events_is_only_learned_from() -> None:
    split = leave_last_out(collect([("ann", "a", 1, 1), ("ann", "b", 1, 2)]))
    assert len(split.train) == 2
    assert len(split.test) == 0


def test_choices_know_the_order_of_each_user_s_events() -> None:
    events = [("bob", "b", 1, 9), ("ann", "c", 1, 3), ("ann", "a", 5, 2), ("ann", "b", 1, 3), ("ann", "a", 1, 4)]
    choices = collect(events, items=["z", "a", "b", "c"]).in_order().choices()
    assert choices.matrix.toarray().tolist() == [[0, 0, 1, 0], [0, 1, 1, 1]]
    assert choices.place.tolist() == [0, 2, 0, 1]  # ann: a, then c, and b in the same second but later in the file


def test_the_core_removes_until_nobody_has_too_few() -> None:
    full = [(user, item, 1, 0) for user in ("ann", "bob") for item in ("a", "b")]
    kept = core(collect([*full, ("eve", "a", 1, 0), ("eve", "rare", 1, 0)]), 2)
    assert pairs(kept) == {(user, item) for user, item, _, _ in full}


def test_no_event_is_bad_input() -> None:
    with pytest.raises(BadInput, match="no interaction"):
        collect([])


def test_columns_are_small() -> None:
    events = collect([("ann", "a", 4.5, 1)])
    assert (events.user.dtype, events.value.dtype, events.time.dtype) == (np.int32, np.float32, np.int64)
