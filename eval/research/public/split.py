"""Temporal leave-last-out: what each user did last is to be foretold from everything before it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.research.public.interactions import Interactions

LEAST_EVENTS = 3
"""A user needs one event to learn from, one to tune on and one to test on; others are only learned from."""


@dataclass(frozen=True)
class Split:
    """Training events, and one event a user to tune on and one to test on.

    Attributes:
        train: all events but the last two of each user.
        tune: one event a user, the last but one.
        test: one event a user, the last.
    """

    train: Interactions
    tune: Interactions
    test: Interactions

    def known(self) -> Interactions:
        """What may be learned from before the test: training and tuning events."""
        return self.train.and_also(self.tune)


def leave_last_out(interactions: Interactions) -> Split:
    """Split by time within each user; events of one second keep the file's order.

    An item that a user came back to counts where it was met first, so that no test item is among the known ones.
    """
    first = interactions.only(_is_first(interactions))
    place = _place_from_the_end(first)
    return Split(first.only(place >= 2), first.only(place == 1), first.only(place == 0))


def _is_first(interactions: Interactions) -> NDArray[np.bool_]:
    """Whether each event is the user's earliest with that item."""
    order = np.argsort(interactions.time, kind="stable")
    pair = interactions.user.astype(np.int64) * len(interactions.items) + interactions.item
    _, index = np.unique(pair[order], return_index=True)
    first = np.zeros(len(interactions), dtype=np.bool_)
    first[order[index]] = True
    return first


def _place_from_the_end(events: Interactions) -> NDArray[np.int64]:
    """0 for a user's last event, 1 for the one before it, and so on; a large number for users with too few."""
    order = np.lexsort((np.arange(len(events)), events.time, events.user))
    counts = np.bincount(events.user, minlength=len(events.users))
    ends = np.cumsum(counts)[events.user[order]]
    place = np.empty(len(events), dtype=np.int64)
    place[order] = ends - 1 - np.arange(len(events))
    place[counts[events.user] < LEAST_EVENTS] = len(events)
    return place
