"""What OpenAI's two operations share: from a conversation to a turn in its session, from its events to an answer."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from sse_starlette.event import ServerSentEvent
from sse_starlette.sse import EventSourceResponse

from assistant.agent import state
from assistant.agent.receive import ATTACHMENTS
from assistant.errors import BadInput, MediaError, SessionError
from assistant.records import Reply, UsageNote
from assistant.service.context import Service, User
from assistant.service.http.customers import customer
from assistant.service.http.problems import Problem, Refused, as_response, problem_of
from assistant.service.item_links import ItemLinks
from assistant.service.openai.formats import TextFormat
from assistant.service.openai.records import AudioPart, FilePart, ImagePart, OpenAIConversation, RequestBase
from assistant.service.routes.markdown import Mention, as_markdown, mentions
from assistant.service.runs.disconnect import until_ended
from assistant.service.runs.running import Running, ServedEvent, stopped
from assistant.service.runs.turns import discard
from assistant.service.tool_service import DATA, decoded, from_base64
from assistant.service.uploads.bodies import written
from assistant.sessions import AnsweredMessage, new_session_id
from assistant.storage import INCOMING

PREFIX = "/v1/"
"""Errors at addresses that begin so have OpenAI's form."""


# The conversation and its session ------------------------------------------------------------------------------------


async def end_user_of(service: Service, user: User, asked: RequestBase) -> User:
    """Whom the client asks for; what a header says counts, whatever the body says."""
    if asked.end_user is None or user.is_customer:
        return user
    return await asyncio.to_thread(customer, service.settings, user, asked.end_user)


async def start(
    service: Service,
    user: User,
    asked: RequestBase,
    talk: OpenAIConversation,
    links: ItemLinks,
    previous: AnsweredMessage | None = None,
) -> Running:
    """Begin the turn that answers a conversation's last message.

    Args:
        links: those that answers for this client have.
        previous: the turn that the message follows, where the client names it.
    """
    folder = service.settings.data_folder / INCOMING
    named = asked.session_id is not None or previous is not None
    message_id = uuid.uuid4().hex if named else talk.message_id
    message = await asyncio.to_thread(_request, message_id, asked.top_n, talk, folder)
    try:
        session_id = await _session(service, user, asked.session_id, talk, links, previous)
        return await service.turns.start(user, session_id, message)
    except BaseException:
        discard(message)
        raise


async def _session(
    service: Service,
    user: User,
    session_id: str | None,
    talk: OpenAIConversation,
    links: ItemLinks,
    previous: AnsweredMessage | None,
) -> str:
    """The session that the conversation goes on in; a new one when none has answered what was said before.

    A session that has gone on since, because the user has changed or repeated a message, is left as it is: the answer
    is given in a new one, which remembers what the other did at that point, if that is still kept.

    Raises:
        SessionError: the session or turn that the client names is not there.
    """
    if session_id is not None:
        session = await asyncio.to_thread(service.own_session, user, session_id)
        return session.session_id
    best = previous
    if best is None and talk.earlier_id is not None:
        found = await asyncio.to_thread(service.assistant.log.answered, user.id, talk.earlier_id)
        best = await asyncio.to_thread(_best, found, talk, links)
    if best is None:
        return new_session_id()
    if best.is_last and await service.turns.running_in(best.session_id) is None:
        return best.session_id
    try:
        return await service.assistant.branch(best.session_id, best.turn)
    except SessionError:
        if previous is not None:
            raise
        return new_session_id()  # what was remembered so long ago is not kept


def _best(found: Sequence[AnsweredMessage], talk: OpenAIConversation, links: ItemLinks) -> AnsweredMessage | None:
    """The turn whose answer is the one that the client shows, or else the latest; the first, of equals."""

    def likeness(answered: AnsweredMessage) -> tuple[bool, bool]:
        shown = as_markdown(links.absolute(answered.reply))
        return shown.split() == talk.answered.split(), answered.is_last

    return max(found, key=likeness, default=None)


def _request(message_id: str, top_n: int | None, talk: OpenAIConversation, folder: Path) -> state.Request:
    """The message with its files written below the folder; they are the turn's to delete.

    Raises:
        BadInput: too many attachments, a remote URL, or what is not base64.
    """
    files = [part for part in talk.parts if isinstance(part, FilePart)]
    if len(files) > ATTACHMENTS:
        raise BadInput(f"A message can bring at most {ATTACHMENTS} attachments.")
    contents = [(part, _content(part)) for part in files]
    message = state.Request(message_id=message_id, text=talk.text, top_n=top_n or 0, door="openai")
    for part, content in contents:
        match part:
            case ImagePart():
                kind, kept = "picture", message.images
            case AudioPart():
                kind, kept = "recording", message.audio
            case _:
                kind, kept = "video", message.video
        kept.append(written(content, folder))
        message.names[str(kept[-1])] = f"{kind} {len(kept)}"
    return message


