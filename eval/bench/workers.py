"""Two workers on PostgreSQL, Chroma and Redis under load: one of the workers is killed every 20 seconds, and each of
the servers is stopped and started once, when a quarter, half and three quarters of the turns are answered.

A client sends a message again, with the same id, until it is answered; at the end each message must have been answered
once, in its own session.
"""

import asyncio
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
GIVE_UP_SECONDS = 900.0
PAUSE_SECONDS = 0.5
TURN_SECONDS = 1.5
"""What a turn takes on 2 busy cores while workers are killed (docs/benchmarks.md), for saying how long it will take."""


@dataclass
class _Load:
    """What the clients saw."""

    url: str
    client: httpx.AsyncClient
    total: int
    began: float = field(default_factory=time.monotonic)
    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    crossed: int = 0
    degraded: int = 0
    kills: int = 0
    away: dict[str, float] = field(default_factory=dict)
    """By server: seconds from its start to the next answer."""
    ended: bool = False

    @property
    def progress(self) -> str:
        """How far it is, and when it will have ended if it goes on so."""
        done, spent = len(self.seconds), time.monotonic() - self.began
        left = f", about {spent / done * (self.total - done) / 60:.0f} minutes to go" if done else ""
        return f"{done} of {self.total} turns answered, {self.kills} workers killed{left}"


def measure(stage: Stage) -> Result:
    """Turns of text in 50 sessions at a time."""
    turns = max((stage.cases or TURNS) // SESSIONS, 1)
    total = turns * SESSIONS
    stage.say(f"{total:,} turns in {SESSIONS} sessions, expected to take {total * TURN_SECONDS / 60 + 3:.0f} minutes")
    with (
        stage.sample_catalogue() as settings,
        stand_in(stage) as model,
        shared_servers() as servers,
        _moved(settings, servers),
        serving(stage, settings, model, "--workers", "2", **servers.settings) as served,
    ):
        load, stored = asyncio.run(_run(stage, served, servers, turns))
        memory = sum(worker.memory_info().rss for worker in _workers(served))
    return _result(load, stored, memory)


@contextmanager
def _moved(settings: Settings, servers: SharedServers) -> Iterator[None]:
    """With the catalogue on the server."""
    move(settings.data_folder, StateServer(servers.settings["state__url"]), only_catalogue=True)
    yield


async def _run(stage: Stage, served: RunningService, servers: SharedServers, turns: int) -> tuple[_Load, Counter[str]]:
    limits = httpx.Limits(max_connections=SESSIONS + 10, max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=served.url, timeout=120, limits=limits) as client:
        load = _Load(served.url, client, turns * SESSIONS)
        disturbing = asyncio.create_task(_disturb(stage, served, servers, load))
        sessions = await asyncio.gather(*(_converse(load, turns, n) for n in range(SESSIONS)))
        load.ended = True
        await disturbing
        return load, await _stored(load, sessions, turns)


async def _converse(load: _Load, turns: int, number: int) -> str:
    session = str((await _answered(load, "POST", "/api/sessions", {"title": f"client {number}"}))["session_id"])
    for turn in range(turns):
        began = time.perf_counter()
        text = f"a plant under {20 + number + turn / 10:.1f} dollars"
        message = {"text": text, "message_id": f"m{turn}"}
        try:
            reply = await _answered(load, "POST", f"/api/sessions/{session}/messages", message)
        except TimeoutError:
            return session  # told as lost
        load.seconds.append(time.perf_counter() - began)
        load.crossed += reply["query"]["text"] != text or reply["session_id"] != session
        load.degraded += len(reply["degraded"]) > len(reply["internal"])
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
            raise TimeoutError(f"{method} {path} was not answered")
        await asyncio.sleep(PAUSE_SECONDS)


async def _disturb(stage: Stage, served: RunningService, servers: SharedServers, load: _Load) -> None:
    """Kill the older worker every 20 s; beside that, stop each of the servers once for a moment."""
    stopping = asyncio.create_task(_stop_each(stage, servers, load))
    while not load.ended:
        await _pause(KILL_SECONDS, load)
        if workers := [] if load.ended else _workers(served):
            with suppress(psutil.NoSuchProcess):
                min(workers, key=lambda worker: worker.create_time()).kill()  # the other one may just be starting
                load.kills += 1
            stage.say(load.progress)
    await stopping


async def _stop_each(stage: Stage, servers: SharedServers, load: _Load) -> None:
    for place, server in enumerate(servers.all, start=1):
        while not load.ended and len(load.seconds) < place * load.total / (len(servers.all) + 1):
            await asyncio.sleep(PAUSE_SECONDS)
        if load.ended:
            return
        stage.say(f"{server.name} is stopped and started; {load.progress}")
        await asyncio.to_thread(server.stop)
        await asyncio.sleep(AWAY_SECONDS)
        await asyncio.to_thread(server.start)
        began, answered = time.monotonic(), len(load.seconds)
        while not load.ended and len(load.seconds) == answered:
            await asyncio.sleep(PAUSE_SECONDS / 5)
        load.away[server.name] = time.monotonic() - began


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


def _result(load: _Load, stored: Counter[str], memory: int) -> Result:
    result = Result("workers")
    seconds, crossed = sorted(load.seconds), load.crossed + stored["crossed"]
    table = Table(
        f"{SESSIONS} sessions at a time, two workers, one killed every {KILL_SECONDS:g} s, servers stopped for "
        f"{AWAY_SECONDS:g} s",
        ["what", "number"],
    )
    table.add("turns answered, of", f"{len(seconds):,} of {load.total:,}")
    table.add("minutes", f"{(time.monotonic() - load.began) / 60:.1f}")
    table.add("workers killed", load.kills)
    for name, away in load.away.items():
        table.add(f"{name} stopped and started: seconds to the next answer", f"{away:.1f}")
    for name, count in (("lost", stored["lost"]), ("kept twice", stored["twice"]), ("crossed", crossed)):
        table.add(f"messages {name}", count)
    table.add("turns answered with less than all parts", load.degraded)
    for outcome, count in load.outcomes.most_common():
        table.add(f"sent again after: {outcome}", count)
    for name, share in (("median", 0.5), ("95 %", 0.95)) if seconds else ():
        table.add(f"seconds to an answer, {name}", f"{seconds[int(share * (len(seconds) - 1))]:.2f}")
    table.add("memory of both workers at the end", gib(memory))
    result.tables = [table]
    result.numbers = {"kills": load.kills, **stored, "answers": dict(load.outcomes), "memory": memory}
    result.numbers |= {"seconds": seconds, "away": load.away, "degraded": load.degraded}
    result.failed = bool(stored["lost"] or stored["twice"] or crossed or stored["kept"] != load.total)
    return result


def _workers(served: RunningService) -> list[psutil.Process]:
    found = []
    for process in served.process.children():
        with suppress(psutil.NoSuchProcess):
            if "spawn_main" in " ".join(process.cmdline()):
                found.append(process)
    return found
