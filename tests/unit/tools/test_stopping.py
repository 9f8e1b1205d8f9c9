"""Work in threads stops when it is asked to."""

import asyncio
import threading
import time

import pytest

from tools.errors import ToolFailure
from tools.stopping import check_stopped, stoppable, stopped_by


async def test_work_in_a_thread_stops_soon_after_its_event() -> None:
    stop, done = threading.Event(), []

    def work() -> None:
        for number in stoppable(range(1_000)):
            done.append(number)
            time.sleep(0.01)

    with stopped_by(stop):
        working = asyncio.create_task(asyncio.to_thread(work))
        await asyncio.sleep(0.1)
    stop.set()
    with pytest.raises(ToolFailure, match="stopped"):
        await working
    assert 0 < len(done) < 100


def test_work_that_nobody_may_stop_goes_on() -> None:
    check_stopped()
    assert list(stoppable([1, 2])) == [1, 2]


async def test_one_stop_leaves_other_work_alone() -> None:
    mine, other = threading.Event(), threading.Event()
    with stopped_by(mine):
        working = asyncio.create_task(asyncio.to_thread(check_stopped))
    with stopped_by(other):
        mine_too = asyncio.create_task(asyncio.to_thread(check_stopped))
    other.set()
    await working
    with pytest.raises(ToolFailure):
        await mine_too
