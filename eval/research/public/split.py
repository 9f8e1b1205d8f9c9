"""Temporal leave-last-out: each user's last event is asked for, given everything before it."""

from dataclasses import dataclass

import numpy as np

from eval.research.public.interactions import Interactions

LEAST_EVENTS = 3
"""A user needs one event to learn from, one to tune on and one to test on; others are only learned from."""


@dataclass(frozen=True)
class Split:
    """Training events, and one event a user to tune on and one to test on, each `in_order`.

    Attributes:
        train: all events but the last two of each user.
        tune: one event a user, the last but one.
        test: one event a user, the last.
        known: what may be learned from before the test: training and tuning events.
        events: all of them.
    """

    train: Interactions
    tune: Interactions
    test: Interactions
    known: Interactions
    events: Interactions


def leave_last_out(interactions: Interactions) -> Split:
    """Split by time within each user; no test item is among the known ones."""
    events = interactions.in_order()
    counts = events.counts()[events.user]
    left = np.where(counts < LEAST_EVENTS, LEAST_EVENTS, counts - 1 - events.places())
    train, tune, test, known = (events.only(mask) for mask in (left >= 2, left == 1, left == 0, left >= 1))
    return Split(train, tune, test, known, events)
