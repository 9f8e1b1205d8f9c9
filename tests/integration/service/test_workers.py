"""Workers that share a Redis server: a turn is followed, resumed and stopped from any, and limits hold over all."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from assistant.service.runs import registry
from assistant.settings import load_settings
from tests.fakes.openai_server import EVERY_STEP, FakeOpenAIServer
from tests.integration.service.conftest import Running, events, problem, serving
from tests.integration.service.serve_process import Place, Server, place
from tests.integration.service.test_messages import late_plan, obliging, service_bounds, slow_plan, wait_until_idle
from tests.redis_server import RedisServer, redis_server
from tools.toolbox import Engines

__all__ = ["place", "redis_server"]

pytestmark = pytest.mark.models

Two = Callable[..., contextlib.AbstractContextManager[tuple[Running, Running]]]


@pytest.fixture
def two(shop_engines: Engines, model: FakeOpenAIServer, tmp_path: Path, redis_server: RedisServer) -> Two:
    """Two workers over one data folder; keywords are settings of ``service``."""

    @contextlib.contextmanager
    def two_(**service: object) -> Iterator[tuple[Running, Running]]:
        remote = {"profile": "remote", "base_url": model.base_url, "model": model.model}
        settings = load_settings(
            data=tmp_path / "own",
            llm=remote,
            turn=EVERY_STEP,
            service={"workers": 2, **service},
            state={"redis": redis_server.url},
        )
        with serving(settings, shop_engines) as first, serving(settings, shop_engines) as second:
            yield first, second

    return two_


def path_of(session: str, message: str = "m", rest: str = "") -> str:
    return f"/api/sessions/{session}/messages/{message}{rest}"


def wait_until_running(service: Running, session: str, message: str = "m") -> None:
    end = time.monotonic() + 20
    while service.client.get(f"/api/sessions/{session}").json()["running"] != message:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_turn_of_one_worker_is_followed_and_resumed_on_another(two: Two, model: FakeOpenAIServer) -> None:
    model.script(late_plan)
    with two() as (first, second), ThreadPoolExecutor(1) as pool:
        session = first.session()
        said = pool.submit(first.say, session, "a desk lamp", message_id="m")
        wait_until_running(second, session)
        detail = second.client.get(f"/api/sessions/{session}").json()
        while detail["pending"] and not detail["pending"]["said"]:  # until it is accepted
            detail = second.client.get(f"/api/sessions/{session}").json()
        assert detail["pending"]["said"] == "a desk lamp"
        elsewhere = list(events(iter(second.client.get(path_of(session, rest="/events")).text.splitlines())))
        here = list(events(iter(first.client.get(path_of(session, rest="/events")).text.splitlines())))
        assert elsewhere == here
        assert elsewhere[-1].data["reply"] == said.result().json()
        headers = {"Last-Event-ID": "m:3"}
        rest = second.client.get(path_of(session, rest="/events"), headers=headers).text
        assert [event.id for event in events(iter(rest.splitlines()))] == [event.id for event in here[3:]]
        assert first.client.get(f"/api/sessions/{session}").json()["running"] is None
        assert second.say(session, "cheaper").json()["intent"] == "recommend"
        assert first.client.get(f"/api/sessions/{session}").json()["turns"] == 2


def test_a_turn_is_stopped_from_another_worker(two: Two, model: FakeOpenAIServer) -> None:
    model.script(slow_plan)
    with two() as (first, second), ThreadPoolExecutor(1) as pool:
        session = first.session()
        said = pool.submit(first.say, session, "a lamp", message_id="m")
        wait_until_running(second, session)
        assert "running in this session" in problem(second.say(session, "a chair"), 409)
        assert second.client.delete(path_of(session)).status_code == 204
        assert said.result().status_code == 499
        model.script(obliging)
        assert second.say(session, "a lamp", message_id="m").status_code == 200
        assert first.client.get(f"/api/sessions/{session}").json()["turns"] == 1


def test_a_message_that_comes_to_both_workers_is_answered_once(two: Two, model: FakeOpenAIServer) -> None:
    model.script(late_plan)
    with two() as (first, second), ThreadPoolExecutor(8) as pool:
        session = first.session()
        said = [
            pool.submit(service.say, session, "a desk lamp", message_id="m")
            for service in (first, second)
            for _ in "1234"
        ]
        replies = [future.result() for future in said]
        assert {answer.status_code for answer in replies} == {200}
        assert len({answer.text for answer in replies}) == 1
        assert second.client.get(f"/api/sessions/{session}").json()["turns"] == 1


def test_a_listener_on_another_worker_keeps_a_turn_alive(
    two: Two, model: FakeOpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.service.runs.turns.LISTENERS_SECONDS", 0.5)
    model.script(late_plan)
    with service_bounds(grace_seconds=1), two() as (first, second):
        session = first.session()
        path = f"/api/sessions/{session}/messages"
        with first.client.stream("POST", path, json={"text": "a desk lamp", "message_id": "m"}) as stream:
            next(events(stream.iter_lines()))
            wait_until_running(second, session)
            following = second.client.stream("GET", path_of(session, rest="/events"))
            followed = following.__enter__()
            told = events(followed.iter_lines())
            next(told)
        assert [event.name for event in told][-1] == "done"
        following.__exit__(None, None, None)

        model.script(slow_plan)
        with first.client.stream("POST", path, json={"text": "a chair", "message_id": "n"}) as stream:
            next(events(stream.iter_lines()))
        wait_until_idle(second, session, 20)


def test_limits_hold_over_all_workers(two: Two, model: FakeOpenAIServer) -> None:
    model.script(slow_plan)
    with two(turns_at_once=2) as (first, second), ThreadPoolExecutor(2) as pool:
        sessions = [first.session() for _ in range(3)]
        said = [
            pool.submit(at.say, one, "a lamp", message_id="m")
            for at, one in zip((first, second), sessions[:2], strict=True)
        ]
        for session in sessions[:2]:
            wait_until_running(first, session)
        for service in (first, second):
            assert "2 turns" in problem(service.say(sessions[2], "a lamp"), 429)
        for session in sessions[:2]:
            assert first.client.delete(path_of(session)).status_code == 204
        assert [future.result().status_code for future in said] == [499, 499]
    with two(requests_per_minute=20) as (first, second):
        statuses = [service.client.get("/api/sessions").status_code for _ in range(15) for service in (first, second)]
        assert statuses.count(429) == 10


def test_what_is_forgotten_is_gone_from_redis(two: Two, redis_server: RedisServer) -> None:
    with two() as (first, second):
        session = first.session()
        assert first.say(session, "a desk lamp").status_code == 200
        assert any(session in key for key in redis_server.held())
        assert second.client.delete(f"/api/sessions/{session}").status_code == 204
        assert not any(session in key for key in redis_server.held())


def test_redis_that_goes_and_comes_back(two: Two, model: FakeOpenAIServer, redis_server: RedisServer) -> None:
    model.script(late_plan)
    with two() as (first, second), ThreadPoolExecutor(1) as pool:
        session, other = first.session(), first.session()
        said = pool.submit(first.say, session, "a desk lamp", message_id="m")
        wait_until_running(second, session)
        redis_server.stop()
        refused = second.client.get("/api/sessions")
        assert "Redis" in problem(refused, 503)
        assert refused.headers["retry-after"]
        assert said.result().status_code == 200  # what runs is answered and kept
        assert second.client.get("/healthz").status_code == 200
        redis_server.start()
        end = time.monotonic() + 30
        while second.say(other, "a desk lamp", message_id="n").status_code != 200:
            assert time.monotonic() < end
            time.sleep(0.5)
        assert second.client.get(f"/api/sessions/{session}").json()["turns"] == 1


def test_a_turn_whose_worker_has_died_ends_and_can_be_sent_again(
    two: Two, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import redis

    with two() as (first, _), redis.Redis.from_url(redis_server.url) as client:
        session = first.session()
        client.set(f"{registry.PREFIX}lease:{session}", "m", ex=3)  # as a worker leaves it
        client.xadd(f"{registry.PREFIX}events:{session}:m", {"name": "step_started", "data": json.dumps({"step": "x"})})
        told = list(events(iter(first.client.get(path_of(session, rest="/events")).text.splitlines())))
        assert [event.name for event in told] == ["step_started", "error"]
        assert "send the message again" in told[-1].data["problem"]["detail"]
        assert first.say(session, "a desk lamp", message_id="m").status_code == 200


def test_processes_are_replaced_when_they_die_and_end_together(place: Place, redis_server: RedisServer) -> None:
    server = place.start("--no-llm", "--workers", "2", state__redis=redis_server.url)
    session = server.session()
    assert server.say(session, "Hello!").status_code == 200
    for _ in range(2):
        victim = workers_of(server)[0]
        victim.kill()
        end = time.monotonic() + 60
        while victim in workers_of(server) or len(workers_of(server)) < 2:
            assert time.monotonic() < end
            time.sleep(0.1)
        assert said(server, session) == 200
    detail = server.client.get(f"/api/sessions/{session}").json()
    assert detail["turns"] == 3
    assert server.measures()["assistant_turns_running"] == 0
    code, seconds = server.stop()
    assert code == 0
    assert seconds < 30
    assert not workers_of(server)


def workers_of(server: Server) -> list[psutil.Process]:
    if not psutil.pid_exists(server.process.pid):
        return []
    with contextlib.suppress(psutil.NoSuchProcess):
        children = psutil.Process(server.process.pid).children()
        return [one for one in children if "spawn_main" in " ".join(one.cmdline())]
    return []


def said(server: Server, session: str) -> int:
    """Say hello, again if the worker that took the connection is one that was killed."""
    end = time.monotonic() + 60
    while True:
        with contextlib.suppress(httpx.TransportError):
            return server.say(session, "Hello!").status_code
        assert time.monotonic() < end


def test_several_workers_without_redis_are_one_sentence(place: Place) -> None:
    server = place.start("--no-llm", "--workers", "2", wait=False)
    assert server.process.wait(60) == 2
    assert "state.redis" in server.errors.read_text().splitlines()[-1]
