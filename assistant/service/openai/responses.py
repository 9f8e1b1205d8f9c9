"""OpenAI's Responses API: a turn as a response, which the next one can go on from by its id."""

import asyncio
import json
import re
import time
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sse_starlette.event import ServerSentEvent

from assistant.records import UsageNote
from assistant.service.context import Service, TheService, TheUser, User
from assistant.service.http.problems import Problem, Refused
from assistant.service.http.roles import KEY_HOLDERS, allow
from assistant.service.item_links import ItemLinks
from assistant.service.openai.formats import read_format
from assistant.service.openai.records import MODEL, ResponseRequest, read_request, read_talk
from assistant.service.openai.tasks import task_answer
from assistant.service.openai.turns import AnswerContent, answer, answer_without_turn, end_user_of, start, stream
from assistant.service.routes.markdown import Mention, web_address
from assistant.service.runs.running import Running, ServedEvent
from assistant.sessions import AnsweredMessage

router = APIRouter(prefix="/v1", tags=["openai"], dependencies=[allow(KEY_HOLDERS)])

RESPONSE = ResponseRequest.model_json_schema(ref_template="#/components/schemas/{model}")

_ID = re.compile(r"resp_([A-Za-z0-9_-]{1,64})_(chat-[0-9a-f]{48}|[0-9a-f]{32})")
"""A response's id: the session and the message that it answers."""


@router.post(
    "/responses",
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": RESPONSE}}}},
)
async def respond(request: Request, service: TheService, user: TheUser) -> Response:
    """Answer the last message of the input, as one object or, with ``stream``, as events."""
    asked = await asyncio.to_thread(read_request, await request.body(), ResponseRequest)
    task = await asyncio.to_thread(task_answer, asked.messages, asked.text.format)
    if task is not None:
        return answer_without_turn(service, ResponseAnswer.to(asked), task, as_stream=asked.stream)
    form = await asyncio.to_thread(read_format, asked.text.format)
    talk = await asyncio.to_thread(read_talk, asked.messages)
    user = await end_user_of(service, user, asked)
    previous = await _previous(service, user, asked.previous_response_id)
    links = ItemLinks.of(request, service)
    running = await start(service, user, asked, talk, links, previous)
    wire = ResponseAnswer.to(asked, running)
    if asked.stream:
        return await stream(service, running, wire, form, links)
    return await answer(request, service, running, wire, form, links)


async def _previous(service: Service, user: User, name: str | None) -> AnsweredMessage | None:
    """The turn of an earlier response of this user's.

    Raises:
        Refused: 404, there is none, or it is somebody else's, which is not told apart.
    """
    if name is None:
        return None
    if match := _ID.fullmatch(name):
        session_id, message_id = match.groups()
        found = await asyncio.to_thread(service.assistant.log.answered, user.id, message_id, session_id)
        if found:
            return found[0]
    raise Refused(HTTPStatus.NOT_FOUND, f"Previous response with id {name[:120]!r} not found.")


