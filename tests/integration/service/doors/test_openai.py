"""OpenAI's protocol as its official client speaks it, over real HTTP."""

import asyncio
import base64
import json
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpx
import openai
import pydantic
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from assistant import checkpoint_tables
from assistant.agent.reading.reader import MessageReader
from assistant.records import Constraint, Reply
from assistant.service.item_links import ItemLinks
from assistant.service.openai.records import MODEL
from assistant.understanding import Understanding, Utterance
from eval.fuzzing.serving import service_bounds
from tests.fakes.openai_server import FakeOpenAIServer
from tests.integration.bad_input.conftest import ASKED, CHOICES, asking
from tests.integration.service.doors.conftest import Serve, Served, new_key, png, slow

Messages = list[dict[str, Any]]


def client_of(served: Served, key: str = "any") -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{served.url}/v1", api_key=key, max_retries=0, timeout=30)


@pytest.fixture
def client(served: Served) -> Iterator[openai.OpenAI]:
    with client_of(served) as client:
        yield client


def user(content: object) -> dict[str, Any]:
    return {"role": "user", "content": content}


def answered(content: str | None) -> dict[str, Any]:
    return {"role": "assistant", "content": content}


def ask(client: openai.OpenAI, messages: Messages, **further: Any) -> ChatCompletion:  # noqa: ANN401
    done: ChatCompletion = client.chat.completions.create(model=MODEL, messages=messages, **further)
    return done


def ids(done: ChatCompletion) -> list[str]:
    """The recommended items."""
    return [item["item_id"] for item in done.choices[0].message.recommendations]  # type: ignore[attr-defined]


def session_of(done: ChatCompletion) -> str:
    found: str = done.session_id  # type: ignore[attr-defined]
    return found


