"""The client against a server that misbehaves in every way."""

import asyncio
import math
import subprocess
import sys
import time

import pytest
from langchain_core.messages import HumanMessage, SystemMessage

from assistant.correlation import REQUEST_ID
from assistant.errors import LLMBadReply, LLMUnavailable
from assistant.llm.client import ChatClient
from tests.fakes.openai_server import FakeOpenAIServer, Reply

SCHEMA = {
    "type": "object",
    "properties": {"tool": {"enum": ["search", "browse"]}, "k": {"type": "integer"}},
    "required": ["tool"],
    "additionalProperties": False,
}
ASK = [SystemMessage("You plan."), HumanMessage("red shoes")]


async def ask(server: FakeOpenAIServer, **llm: object) -> dict[str, object]:
    return await ChatClient(server.settings(**llm)).complete_json(ASK, SCHEMA, purpose="plan", max_tokens=50)


async def test_sends_messages_schema_and_sampling() -> None:
    with FakeOpenAIServer([Reply(json={"tool": "search"})]) as server:
        assert await ask(server, seed=11, extra_body={"top_k": 5, "temperature": 0.3}, api_key="s3cret") == {
            "tool": "search"
        }
    (sent,) = server.requests
    assert [(m["role"], m["content"]) for m in sent["messages"]] == [("system", "You plan."), ("user", "red shoes")]
    assert sent["response_format"]["json_schema"]["schema"] == SCHEMA
    assert sent["response_format"]["json_schema"]["name"] == "plan"
    assert (sent["temperature"], sent["seed"], sent["max_completion_tokens"], sent["top_k"]) == (0.3, 11, 50, 5)
    assert server.headers[0]["authorization"] == "Bearer s3cret"


async def test_a_call_names_the_request_that_it_belongs_to() -> None:
    with FakeOpenAIServer([Reply(json={"tool": "search"})]) as server:
        token = REQUEST_ID.set("req-7")
        try:
            await ask(server)
        finally:
            REQUEST_ID.reset(token)
        await ask(server)
    assert [headers.get("x-request-id") for headers in server.headers] == ["req-7", None]


async def test_observers_are_told_of_every_call_of_all_clients_over_the_connections() -> None:
    with FakeOpenAIServer([Reply("Yes."), Reply(status=500)]) as server:
        client, told = ChatClient(server.settings()), []
        client.observers.append(told.append)
        await client.for_turn().complete_text(ASK, purpose="chat", max_tokens=5)
        with pytest.raises(LLMUnavailable):
            await client.for_turn().complete_text(ASK, purpose="explain", max_tokens=5)
    assert [(call.purpose, call.ok, call.prompt_tokens) for call in told] == [("chat", True, 20), ("explain", False, 0)]


async def test_answers_of_one_token_have_probabilities() -> None:
    tokens = {"A": math.log(0.5), " B": math.log(0.2), "B": math.log(0.1), "The": math.log(0.1)}
    with FakeOpenAIServer([Reply("A", finish_reason="length", top_tokens=tokens)]) as server:
        client = ChatClient(server.settings())
        told = await client.choose(ASK, ("A", "B", "C"), purpose="role")
    assert told == pytest.approx({"A": 0.625, "B": 0.375, "C": 0.0})
    (sent,) = server.requests
    assert (sent["max_completion_tokens"], sent["logprobs"], sent["top_logprobs"]) == (1, True, 20)
    assert client.usage.purposes == ["role"]


async def test_tool_calls_are_given_as_they_were_read() -> None:
    tool = {
        "type": "function",
        "function": {"name": "search", "description": "Find.", "parameters": {"type": "object"}},
    }
    made = [("search", {"query": "a chair"}), ("search", "{query"), ("invented", {})]
    with FakeOpenAIServer([Reply(calls=made), Reply("Nothing more to do.")]) as server:
        client = ChatClient(server.settings())
        told = await client.call_tools(ASK, [tool], purpose="plan", max_tokens=50)
        said = await client.call_tools(ASK, [tool], purpose="plan", max_tokens=50)
    assert {(call.name, str(call.arguments)) for call in told.calls} == {
        ("search", "{'query': 'a chair'}"), ("search", "None"), ("invented", "{}"),
    }  # fmt: skip
    assert (said.text, said.calls) == ("Nothing more to do.", [])
    assert server.requests[0]["tools"] == [tool]
    assert client.usage.purposes == ["plan", "plan"]


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(""), "is empty"),
        (Reply(calls=[("search", {})], finish_reason="length"), "cut off"),
        (Reply(status=400, error='"auto" tool choice requires --enable-auto-tool-choice'), "auto"),
    ],
)
async def test_what_is_neither_a_call_nor_an_answer_is_a_bad_reply(reply: Reply, says: str) -> None:
    with FakeOpenAIServer([reply]) as server, pytest.raises(LLMBadReply, match=says):
        await ChatClient(server.settings()).call_tools(ASK, [], purpose="plan", max_tokens=50)


