"""The HTTP service under load: first event, provisional ranking, overhead of the API, lost or crossed messages, memory.

Service, scripted language model and clients are three processes, as they would be in use.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any

import httpx
import psutil

from assistant.settings import Settings
from eval.bench.report import Result, Table, gib
from eval.bench.stage import Stage, free_port
from eval.bench.stand_in import MODEL

SIDE_BY_SIDE = 8
SESSIONS = 50
TURNS = 3
THINK_SECONDS = 2.0
"""Before each message a client waits up to so long, so that turns do not march in step."""
START_SECONDS = 120
TARGET_FIRST_EVENT = 0.100
TARGET_PROVISIONAL = 0.300
TARGET_OVERHEAD = 0.015


@dataclass
class TimedReply:
    """One message as its client saw it; seconds from the request."""

    text: str
    first_event: float = 0.0
    last_tool: float = 0.0
    provisional: float = 0.0
    done: float = 0.0
    reply: dict[str, Any] = field(default_factory=dict)

    @property
    def overhead(self) -> float:
        """Seconds that are not the turn's: what HTTP, streaming and the event's way add to it."""
        return self.done - float(self.reply["timings"]["total"])


def measure(stage: Stage) -> Result:
    """Turns of text on loaded engines, 8 and 50 sessions at a time, a scripted model."""
    result = Result("service")
    table = Table(
        f"{TURNS} turns in each of so many sessions at a time, scripted model (milliseconds, p95 unless said)",
        ["sessions", "turns", "turn, median", "first event", "provisional after last step", "API overhead", "turns/s"],
    )
    with stage.sample_catalogue() as settings, stand_in(stage) as model, serving(stage, settings, model) as served:
        asyncio.run(_load(served.url, 2, 1, "warm-up"))
        before = served.memory()
        for sessions in (SIDE_BY_SIDE, SESSIONS):
            stage.say(f"{sessions} sessions, {TURNS} turns each")
            began = time.perf_counter()
            replies = asyncio.run(_load(served.url, sessions, TURNS, f"round {sessions}"))
            rate = len(replies) / (time.perf_counter() - began)
            table.add(sessions, len(replies), *(_ms(value) for value in _figures(replies)), rate)
            result.numbers[str(sessions)] = dict(
                zip(("turn", "first", "provisional", "overhead"), _figures(replies), strict=True)
            )
        stored_count = asyncio.run(_stored_turns(served.url))
        after = served.memory()
    expected = (SIDE_BY_SIDE + SESSIONS) * TURNS + 2
    result.tables = [table]
    result.numbers |= {"kept": stored_count, "expected": expected, "memory": [before, after]}
    result.notes = [
        f"Messages kept: {stored_count} of {expected}; each answer was checked to belong to its own message.",
        f"Memory of the service: {gib(before)} after the first turn, {gib(after)} after the load.",
        f"Targets at {SIDE_BY_SIDE} sessions: first event {_ms(TARGET_FIRST_EVENT)}, provisional ranking "
        f"{_ms(TARGET_PROVISIONAL)} after the last tool or plan, API overhead {_ms(TARGET_OVERHEAD)} (p95).",
        "API overhead: seconds of the request as the client sees them, less those that the turn itself counts.",
    ]
    return result


def _figures(replies: list[TimedReply]) -> tuple[float, float, float, float]:
    return (
        median(reply.done for reply in replies),
        _p95([reply.first_event for reply in replies]),
        _p95([reply.provisional - reply.last_tool for reply in replies]),
        _p95([reply.overhead for reply in replies]),
    )


def _p95(values: list[float]) -> float:
    return quantiles(values, n=20)[-1]


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:,.1f}"


async def _load(url: str, sessions: int, turns: int, name: str) -> list[TimedReply]:
    """So many sessions side by side, each asking one message after the other."""
    limits = httpx.Limits(max_connections=sessions + 10)
    async with httpx.AsyncClient(base_url=url, timeout=120, limits=limits) as client:
        conversations = await asyncio.gather(
            *(_converse(client, turns, f"{name} {n}", 20 + n) for n in range(sessions))
        )
    return [reply for conversation in conversations for reply in conversation]


async def _converse(client: httpx.AsyncClient, turns: int, title: str, price: int) -> list[TimedReply]:
    session = (await client.post("/api/sessions", json={"title": title})).json()["session_id"]
    replies, chance = [], random.Random(price)
    for turn in range(turns):
        await asyncio.sleep(chance.uniform(0, THINK_SECONDS))
        reply = await _ask(client, session, f"a plant under {price + turn / 10:.1f} dollars")
        assert reply.reply["query"]["text"] == reply.text  # noqa: S101 - a crossed message ends the measurement
        assert reply.reply["session_id"] == session  # noqa: S101
        replies.append(reply)
    return replies


async def _ask(client: httpx.AsyncClient, session: str, text: str) -> TimedReply:
    reply, began = TimedReply(text), time.perf_counter()
    async with client.stream("POST", f"/api/sessions/{session}/messages", json={"text": text}) as answer:
        answer.raise_for_status()
        async for event in _events(answer):
            at = time.perf_counter() - began
            reply.first_event = reply.first_event or at
            if event["type"] == "step_finished" and not reply.provisional:
                reply.last_tool = at
            elif event["type"] == "provisional":
                reply.provisional = at
            elif event["type"] == "error":
                raise RuntimeError(event["problem"]["detail"])
            elif event["type"] == "done":
                reply.done, reply.reply = at, event["reply"]
    return reply


async def _events(answer: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    async for line in answer.aiter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


async def _stored_turns(url: str) -> int:
    """How many messages the service holds."""
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        sessions = (await client.get("/api/sessions?limit=200")).json()["sessions"]
    return sum(session["turns"] for session in sessions)


@dataclass(frozen=True)
class RunningService:
    """The running service."""

    url: str
    process: psutil.Process

    def memory(self) -> int:
        """Resident bytes."""
        return int(self.process.memory_info().rss)


@contextmanager
def serving(
    stage: Stage, settings: Settings, model_url: str, *arguments: str, **further: str
) -> Iterator[RunningService]:
    """``assistant serve`` in a process of its own, its engines loaded; keywords are settings: ``state__redis=URL``."""
    port = free_port()
    environment = os.environ | {
        "ASSISTANT_HOME": str(settings.home),
        "ASSISTANT_DATA": str(settings.data_folder),
        "ASSISTANT_LLM__PROFILE": "remote",
        "ASSISTANT_LLM__BASE_URL": model_url,
        "ASSISTANT_LLM__MODEL": MODEL,
        "ASSISTANT_SERVICE__REQUESTS_PER_MINUTE": "1000000",
        "ASSISTANT_SERVICE__TURNS_AT_ONCE": "64",
        **{f"ASSISTANT_{name.upper()}": value for name, value in further.items()},
    }
    stage.say(f"the service on port {port}")
    program = [sys.executable, "-c", "from assistant.cli import main; main()"]
    command = [*program, "serve", "--no-llm", "--port", str(port), *arguments]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)  # noqa: S603 - this very program
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/healthz", process)
        yield RunningService(url, psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def stand_in(stage: Stage) -> Iterator[str]:
    """The scripted language model; its base URL."""
    port = free_port()
    stage.say(f"a scripted language model on port {port}")
    command = [sys.executable, "-m", "eval.bench.stand_in", str(port)]
    process = subprocess.Popen(command)  # noqa: S603 - this very program
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(60)


def wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Until a server answers.

    Raises:
        RuntimeError: it does not, or its process has ended.
    """
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(url, timeout=2).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise RuntimeError(f"{url} did not answer")