def eventually(true: Callable[[], object], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return bool(true())


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What messages ask for: chairs up to a price, and changes of that wish; the encoder here has no classifiers."""
    read = MessageReader.understand
    prices = {"chairs under 65 dollars": 64.99, "cheaper": 49.99, "in red": None, "in blue": None}

    def understand(reader: MessageReader, said: list[Utterance], *rest: Any, **more: Any) -> Understanding:  # noqa: ANN401
        found, text = read(reader, said, *rest, **more), said[0].text if said else ""
        if text not in prices:
            return found
        price, refines = prices[text], not text.startswith("chairs")
        words = {"topic": "", "head": ""} if refines else {}
        bounds = [] if price is None else [Constraint(field="max_price", value=price, source="text", words="limit")]
        settled = {"constraints": bounds, "preferences": [], "refines": refines, "intent": "recommend"}
        return found.model_copy(update=settled | words)

    monkeypatch.setattr(MessageReader, "understand", understand)


def test_the_assistant_is_the_one_model(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [MODEL]
    assert client.models.retrieve(MODEL).object == "model"
    with pytest.raises(openai.NotFoundError, match="There is no model 'gpt' here"):
        client.models.retrieve("gpt")


def test_an_answer_is_markdown_with_the_data_beside_it(client: openai.OpenAI) -> None:
    done = ask(client, [{"role": "system", "content": "Only say yes."}, user("a red chair")], temperature=0.3, seed=1)
    said = done.choices[0]
    assert said.message.content.startswith(
        "Here is 1 that fits best. Preferred, not required: color red.\n\n1. **[red chair]("
    )
    assert "** (40.00 USD): It fits.\n" in said.message.content
    assert said.finish_reason == "stop"
    item = said.message.recommendations[0]  # type: ignore[attr-defined]
    assert (item["item_id"], item["price"], item["rank"]) == ("chair-0", 40.0, 1)
    assert {"keyword", "price"} <= {entry["source"] for entry in item["evidence"]}
    assert done.usage
    assert done.usage.total_tokens == done.usage.prompt_tokens + done.usage.completion_tokens > 0


def test_a_stream_says_the_same(client: openai.OpenAI) -> None:
    whole = ask(client, [user("a blue chair")])
    stream = client.chat.completions.create(
        model=MODEL, messages=[user("a blue chair")], stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert (deltas[0].role, deltas[0].content) == ("assistant", "")
    assert "".join(delta.content or "" for delta in deltas) == whole.choices[0].message.content
    assert [item["item_id"] for item in deltas[-1].recommendations] == ids(whole)  # type: ignore[attr-defined]
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert len({chunk.id for chunk in chunks}) == 1


def reasoning(stream: Iterable[ChatCompletionChunk]) -> list[str]:
    """The lines of reasoning, which must all come before the first words of the content."""
    deltas = [chunk.choices[0].delta for chunk in stream if chunk.choices]
    thought = [n for n, delta in enumerate(deltas) if getattr(delta, "reasoning_content", None)]
    said = [n for n, delta in enumerate(deltas) if delta.content]
    assert not thought or max(thought) < min(said)
    return "".join(deltas[n].reasoning_content for n in thought).splitlines()  # type: ignore[attr-defined]


def test_the_steps_of_a_turn_are_reasoning_before_the_content(client: openai.OpenAI, wav: bytes) -> None:
    voice = {"type": "input_audio", "input_audio": {"data": base64.b64encode(wav).decode(), "format": "wav"}}
    asked = {"model": MODEL, "messages": [user([{"type": "text", "text": "something like this"}, voice])]}
    lines = reasoning(client.chat.completions.create(**asked, stream=True))
    assert lines[0] == "Listening to the recording"
    assert "Searching by words" in lines
    assert len(lines) == len(set(lines))
    message = ask(client, asked["messages"]).choices[0].message
    assert message.reasoning_content.splitlines()[0] == lines[0]  # type: ignore[attr-defined]
    assert "Listening" not in (message.content or "")


def test_reasoning_is_in_the_language_of_the_conversation(client: openai.OpenAI) -> None:
    asked = [user("Ich suche einen roten Stuhl aus Holz"), answered("Hier ist einer."), user("ok?")]
    lines = reasoning(client.chat.completions.create(model=MODEL, messages=asked, stream=True))
    assert "Suche nach Wörtern" in lines


def test_a_question_back_is_text_with_its_choices_and_the_next_message_answers_it(
    client: openai.OpenAI, served: Served, model: FakeOpenAIServer
) -> None:
    model.script(asking)
    done = ask(client, [user("a red chair")])
    message = done.choices[0].message
    assert (message.question, message.choices) == (ASKED, CHOICES)  # type: ignore[attr-defined]
    assert ids(done) == ["chair-0"]
    assert (message.content or "").endswith(f"{ASKED}\n\n- In the kitchen\n- In the garden")
    talk = [user("a red chair"), answered(message.content), user(CHOICES[0])]
    assert session_of(ask(client, talk)) == session_of(done)
    assert f"You had asked: {ASKED}" in json.dumps(model.requests)
    chunks = list(client.chat.completions.create(model=MODEL, messages=[user("a red chair")], stream=True))
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert "".join(delta.content or "" for delta in deltas) == message.content
    assert (deltas[-1].question, deltas[-1].choices) == (ASKED, CHOICES)  # type: ignore[attr-defined]


# The answer as JSON --------------------------------------------------------------------------------------------------


class Product(pydantic.BaseModel):
    item_id: str
    title: str
    price: float | None


class Products(pydantic.BaseModel):
    message: str
    recommendations: list[Product]


def test_a_json_object_is_the_reply(client: openai.OpenAI, served: Served) -> None:
    done = ask(client, [user("a red chair")], response_format={"type": "json_object"})
    reply = served.assistant.log.read(session_of(done))[0].reply
    links = ItemLinks(served.settings, served.url, served.assistant.engines)
    assert Reply.model_validate_json(done.choices[0].message.content or "") == links.absolute(reply)


def test_a_schema_picks_what_it_names_of_the_reply(client: openai.OpenAI) -> None:
    done = client.chat.completions.parse(model=MODEL, messages=[user("a red chair")], response_format=Products)
    parsed = done.choices[0].message.parsed
    assert parsed
    assert parsed.recommendations[0] == Product(item_id="chair-0", title="red chair", price=40.0)
    assert set(json.loads(done.choices[0].message.content or "")) == {"message", "recommendations"}
    with client.chat.completions.stream(
        model=MODEL, messages=[user("a red chair")], response_format=Products
    ) as stream:
        assert stream.get_final_completion().choices[0].message.parsed == parsed


@pytest.mark.parametrize("stream", [False, True])
def test_a_reply_that_does_not_fit_the_schema_is_said(client: openai.OpenAI, *, stream: bool) -> None:
    schema = {"type": "object", "properties": {"message": {"type": "string", "maxLength": 3}}, "required": ["message"]}
    with pytest.raises(openai.APIError, match="does not fit the schema") as caught:
        list(ask(client, [user("a red chair")], response_format=schema_format(schema), stream=stream))
    assert stream or isinstance(caught.value, openai.BadRequestError)


# Tasks of chat programs in the background ----------------------------------------------------------------------------


def chat_history(prompt: str) -> Messages:
    return [user(prompt.replace("HISTORY", "USER: I need a red chair for my kitchen table\nASSISTANT: Here is 1."))]


TITLE = """### Task:
Find a short title for the chat.
### Output:
JSON format: { "title": "your title here" }
### Chat History:
<chat_history>
HISTORY
</chat_history>"""


@pytest.mark.parametrize("stream", [False, True])
def test_a_task_of_a_chat_program_is_no_turn(
    client: openai.OpenAI, http: httpx.Client, model: FakeOpenAIServer, *, stream: bool
) -> None:
    done = client.chat.completions.create(model=MODEL, messages=chat_history(TITLE), stream=stream)  # type: ignore[call-overload]
    if stream:
        chunks = list(done)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        assert chunks[-1].choices[0].finish_reason == "stop"
    else:
        text = done.choices[0].message.content
        assert done.usage.total_tokens == 0
    assert json.loads(text) == {"title": "I need a red chair for"}
    assert http.get("/api/sessions").json() == {"sessions": []}
    assert not any("red chair" in str(body) for body in model.requests)


def test_null_is_as_if_it_were_left_out(http: httpx.Client) -> None:
    unused = (
        "stream",
        "stream_options",
        "n",
        "temperature",
        "tools",
        "tool_choice",
        "max_tokens",
        "response_format",
        "user",
    )
    body = {"model": MODEL, "messages": [user("a red chair") | {"name": None}], **dict.fromkeys(unused)}
    told = http.post("/v1/chat/completions", json=body)
    assert told.status_code == 200, told.text
    assert told.json()["choices"][0]["message"]["recommendations"][0]["item_id"] == "chair-0"
    assert http.post("/v1/chat/completions", json=body | {"messages": None}).status_code == 400
    assert http.post("/v1/chat/completions", json=body | {"stream": "perhaps"}).status_code == 400


def test_usage_is_streamed_only_when_asked_for(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(model=MODEL, messages=[user("a lamp")], stream=True)
    assert all(chunk.usage is None and chunk.choices for chunk in stream)


async def test_the_asynchronous_client(served: Served) -> None:
    async with openai.AsyncOpenAI(base_url=f"{served.url}/v1", api_key="x", max_retries=0) as client:
        whole = await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "a red chair"}])
        stream = await client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "a red chair"}], stream=True
        )
        said = [chunk.choices[0].delta.content or "" async for chunk in stream]
    assert "".join(said) == whole.choices[0].message.content


# Conversations -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("limits")
def test_a_follow_up_is_understood_in_the_session_of_the_conversation(client: openai.OpenAI) -> None:
    first = ask(client, [user("chairs under 65 dollars")])
    talk = [user("chairs under 65 dollars"), answered(first.choices[0].message.content)]
    second = ask(client, [*talk, user("cheaper")])
    assert session_of(second) == session_of(first)
    assert ids(first)
    prices = [item["price"] for item in first.choices[0].message.recommendations]  # type: ignore[attr-defined]
    cheaper = [item["price"] for item in second.choices[0].message.recommendations]  # type: ignore[attr-defined]
    assert cheaper
    assert max(cheaper) < max(prices)
    third = ask(client, [*talk, user("cheaper"), answered(second.choices[0].message.content), user("in red")])
    assert session_of(third) == session_of(first)


def test_a_new_conversation_is_a_new_session_even_in_the_same_words(client: openai.OpenAI) -> None:
    assert session_of(ask(client, [user("a red chair")])) != session_of(ask(client, [user("a red chair")]))


def test_conversations_that_begin_alike_are_told_apart_by_their_answers(client: openai.OpenAI) -> None:
    wish = {"type": "text", "text": "a chair"}
    pictures = [
        [wish, {"type": "image_url", "image_url": {"url": data_url(png(colour))}}] for colour in ("red", "blue")
    ]
    answers = [ask(client, [user(picture)], extra_body={"top_n": n}) for n, picture in enumerate(pictures, start=1)]
    assert answers[0].choices[0].message.content != answers[1].choices[0].message.content
    for picture, done in zip(pictures, answers, strict=True):
        talk = [user(picture), answered(f"  {done.choices[0].message.content}\n"), user("which is cheapest?")]
        assert session_of(ask(client, talk)) == session_of(done)


@pytest.mark.usefixtures("limits")
def test_a_changed_message_is_answered_in_a_branch_that_remembers_what_came_before(
    client: openai.OpenAI, http: httpx.Client
) -> None:
    first = ask(client, [user("chairs under 65 dollars")])
    talk = [user("chairs under 65 dollars"), answered(first.choices[0].message.content)]
    second = ask(client, [*talk, user("in blue")])
    changed = ask(client, [*talk, user("in red")])
    assert session_of(changed) not in (session_of(first), "")
    original = http.get(f"/api/sessions/{session_of(first)}").json()
    assert [message["said"] for message in original["messages"]] == ["chairs under 65 dollars", "in blue"]
    branch = http.get(f"/api/sessions/{session_of(changed)}").json()
    assert [message["said"] for message in branch["messages"]] == ["chairs under 65 dollars", "in red"]
    assert {message["reply"]["session_id"] for message in branch["messages"]} == {session_of(changed)}
    assert ("max_price", 64.99) in [(each["field"], each["value"]) for each in branch["constraints"]]
    follow_up = [*talk, user("in red"), answered(changed.choices[0].message.content), user("cheaper")]
    assert session_of(ask(client, follow_up)) == session_of(changed)
    assert session_of(second) == session_of(first)


@pytest.mark.usefixtures("limits")
def test_a_message_changed_long_ago_is_answered_anew(
    client: openai.OpenAI, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint_tables, "KEPT", 1)
    first = ask(client, [user("chairs under 65 dollars")])
    talk = [user("chairs under 65 dollars"), answered(first.choices[0].message.content)]
    ask(client, [*talk, user("in blue")])
    changed = ask(client, [*talk, user("a red chair")])
    session = http.get(f"/api/sessions/{session_of(changed)}").json()
    assert [message["said"] for message in session["messages"]] == ["a red chair"]


def test_a_branch_has_files_of_its_own(client: openai.OpenAI, served: Served, http: httpx.Client) -> None:
    picture = user(
        [{"type": "image_url", "image_url": {"url": data_url(png())}}, {"type": "text", "text": "like this"}]
    )
    first = ask(client, [picture])
    talk = [picture, answered(first.choices[0].message.content)]
    ask(client, [*talk, user("cheaper")])
    branch = session_of(ask(client, [*talk, user("in blue")]))
    assert http.delete(f"/api/sessions/{session_of(first)}").status_code == 204
    assert http.get(f"/api/sessions/{branch}/attachments/img1").content == png()


def test_a_conversation_from_elsewhere_begins_anew(client: openai.OpenAI) -> None:
    done = ask(client, [user("shoes"), answered("I am another model."), user("a red chair")])
    assert ids(done)[0] == "chair-0"


def test_a_session_can_be_named(client: openai.OpenAI, http: httpx.Client) -> None:
    session_id = http.post("/api/sessions", json={}).json()["session_id"]
    done = ask(client, [user("a red chair")], extra_body={"session_id": session_id, "top_n": 1})
    assert session_of(done) == session_id
    assert http.get(f"/api/sessions/{session_id}").json()["turns"] == 1


def test_nobody_goes_on_with_the_conversation_of_another(serve: Serve) -> None:
    with serve(needs_key=True) as served:
        with client_of(served, new_key(served, "ann")) as ann, client_of(served, new_key(served, "bob")) as bob:
            first = ask(ann, [user("a red chair")])
            talk = [user("a red chair"), answered(first.choices[0].message.content), user("cheaper")]
            assert session_of(ask(bob, talk)) != session_of(first)
            with pytest.raises(openai.NotFoundError, match="There is no session"):
                ask(bob, talk, extra_body={"session_id": session_of(first)})
            assert session_of(ask(ann, talk)) == session_of(first)
        with client_of(served, "rak_wrong") as nobody, pytest.raises(openai.AuthenticationError) as caught:
            nobody.models.list()
        assert caught.value.code == "invalid_api_key"
        assert caught.value.body["message"] == "This key is unknown, revoked or past its end."  # type: ignore[index]


# What a message may hold ---------------------------------------------------------------------------------------------


def data_url(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def test_pictures_and_recordings_are_understood(client: openai.OpenAI, served: Served, wav: bytes) -> None:
    content = [
        {"type": "text", "text": "like this"},
        {"type": "image_url", "image_url": {"url": data_url(png()), "detail": "low"}},
        {"type": "input_audio", "input_audio": {"data": base64.b64encode(wav).decode(), "format": "wav"}},
    ]
    done = ask(client, [user(content)])
    reply = served.assistant.log.read(session_of(done))[0].reply
    assert [(note.id, note.name) for note in reply.query.attachments] == [
        ("img1", "picture 1"),
        ("aud1", "recording 1"),
    ]
    assert reply.query.transcripts[0].text == "a red chair"
    assert reply.query.pictures[0].labels[0].label == "folding chair"
    assert waiting_files(served) == []


def waiting_files(served: Served) -> list[str]:
    """Files of messages that nobody took away."""
    return [path.name for path in (served.settings.data_folder / "uploads" / ".incoming").glob("*")]


def schema_format(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


PICTURE = {"type": "image_url", "image_url": {"url": data_url(png())}}
REFUSED: list[tuple[Messages, dict[str, Any], str]] = [
    (
        [user([{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}])],
        {},
        "Pictures and videos are taken as data:",
    ),
    (
        [user([PICTURE, {"type": "image_url", "image_url": {"url": "data:image/png;base64,A*"}}])],
        {},
        "not valid base64",
    ),
    ([user([{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}])], {}, "The file's data is empty."),
    ([user([{"type": "file", "file": {"file_id": "a"}}])], {}, "content.0 is wrong: input tag 'file'"),
    ([user([PICTURE] * 9)], {}, "A message can bring at most 8 attachments."),
    ([user("")], {}, "The message is empty"),
    ([user("a" * 9000)], {}, "The message has 9,000 characters; at most 8,000 can be read."),
    ([answered("hello")], {}, "The last message has to be the user's."),
    ([], {}, "messages is wrong: list should have at least 1 item"),
    ([user("a chair")], {"n": 2}, "There is one answer to a request"),
    ([user("a chair")], {"tool_choice": "required"}, "leave tool_choice out"),
    ([user("a chair")], {"response_format": {"type": "xml"}}, "text, json_object and json_schema"),
    ([user("a chair")], {"response_format": schema_format({"type": "object", "required": ["products"]})}, "'products'"),
    ([user("a chair")], {"response_format": schema_format({"type": "object", "allOf": [{}]})}, "allOf"),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("messages", "further", "sentence"), REFUSED)
def test_what_cannot_be_answered_is_refused_in_one_sentence(
    client: openai.OpenAI, served: Served, messages: Messages, further: dict[str, Any], sentence: str, *, stream: bool
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, messages, stream=stream, **further)
    body = caught.value.response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert body["error"]["type"] == "invalid_request_error"
    assert sentence in body["error"]["message"]
    assert waiting_files(served) == []


def test_other_errors_have_the_same_form(http: httpx.Client) -> None:
    for answer, status in (
        (http.post("/v1/chat/completions", json={"model": "gpt-4", "messages": [user("hello")]}), 404),
        (http.post("/v1/chat/completions", content=b"["), 400),
        (http.post("/v1/chat/completions", content=b"[" * 100_000), 400),
        (http.get("/v1/nothing"), 404),
        (http.get("/v1/chat/completions"), 405),
        (http.get("/v1/models", headers={"host": "example.org"}), 421),
    ):
        assert answer.status_code == status
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
        assert answer.headers["x-request-id"]


def test_a_page_of_an_allowed_site_may_call_with_a_key(serve: Serve) -> None:
    with serve(needs_key=True, service={"cors": ["http://page.local"]}) as served, served.client() as http:
        asks = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,x-stainless-os",
        }
        for origin, status, allowed in (
            ("http://page.local", 200, "http://page.local"), ("http://other.local", 400, None),
        ):  # fmt: skip
            answer = http.options("/v1/chat/completions", headers={**asks, "Origin": origin})
            assert (answer.status_code, answer.headers.get("access-control-allow-origin")) == (status, allowed)
        headers = {"Authorization": f"Bearer {new_key(served, 'ann')}", "Origin": "http://page.local"}
        answer = http.post(
            "/v1/chat/completions", json={"model": MODEL, "messages": [user("a chair")]}, headers=headers
        )
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "http://page.local")
        assert http.options("/v1/models").status_code == 401


def test_titles_make_no_links(client: openai.OpenAI) -> None:
    content = ask(client, [user("a desk lamp")]).choices[0].message.content
    assert content
    assert r"**Desk \[lamp\](http\://example\.org)** (20.00 USD)" in content


# Waiting and hanging up ----------------------------------------------------------------------------------------------


def test_a_stream_begins_at_once_and_stays_alive_while_the_model_works(serve: Serve, model: FakeOpenAIServer) -> None:
    model.script(slow)
    asked = {"model": MODEL, "messages": [user("something nice")], "stream": True}
    with service_bounds(ping_seconds=0.2), serve(llm={"call_seconds": 60.0}) as served, served.client() as http:
        with http.stream("POST", "/v1/chat/completions", json=asked) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = (line for line in answer.iter_lines() if line)
            assert '"role": "assistant"' in next(lines)
            pings = 0
            while pings < 2:
                line = next(lines)
                assert line.startswith(":") or "reasoning_content" in line
                pings += line.startswith(": ping")
        assert model.wait_for_hang_up()
        assert eventually(lambda: served.app.state.service.turns.active == 0)


def test_a_client_that_hangs_up_while_it_waits_ends_the_turn(serve: Serve, model: FakeOpenAIServer) -> None:
    model.script(slow)
    with serve(llm={"call_seconds": 60.0}) as served, client_of(served) as client:
        with pytest.raises(openai.APITimeoutError):
            ask(client.with_options(timeout=5), [user("something nice")])
        assert model.wait_for_hang_up()
        assert eventually(lambda: served.app.state.service.turns.active == 0)


def test_a_turn_that_ends_badly_is_an_error_in_the_stream(serve: Serve, model: FakeOpenAIServer) -> None:
    model.script(slow)
    with serve(llm={"call_seconds": 60.0}) as served, client_of(served) as client:
        stream = iter(client.chat.completions.create(model=MODEL, messages=[user("something nice")], stream=True))
        first = next(stream)
        running = asyncio.run(served.app.state.service.turns.running_in(first.session_id))  # type: ignore[attr-defined]
        running.task.get_loop().call_soon_threadsafe(running.task.cancel)
        with pytest.raises(openai.APIError, match="The turn was stopped"):
            next(stream)


def test_too_many_turns_are_refused_for_a_while(serve: Serve, model: FakeOpenAIServer) -> None:
    model.script(slow)
    with serve(llm={"call_seconds": 60.0}, service={"turns_at_once": 1}) as served, client_of(served) as client:
        stream = client.chat.completions.create(model=MODEL, messages=[user("something nice")], stream=True)
        next(iter(stream))
        with pytest.raises(openai.RateLimitError) as caught:
            ask(client, [user("something else")])
        assert caught.value.code == "rate_limit_exceeded"
        assert caught.value.response.headers["retry-after"] == "5"
        stream.close()
