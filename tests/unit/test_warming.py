"""The warm-up: what is under way is named, what fails keeps nobody waiting."""

import asyncio
import threading
from functools import partial

import pytest

from assistant import warming
from assistant.background import in_thread
from assistant.errors import ModelMissing
from assistant.warming import WarmUp


async def test_what_is_missing_is_named_until_it_is_there() -> None:
    warm_up, go = WarmUp(), threading.Event()
    assert warm_up.waiting_for == []
    running = asyncio.create_task(warm_up.run([{"a": partial(in_thread, go.wait)}, {"b": partial(in_thread, int)}]))
    await asyncio.sleep(0)
    assert warm_up.waiting_for == ["a", "b"]
    go.set()
    await running
    assert warm_up.waiting_for == []


@pytest.mark.parametrize("error", [ModelMissing("whisper-base"), RuntimeError("a bug")])
async def test_what_fails_keeps_nobody_waiting(error: Exception) -> None:
    ran = []

    def fail() -> None:
        raise error

    async def run() -> None:
        ran.append("last")

    warm_up = WarmUp()
    await warm_up.run([{"fails": partial(in_thread, fail)}, {"last": run}])
    assert (ran, warm_up.waiting_for) == (["last"], [])


async def test_what_hangs_is_waited_for_so_long_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "LONGEST_SECONDS", 0.05)
    go = threading.Event()
    warm_up = WarmUp()
    await warm_up.run([{"hangs": partial(in_thread, go.wait)}])
    assert warm_up.waiting_for == []
    go.set()


async def test_who_waits_is_told_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "TICK_SECONDS", 0.01)
    warm_up, go, told = WarmUp(), threading.Event(), []

    async def tell(missing: list[str]) -> None:
        told.append(missing)
        go.set()

    running = asyncio.create_task(warm_up.run([{"a": partial(in_thread, go.wait)}]))
    await asyncio.sleep(0)
    await warm_up.wait(tell)
    await running
    assert told[0] == ["a"]
