"""Tasks that chat programs set their model in the background: titles, tags, follow-up questions, queries, completions.

They come as ordinary requests whose only message is a prompt with the conversation inside. They are known by their
structure, not by their words, which programs and their administrators change: Open WebUI puts the conversation between
``<chat_history>`` tags and shows the JSON that it wants; LibreChat asks for a title of lines "User:" and "AI:".
They are answered by code: a title is the beginning of what the user said first, everything else is empty.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from assistant.service.openai.formats import asked_schema
from assistant.service.openai.records import ChatMessage

TITLE_WORDS = 6
TITLE_CHARACTERS = 40
"""For scripts without spaces between words."""
_TITLE_FROM = 2_000
"""So many characters of a conversation are looked at for a title."""

_EXAMPLE = re.compile(r'\{\s*"(\w+)"\s*:\s*([\["])')
"""The beginning of a JSON object with one key, whose value is a list or a text."""
_FIRST_SAID = re.compile(r"^user: (.*?)(?=^(?:user|assistant|ai|system|tool): |\Z)", re.DOTALL | re.MULTILINE | re.I)


def task_answer(messages: Sequence[ChatMessage], form: dict[str, Any] | None) -> str | None:
    """The answer to a task; None for whatever is not one.

    Args:
        form: ``response_format``, whose properties a title may be wanted in.
    """
    said = [message for message in messages if message.role in ("user", "assistant")]
    if len(said) != 1 or said[0].role != "user":
        return None
    text = said[0].words if said[0].is_text_alone else ""
    instructions, _, rest = text.partition("<chat_history>")
    history, end, _ = rest.rpartition("</chat_history>")
    if end:
        return _open_webui(instructions, _title(history))
    instructions, mark, exchange = text.partition("\nUser: ")
    if "\nAI: " in exchange and "title" in instructions.casefold():
        return _as_asked(_title(mark[1:] + exchange), form)
    return None


def _open_webui(instructions: str, title: str) -> str | None:
    example = _EXAMPLE.search(instructions)
    if example is None:
        return title if instructions.lstrip().startswith("#") else None
    key, opening = example.groups()
    empty = [] if opening == "[" else ""
    return json.dumps({key: title if key == "title" else empty}, ensure_ascii=False)


def _as_asked(title: str, form: dict[str, Any] | None) -> str:
    schema = asked_schema(form or {})
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict):
        return title
    return json.dumps({name: title if name == "title" else "" for name in properties}, ensure_ascii=False)


def _title(history: str) -> str:
    found = _FIRST_SAID.search(history[:_TITLE_FROM])
    words = found[1].split()[:TITLE_WORDS] if found else []
    return " ".join(words)[:TITLE_CHARACTERS].strip()