@pytest.mark.parametrize("tokens", [None, {"The": -0.1, "I": -3.0}])
async def test_none_of_the_answers_is_a_bad_reply(tokens: dict[str, float] | None) -> None:
    with FakeOpenAIServer([Reply("The", finish_reason="length", top_tokens=tokens)]) as server:
        asking = ChatClient(server.settings()).choose(ASK, ("A", "B"), purpose="role")
        with pytest.raises(LLMBadReply, match="none of A, B"):
            await asking


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply("{'tool': search"), "no JSON"),
        (Reply('{"tool": "search"'), "no JSON"),
        (Reply(""), "no JSON"),
        (Reply('{"tool": "search", "k": NaN}'), "no JSON"),
        (Reply('["search"]'), "breaks its schema"),
        (Reply(json={"tool": "delete_everything"}), r"\$\.tool"),
        (Reply(json={"tool": "search", "extra": 1}), "additionalProperties"),
        (Reply('{"tool": "sea', finish_reason="length"), "cut off"),
        (Reply(raw=b"<html>busy</html>"), "no chat completion"),
        (Reply(raw=b'{"object": "chat.completion", "choices"'), "no chat completion"),
        (Reply(raw=b'{"choices": []}'), "no chat completion"),
        (Reply(raw=b"[]"), "no chat completion"),
        (Reply(status=400, error="This model's maximum context length is 4096 tokens."), "maximum context length"),
    ],
)
async def test_answers_that_are_not_what_was_asked_for(reply: Reply, says: str) -> None:
    with FakeOpenAIServer([reply]) as server, pytest.raises(LLMBadReply, match=says) as caught:
        await ask(server)
    assert "\n" not in str(caught.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(status=500), "HTTP 500"),
        (Reply(status=503), "HTTP 503"),
        (Reply(status=429), "HTTP 429"),
        (Reply(status=401), "ASSISTANT_LLM__API_KEY"),
        (Reply(status=404), "no model named fake-model"),
        (Reply(hang=True), "did not answer within 1 s"),
    ],
)
async def test_a_server_that_fails_is_asked_once(reply: Reply, says: str) -> None:
    with FakeOpenAIServer([reply]) as server, pytest.raises(LLMUnavailable, match=says):
        await ask(server, call_seconds=1.4 if reply.hang else 60)
    assert len(server.requests) == 1


async def test_a_wrong_model_name() -> None:
    says = "no model named other; check ASSISTANT_LLM__MODEL"
    with FakeOpenAIServer() as server, pytest.raises(LLMUnavailable, match=says):
        await ask(server, model="other")


async def test_nobody_listens() -> None:
    with FakeOpenAIServer() as server:
        settings = server.settings()
    client = ChatClient(settings)
    begun = time.monotonic()
    with pytest.raises(LLMUnavailable, match="does not answer; check ASSISTANT_LLM__BASE_URL"):
        await client.complete_json(ASK, SCHEMA, purpose="plan", max_tokens=5)
    assert time.monotonic() - begun < 2
    managed = settings.model_copy(
        update={"llm": settings.llm.model_copy(update={"profile": "cpu", "base_url": None, "port": server.port})}
    )
    with pytest.raises(LLMUnavailable, match="start it with: assistant llm up"):
        await ChatClient(managed).complete_text(ASK, purpose="chat", max_tokens=5)


async def test_the_address_of_a_server_that_fails_stands_in_the_log_and_not_in_the_sentence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "assistant.llm.client")
    with FakeOpenAIServer([Reply(status=500)]) as server, pytest.raises(LLMUnavailable) as caught:
        await ask(server)
    assert "127.0.0.1" not in str(caught.value)
    assert f"the language model at {server.base_url} failed" in caplog.text


async def test_one_more_try_after_a_reset_and_only_one() -> None:
    good = Reply(json={"tool": "search"})
    with FakeOpenAIServer([Reply(reset=True), good]) as server:
        assert await ask(server) == {"tool": "search"}
        server.script([Reply(reset=True)])
        with pytest.raises(LLMUnavailable, match="broke the connection"):
            await ask(server)
    assert len(server.requests) == 4


