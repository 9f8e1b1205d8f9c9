"""Which requests are tasks that chat programs set in the background, and what they are answered."""

import json
from typing import Any

import pytest

from assistant.service.openai.records import ChatMessage
from assistant.service.openai.tasks import task_answer

HISTORY = (
    "<chat_history>\nUSER: I would like headphones for my long way to work\nunder 80 dollars\n"
    "ASSISTANT: Here are 3.\n</chat_history>"
)


def answer(text: str, form: dict[str, Any] | None = None, role: str = "user") -> str | None:
    return task_answer([ChatMessage(role=role, content=text)], form)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ('### Task:\nA title, please.\n### Output:\nJSON format: { "title": "..." }\n' + HISTORY, {"title": "TITLE"}),
        ('### Task:\nTags.\n### Output:\nJSON format: { "tags": ["tag1"] }\n' + HISTORY, {"tags": []}),
        ('### Task:\nNext.\n### Output:\n{ "follow_ups": ["Q1?", "Q2?"] }\n' + HISTORY, {"follow_ups": []}),
        ('### Task:\nQueries.\n### Output:\n{\n  "queries": ["q"]\n}\n' + HISTORY, {"queries": []}),
        (
            '### Task:\nContinue.\nIf unsure, return: `{ "text": "" }`.\n'
            + HISTORY
            + "\n<type>General</type>\n<text>I want</text>",
            {"text": ""},
        ),
        ('# Titles\nWritten by an admin.\n{"title": "x"}\n' + HISTORY, {"title": "TITLE"}),
        ('Kurzer Titel als JSON {"title": "..."}, bitte.\n' + HISTORY, {"title": "TITLE"}),
    ],
)
def test_tasks_of_open_webui_get_the_json_they_ask_for(prompt: str, expected: dict[str, Any]) -> None:
    title = "I would like headphones for my"
    assert json.loads(answer(prompt) or "") == {
        key: title if value == "TITLE" else value for key, value in expected.items()
    }


def test_a_title_that_is_wanted_as_text() -> None:
    assert answer("### Task:\nOnly the title.\n### Chat History:\n" + HISTORY) == "I would like headphones for my"


LIBRECHAT = (
    "Give this conversation a title of few words.\n\nConversation:\nUser: eine rote Lampe\nAI: Hier sind 3.\n1. Lampe"
)


def test_a_title_of_librechat() -> None:
    assert answer(LIBRECHAT) == "eine rote Lampe"
    properties = {"title": {"type": "string"}, "language": {"type": "string"}}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"properties": properties}}}
    assert json.loads(answer(LIBRECHAT, form) or "") == {"title": "eine rote Lampe", "language": ""}


def test_titles_are_short_in_every_script() -> None:
    assert answer(f"Title:\n\nUser: {'我想要一把红色的木椅子' * 10}\nAI: 好") == ("我想要一把红色的木椅子" * 10)[:40]
    assert json.loads(answer('{"title": "x"} <chat_history>\n</chat_history>') or "") == {"title": ""}


@pytest.mark.parametrize(
    "text",
    [
        "a red chair",
        "",
        "### Task:\nFind me a chair and give me a title for my chat history about it",
        'Is there a game with the title "Task"? Tags: chess, board. { "title": "chess" }',
        "What does <chat_history> mean on the box of this toy?",
        "### Task:\nRespond to the user query using the context.\n<context>...</context>\n<user_query>a chair",
        "User: I want a chair",
        "User: I want a book with a title\nAI: Here is one.\nUser: cheaper",
        "Generate a concise, 3-5 word title with an emoji",
        "a poster with the words 'User: hello' and a title",
    ],
)
def test_what_shoppers_write_is_no_task(text: str) -> None:
    assert answer(text) is None


def test_a_conversation_is_no_task() -> None:
    prompt = 'JSON format: { "title": "..." }\n' + HISTORY
    said = [ChatMessage(role="user", content="a chair"), ChatMessage(role="assistant", content="Here.")]
    assert task_answer([*said, ChatMessage(role="user", content=prompt)], None) is None
    assert answer(prompt, role="system") is None
    picture = [{"type": "text", "text": prompt}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    assert task_answer([ChatMessage(role="user", content=picture)], None) is None
