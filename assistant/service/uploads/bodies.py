"""Messages and files as they come in: multipart or JSON, bounded while they are read, stored under opaque names."""

import asyncio
import base64
import binascii
import itertools
import json
import re
import shutil
import unicodedata
import uuid
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from fastapi import Request
from pydantic import Field, StringConstraints, TypeAdapter, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from assistant.agent import state
from assistant.agent.receive import ATTACHMENTS
from assistant.agent.state import Dropped
from assistant.errors import BadInput, StoreError
from assistant.service.http.json_bodies import bounded_json
from assistant.service.http.problems import Refused, first_fault
from assistant.service.runs.turns import discard
from assistant.settings import Limits
from tools.errors import MediaError
from tools.records import Record

NAME_CHARACTERS = 120
"""Where files lie until their turn has copied them, below the data folder."""
FIELD_BYTES = 256 * 1024
MESSAGE_ID = r"^[A-Za-z0-9_-]{1,64}$"
LANGUAGE = r"^([A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*)?$"
MAX_DROPPED = 32


class FileIn(Record):
    """A file inside a JSON message."""

    name: str = Field("", max_length=1_000, description="the file's name; shown, never opened")
    data: str = Field(description="the file in base64")


class MessageIn(Record):
    """A message as JSON; multipart messages have the same fields, with ``images``, ``audio`` and ``video`` as files."""

    text: str = Field("", max_length=200_000, examples=["Black shoes like these, at most 100 dollars"])
    images: list[FileIn] = Field([], max_length=32)
    audio: list[FileIn] = Field([], max_length=32)
    video: list[FileIn] = Field([], max_length=32)
    top_n: int | None = Field(None, ge=1, le=20, description="how many recommendations")
    message_id: Annotated[str, StringConstraints(pattern=MESSAGE_ID)] | None = Field(
        None, description="the client's own id: sent again, it gives the same answer and starts nothing"
    )
    keep_seconds: float | None = Field(
        None,
        ge=0,
        le=60,
        description="how long the turn goes on after the client hung up; the service's own by default",
    )
    language: Annotated[str, StringConstraints(pattern=LANGUAGE)] = Field(
        "", description="of the client's interface, such as de: the session's until its words tell another"
    )
    drop_constraints: list[Dropped] = Field([], max_length=MAX_DROPPED, description="conditions that are taken back")


MESSAGE_BODY = {
    "required": True,
    "content": {
        "application/json": {"schema": MessageIn.model_json_schema(ref_template="#/components/schemas/{model}")},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {
                    "text": {"type": "string"},
                    "top_n": {"type": "integer", "minimum": 1, "maximum": 20},
                    "keep_seconds": {"type": "number", "minimum": 0, "maximum": 60},
                    "message_id": {"type": "string", "pattern": MESSAGE_ID},
                    "language": {"type": "string", "pattern": LANGUAGE},
                    "drop_constraints": {"type": "string", "description": "JSON"},
                    "images": {"type": "array", "items": {"type": "string", "format": "binary"}},
                    "audio": {"type": "array", "items": {"type": "string", "format": "binary"}},
                    "video": {"type": "array", "items": {"type": "string", "format": "binary"}},
                },
            }
        },
    },
}
"""What a message looks like, for the OpenAPI document: FastAPI cannot read it off a handler that takes both forms."""

FILES = ("images", "audio", "video")
"""Fields of a message that hold files."""
Stored = dict[str, list[tuple[Path, str]]]
"""By field, where each file lies and what the user calls it."""

_FIELDS = ("text", "top_n", "keep_seconds", "message_id", "language", "drop_constraints")
_CHARSET = re.compile(r"charset\s*=\s*\"?([^\s\";]*)", re.IGNORECASE)
_DROPPED = TypeAdapter(list[Dropped])


async def read_message(request: Request, folder: Path, limits: Limits) -> state.Request:
    """The request's message; its files lie in ``folder`` and are the caller's to `discard`.

    Raises:
        Refused: 413, 415 or 422.
        BadInput: a field cannot be used.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
    if kind == "multipart/form-data":
        return await _from_form(await read_form(request, limits), folder)
    if kind == "application/json":
        return await asyncio.to_thread(_from_json, await request.body(), folder, limits)
    raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send application/json or multipart/form-data.")


async def read_form(request: Request, limits: Limits) -> FormData:
    """The request's multipart form; a file that grows beyond its limit is refused there and then.

    Raises:
        Refused: 413 for a file that is too large, 415 for another encoding, 422 for what is no multipart form.
    """
    charset = _CHARSET.search(request.headers.get("content-type", ""))
    if charset and charset[1].casefold() not in ("utf-8", "utf8", "us-ascii"):
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The texts of a form have to be UTF-8.")
    parser = _BoundedParser(request.headers, request.stream(), limits)
    try:
        return await parser.parse()
    except MultiPartException as exc:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"The form cannot be read: {exc.message}") from exc


class _BoundedParser(MultiPartParser):
    """Starlette's parser with a limit for every file, by the field that it comes in."""

    def __init__(self, headers: Any, stream: Any, limits: Limits) -> None:  # noqa: ANN401 - as Starlette has them
        super().__init__(headers, stream, max_files=ATTACHMENTS, max_fields=50, max_part_size=FIELD_BYTES)
        self._limits = limits
        self._size = 0

    def on_part_begin(self) -> None:
        self._size = 0
        super().on_part_begin()

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._size += end - start
        limits = self._limits
        by_field = {"images": limits.image_bytes, "image": limits.image_bytes, "video": limits.video_bytes}
        limit = by_field.get(self._current_part.field_name, limits.audio_bytes)
        if self._current_part.file is not None and self._size > limit:
            name = shown_name(self._current_part.file.filename or "the file")
            raise Refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"{name} is larger than {limit / 2**20:.0f} MiB, the most there is.",
            )
        super().on_part_data(data, start, end)


