"""Sessions and their messages over HTTP."""

import asyncio
import re
from collections.abc import AsyncIterator
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, PlainTextResponse, Response
from pydantic import Field
from sse_starlette.event import ServerSentEvent
from sse_starlette.sse import EventSourceResponse

from assistant.agent import state
from assistant.engines import media_limits
from assistant.errors import SessionError
from assistant.records import Attachment, Constraint, Memory, Reply
from assistant.service.context import Service, TheService, TheUser, User
from assistant.service.http.problems import Refused, as_response
from assistant.service.http.roles import PEOPLE, allow
from assistant.service.routes.markdown import session_as_markdown
from assistant.service.runs.disconnect import until_ended
from assistant.service.runs.running import Running, ServedEvent, stopped
from assistant.service.runs.turns import AttachmentOut, with_urls
from assistant.service.uploads.bodies import MESSAGE_BODY, read_message
from assistant.sessions import Session, new_session_id
from assistant.storage import INCOMING
from tools.media import MediaLimits, load_picture, sniff
from tools.records import Record

router = APIRouter(prefix="/api/sessions", tags=["sessions"], dependencies=[allow(PEOPLE)])

Feedback = Literal["view", "like", "dislike", "more_like_this", "not_this", "cart", "purchase"]


class SessionIn(Record):
    """A session to begin or to rename."""

    title: str = Field("", max_length=200, examples=["Shoes for the summer"])


class SessionOut(Record):
    """A session; times in seconds since 1970."""

    session_id: str
    title: str
    created_at: float
    updated_at: float
    turns: int


class Sessions(Record):
    """Sessions, latest first."""

    sessions: list[SessionOut]


class MessageOut(Record):
    """One answered message."""

    turn: int
    message_id: str
    said: str
    attachments: list[AttachmentOut]
    at: float
    reply: Reply


class PendingMessage(Record):
    """The message in work."""

    message_id: str
    said: str
    attachments: list[AttachmentOut] = Field(description="none until they are accepted, a moment after they came")
    seconds: float = Field(description="how long ago its turn began")


class FeedbackOut(Record):
    """What was pressed, and when."""

    item_id: str
    event: str
    at: float


class SessionDetail(SessionOut):
    """A session with everything in it."""

    messages: list[MessageOut]
    constraints: list[Constraint]
    preferences: list[Constraint]
    feedback: list[FeedbackOut]
    running: str | None = Field(description="id of the message in work")
    pending: PendingMessage | None = Field(description="the message in work")


class FeedbackIn(Record):
    """What the user pressed on an item."""

    item_id: str = Field(max_length=500)
    event: Feedback


@router.post("", status_code=201)
async def create(service: TheService, user: TheUser, body: SessionIn | None = None) -> SessionOut:
    """Begin a session."""
    title = await _title(service, body) if body else ""
    return _out(await asyncio.to_thread(service.assistant.log.create, new_session_id(), user.id, title))


@router.get("")
async def list_sessions(
    service: TheService,
    user: TheUser,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[
        float | None, Query(allow_inf_nan=False, description="only sessions last used before this time")
    ] = None,
    query: Annotated[str, Query(max_length=200, description="only sessions whose title or messages hold it")] = "",
    before_id: Annotated[str, Query(max_length=64, description="the session that was last used at `before`")] = "",
) -> Sessions:
    """Your sessions, latest first; for the next page name the last one of this by ``before`` and ``before_id``."""
    log = service.assistant.log
    sessions = await asyncio.to_thread(log.of_owner, user.id, limit, before, query.strip(), before_id)
    return Sessions(sessions=[_out(session) for session in sessions])


@router.get("/{session_id}")
async def read(service: TheService, user: TheUser, session_id: str) -> SessionDetail:
    """A session with its messages, steps, evidence and rankings."""
    session = await asyncio.to_thread(service.own_session, user, session_id)
    return await _detail(service, session)


@router.patch("/{session_id}")
async def rename(service: TheService, user: TheUser, session_id: str, body: SessionIn) -> SessionOut:
    """Give a session another title."""
    await asyncio.to_thread(service.own_session, user, session_id)
    title = await _title(service, body)
    await asyncio.to_thread(service.assistant.log.rename, session_id, title)
    return _out(await asyncio.to_thread(service.own_session, user, session_id))


@router.delete("/{session_id}", status_code=204)
async def delete(service: TheService, user: TheUser, session_id: str) -> None:
    """Forget a session: its messages, what it remembers, and its files. A running turn is stopped."""
    await asyncio.to_thread(service.own_session, user, session_id)
    if running := await service.turns.running_in(session_id):
        await service.turns.stop(running)
    await service.turns.forget(session_id)
    await service.assistant.forget(session_id)


