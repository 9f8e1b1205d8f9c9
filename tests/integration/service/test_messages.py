"""Messages and their answers: streams, resuming, stopping, hanging up, one turn at a time, idempotence."""

import base64
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from assistant.agent.reading import constraints
from eval.fuzzing.serving import service_bounds
from tests.fakes.openai_server import FakeOpenAIServer, Reply, Request
from tests.integration.bad_input.conftest import obliging, purpose
from tests.integration.service.conftest import Running, Serve, events, problem

pytestmark = pytest.mark.models


def slow_plan(body: Request) -> Reply:
    """A model that never plans."""
    return Reply(hang=True) if purpose(body) == "plan" else obliging(body)


def late_plan(body: Request) -> Reply:
    """A model that takes its time to plan."""
    return Reply("done", delay=1.5) if purpose(body) == "plan" else obliging(body)


def wait_until_idle(service: Running, session: str, seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while service.client.get(f"/api/sessions/{session}").json()["running"]:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_message_is_answered_with_the_events_of_the_turn(service: Running) -> None:
    session = service.session()
    path = f"/api/sessions/{session}/messages"
    with service.client.stream("POST", path, json={"text": "a desk lamp", "message_id": "m-1"}) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        told = list(events(stream.iter_lines()))
    names = [event.name for event in told]
    assert (names[0], names[-1]) == ("accepted", "done")
    assert [event.id for event in told] == [f"m-1:{number}" for number in range(1, len(told) + 1)]
    assert all(event.data["type"] == event.name for event in told)
    assert names.index("provisional") < names.index("ranking") < names.index("explanation")
    reply = told[-1].data["reply"]
    assert reply["recommendations"][0]["title"] == "Desk Lamp"
    assert service.client.get(f"/api/sessions/{session}").json()["messages"][0]["reply"] == reply


def test_a_stream_goes_on_after_the_last_event_seen(service: Running) -> None:
    session = service.session()
    service.say(session, "a desk lamp", message_id="m-1")
    path = f"/api/sessions/{session}/messages/m-1/events"
    whole = list(events(iter(service.client.get(path).text.splitlines())))
    rest = service.client.get(path, headers={"Last-Event-ID": "m-1:3"})
    assert [e.id for e in events(iter(rest.text.splitlines()))] == [e.id for e in whole[3:]]
    problem(service.client.get(f"/api/sessions/{session}/messages/m-2/events"), 404)


def test_the_same_message_id_starts_nothing_again(service: Running, model: FakeOpenAIServer) -> None:
    session = service.session()
    first = service.say(session, "a desk lamp", message_id="m-1").json()
    asked = len(model.requests)
    again = service.say(session, "a desk lamp", message_id="m-1").json()
    assert again == first
    assert len(model.requests) == asked
    assert service.client.get(f"/api/sessions/{session}").json()["turns"] == 1


def test_the_same_message_id_is_known_after_a_restart(serve: Serve) -> None:
    with serve() as service:
        session = service.session()
        first = service.say(session, "a desk lamp", message_id="m-1").json()
    with serve() as service:
        assert service.say(session, "a desk lamp", message_id="m-1").json() == first
        assert "Desk Lamp" in service.say(session, "why the first one?").json()["message"]


def test_a_turn_is_told_again_after_a_restart_as_it_went(serve: Serve) -> None:
    with serve() as service:
        session = service.session()
        path = f"/api/sessions/{session}/messages"
        with service.client.stream("POST", path, json={"text": "a desk lamp", "message_id": "m-1"}) as stream:
            live = list(events(stream.iter_lines()))
    with serve() as service:
        again = list(events(iter(service.client.get(f"{path}/m-1/events").text.splitlines())))
        rest = service.client.get(f"{path}/m-1/events", headers={"Last-Event-ID": live[3].id})
        assert [e.id for e in events(iter(rest.text.splitlines()))] == [e.id for e in live[4:]]
    assert again == live


def test_hanging_up_cancels_the_turn_and_its_model_call(service: Running, model: FakeOpenAIServer) -> None:
    model.script(slow_plan)
    session = service.session()
    with service.client.stream("POST", f"/api/sessions/{session}/messages", json={"text": "a lamp"}) as stream:
        next(events(stream.iter_lines()))
    began = time.monotonic()
    wait_until_idle(service, session)
    assert model.wait_for_hang_up(1)
    assert time.monotonic() - began < 2
    model.script(obliging)
    assert service.say(session, "a desk lamp").status_code == 200
    assert service.client.get(f"/api/sessions/{session}").json()["turns"] == 1


def test_a_client_that_waits_for_json_and_hangs_up_cancels_too(service: Running, model: FakeOpenAIServer) -> None:
    model.script(slow_plan)
    session = service.session()
    with pytest.raises(httpx.ReadTimeout):
        service.client.post(
            f"/api/sessions/{session}/messages",
            json={"text": "a lamp"},
            headers={"Accept": "application/json"},
            timeout=1,
        )
    wait_until_idle(service, session)
    assert model.wait_for_hang_up(1)


def test_a_broken_stream_that_is_resumed_in_time_goes_on(serve: Serve, model: FakeOpenAIServer) -> None:
    model.script(late_plan)
    with service_bounds(grace_seconds=5), serve() as service:
        session = service.session()
        path = f"/api/sessions/{session}/messages"
        with service.client.stream("POST", path, json={"text": "a desk lamp", "message_id": "m"}) as stream:
            first = next(events(stream.iter_lines()))
        rest = service.client.get(f"{path}/m/events", headers={"Last-Event-ID": first.id})
        told = list(events(iter(rest.text.splitlines())))
        assert told[0].id == "m:2"
        assert told[-1].name == "done"


def test_a_second_message_meanwhile_is_refused_and_stopping_makes_room(
    service: Running, model: FakeOpenAIServer
) -> None:
    model.script(slow_plan)
    session = service.session()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(service.say, session, "a lamp", message_id="m-1")
        while service.client.get(f"/api/sessions/{session}").json()["running"] != "m-1":
            time.sleep(0.01)
        assert "running in this session" in problem(service.say(session, "a chair"), 409)
        assert service.client.delete(f"/api/sessions/{session}/messages/m-1").status_code == 204
        assert first.result().status_code == 499
    model.script(obliging)
    assert service.say(session, "a lamp", message_id="m-1").status_code == 200


def test_a_session_tells_of_the_message_in_work_and_shows_its_picture(
    service: Running, model: FakeOpenAIServer, picture: bytes
) -> None:
    model.script(slow_plan)
    session = service.session()
    path = f"/api/sessions/{session}"
    image = {"name": "ball.png", "data": base64.b64encode(picture).decode()}
    body = {"text": "like this", "images": [image], "message_id": "m"}
    with service.client.stream("POST", f"{path}/messages", json=body) as stream:
        accepted = next(events(stream.iter_lines()))
        assert set(accepted.data) == {"type", "message_id", "session_id", "attachments"}
        told = service.client.get(path).json()
        attachment = {"id": "img1", "kind": "picture", "name": "ball.png", "url": f"{path}/attachments/img1"}
        assert (told["running"], told["messages"]) == ("m", [])
        assert told["pending"].pop("seconds") > 0
        assert told["pending"] == {"message_id": "m", "said": "like this", "attachments": [attachment]}
        assert service.client.get(attachment["url"]).content == picture
        assert service.client.delete(f"{path}/messages/m").status_code == 204
    assert service.client.get(path).json()["pending"] is None
    problem(service.client.get(attachment["url"]), 404)


def test_sessions_run_side_by_side_and_too_many_are_refused(serve: Serve, model: FakeOpenAIServer) -> None:
    model.script(slow_plan)
    with serve(turns_at_once=2) as service, ThreadPoolExecutor(2) as pool:
        sessions = [service.session() for _ in range(3)]
        said = [pool.submit(service.say, session, "a lamp", message_id="m") for session in sessions[:2]]
        for session in sessions[:2]:
            while not service.client.get(f"/api/sessions/{session}").json()["running"]:
                time.sleep(0.01)
        refused = service.say(sessions[2], "a lamp")
        assert "2 turns" in problem(refused, 429)
        assert int(refused.headers["retry-after"]) > 0
        for session in sessions[:2]:
            service.client.delete(f"/api/sessions/{session}/messages/m")
        assert [future.result().status_code for future in said] == [499, 499]


def test_a_constraint_that_is_taken_back_no_longer_holds(service: Running) -> None:
    session = service.session()
    bound = service.say(session, "a lamp under 40 dollars").json()
    assert [item["title"] for item in bound["recommendations"]] == ["Moon Lamp"]
    free = service.say(session, drop_constraints=[{"field": "max_price", "value": 39.99}]).json()
    assert free["constraints"] == {}
    assert {"Desk Lamp", "Moon Lamp"} <= {item["title"] for item in free["recommendations"]}
    gone = service.say(session, drop_constraints=[{"field": "max_price", "value": 39.99}])
    assert "not in force" in problem(gone, 400)


def test_a_preference_is_told_kept_and_taken_back(service: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constraints, "CERTAIN", 1.1)  # nothing is read with certainty
    session = service.session()
    likely = service.say(session, "a lamp under 40 dollars").json()
    assert likely["constraints"] == {}
    assert [(one["field"], one["value"]) for one in likely["preferences"]] == [("max_price", 39.99)]
    titles = [item["title"] for item in likely["recommendations"]]
    assert (titles[0], "Desk Lamp" in titles) == ("Moon Lamp", True)
    assert "Preferred, not required: under 40 USD." in likely["message"]
    held = service.client.get(f"/api/sessions/{session}").json()
    assert (held["constraints"], held["preferences"]) == ([], likely["preferences"])
    free = service.say(session, drop_constraints=[{"field": "max_price", "value": 39.99}]).json()
    assert (free["preferences"], "Preferred" in free["message"]) == ([], False)
    assert service.client.get(f"/api/sessions/{session}").json()["preferences"] == []


def test_pictures_come_as_json_too(service: Running, picture: bytes) -> None:
    session = service.session()
    image = {"name": "C:\\photos\\ball\u202e\r\n.png", "data": base64.b64encode(picture).decode()}
    reply = service.say(session, "like this", images=[image]).json()
    assert reply["query"]["attachments"] == [{"id": "img1", "kind": "picture", "name": "ball.png"}]
    assert reply["recommendations"]


@pytest.mark.parametrize(
    ("message", "status", "said"),
    [
        ({"text": ""}, 400, "empty"),
        ({"text": "x" * 8_001}, 400, "at most 8,000"),
        ({"text": 5}, 422, "text"),
        ({"text": "a", "top_n": 0}, 422, "top_n"),
        ({"text": "a", "message_id": "../x"}, 422, "message_id"),
        ({"text": "a", "images": [{"name": "x.png", "data": "%%%"}]}, 422, "not valid base64"),
        ({"text": "a", "images": [{"name": "x.png", "data": "aGVsbG8="}]}, 422, "x.png"),
        ({"text": "a", "images": [{"name": "x.png", "data": ""}]}, 422, "empty"),
        ({"text": "a", "audio": [{"name": "x", "data": "aGVsbG8="}] * 9}, 400, "at most 8"),
        ({"words": "a"}, 422, "words"),
        (["a"], 422, "JSON object"),
    ],
)
def test_a_message_that_cannot_be_used(service: Running, message: object, status: int, said: str) -> None:
    session = service.session()
    path = f"/api/sessions/{session}/messages"
    assert said in problem(service.client.post(path, json=message, headers={"Accept": "application/json"}), status)
    assert [path for path in (service.settings.data_folder / "uploads").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 422),
        (b"[" * 100_000, "application/json", 422),
        (b"\xff\xfe{}", "application/json", 422),
        (b"text=a", "application/x-www-form-urlencoded", 415),
        (b"text", "", 415),
        (b"--x", "multipart/form-data", 422),
        (b"nonsense", "multipart/form-data; boundary=x", 422),
    ],
)
def test_a_body_that_is_none(service: Running, body: bytes, kind: str, status: int) -> None:
    path = f"/api/sessions/{service.session()}/messages"
    problem(service.client.post(path, content=body, headers={"Content-Type": kind}), status)
