"""Two workers on PostgreSQL, Chroma and Redis under load: one of the workers is killed every 20 seconds, and each of
the servers is stopped and started in the middle.

A client sends a message again, with the same id, until it is answered; at the end each message must have been answered
once, in its own session.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import psutil

from assistant.migration import move
from assistant.settings import Settings
from eval.bench.report import Result, Table, gib
from eval.bench.servers import SharedServers, shared_servers
from eval.bench.service import RunningService, serving, stand_in
from eval.bench.stage import Stage
from tools.place import StateServer

SESSIONS = 50
TURNS = 1_000
KILL_SECONDS = 20.0
AWAY_SECONDS = 5.0
GIVE_UP_SECONDS = 300.0
PAUSE_SECONDS = 0.5


@dataclass
class _Load:
    """What the clients saw."""

    url: str
    client: httpx.AsyncClient
    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    crossed: int = 0
    ended: bool = False


def measure(stage: Stage) -> Result:
    """Turns of text in 50 sessions at a time."""
    turns = (stage.cases or TURNS) // SESSIONS
    with (
        stage.sample_catalogue() as settings,
        stand_in(stage) as model,
        shared_servers() as servers,
        _moved(settings, servers),
        serving(stage, settings, model, "--workers", "2", **servers.settings) as served,
    ):
        load, kills, stored = asyncio.run(_run(stage, served, servers, turns))
        memory = sum(worker.memory_info().rss for worker in _workers(served))
    return _result(load, kills, stored, turns, memory)


@contextmanager
def _moved(settings: Settings, servers: SharedServers) -> Iterator[None]:
    """With the catalogue on the server."""
    move(settings.data_folder, StateServer(servers.settings["state__url"]), only_catalogue=True)
    yield


async def _run(
    stage: Stage, served: RunningService, servers: SharedServers, turns: int
) -> tuple[_Load, int, Counter[str]]:
    limits = httpx.Limits(max_connections=SESSIONS + 10, max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=served.url, timeout=120, limits=limits) as client:
        load = _Load(served.url, client)
        disturbing = asyncio.create_task(_disturb(stage, served, servers, load))
        sessions = await asyncio.gather(*(_converse(load, turns, n) for n in range(SESSIONS)))
        load.ended = True
        kills = await disturbing
        return load, kills, await _stored(load, sessions, turns)


async def _converse(load: _Load, turns: int, number: int) -> str:
    session = str((await _answered(load, "POST", "/api/sessions", {"title": f"client {number}"}))["session_id"])
    for turn in range(turns):
        began = time.perf_counter()
        text = f"a plant under {20 + number + turn / 10:.1f} dollars"
        message = {"text": text, "message_id": f"m{turn}"}
        reply = await _answered(load, "POST", f"/api/sessions/{session}/messages", message)
        load.seconds.append(time.perf_counter() - began)
        load.crossed += reply["query"]["text"] != text or reply["session_id"] != session
    return session


async def _answered(load: _Load, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """The answer to a request that is sent until there is one."""
    end = time.monotonic() + GIVE_UP_SECONDS
    while True:
        try:
            answer = await load.client.request(method, path, json=body, headers={"Accept": "application/json"})
            if answer.is_success:
                return dict(answer.json())
            load.outcomes[f"{answer.status_code} {answer.json()['detail']}"] += 1
        except httpx.TransportError as exc:
            load.outcomes[type(exc).__name__] += 1
        if time.monotonic() > end:
            raise RuntimeError(f"{method} {path} was not answered")
        await asyncio.sleep(PAUSE_SECONDS)


async def _disturb(stage: Stage, served: RunningService, servers: SharedServers, load: _Load) -> int:
    """Kill a worker every 20 s, and between stop each of the servers once for a moment; how many were killed."""
    kills, chance, waiting = 0, random.Random(stage.seed), [*servers.all]
    while not load.ended:
        await _pause(KILL_SECONDS / 2, load)
        if waiting and kills:
            server = waiting.pop(0)
            stage.say(f"{len(load.seconds)} turns answered; {server.name} is stopped and started")
            await asyncio.to_thread(server.stop)
            await asyncio.sleep(AWAY_SECONDS)
            await asyncio.to_thread(server.start)
        await _pause(KILL_SECONDS / 2, load)
        if workers := [] if load.ended else _workers(served):
            with suppress(psutil.NoSuchProcess):
                chance.choice(workers).kill()
                kills += 1
            stage.say(f"{len(load.seconds)} turns answered, {kills} workers killed")
    return kills


async def _pause(seconds: float, load: _Load) -> None:
    end = time.monotonic() + seconds
    while not load.ended and time.monotonic() < end:
        await asyncio.sleep(PAUSE_SECONDS)


async def _stored(load: _Load, sessions: list[str], turns: int) -> Counter[str]:
    """What the service holds: messages kept, lost, kept twice, kept in a session of somebody else."""
    counts: Counter[str] = Counter()
    for number, session in enumerate(sessions):
        detail = await _answered(load, "GET", f"/api/sessions/{session}")
        kept = [message["message_id"] for message in detail["messages"]]
        counts["kept"] += len(kept)
        counts["twice"] += len(kept) - len(set(kept))
        counts["lost"] += len({f"m{turn}" for turn in range(turns)} - set(kept))
        counts["crossed"] += sum(
            message["said"] != f"a plant under {20 + number + int(message['message_id'][1:]) / 10:.1f} dollars"
            for message in detail["messages"]
        )
    return counts


def _result(load: _Load, kills: int, stored: Counter[str], turns: int, memory: int) -> Result:
    result = Result("workers")
    table = Table(
        f"{SESSIONS} sessions at a time, two workers, one killed every {KILL_SECONDS:g} s",
        ["turns", "workers killed", "sent again", "lost", "kept twice", "crossed", "median s", "95 % s"],
    )
    seconds = sorted(load.seconds)
    again = sum(load.outcomes.values())
    median, late = seconds[len(seconds) // 2], seconds[int(0.95 * (len(seconds) - 1))]
    crossed = load.crossed + stored["crossed"]
    table.add(len(seconds), kills, again, stored["lost"], stored["twice"], crossed, f"{median:.2f}", f"{late:.2f}")
    result.tables = [table]
    result.numbers = {"kills": kills, **stored, "answers": dict(load.outcomes), "memory": memory}
    result.notes = [
        f"Requests that were not answered, and sent again: {dict(load.outcomes)}.",
        f"Memory of both workers at the end: {gib(memory)}.",
    ]
    result.failed = bool(stored["lost"] or stored["twice"] or crossed or stored["kept"] != turns * SESSIONS)
    return result


def _workers(served: RunningService) -> list[psutil.Process]:
    found = []
    for process in served.process.children():
        with suppress(psutil.NoSuchProcess):
            if "spawn_main" in " ".join(process.cmdline()):
                found.append(process)
    return found