@router.get("/{session_id}/export")
async def export(
    service: TheService, user: TheUser, session_id: str, format: Literal["json", "markdown"] = "json"
) -> Response:
    """The whole session as a file."""
    session = await asyncio.to_thread(service.own_session, user, session_id)
    if format == "json":
        detail = await _detail(service, session)
        content = await asyncio.to_thread(detail.model_dump_json, indent=1)
        return _file(content, "application/json", f"session-{session_id}.json")

    def document() -> str:
        return session_as_markdown(session_id, service.assistant.log.read(session_id) if session.turns else [])

    return _file(await asyncio.to_thread(document), "text/markdown", f"session-{session_id}.md")


@router.post(
    "/{session_id}/messages",
    response_model=Reply,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    openapi_extra={"requestBody": MESSAGE_BODY},
)
async def send(request: Request, service: TheService, user: TheUser, session_id: str) -> Response:
    """Send a message; the answer is a stream of events, or one JSON object for ``Accept: application/json``."""
    await asyncio.to_thread(service.own_session, user, session_id)
    message = await read_message(request, service.settings.data_folder / INCOMING, service.settings.limits)
    message = message.model_copy(update={"door": _door(request)})
    return await answer(request, service, user, session_id, message)


def _door(request: Request) -> str:
    """The page, the widget on another site's page, or a program: browsers say so themselves (W3C, Fetch Metadata)."""
    doors = {"same-origin": "page", "same-site": "widget", "cross-site": "widget"}
    return doors.get(request.headers.get("sec-fetch-site", ""), "api")


async def answer(request: Request, service: Service, user: User, session_id: str, message: state.Request) -> Response:
    """Run the turn and answer in the form that the request asks for; a message that is refused is a problem in both."""
    running = await service.turns.start(user, session_id, message)
    if _wants_json(request):
        await until_ended(request, service.turns, running)
        if running.reply is None:
            return _failed(running)
        return Response(await asyncio.to_thread(running.reply.model_dump_json), media_type="application/json")
    listening = service.turns.listen(running)
    first = await anext(listening, None)
    if first is None or first.name == "error":  # not accepted
        await listening.aclose()  # type: ignore[attr-defined]
        return _failed(running)
    return _stream(service, running, listening, first)


def _failed(running: Running) -> Response:
    return as_response(running.problem or stopped())


@router.get("/{session_id}/messages/{message_id}/events")
async def events(
    request: Request, service: TheService, user: TheUser, session_id: str, message_id: str
) -> EventSourceResponse:
    """A turn's events, those before ``Last-Event-ID`` left out; goes on live while the turn runs."""
    await asyncio.to_thread(service.own_session, user, session_id)
    running = await _turn(service, session_id, message_id)
    return _stream(service, running, service.turns.listen(running, _last_seen(request, message_id)))


@router.delete("/{session_id}/messages/{message_id}", status_code=204)
async def stop(service: TheService, user: TheUser, session_id: str, message_id: str) -> None:
    """Stop a running turn; the session stays as it was before it."""
    await asyncio.to_thread(service.own_session, user, session_id)
    await service.turns.stop(await _turn(service, session_id, message_id))


@router.get("/{session_id}/attachments/{attachment_id}")
async def attachment(service: TheService, user: TheUser, session_id: str, attachment_id: str) -> Response:
    """A picture, recording or video as it was sent, and a picture that browsers do not show, such as HEIC, as JPEG.

    What a browser should not open itself comes as a download.
    """
    await asyncio.to_thread(service.own_session, user, session_id)
    stored = await _attachment(service, session_id, attachment_id)
    kind = await asyncio.to_thread(safe_type, Path(stored.path))
    kind = kind.replace("audio/", "video/") if stored.kind == "video" else kind
    headers = {"Content-Security-Policy": "sandbox; default-src 'none'", "Cache-Control": "private, max-age=3600"}
    if kind == UNKNOWN and stored.kind == "picture":
        content = await asyncio.to_thread(_as_jpeg, Path(stored.path), media_limits(service.settings))
        return Response(content, media_type="image/jpeg", headers=headers)
    disposition = "attachment" if kind == UNKNOWN else "inline"
    return FileResponse(
        stored.path, media_type=kind, filename=stored.name, content_disposition_type=disposition, headers=headers
    )


def _as_jpeg(path: Path, limits: MediaLimits) -> bytes:
    """The picture as every browser shows it, no larger than a screen."""
    picture, out = load_picture(path, limits), BytesIO()
    picture.thumbnail((SCREEN_PIXELS, SCREEN_PIXELS))
    picture.save(out, "JPEG", quality=85)
    return out.getvalue()


@router.post("/{session_id}/feedback", status_code=204)
async def feedback(service: TheService, user: TheUser, session_id: str, body: FeedbackIn) -> None:
    """Keep what the user did with an item, in the session and as an event of theirs."""
    await asyncio.to_thread(service.own_session, user, session_id)
    await service.assistant.note(session_id, body.item_id, body.event)


