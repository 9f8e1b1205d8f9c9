"""OpenAI's Responses API as its official client speaks it, over real HTTP."""

import asyncio
import base64
import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import httpx
import openai
import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from assistant.service.openai.records import MODEL
from tests.fakes.openai_server import FakeOpenAIServer
from tests.integration.bad_input.conftest import ASKED, CHOICES, asking
from tests.integration.service.doors.conftest import Serve, Served, new_key, png, slow
from tests.integration.service.doors.test_openai import (
    TITLE,
    Products,
    chat_history,
    client_of,
    data_url,
    eventually,
    waiting_files,
)

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


@pytest.fixture
def client(served: Served) -> Iterator[openai.OpenAI]:
    with client_of(served) as client:
        yield client


def ask(client: openai.OpenAI, said: object, **further: Any) -> Response:  # noqa: ANN401
    done: Response = client.responses.create(model=MODEL, input=said, **further)
    return done


def session_of(done: Response) -> str:
    found: str = done.session_id  # type: ignore[attr-defined]
    return found


def messages_of(http: httpx.Client, session_id: str) -> list[str]:
    return [message["said"] for message in http.get(f"/api/sessions/{session_id}").json()["messages"]]


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


def words(text: str) -> dict[str, Any]:
    return {"type": "input_text", "text": text}


def test_an_answer_is_one_message_with_the_data_beside_it(client: openai.OpenAI) -> None:
    done = ask(client, "a red chair", instructions="Only say yes.", temperature=0.3, metadata={"a": "b"})
    Response.model_validate(done.model_dump(exclude_unset=True))
    assert (done.status, done.model, done.error, done.store) == ("completed", MODEL, None, True)
    assert done.metadata == {"a": "b"}
    assert "** (40.00 USD): It fits." in done.output_text
    assert [item.type for item in done.output] == ["message"]
    assert done.recommendations[0]["item_id"] == "chair-0"  # type: ignore[attr-defined]
    assert done.usage
    assert done.usage.total_tokens == done.usage.input_tokens + done.usage.output_tokens > 0


def test_a_stream_is_the_usual_sequence_of_events(client: openai.OpenAI, http: httpx.Client) -> None:
    whole = ask(client, "a blue chair")
    events = list(client.responses.create(model=MODEL, input="a blue chair", stream=True))
    kinds = [event.type for event in events]
    assert kinds[:4] == [
        "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
    ]  # fmt: skip
    assert kinds[-4:] == [
        "response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed",
    ]  # fmt: skip
    assert [kind for kind, _ in groupby(kinds[4:-4])] == [
        "response.output_text.delta", "response.output_text.annotation.added",
    ]  # fmt: skip
    assert [event.sequence_number for event in events] == list(range(len(events)))
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == whole.output_text == events[-1].response.output_text  # type: ignore[union-attr]
    assert len(deltas) > 1
    assert events[-1].response.id == events[0].response.id  # type: ignore[union-attr]
    with http.stream("POST", "/v1/responses", json={"model": MODEL, "input": "a lamp", "stream": True}) as answer:
        lines = [line for line in answer.iter_lines() if line and not line.startswith(":")]
    for name, data in zip(lines[::2], lines[1::2], strict=True):
        event = EVENT.validate_json(data.removeprefix("data: "))
        assert name == f"event: {event.type}"


def test_a_question_back_is_text_with_its_choices(client: openai.OpenAI, model: FakeOpenAIServer) -> None:
    model.script(asking)
    done = ask(client, "a red chair")
    assert (done.question, done.choices) == (ASKED, CHOICES)  # type: ignore[attr-defined]
    assert done.output_text.endswith(f"{ASKED}\n\n- In the kitchen\n- In the garden")
    *_, last = client.responses.create(model=MODEL, input="a red chair", stream=True)
    assert last.response.output_text == done.output_text  # type: ignore[union-attr]
    assert last.response.choices == CHOICES  # type: ignore[union-attr]
    answered = ask(client, CHOICES[0], previous_response_id=done.id)
    assert session_of(answered) == session_of(done)


def test_the_client_s_own_accumulation_of_a_stream(client: openai.OpenAI) -> None:
    with client.responses.stream(model=MODEL, input="a red chair", text_format=Products) as stream:
        parsed = stream.get_final_response().output_parsed
    assert parsed
    assert parsed.recommendations[0].item_id == "chair-0"


def test_parts_are_read(client: openai.OpenAI, served: Served, wav: bytes) -> None:
    voice = {"type": "input_audio", "input_audio": {"data": base64.b64encode(wav).decode(), "format": "wav"}}
    picture = {"type": "input_image", "image_url": data_url(png()), "detail": "low"}
    done = ask(client, [{"role": "developer", "content": "Be brief."}, user(words("like this"), picture, voice)])
    reply = served.assistant.log.read(session_of(done))[0].reply
    assert [note.id for note in reply.query.attachments] == ["img1", "aud1"]
    assert reply.query.text == "like this"
    assert waiting_files(served) == []


