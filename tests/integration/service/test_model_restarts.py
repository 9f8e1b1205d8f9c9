"""The language model's server ends in the middle of an answer and comes up again at the same address."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.fakes.openai_server import FakeOpenAIServer, Reply, Request
from tests.integration.bad_input.conftest import obliging, purpose
from tests.integration.service.conftest import Event, Running, events

pytestmark = pytest.mark.models


def turn(service: Running, session: str, text: str) -> list[Event]:
    """A message's events, to the end of the stream."""
    with service.client.stream("POST", f"/api/sessions/{session}/messages", json={"text": text}) as stream:
        return list(events(stream.iter_lines()))


def reply_of(told: list[Event]) -> dict[str, Any]:
    """The reply that a turn's stream ends with; its events must be whole."""
    names = [event.name for event in told]
    assert (names[0], names[-1]) == ("accepted", "done")
    assert [int(event.id.rsplit(":")[-1]) for event in told] == list(range(1, len(told) + 1))
    assert names.index("provisional") < names.index("ranking") < names.index("explanation")
    reply: dict[str, Any] = told[-1].data["reply"]
    return reply


@pytest.mark.parametrize(
    ("call", "sentence"), [("plan", "your words"), ("rank", "the order"), ("text", "some explanations")]
)
def test_a_turn_outlives_the_model_s_server_and_the_next_one_finds_the_new(
    service: Running, model: FakeOpenAIServer, call: str, sentence: str
) -> None:
    session = service.session()
    first = reply_of(turn(service, session, "a desk lamp"))
    model.script(lambda body: Reply(hang=True) if purpose(body) == call else obliging(body))

    def asked(body: Request) -> bool:
        return purpose(body) == call

    model.requests.clear()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(turn, service, session, "a chair or a lamp under 200 dollars")
        assert model.wait_for_request(asked)
        model.stop()
        cut = reply_of(running.result(60))
    assert [item["title"] for item in cut["recommendations"]]
    assert {item["explained_by"] for item in cut["recommendations"]} == {"template"}
    assert sentence in cut["degraded"][0]  # a second note says so where the server's last words were no answer
    assert "127.0.0.1" not in str(running.result())  # where the model is served is no business of users

    with FakeOpenAIServer(obliging, port=model.port) as again:
        whole = reply_of(turn(service, session, "a cheaper one"))
        assert again.requests
    assert whole["degraded"] == []
    assert whole["constraints"]["max_price"] < 200  # of the turn that was cut: nothing of it is lost
    kept = service.client.get(f"/api/sessions/{session}").json()["messages"]
    assert [message["reply"] for message in kept] == [first, cut, whole]