async def test_cancelling_hangs_up() -> None:
    with FakeOpenAIServer([Reply(hang=True)]) as server:
        task = asyncio.create_task(ask(server))
        while not server.requests:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(server.wait_for_hang_up)


async def test_the_deadline_hangs_up() -> None:
    with FakeOpenAIServer([Reply(hang=True)]) as server:
        client = ChatClient(server.settings())
        with pytest.raises(LLMUnavailable, match="within 1 s"):
            await client.complete_text(ASK, purpose="chat", max_tokens=5, timeout=1)
        assert await asyncio.to_thread(server.wait_for_hang_up)
    assert [(r.purpose, r.ok) for r in client.usage.records] == [("chat", False)]


async def test_calls_go_side_by_side_and_are_counted() -> None:
    with FakeOpenAIServer([Reply("Good.", delay=0.3)]) as server:
        client = ChatClient(server.settings())
        turn = client.for_turn()
        await asyncio.gather(*(turn.complete_text(ASK, purpose="explain", max_tokens=9) for _ in range(4)))
    usage = turn.usage
    assert server.side_by_side == 4
    assert (usage.calls, usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens) == (4, 80, 20, 64)
    assert usage.purposes == ["explain"] * 4
    assert usage.seconds >= 1.2
    assert usage.seconds / 2 > usage.busy_seconds >= 0.3
    assert client.usage.calls == 0


async def test_a_turn_has_one_time_budget() -> None:
    with FakeOpenAIServer([Reply("Good.", delay=1), Reply(hang=True)]) as server:
        turn = ChatClient(server.settings(turn_seconds=3, call_seconds=30)).for_turn()
        await turn.complete_text(ASK, purpose="chat", max_tokens=9)
        begun = time.monotonic()
        with pytest.raises(LLMUnavailable, match="did not answer"):
            await turn.complete_text(ASK, purpose="chat", max_tokens=9)
    assert time.monotonic() - begun < 2.5


@pytest.mark.parametrize(
    "reply",
    [
        Reply("Fine.", reasoning="Hmm, let me think."),
        Reply("<think>Hmm.</think>\n\nFine."),
        Reply("Hmm, it opened in the prompt.</think>Fine."),
        Reply("\n Fine. "),
    ],
)
async def test_thoughts_are_kept_out_of_text(reply: Reply) -> None:
    with FakeOpenAIServer([reply]) as server:
        assert await ChatClient(server.settings()).complete_text(ASK, purpose="chat", max_tokens=9) == "Fine."


async def test_thoughts_are_kept_out_of_json() -> None:
    with FakeOpenAIServer([Reply('<think>{"tool": "browse"}</think>{"tool": "search"}')]) as server:
        assert await ask(server) == {"tool": "search"}


@pytest.mark.parametrize("text", ["", "  ", "<think>only", "<think>only</think>"])
async def test_empty_text_is_a_bad_reply(text: str) -> None:
    with FakeOpenAIServer([Reply(text)]) as server, pytest.raises(LLMBadReply, match="empty"):
        await ChatClient(server.settings()).complete_text(ASK, purpose="chat", max_tokens=9)


async def test_cut_text_is_refused_or_shortened_to_whole_sentences() -> None:
    reply = Reply("It costs 12.50 dollars. It is red. It also", finish_reason="length")
    with FakeOpenAIServer([reply]) as server:
        client = ChatClient(server.settings())
        with pytest.raises(LLMBadReply, match="cut off"):
            await client.complete_text(ASK, purpose="explain", max_tokens=9)
        text = await client.complete_text(ASK, purpose="explain", max_tokens=9, when_cut="whole sentences")
        assert text == "It costs 12.50 dollars. It is red."
        server.script([Reply("它是红色的。价格是12.50美元。它还", finish_reason="length")])
        text = await client.complete_text(ASK, purpose="explain", max_tokens=9, when_cut="whole sentences")
        assert text == "它是红色的。价格是12.50美元。"
        server.script([Reply("It costs 12.50", finish_reason="length")])
        with pytest.raises(LLMBadReply, match="cut off"):
            await client.complete_text(ASK, purpose="explain", max_tokens=9, when_cut="whole sentences")


def test_one_client_serves_several_event_loops() -> None:
    with FakeOpenAIServer([Reply("Good.")]) as server:
        client = ChatClient(server.settings())
        for _ in range(2):
            assert asyncio.run(client.complete_text(ASK, purpose="chat", max_tokens=9)) == "Good."


def test_importing_the_client_is_cheap() -> None:
    code = "import sys, assistant.llm.client; print('langchain_openai' in sys.modules, 'openai' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
