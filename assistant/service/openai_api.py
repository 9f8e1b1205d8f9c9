"""OpenAI's protocol: the assistant as a model that any chat program can talk to."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from sse_starlette.event import ServerSentEvent
from sse_starlette.sse import EventSourceResponse

from assistant.errors import BadInput, MediaError
from assistant.records import Reply
from assistant.service.context import Service, TheService, TheUser, User
from assistant.service.hearing import until_ended
from assistant.service.markdown import as_markdown
from assistant.service.openai_records import (
    MODEL,
    AudioPart,
    ChatRequest,
    ImagePart,
    Talk,
    openai_error,
    read,
)
from assistant.service.problems import Problem, Refused, as_response
from assistant.service.toolbench import DATA, decoded, from_base64
from assistant.service.turns import STOPPED, Incoming, Running, ServedEvent, discard
from assistant.service.uploads import INCOMING, written
from assistant.sessions import Answered, new_session_id
from assistant.settings import Limits

PREFIX = "/v1/"
"""Errors at addresses that begin so have OpenAI's form."""

router = APIRouter(prefix="/v1", tags=["openai"])

CHAT = ChatRequest.model_json_schema(ref_template="#/components/schemas/{model}")

_STARTED = int(time.time())


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
    asked, talk = await asyncio.to_thread(read, await request.body())
    if asked.end_user is not None:
        user = await asyncio.to_thread(service.named, user, asked.end_user)
    folder = service.settings.data_folder / INCOMING
    incoming = await asyncio.to_thread(_incoming, asked, talk, folder, service.settings.limits)
    running = await _start(service, user, asked, talk, incoming)
    answer = Answer(running, with_usage=bool(asked.stream_options and asked.stream_options.include_usage))
    if asked.stream:
        return await _streamed(service, answer)
    await until_ended(request, service.turns, running)
    if running.reply is None:
        return as_response(running.problem or _stopped(), path=PREFIX)
    return JSONResponse(answer.completion(running.reply))


# The conversation and its session ------------------------------------------------------------------------------------


async def _start(service: Service, user: User, asked: ChatRequest, talk: Talk, incoming: Incoming) -> Running:
    try:
        session_id = await _session(service, user, asked, talk)
        return service.turns.start(user, session_id, incoming)
    except BaseException:
        discard(incoming)
        raise


async def _session(service: Service, user: User, asked: ChatRequest, talk: Talk) -> str:
    """The session that the conversation goes on in; a new one when none has answered what was said before.

    A session that has gone on since, because the user has changed or repeated a message, is left as it is: the answer
    is given in a new one, which remembers what the other did at that point.
    """
    if asked.session_id is not None:
        session = await asyncio.to_thread(service.own_session, user, asked.session_id)
        return session.session_id
    if talk.earlier_id is None:
        return new_session_id()
    found = await asyncio.to_thread(service.assistant.log.answered, user.id, talk.earlier_id)
    if not found:
        return new_session_id()
    best = max(found, key=lambda answered: (_same(answered, talk.answered), answered.is_last))  # the first, of equals
    if best.is_last and service.turns.running_in(best.session_id) is None:
        return best.session_id
    return await service.assistant.branch(best.session_id, best.turn)


def _same(answered: Answered, text: str) -> bool:
    """Whether this is the answer that the client shows."""
    return as_markdown(answered.reply).split() == text.split()


def _incoming(asked: ChatRequest, talk: Talk, folder: Path, limits: Limits) -> Incoming:
    """The message with its files written below the folder; they are the turn's to delete.

    Raises:
        BadInput: too many attachments, a remote URL, or what is not base64.
    """
    files = [part for part in talk.parts if isinstance(part, ImagePart | AudioPart)]
    if len(files) > limits.attachments:
        raise BadInput(f"A message can bring at most {limits.attachments} attachments.")
    contents = [(part, _content(part)) for part in files]
    images: list[Path] = []
    audio: list[Path] = []
    names: dict[str, str] = {}
    for part, content in contents:
        kind, kept = ("picture", images) if isinstance(part, ImagePart) else ("recording", audio)
        kept.append(written(content, folder))
        names[str(kept[-1])] = f"{kind} {len(kept)}"
    message_id = talk.message_id if asked.session_id is None else uuid.uuid4().hex
    return Incoming(message_id, talk.text, images, audio, names, top_n=asked.top_n)