@dataclass
class ResponseAnswer:
    """A response or its events."""

    about: dict[str, Any]
    item_id: str
    events: int = 0
    """How many have been told."""

    @classmethod
    def to(cls, asked: ResponseRequest, running: Running | None = None) -> "ResponseAnswer":
        """The answer to a request, by a turn or without one."""
        message_id = running.message_id if running else uuid.uuid4().hex
        session_id = running.session_id if running else "none"
        about: dict[str, Any] = {
            "id": f"resp_{session_id}_{message_id}",
            "object": "response",
            "created_at": int(time.time()),
            "model": MODEL,
            "previous_response_id": asked.previous_response_id,
            "store": asked.store,
            "metadata": asked.metadata,
            "text": {"format": asked.text.format or {"type": "text"}},
            "instructions": None,
            "incomplete_details": None,
            "parallel_tool_calls": False,
            "tool_choice": "auto",
            "tools": [],
        }
        return cls(about | ({"session_id": session_id} if running else {}), f"msg_{message_id}")

    def whole(self, content: AnswerContent) -> dict[str, Any]:
        """The whole response."""
        output = [self._message(content)]
        return self._response("completed", output=output, usage=_usage(content.usage), **content.additions)

    def begin(self) -> list[ServerSentEvent]:
        """A response without output, and its one message without text."""
        response = self._response("in_progress")
        return [
            self._event("created", response=response),
            self._event("in_progress", response=response),
            self._event("output_item.added", output_index=0, item=self._message(None)),
            self._event("content_part.added", **self._place(), part=_text(AnswerContent(""))),
        ]

    def tell(self, event: ServedEvent) -> list[ServerSentEvent]:
        """A comment for each step that begins, which keeps the connection alive."""
        return [ServerSentEvent(comment=str(event.data["step"]))] if event.name == "step_started" else []

    def end(self, content: AnswerContent) -> list[ServerSentEvent]:
        """The text line by line, then everything as a whole."""
        place, text = self._place(), content.text
        lines = text.splitlines(keepends=True)
        return [
            *(self._event("output_text.delta", **place, delta=line, logprobs=[]) for line in lines),
            *(
                self._event("output_text.annotation.added", **place, annotation_index=n, annotation=annotation)
                for n, annotation in enumerate(map(_annotation, content.mentions))
            ),
            self._event("output_text.done", **place, text=text, logprobs=[]),
            self._event("content_part.done", **place, part=_text(content)),
            self._event("output_item.done", output_index=0, item=self._message(content)),
            self._event("completed", response=self.whole(content)),
        ]

    def fail(self, problem: Problem) -> list[ServerSentEvent]:
        """The response as one that has failed."""
        code = "invalid_prompt" if problem.status == HTTPStatus.BAD_REQUEST else "server_error"
        error = {"code": code, "message": problem.detail}
        return [self._event("failed", response=self._response("failed", error=error))]

    def _response(self, status: str, **further: Any) -> dict[str, Any]:  # noqa: ANN401
        return {**self.about, "status": status, "output": [], "usage": None, "error": None} | further

    def _message(self, content: AnswerContent | None) -> dict[str, Any]:
        """The output's one item; without content it is not done yet."""
        status, parts = ("in_progress", []) if content is None else ("completed", [_text(content)])
        return {"id": self.item_id, "type": "message", "role": "assistant", "status": status, "content": parts}

    def _place(self) -> dict[str, Any]:
        return {"item_id": self.item_id, "output_index": 0, "content_index": 0}

    def _event(self, name: str, **data: Any) -> ServerSentEvent:  # noqa: ANN401
        kind = f"response.{name}"
        whole = {"type": kind, "sequence_number": self.events, **data}
        self.events += 1
        return ServerSentEvent(json.dumps(whole, ensure_ascii=False), event=kind)


def _text(content: AnswerContent) -> dict[str, Any]:
    annotations = [_annotation(mention) for mention in content.mentions]
    return {"type": "output_text", "text": content.text, "annotations": annotations, "logprobs": []}


def _annotation(mention: Mention) -> dict[str, Any]:
    """An item as a citation of its page, or, where it has none, as one of a file; ``item_id`` is beyond OpenAI's."""
    item, url = mention.item, web_address(mention.item.url)
    named = {"item_id": item.item_id}
    if url is None:
        cited = {"type": "file_citation", "file_id": item.item_id, "filename": item.title, "index": mention.start}
        return cited | named
    place = {"start_index": mention.start, "end_index": mention.end}
    return {"type": "url_citation", "url": item.url, "title": item.title} | place | named


def _usage(used: UsageNote) -> dict[str, Any]:
    return {
        "input_tokens": used.prompt_tokens,
        "input_tokens_details": {"cached_tokens": used.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": used.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": used.prompt_tokens + used.completion_tokens,
    }