SCREEN_PIXELS = 1920
UNKNOWN = "application/octet-stream"
_TYPES = {
    "a JPEG picture": "image/jpeg", "a PNG picture": "image/png", "a GIF picture": "image/gif",
    "a WebP picture": "image/webp", "an AVIF picture": "image/avif", "a WAV recording": "audio/wav",
    "an MP3 recording": "audio/mpeg", "a FLAC recording": "audio/flac", "an Ogg recording": "audio/ogg",
    "a WebM or Matroska file": "audio/webm", "an MP4 file": "audio/mp4",
}  # fmt: skip


def safe_type(path: Path) -> str:
    """The media type that a file's first bytes show, of those that a browser may open by itself."""
    with path.open("rb") as file:
        return _TYPES.get(sniff(file.read(512)) or "", UNKNOWN)


async def _title(service: Service, body: SessionIn) -> str:
    return await asyncio.to_thread(service.assistant.border.text, " ".join(body.title.split()))


def _out(session: Session) -> SessionOut:
    return SessionOut(**session.model_dump(exclude={"owner"}))


async def _detail(service: Service, session: Session) -> SessionDetail:
    log, session_id = service.assistant.log, session.session_id
    # before the log is read: a turn that ends meanwhile stands there
    running = await service.turns.running_in(session_id)
    turns = await asyncio.to_thread(log.read, session_id) if session.turns else []
    messages = [
        MessageOut(
            turn=turn.turn,
            message_id=turn.message_id or f"turn-{turn.turn}",
            said=turn.said,
            attachments=with_urls(session_id, turn.reply.query.attachments),
            at=turn.at,
            reply=turn.reply,
        )
        for turn in turns
    ]
    pressed, memory = await asyncio.to_thread(log.feedback, session_id), await _memory(service, session_id)
    pending = None
    if running and running.message_id not in {message.message_id for message in messages}:
        pending = _pending(running)
    return SessionDetail(
        **_out(session).model_dump(),
        messages=messages,
        constraints=memory.constraints,
        preferences=memory.preferences,
        feedback=[FeedbackOut(item_id=item_id, event=event, at=at) for item_id, event, at in pressed],
        running=pending.message_id if pending else None,
        pending=pending,
    )


def _pending(running: Running) -> PendingMessage:
    return PendingMessage(
        message_id=running.message_id,
        said=running.said,
        attachments=with_urls(running.session_id, running.accepted.attachments),
        seconds=round(running.seconds, 3),
    )


async def _memory(service: Service, session_id: str) -> Memory:
    try:
        return await service.assistant.memory(session_id)
    except SessionError:  # no turn yet
        return Memory()


async def _attachment(service: Service, session_id: str, attachment_id: str) -> Attachment:
    """An attachment of an answered message, or of the one in work, which the session does not remember yet."""
    running = await service.turns.running_in(session_id)  # before the memory is read: that of a turn that ends holds it
    pending = {file.id: file for file in running.accepted.taken} if running else {}
    stored = (pending | (await _memory(service, session_id)).attachments).get(attachment_id)
    path = await asyncio.to_thread(service.assistant.file_of, stored, session_id) if stored else None
    if stored is None or path is None:
        raise Refused(HTTPStatus.NOT_FOUND, f"There is no attachment {attachment_id!r} in this session.")
    return stored.model_copy(update={"path": str(path)})


async def _turn(service: Service, session_id: str, message_id: str) -> Running:
    running = await service.turns.find(session_id, message_id)
    if running is None:
        raise Refused(HTTPStatus.NOT_FOUND, "There is no such message in this session.")
    return running


def _stream(
    service: Service, running: Running, listening: AsyncIterator[ServedEvent], first: ServedEvent | None = None
) -> EventSourceResponse:
    """The events as a stream; ``first`` is one that was taken from ``listening`` already."""

    def as_sent(event: ServedEvent) -> ServerSentEvent:
        return ServerSentEvent(event.as_json(), event=event.name, id=f"{running.message_id}:{event.number}")

    async def stream() -> AsyncIterator[ServerSentEvent]:
        try:
            if first is not None:
                yield as_sent(first)
            async for event in listening:
                yield as_sent(event)
        finally:
            await listening.aclose()  # type: ignore[attr-defined]

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return EventSourceResponse(stream(), ping=service.settings.service.bounds.ping_seconds, headers=headers, sep="\n")


def _last_seen(request: Request, message_id: str) -> int:
    number = re.fullmatch(rf"{re.escape(message_id)}:(\d{{1,9}})", request.headers.get("last-event-id", ""))
    return int(number[1]) if number else 0


def _wants_json(request: Request) -> bool:
    accept = request.headers.get("accept", "")
    return "application/json" in accept and "text/event-stream" not in accept


def _file(content: str, media_type: str, name: str) -> Response:
    return PlainTextResponse(
        content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