def _content(part: FilePart) -> bytes:
    if isinstance(part, AudioPart):
        return from_base64(part.input_audio.data)
    if not part.url.startswith(DATA):
        raise MediaError("Pictures and videos are taken as data: URLs; nothing is fetched from other addresses.")
    return decoded(part.url)


# The answer ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AnswerContent:
    """What clients get of an answer; ``additions`` is beyond OpenAI's fields, ``mentions`` are the text's items."""

    text: str
    usage: UsageNote = field(default_factory=UsageNote)
    additions: dict[str, Any] = field(default_factory=dict)
    mentions: list[Mention] = field(default_factory=list)


class AnswerFormat(Protocol):
    """An answer in the form of one operation, as one object or as a stream."""

    def begin(self) -> Sequence[ServerSentEvent]:
        """How a stream begins."""

    def tell(self, event: ServedEvent) -> Sequence[ServerSentEvent]:
        """What is told of a turn's event before its end; it may be part of the whole answer, too."""

    def end(self, content: AnswerContent) -> Sequence[ServerSentEvent]:
        """The content and the end of a stream."""

    def fail(self, problem: Problem) -> Sequence[ServerSentEvent]:
        """The end of a stream whose turn has failed."""

    def whole(self, content: AnswerContent) -> dict[str, Any]:
        """The answer as one object."""


async def answer(
    request: Request, service: Service, running: Running, wire: AnswerFormat, form: TextFormat, links: ItemLinks
) -> Response:
    """The answer to a turn as one object."""
    await until_ended(request, service.turns, running)
    if running.reply is None:
        return as_response(running.problem or stopped(), path=PREFIX)
    for event in running.events:
        wire.tell(event)
    return JSONResponse(wire.whole(await _content_of(running.reply, form, links)))


async def stream(
    service: Service, running: Running, wire: AnswerFormat, form: TextFormat, links: ItemLinks
) -> Response:
    """The answer as the turn goes on; a message that is refused at once is answered with its status instead."""
    listening = service.turns.listen(running)
    first = await anext(listening, None)
    if first is None or first.name == "error":
        await listening.aclose()  # type: ignore[attr-defined]
        return as_response(running.problem or stopped(), path=PREFIX)

    async def told() -> AsyncIterator[ServerSentEvent]:
        try:
            for said in wire.begin():
                yield said
            async for event in listening:
                for said in await _sent(event, running, wire, form, links):
                    yield said
        finally:
            await listening.aclose()  # type: ignore[attr-defined]

    return _events(service, told())


def answer_without_turn(service: Service, wire: AnswerFormat, text: str, *, as_stream: bool) -> Response:
    """An answer that needs no turn."""
    content = AnswerContent(text)
    if not as_stream:
        return JSONResponse(wire.whole(content))

    async def told() -> AsyncIterator[ServerSentEvent]:
        for said in (*wire.begin(), *wire.end(content)):
            yield said

    return _events(service, told())


def _events(service: Service, events: AsyncIterator[ServerSentEvent]) -> Response:
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return EventSourceResponse(events, ping=service.settings.service.bounds.ping_seconds, headers=headers, sep="\n")


async def _sent(
    event: ServedEvent, running: Running, wire: AnswerFormat, form: TextFormat, links: ItemLinks
) -> Sequence[ServerSentEvent]:
    if event.name == "error":
        return wire.fail(Problem.model_validate(event.data["problem"]))
    if event.name != "done" or running.reply is None:
        return wire.tell(event)
    try:
        return wire.end(await _content_of(running.reply, form, links))
    except Refused as exc:
        return wire.fail(problem_of(exc))


async def _content_of(stored: Reply, form: TextFormat, links: ItemLinks) -> AnswerContent:
    reply = await asyncio.to_thread(links.absolute, stored)
    additions = reply.model_dump(mode="json", include={"recommendations", "groups", "question", "choices"})
    text = await asyncio.to_thread(form.text, reply)  # a client's schema may cost a second
    return AnswerContent(text, reply.usage, additions, [] if form.is_json else mentions(text, reply))