def _content(part: ImagePart | AudioPart) -> bytes:
    if isinstance(part, AudioPart):
        return from_base64(part.input_audio.data)
    if not part.image_url.url.startswith(DATA):
        raise MediaError("Pictures are taken as data: URLs; nothing is fetched from other addresses.")
    return decoded(part.image_url.url)


# The answer ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """What clients get of a turn, as one object or in chunks."""

    running: Running
    with_usage: bool
    created: int = field(default_factory=lambda: int(time.time()))

    def completion(self, reply: Reply) -> dict[str, Any]:
        """The whole answer."""
        said = {"role": "assistant", "content": as_markdown(reply), "refusal": None}
        message = said | _additions(reply)
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        return {**self._base("chat.completion"), "choices": [choice], "usage": _usage(reply)}

    def begin(self) -> ServerSentEvent:
        """The first chunk, which says who speaks."""
        return self._chunk({"role": "assistant", "content": ""})

    def tell(self, event: ServedEvent) -> list[ServerSentEvent]:
        """What a client is told of an event: text at the end, until then comments that keep the connection alive."""
        if event.name == "step_started":
            return [ServerSentEvent(comment=str(event.data["step"]))]
        if event.name == "error":
            return [_event(openai_error(Problem.model_validate(event.data["problem"]))[1])]
        if event.name != "done" or self.running.reply is None:
            return []
        reply = self.running.reply
        chunks = [self._chunk({"content": line}) for line in as_markdown(reply).splitlines(keepends=True)]
        chunks.append(self._chunk(_additions(reply), "stop"))
        if self.with_usage:
            chunks.append(_event({**self._base("chat.completion.chunk"), "choices": [], "usage": _usage(reply)}))
        return [*chunks, ServerSentEvent("[DONE]")]

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> ServerSentEvent:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _event({**self._base("chat.completion.chunk"), "choices": [choice]})

    def _base(self, kind: str) -> dict[str, Any]:
        running = self.running
        name = f"chatcmpl-{running.session_id}-{running.message_id}"
        about = {"id": name, "object": kind, "created": self.created, "model": MODEL}
        return {**about, "session_id": running.session_id}


async def _streamed(service: Service, answer: Answer) -> Response:
    """Chunks as the turn goes on; a message that is refused at once is answered with its status instead."""
    listening = service.turns.listen(answer.running)
    first = await anext(listening, None)
    if first is None or first.name == "error":
        await listening.aclose()  # type: ignore[attr-defined]
        return as_response(answer.running.problem or _stopped(), path=PREFIX)

    async def told() -> AsyncIterator[ServerSentEvent]:
        try:
            yield answer.begin()
            async for event in listening:
                for said in answer.tell(event):
                    yield said
        finally:
            await listening.aclose()  # type: ignore[attr-defined]

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return EventSourceResponse(told(), ping=service.settings.service.ping_seconds, headers=headers, sep="\n")


def _event(data: dict[str, Any]) -> ServerSentEvent:
    return ServerSentEvent(json.dumps(data, ensure_ascii=False))


def _additions(reply: Reply) -> dict[str, Any]:
    """What a message has beyond OpenAI's fields."""
    return reply.model_dump(mode="json", include={"recommendations", "groups", "question"})


def _usage(reply: Reply) -> dict[str, Any]:
    used = reply.usage
    return {
        "prompt_tokens": used.prompt_tokens,
        "completion_tokens": used.completion_tokens,
        "total_tokens": used.prompt_tokens + used.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": used.cached_tokens},
    }


def _model() -> dict[str, Any]:
    return {"id": MODEL, "object": "model", "created": _STARTED, "owned_by": MODEL}


def _stopped() -> Problem:
    return Problem(title="Stopped", status=STOPPED, detail="The turn was stopped.")
