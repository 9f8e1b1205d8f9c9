"""Several servers of one model, over real HTTP: some killed, some slow, some overloaded."""

import asyncio
import contextlib
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from langchain_core.messages import HumanMessage

from assistant.errors import ConfigError, LLMBadReply, LLMUnavailable
from assistant.llm import replicas as module
from assistant.llm import server as servers
from assistant.llm.client import ChatClient
from assistant.llm.profiles import Endpoint, endpoints
from assistant.llm.replicas import Replicas
from assistant.settings import Settings, load_settings
from tests.fakes.openai_server import FakeOpenAIServer, Reply

ASK = [HumanMessage("red shoes")]
FINE = Reply("Fine.")


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@contextlib.contextmanager
def fleet(count: int = 3) -> Iterator[list[FakeOpenAIServer]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(FakeOpenAIServer([FINE])) for _ in range(count)]


def settings_for(running: Sequence[FakeOpenAIServer], **llm: object) -> Settings:
    urls = [server.base_url for server in running]
    return load_settings(llm={"profile": "remote", "base_urls": urls, "model": running[0].model, **llm})


def client_for(running: Sequence[FakeOpenAIServer], clock: Clock | None = None, **llm: object) -> ChatClient:
    settings = settings_for(running, **llm)
    client = ChatClient(settings)
    if clock:
        client._connection.__dict__["replicas"] = Replicas(endpoints(settings), clock=clock)
    return client


async def ask(client: ChatClient, session: str = "s", timeout: float | None = None) -> str:
    return await client.for_turn(session).complete_text(ASK, purpose="chat", max_tokens=9, timeout=timeout)


def asked_of(client: ChatClient, running: Sequence[FakeOpenAIServer], session: str = "s") -> list[FakeOpenAIServer]:
    """The servers in the order in which a session asks them."""
    by_url = {server.base_url: server for server in running}
    return [by_url[replica.endpoint.base_url] for replica in client.replicas.in_order(session)]


async def test_a_session_stays_with_one_replica_and_sessions_spread() -> None:
    with fleet() as running:
        client = client_for(running)
        for session in map(str, range(30)):
            for _ in range(2):
                assert await ask(client, session) == "Fine."
        counts = [len(server.requests) for server in running]
    assert sum(counts) == 60
    assert all(count % 2 == 0 for count in counts)
    assert min(counts) >= 2


def test_a_lost_replica_moves_only_its_own_sessions_and_the_order_of_the_settings_does_not_count() -> None:
    urls = [f"http://vllm-{number}:8000/v1" for number in range(4)]
    before, without = (Replicas([Endpoint(url, "m", "none") for url in some]) for some in (urls[::-1], urls[:3]))
    moved = Counter[str]()
    for session in map(str, range(400)):
        first, second = (each.endpoint.base_url for each in before.in_order(session)[:2])
        assert without.in_order(session)[0].endpoint.base_url == (second if first == urls[3] else first)
        moved[first] += 1
    assert set(moved) == set(urls)
    assert max(moved.values()) < 2 * min(moved.values())


async def test_a_killed_replica_costs_no_answer_and_is_tried_again_after_growing_times() -> None:
    clock = Clock()
    with fleet() as running:
        client = client_for(running, clock)
        first, second, _ = asked_of(client, running)
        first.stop()
        rests = []
        for _ in range(4):
            assert await ask(client) == "Fine."
            (dead,) = [one for one in client.replicas.all if client.replicas.rests(one)]
            rests.append(dead.rests_until - clock.now)
            clock.now = dead.rests_until
        assert rests == [1, 2, 4, 8]
        assert len(second.requests) == 4
        with FakeOpenAIServer([FINE], port=first.port) as back:
            assert await ask(client) == "Fine."
            assert await ask(client) == "Fine."
            assert len(back.requests) == 2
    assert dead.outcomes == {"unreachable": 4, "answered": 2}
    assert dead.failures == 0


async def test_a_replica_left_alone_is_not_asked_and_one_request_tries_it_again() -> None:
    clock = Clock()
    with fleet(2) as running:
        client = client_for(running, clock)
        first, second = asked_of(client, running)
        first.script([Reply(status=500)])
        assert await ask(client) == "Fine."
        assert await ask(client) == "Fine."
        assert (len(first.requests), len(second.requests)) == (1, 2)
        first.script([Reply("Back.", delay=0.3)])
        clock.now += 1
        told = await asyncio.gather(*(ask(client) for _ in range(5)))
        assert sorted(told) == ["Back.", *["Fine."] * 4]
        assert await ask(client) == "Back."


async def test_a_reset_in_the_middle_is_answered_by_the_next_replica() -> None:
    with fleet(2) as running:
        client = client_for(running)
        first, second = asked_of(client, running)
        first.script([Reply(reset=True)])
        assert await ask(client) == "Fine."
        assert (len(first.requests), len(second.requests)) == (2, 1)


