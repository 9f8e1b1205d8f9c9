"""What is read of a conversation in OpenAI's form, and what an answer looks like as Markdown."""

from typing import Any

import pytest

from assistant.service.http.problems import Problem, Refused
from assistant.service.openai.records import ChatMessage, OpenAIConversation, openai_error, read_talk


def talk(*messages: tuple[str, Any]) -> OpenAIConversation:
    return read_talk([ChatMessage(role=role, content=content) for role, content in messages])


def test_a_message_follows_the_one_that_the_conversation_ended_with_before() -> None:
    first = talk(("system", "Be brief."), ("user", "a chair"))
    second = talk(("user", "a chair"), ("assistant", "Here are 2."), ("tool", "x"), ("user", "cheaper"))
    third = talk(("user", "a chair"), ("assistant", "edited"), ("user", "cheaper"), ("assistant", ""), ("user", "why?"))
    assert first.earlier_id is None
    assert second.earlier_id == first.message_id
    assert third.earlier_id == second.message_id
    assert (second.text, second.answered) == ("cheaper", "Here are 2.")
    assert len({first.message_id, second.message_id, third.message_id}) == 3


@pytest.mark.parametrize(
    "said",
    [
        [("user", " a  chair\n")],
        [("user", [{"type": "text", "text": "a chair"}])],
        [("user", "a"), ("user", "chair")],
        [("user", [{"type": "text", "text": "a"}, {"type": "text", "text": "chair"}])],
    ],
)
def test_the_same_words_are_the_same_message_however_they_are_sent(said: list[tuple[str, Any]]) -> None:
    first = talk(("user", "a chair"))
    assert talk(*said).message_id == first.message_id
    assert talk(*said, ("assistant", "Here."), ("user", "cheaper")).earlier_id == first.message_id


def test_where_one_message_ends_and_the_next_begins_matters() -> None:
    one = talk(("user", "a b"), ("assistant", ""), ("user", "c"))
    other = talk(("user", "a"), ("assistant", ""), ("user", "b c"))
    assert one.message_id != other.message_id


def test_old_messages_may_hold_what_is_not_read_here() -> None:
    odd = [{"type": "file", "file": {}}, "words", {"type": "text", "text": 3}, {"type": "text", "text": "a chair"}]
    assert (
        talk(("user", odd), ("assistant", None), ("user", "cheaper")).earlier_id == talk(("user", "a chair")).message_id
    )
    with pytest.raises(Refused, match="content"):
        talk(("user", odd))


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (422, (400, "invalid_request_error", None)),
        (401, (401, "authentication_error", "invalid_api_key")),
        (429, (429, "rate_limit_error", "rate_limit_exceeded")),
        (409, (409, "invalid_request_error", None)),
        (503, (503, "server_error", None)),
    ],
)
def test_problems_in_the_words_of_openai(status: int, told: tuple[int, str, str | None]) -> None:
    answered, body = openai_error(Problem(title="x", status=status, detail="It is so."))
    assert (answered, body["error"]["type"], body["error"]["code"]) == told
    assert body["error"]["message"] == "It is so."
