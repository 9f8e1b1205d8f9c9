"""OpenAI's chat completions: the assistant as a model that any chat program can talk to."""

import asyncio
import json
import time
import uuid
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sse_starlette.event import ServerSentEvent

from assistant.records import UsageNote
from assistant.service.context import TheService, TheUser
from assistant.service.http.problems import Problem, Refused
from assistant.service.http.roles import KEY_HOLDERS, allow
from assistant.service.item_links import ItemLinks
from assistant.service.openai.formats import read_format
from assistant.service.openai.records import (
    MODEL,
    ChatRequest,
    OpenAIConversation,
    openai_error,
    read_request,
    read_talk,
)
from assistant.service.openai.tasks import task_answer
from assistant.service.openai.turns import AnswerContent, answer, answer_without_turn, end_user_of, start, stream
from assistant.service.runs.running import Running, ServedEvent
from assistant.understanding.language import detect_language
from prompts import FALLBACK_LANGUAGE, say, sentence_keys

router = APIRouter(prefix="/v1", tags=["openai"], dependencies=[allow(KEY_HOLDERS)])

CHAT = ChatRequest.model_json_schema(ref_template="#/components/schemas/{model}")

_STARTED = int(time.time())
_SAMPLE = 1_000
"""Characters that tell the language of a text."""


@router.get("/models")
async def models() -> dict[str, Any]:
    """The assistant, as the one model there is."""
    return {"object": "list", "data": [_model()]}


@router.get("/models/{name}")
async def model(name: str) -> dict[str, Any]:
    """The model by its name."""
    if name != MODEL:
        raise Refused(HTTPStatus.NOT_FOUND, f"There is no model {name[:80]!r} here; use {MODEL!r}.")
    return _model()


@router.post(
    "/chat/completions",
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": CHAT}}}},
)
async def complete(request: Request, service: TheService, user: TheUser) -> Response:
    """Answer the last message of a conversation, as one object or, with ``stream``, as chunks."""
    asked = await asyncio.to_thread(read_request, await request.body(), ChatRequest)
    task = await asyncio.to_thread(task_answer, asked.messages, asked.response_format)
    if task is not None:
        return answer_without_turn(service, ChatAnswer.to(asked), task, as_stream=asked.stream)
    form = await asyncio.to_thread(read_format, asked.response_format)
    talk = await asyncio.to_thread(read_talk, asked.messages)
    language = await asyncio.to_thread(_language, talk)
    links = ItemLinks.of(request, service)
    running = await start(service, await end_user_of(service, user, asked), asked, talk, links)
    wire = ChatAnswer.to(asked, running, language)
    if asked.stream:
        return await stream(service, running, wire, form, links)
    return await answer(request, service, running, wire, form, links)


def _language(talk: OpenAIConversation) -> str:
    """The language of the conversation, as far as its end tells; recordings are not heard yet."""
    before = detect_language(talk.answered[:_SAMPLE], default=FALLBACK_LANGUAGE)
    return detect_language(talk.text[:_SAMPLE], default=before)


@dataclass
class ChatAnswer:
    """A chat completion or its chunks."""

    about: dict[str, Any]
    language: str
    with_usage: bool
    reasoning: list[str] = field(default_factory=list)
    """A line for each kind of step that the turn has begun."""

    @classmethod
    def to(cls, asked: ChatRequest, running: Running | None = None, language: str = FALLBACK_LANGUAGE) -> "ChatAnswer":
        """The answer to a request, by a turn or without one."""
        name = f"{running.session_id}-{running.message_id}" if running else uuid.uuid4().hex
        about: dict[str, Any] = {"id": f"chatcmpl-{name}", "created": int(time.time()), "model": MODEL}
        session = {"session_id": running.session_id} if running else {}
        with_usage = bool(asked.stream_options and asked.stream_options.include_usage)
        return cls(about | session, language, with_usage)

    def whole(self, content: AnswerContent) -> dict[str, Any]:
        """The whole answer."""
        message: dict[str, Any] = {"role": "assistant", "content": content.text, "refusal": None} | content.additions
        if self.reasoning:
            message["reasoning_content"] = "".join(self.reasoning)
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        usage = _usage(content.usage)
        return {**self.about, "object": "chat.completion", "choices": [choice], "usage": usage}

    def begin(self) -> list[ServerSentEvent]:
        """The first chunk, which says who speaks."""
        return [self._chunk({"role": "assistant", "content": ""})]

    def tell(self, event: ServedEvent) -> list[ServerSentEvent]:
        """A step that begins, as reasoning; each kind of step once."""
        key = f"step_{event.data.get('step')}"
        if event.name != "step_started" or key not in sentence_keys(FALLBACK_LANGUAGE):
            return []
        line = say(key, self.language) + "\n"
        if line in self.reasoning:
            return []
        self.reasoning.append(line)
        return [self._chunk({"reasoning_content": line})]

    def end(self, content: AnswerContent) -> list[ServerSentEvent]:
        """The content line by line, what comes with it, and the end."""
        chunks = [self._chunk({"content": line}) for line in content.text.splitlines(keepends=True)]
        chunks.append(self._chunk(content.additions, "stop"))
        if self.with_usage:
            chunks.append(self._event([], usage=_usage(content.usage)))
        return [*chunks, ServerSentEvent("[DONE]")]

    def fail(self, problem: Problem) -> list[ServerSentEvent]:
        """The error, which ends the stream."""
        return [_json(openai_error(problem)[1])]

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> ServerSentEvent:
        return self._event([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}])

    def _event(self, choices: list[dict[str, Any]], **further: Any) -> ServerSentEvent:  # noqa: ANN401
        return _json({**self.about, "object": "chat.completion.chunk", "choices": choices, **further})


def _json(data: dict[str, Any]) -> ServerSentEvent:
    return ServerSentEvent(json.dumps(data, ensure_ascii=False))


def _usage(used: UsageNote) -> dict[str, Any]:
    return {
        "prompt_tokens": used.prompt_tokens,
        "completion_tokens": used.completion_tokens,
        "total_tokens": used.prompt_tokens + used.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": used.cached_tokens},
    }


def _model() -> dict[str, Any]:
    return {"id": MODEL, "object": "model", "created": _STARTED, "owned_by": MODEL}