async def _from_form(form: FormData, folder: Path) -> state.Request:
    unknown = set(form) - {*_FIELDS, *FILES}
    if unknown:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"There is no field {shown_name(sorted(unknown)[0])!r} here.")
    fields = {name: _field(form, name) for name in _FIELDS}
    values: dict[str, Any] = {name: value for name, value in fields.items() if value not in (None, "")}
    if "drop_constraints" in values:
        values["drop_constraints"] = _dropped(values["drop_constraints"])
    message = _checked(values)
    stored = {name: [await store(part, folder) for part in _files(form, name)] for name in FILES}
    await form.close()
    return _request(message, stored)


def _field(form: FormData, name: str) -> str | None:
    value = form.get(name)
    if isinstance(value, UploadFile):
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"{name} is a file and should be a field.")
    return value


def _files(form: FormData, name: str) -> list[UploadFile]:
    parts = form.getlist(name)
    files = [part for part in parts if isinstance(part, UploadFile)]
    if len(files) != len(parts):
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"{name} is a field and should be a file.")
    return files


def _dropped(text: str) -> list[Dropped]:
    try:
        return _DROPPED.validate_python(bounded_json(text))
    except ValidationError as exc:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"drop_constraints: {first_fault(exc.errors())}") from exc


def _from_json(body: bytes, folder: Path, limits: Limits) -> state.Request:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "The body is not JSON.") from exc
    if not isinstance(values, dict):
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "The body is not a JSON object.")
    message = _checked(values)
    files = [(name, file) for name in FILES for file in getattr(message, name)]
    if len(files) > ATTACHMENTS:
        raise BadInput(f"A message can bring at most {ATTACHMENTS} attachments.")
    stored: Stored = {name: [] for name in FILES}
    try:
        for name, file in files:
            stored[name].append((_decoded(file, folder), shown_name(file.name)))
    except Exception:
        for path, _ in itertools.chain(*stored.values()):
            path.unlink(missing_ok=True)
        raise
    return _request(message, stored)


def _checked(values: dict[str, Any]) -> MessageIn:
    try:
        return MessageIn.model_validate(values)
    except ValidationError as exc:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, first_fault(exc.errors())) from exc


def _decoded(file: FileIn, folder: Path) -> Path:
    _, comma, encoded = file.data.partition(",")
    text = encoded if comma and file.data.startswith("data:") else file.data
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise MediaError(f"{shown_name(file.name)} is not valid base64.") from exc
    return written(content, folder)


async def store(part: UploadFile, folder: Path) -> tuple[Path, str]:
    """Copy a file of a form under an opaque name: its path, and its own name as it can be shown.

    Raises:
        StoreError: the disk is full or not writable.
    """
    path = fresh_path(folder)

    def copy() -> None:
        with path.open("wb") as out:
            shutil.copyfileobj(part.file, out)

    try:
        await asyncio.to_thread(copy)
    except OSError as exc:
        path.unlink(missing_ok=True)
        raise StoreError(f"A file could not be stored: {exc.strerror}.") from exc
    return path, shown_name(part.filename or "")


def _request(message: MessageIn, stored: Stored) -> state.Request:
    return state.Request(
        message_id=message.message_id,
        text=message.text,
        **{field: [path for path, _ in files] for field, files in stored.items()},
        names={str(path): name for path, name in itertools.chain(*stored.values())},
        drop=message.drop_constraints,
        top_n=message.top_n or 0,
        keep_seconds=message.keep_seconds,
        language=message.language,
    )


def fresh_path(folder: Path) -> Path:
    """A path of its own for a file that comes in."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder / uuid.uuid4().hex


def written(content: bytes, folder: Path) -> Path:
    """A file of its own with this content.

    Raises:
        StoreError: the disk is full or not writable.
    """
    path = fresh_path(folder)
    try:
        path.write_bytes(content)
    except OSError as exc:
        path.unlink(missing_ok=True)
        raise StoreError(f"A file could not be stored: {exc.strerror}.") from exc
    return path


def shown_name(name: str) -> str:
    """A file's name as it can be shown and logged: no folders, no control characters, not long."""
    last = re.split(r"[/\\]", name)[-1]
    visible = "".join(character for character in last if unicodedata.category(character)[0] != "C").strip()
    return visible[:NAME_CHARACTERS] or "unnamed"


__all__ = [
    "FileIn", "MessageIn", "discard", "fresh_path", "read_form", "read_message", "shown_name", "store",
    "written",
]  # fmt: skip