def test_a_response_goes_on_from_an_earlier_one(client: openai.OpenAI, http: httpx.Client) -> None:
    first = ask(client, "a red chair")
    second = ask(client, "cheaper", previous_response_id=first.id, store=False)
    assert second.previous_response_id == first.id
    assert session_of(second) == session_of(first)
    assert messages_of(http, session_of(first)) == ["a red chair", "cheaper"]
    other = ask(client, [user(words("a lamp"))], previous_response_id=first.id)
    assert session_of(other) not in (session_of(first), "")
    assert messages_of(http, session_of(other)) == ["a red chair", "a lamp"]
    again = ask(client, "a lamp", previous_response_id=other.id)
    assert session_of(again) == session_of(other)


def test_a_conversation_that_the_client_keeps_goes_on_in_its_session(client: openai.OpenAI) -> None:
    first = ask(client, "a red chair")
    talk: list[Any] = [{"role": "user", "content": "a red chair"}, *first.output, user(words("cheaper"))]
    second = ask(client, talk, store=False)
    assert session_of(second) == session_of(first)


def test_an_unknown_response_is_not_found(serve: Serve) -> None:
    with (
        serve(needs_key=True) as served,
        client_of(served, new_key(served, "ann")) as ann,
        client_of(served, new_key(served, "bob")) as bob,
    ):
        first = ask(ann, "a red chair")
        for client, name in ((bob, first.id), (ann, "resp_1"), (ann, f"{first.id}0"), (ann, "x" * 10_000)):
            with pytest.raises(openai.NotFoundError, match="Previous response"):
                ask(client, "cheaper", previous_response_id=name)
        assert session_of(ask(ann, "cheaper", previous_response_id=first.id)) == session_of(first)


def test_the_answer_as_json(client: openai.OpenAI) -> None:
    whole = ask(client, "a red chair", text={"format": {"type": "json_object"}})
    assert json.loads(whole.output_text)["recommendations"][0]["item_id"] == "chair-0"
    parsed = client.responses.parse(model=MODEL, input="a red chair", text_format=Products)
    assert parsed.output_parsed
    assert parsed.output_parsed.recommendations[0].title == "red chair"


REMOTE = {"type": "input_image", "image_url": "https://example.org/a.png"}
PRODUCTS = {"type": "json_schema", "name": "a", "schema": {"type": "object", "required": ["products"]}}
REFUSED: list[tuple[object, dict[str, Any], str]] = [
    ([user(REMOTE)], {}, "Pictures and videos are taken as data:"),
    ([user({"type": "input_image", "file_id": "file-1"})], {}, "image_url"),
    ([user({"type": "input_file", "file_id": "file-1"})], {}, "input tag 'input_file'"),
    ("", {}, "The message is empty"),
    ([], {}, "input"),
    (3, {}, "input"),
    ([{"role": "assistant", "content": "Hello."}], {}, "The last message has to be the user's."),
    ("a chair", {"text": {"format": PRODUCTS}}, "'products'"),
    ("a chair", {"tool_choice": "required"}, "leave tool_choice out"),
    ("a chair", {"background": True}, "background"),
    ("a chair", {"conversation": "conv_1"}, "previous_response_id"),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("said", "further", "sentence"), REFUSED)
def test_what_cannot_be_answered_is_refused_in_one_sentence(
    client: openai.OpenAI, served: Served, said: object, further: dict[str, Any], sentence: str, *, stream: bool
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, said, stream=stream, **further)
    assert set(caught.value.response.json()["error"]) == {"message", "type", "param", "code"}
    assert sentence in caught.value.body["message"]  # type: ignore[index]
    assert waiting_files(served) == []


def test_another_model_is_not_here(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="There is no model 'gpt' here"):
        client.responses.create(model="gpt", input="hello")


def test_a_message_may_bring_large_files(http: httpx.Client) -> None:
    picture = f"data:image/png;base64,{'A' * 3_000_000}"
    asked = {"model": MODEL, "input": [user({"type": "input_image", "image_url": picture})]}
    assert http.post("/v1/responses", json=asked).status_code == 400  # no picture, but read


def test_a_task_of_a_chat_program_is_no_turn(client: openai.OpenAI, http: httpx.Client) -> None:
    done = ask(client, chat_history(TITLE))
    assert json.loads(done.output_text) == {"title": "I need a red chair for"}
    assert http.get("/api/sessions").json() == {"sessions": []}


def test_a_turn_that_ends_badly_is_a_failed_response(serve: Serve, model: FakeOpenAIServer) -> None:
    model.script(slow)
    with serve(llm={"call_seconds": 60.0}) as served, client_of(served) as client:
        stream = iter(client.responses.create(model=MODEL, input="something nice", stream=True))
        first: Any = next(stream)
        running = asyncio.run(served.app.state.service.turns.running_in(first.response.session_id))
        running.task.get_loop().call_soon_threadsafe(running.task.cancel)
        last: Any = list(stream)[-1]
        assert (last.type, last.response.status) == ("response.failed", "failed")
        assert last.response.error.message == "The turn was stopped."


def test_a_client_that_hangs_up_ends_the_turn(serve: Serve, model: FakeOpenAIServer) -> None:
    model.script(slow)
    with serve(llm={"call_seconds": 60.0}) as served, client_of(served) as client:
        stream = client.responses.create(model=MODEL, input="something nice", stream=True)
        next(iter(stream))
        stream.close()
        assert eventually(lambda: served.app.state.service.turns.active == 0)