async def test_a_request_that_breaks_replicas_is_not_given_to_all_of_them() -> None:
    with fleet(5) as running:
        for server in running:
            server.script([Reply(status=500)])
        client = client_for(running)
        with pytest.raises(LLMUnavailable, match="HTTP 500"):
            await ask(client)
        assert sum(len(server.requests) for server in running) == 2
        assert sum(map(client.replicas.rests, client.replicas.all)) == 2


@pytest.mark.parametrize("status", [429, 503])
async def test_an_overloaded_replica_is_left_alone_as_long_as_it_asks_for(status: int) -> None:
    clock = Clock()
    with fleet(2) as running:
        client = client_for(running, clock)
        first, second = asked_of(client, running)
        first.script([Reply(status=status, headers={"Retry-After": "17"}), FINE])
        assert await ask(client) == "Fine."
        clock.now += 16
        assert await ask(client) == "Fine."
        assert (len(first.requests), len(second.requests)) == (1, 2)
        clock.now += 2
        assert await ask(client) == "Fine."
        assert len(first.requests) == 2


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("", 1, 1), ("soon", 1, 1), ("-5", 1, 1), ("nan", 1, 1), ("1e400", 300, 300),
        ("999999", 300, 300), ("2.5", 2.5, 2.5),
        ("in a minute", 40, 60),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 1, 1), ("Wed, 99 Oct 99999 99:99:99 GMT", 1, 1),
    ],
)  # fmt: skip
async def test_what_stands_in_retry_after(value: str, least: float, most: float) -> None:
    clock = Clock()
    with fleet(2) as running:
        client = client_for(running, clock)
        when = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
        headers = {"Retry-After": when if value == "in a minute" else value}
        asked_of(client, running)[0].script([Reply(status=503, headers=headers)])
        assert await ask(client) == "Fine."
    (rested,) = [one for one in client.replicas.all if client.replicas.rests(one)]
    assert least <= rested.rests_until - clock.now <= most


async def test_when_all_are_down_or_overloaded_one_sentence_says_so_at_once() -> None:
    clock = Clock()
    with fleet(2) as running:
        client = client_for(running, clock)
        for server in running:
            server.script([Reply(status=503, headers={"Retry-After": "30"})])
        with pytest.raises(LLMUnavailable, match="HTTP 503"):
            await ask(client)
        with pytest.raises(LLMUnavailable, match=r"None of the 2 servers .* tried again in 30 s") as caught:
            await ask(client)
        assert "127.0.0.1" not in str(caught.value)
        assert sum(len(server.requests) for server in running) == 2
        for server in running:
            server.script([FINE])
        clock.now += 31
        assert await ask(client) == "Fine."


async def test_a_hanging_replica_loses_its_sessions_after_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENT_SECONDS", 0.5)
    with fleet(2) as running:
        client = client_for(running)
        first, _ = asked_of(client, running)
        first.script([Reply(hang=True)])
        with pytest.raises(LLMUnavailable, match="did not answer within"):
            await ask(client, timeout=0.3)  # too short a time to hold against it
        assert not any(map(client.replicas.rests, client.replicas.all))
        begun = time.monotonic()
        with pytest.raises(LLMUnavailable, match="did not answer within"):
            await ask(client, timeout=1)
        assert time.monotonic() - begun < 2
        assert await ask(client, timeout=1) == "Fine."
        (hanging,) = filter(client.replicas.rests, client.replicas.all)
        assert 0.9 < hanging.rests_until - hanging.rests_since < 1.5  # as long as it was waited for
        assert sum(one.outcomes["late"] for one in client.replicas.all) == 1


async def test_the_deadline_holds_over_all_replicas() -> None:
    with fleet(2) as running:
        client = client_for(running)
        first, second = asked_of(client, running)
        first.script([Reply(status=503, delay=0.6)])
        second.script([Reply(hang=True)])
        begun = time.monotonic()
        with pytest.raises(LLMUnavailable, match="did not answer within 1 s"):
            await ask(client, timeout=1)
        assert 0.9 < time.monotonic() - begun < 2


async def test_a_machine_that_takes_no_connection_costs_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.llm.client.CONNECT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, fleet(1) as running:
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())  # the queue is full: further ones get no answer
        urls = [f"http://127.0.0.1:{full.getsockname()[1]}/v1", running[0].base_url]
        client = ChatClient(load_settings(llm={"profile": "remote", "base_urls": urls, "model": "fake-model"}))
        for session in map(str, range(60)):  # that none of them begins with the full one is hardly possible
            assert await ask(client, session) == "Fine."
        assert {one.outcomes["unreachable"] for one in client.replicas.all} == {0, 1}
        running[0].stop()
        client._connection.__dict__.pop("replicas")
        with pytest.raises(LLMUnavailable, match="does not answer; check ASSISTANT_LLM__BASE_URLS"):
            await ask(client)
        for one in waiting:
            one.close()


@pytest.mark.parametrize("status", [400, 401, 422])
async def test_a_request_that_is_refused_goes_nowhere_else(status: int) -> None:
    with fleet() as running:
        for server in running:
            server.script([Reply(status=status)])
        client = client_for(running)
        with pytest.raises((LLMBadReply, LLMUnavailable)):
            await ask(client)
        assert sum(len(server.requests) for server in running) == 1
        assert not any(map(client.replicas.rests, client.replicas.all))


