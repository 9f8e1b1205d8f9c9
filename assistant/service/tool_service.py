"""Tools as other programs call them, whichever door they come through: who calls, which files they may name, how many
calls at a time."""

import asyncio
import base64
import binascii
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from assistant.errors import MediaError
from assistant.front import TOOL_THREADS, Assistant
from assistant.service.context import User
from assistant.service.uploads.bodies import written
from assistant.service.uploads.store import Uploads
from assistant.storage import INCOMING
from tools.bounds import read_json
from tools.records import Record, ToolOutcome
from tools.tool import Tool
from tools.toolbox import TOOLS

AT_ONCE = TOOL_THREADS // 2
"""How many calls run at a time in the whole service, so that turns have threads left; others wait, and their deadline
starts when they run."""
DATA = "data:"
MOST_QUOTED = 4
"""How many layers of strings in strings are read: arguments, then what stands in them."""
FILE_ARGUMENTS = {
    "image": "the picture: the id of an upload, item:ID for an item's own picture, or a data: URL in base64",
    "audio": "the recording: the id of an upload, or a data: URL in base64",
    "video": "the video: the id of an upload, or a data: URL in base64",
}


class ToolOut(Record):
    """A tool as other programs are told of it; ``arguments`` and ``result`` are JSON schemas."""

    name: str
    description: str
    arguments: dict[str, Any]
    result: dict[str, Any]


def described(tool: Tool[Any]) -> ToolOut:
    """A tool's name, description and schemas, files named as programs name them."""
    arguments = tool.arguments.model_json_schema()
    for name, meaning in FILE_ARGUMENTS.items():
        if name in arguments["properties"]:
            arguments["properties"][name]["description"] = meaning
    return ToolOut(
        name=tool.name, description=tool.description, arguments=arguments, result=tool.result.model_json_schema()
    )


class ToolService:
    """Calls tools for users."""

    def __init__(self, assistant: Assistant, files: Path | None = None) -> None:
        """``files``: a folder whose files may be named by their path; none unless given."""
        self.uploads = Uploads(assistant.settings)
        self._assistant = assistant
        self._incoming = assistant.settings.data_folder / INCOMING
        self._files = files.resolve() if files else None
        self._room = asyncio.Semaphore(AT_ONCE)

    @property
    def tools(self) -> list[ToolOut]:
        """Every tool."""
        return [described(tool) for tool in TOOLS]

    async def call(self, user: User, name: str, arguments: dict[str, Any]) -> ToolOutcome:
        """Call a tool for a user; whatever goes wrong is in the outcome, as when the model calls it."""
        tool = next((tool for tool in TOOLS if tool.name == name), None)
        arguments = unquoted(tool.arguments, arguments) if tool else arguments
        async with self._room:
            with self.opened(user) as files:
                return await self._assistant.call_tool(name, arguments, files, user=user.id)

    @contextlib.contextmanager
    def opened(self, user: User) -> "Iterator[FileResolver]":
        """What turns this user's references into files; files made for data: URLs are gone afterwards."""
        references = FileResolver(self._assistant, self.uploads, user, self._incoming, self._files)
        try:
            yield references
        finally:
            references.close()


class FileResolver:
    """Turns one user's references to pictures and recordings into files; may be called from any thread."""

    def __init__(
        self, assistant: Assistant, uploads: Uploads, user: User, incoming: Path, files: Path | None = None
    ) -> None:
        self._assistant = assistant
        self._uploads = uploads
        self._user = user
        self._incoming = incoming
        self._files = files
        self._temporary: list[Path] = []
        self._closed = False
        self._lock = threading.Lock()

    def __call__(self, reference: str) -> Path:
        """The file behind an upload's id, ``item:ID`` or a ``data:`` URL.

        Raises:
            MediaError: there is none, it is another user's, or the URL is not base64.
        """
        if reference.startswith(DATA):
            return self._temporary_file(decoded(reference))
        path = self._uploads.find(self._user, reference) or self._assistant.item_picture(reference)
        if path := path or self._below_files(reference):
            return path
        name = reference if len(reference) <= 80 else f"{reference[:79]}…"
        raise MediaError(
            f"There is no upload {name!r}; send the file to POST /api/uploads and give the id, or use a data: URL, or "
            "item:ID for a catalogue item's picture."
        )

    def close(self) -> None:
        """Delete the files that were made; a tool that overran its deadline may still ask for some, and gets none."""
        with self._lock:
            self._closed = True
            for path in self._temporary:
                path.unlink(missing_ok=True)

    def _temporary_file(self, content: bytes) -> Path:
        with self._lock:
            if self._closed:
                raise MediaError("The call has ended.")
            self._temporary.append(written(content, self._incoming))
            return self._temporary[-1]

    def _below_files(self, reference: str) -> Path | None:
        if self._files is None:
            return None
        path = (self._files / reference.removeprefix("file://")).resolve()
        return path if path.is_relative_to(self._files) and path.is_file() else None


def unquoted(form: type[BaseModel], arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments as their form wants them, where a client wrote an object or a list as a string of JSON, or null for
    what it leaves out; everything else stays as it is, for the form to refuse."""
    for _ in range(MOST_QUOTED):
        try:
            form.model_validate(arguments)
        except ValidationError as exc:
            changed = arguments
            for error in exc.errors():
                changed = _unquoted_at(error, changed)
            if changed == arguments:
                return arguments
            arguments = changed
        else:
            break
    return arguments


def _unquoted_at(error: ErrorDetails, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments without one fault, if it is of those that are forgiven: at most two names deep."""
    location, fault = error["loc"], error["input"]
    if not 1 <= len(location) <= 2 or not all(isinstance(name, str) for name in location):
        return arguments
    first, inner_location = str(location[0]), location[1:]
    if inner_location:
        inner = arguments.get(first)
        return (
            arguments | {first: _unquoted_at(error | {"loc": inner_location}, inner)}
            if isinstance(inner, dict)
            else arguments
        )
    if fault is None:
        return {name: value for name, value in arguments.items() if name != first}
    if isinstance(fault, str) and error["type"] in {"model_type", "dict_type", "list_type"}:
        with contextlib.suppress(ValueError, RecursionError):
            return arguments | {first: read_json(fault)}
    return arguments


def decoded(url: str) -> bytes:
    """The content of a ``data:`` URL.

    Raises:
        MediaError: it is not base64, or empty.
    """
    head, comma, text = url.partition(",")
    if not comma or not head.casefold().endswith(";base64"):
        raise MediaError("A data: URL has to look like data:image/png;base64,AAAA.")
    return from_base64(text)


def from_base64(text: str) -> bytes:
    """The bytes that the text stands for; line breaks in it do not matter.

    Raises:
        MediaError: it is not base64, or empty.
    """
    try:
        content = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise MediaError("The file's data is not valid base64.") from exc
    if not content:
        raise MediaError("The file's data is empty.")
    return content