async def test_a_replica_that_serves_another_model_is_passed_over() -> None:
    with fleet(2) as running:
        client = client_for(running)
        asked_of(client, running)[0].model = "another"
        assert await ask(client) == "Fine."


async def test_cancelling_speaks_against_no_replica() -> None:
    with fleet(2) as running:
        client = client_for(running)
        first, _ = asked_of(client, running)
        first.script([Reply(hang=True)])
        task = asyncio.create_task(ask(client))
        while not first.requests:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not any(map(client.replicas.rests, client.replicas.all))
        assert [one.running for one in client.replicas.all] == [0, 0]
        assert sum(sum(one.outcomes.values()) for one in client.replicas.all) == 0


async def test_a_single_server_is_left_alone_only_where_it_asks_for_it() -> None:
    clock = Clock()
    with fleet(1) as running:
        client = client_for(running, clock)
        running[0].script([Reply(status=503), Reply(status=429, headers={"Retry-After": "5"}), FINE])
        for status in (503, 429):
            with pytest.raises(LLMUnavailable, match=f"HTTP {status}"):
                await ask(client)
        with pytest.raises(LLMUnavailable, match="overloaded and asked to be left alone for 5 s"):
            await ask(client)
        clock.now += 6
        assert await ask(client) == "Fine."
        assert len(running[0].requests) == 3


async def test_fifty_sessions_lose_no_answer_while_replicas_die_and_come_back() -> None:
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(FakeOpenAIServer([Reply("Fine.", delay=0.02)])) for _ in range(3)]
        client, done, failed = client_for(running), 0, 0
        stop = asyncio.Event()

        async def talk(session: str) -> None:
            nonlocal done, failed
            while not stop.is_set():
                try:
                    assert await ask(client, session) == "Fine."
                    done += 1
                except LLMUnavailable:
                    failed += 1

        async with asyncio.TaskGroup() as group:
            for number in range(50):
                group.create_task(talk(str(number)))
            for victim in (0, 1):
                await asyncio.sleep(0.7)
                port = running[victim].port
                await asyncio.to_thread(running[victim].stop)
                await asyncio.sleep(0.7)
                running[victim] = stack.enter_context(FakeOpenAIServer([Reply("Fine.")], port=port))
            await asyncio.sleep(1.5)
            stop.set()
        assert done > 50
        assert failed == 0
        assert len(running[0].requests) > 0  # it is used again


def test_status_tells_each_replica() -> None:
    with fleet(3) as running:
        settings = settings_for(running)
        running[1].stop()
        running[2].model = "another"
        state = servers.status(settings)
        assert [one.answers for one in state.replicas] == [True, False, False]
        assert state.serves
        assert state.detail.startswith("2 of 3 servers do not answer as wanted: http://127.0.0.1:")
        assert "It does not offer fake-model; it offers: another" in state.detail
        running[0].stop()
        assert not servers.status(settings).answers


@pytest.mark.parametrize(
    ("llm", "says"),
    [
        ({"base_urls": ["http://a/v1"], "base_url": "http://b/v1"}, "Both llm.base_url and llm.base_urls"),
        ({"base_urls": ["http://a/v1", "http://a/v1/"]}, "names an address twice"),
        ({"base_urls": ["http://a/v1", "b:8000"]}, "must begin with http"),
        ({"base_urls": ["http://a/v1", "http://[b/v1"]}, "name a host"),
        ({"base_urls": ["http://a/v1", "http://:80/v1"]}, "name a host"),
        ({"base_urls": ["http://a:99999999/v1"]}, "name a host"),
        ({"base_urls": [""]}, "must begin with http"),
        ({"base_urls": ["http://a/v1"], "profile": "cpu"}, "is for the remote profile"),
    ],
)
def test_settings_that_contradict_each_other_are_one_sentence(llm: dict[str, object], says: str) -> None:
    settings = load_settings(llm={"profile": "remote", "model": "m", **llm})
    with pytest.raises(ConfigError, match=says) as caught:
        endpoints(settings)
    assert "\n" not in str(caught.value)


def test_urls_come_from_the_environment_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_LLM__BASE_URLS", '["http://a/v1", "http://b/v1/"]')
    settings = load_settings(llm={"profile": "remote", "model": "m"})
    assert [at.base_url for at in endpoints(settings)] == ["http://a/v1", "http://b/v1"]
    monkeypatch.setenv("ASSISTANT_LLM__BASE_URLS", "http://a/v1")
    with pytest.raises(ConfigError, match=r"ASSISTANT_LLM__.* lists and tables are JSON"):
        load_settings()


def test_the_label_of_a_replica_holds_no_password() -> None:
    (replica,) = Replicas([Endpoint("https://me:s3cret@llm.example.org:8443/eu/v1", "m", "none")]).all
    assert replica.name == "llm.example.org:8443/eu"
