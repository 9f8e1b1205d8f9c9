"""No answer names a folder of this machine.

Sentences that do so are for whoever works at the terminal; HTTP clients get the path below that folder, or what the
folder is for.
"""

import json
import re
import tempfile
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistant.settings import Settings, project_folder

_KINDS = (b"application/json", b"application/problem+json", b"text/event-stream")


class NoPaths:
    """A middleware around everything that answers with JSON or events."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._folders = _Folders(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; its answer begins when the first part of its body is there."""
        if scope["type"] == "http":
            send = _FilteredAnswer(send, self._folders).send
        await self._app(scope, receive, send)


class _Folders:
    """The folders, and what each is called instead."""

    def __init__(self, settings: Settings) -> None:
        folders = {
            project_folder(): "the program's folder",
            Path.home(): "the home folder",
            Path(tempfile.gettempdir()): "the folder for temporary files",
            settings.home.expanduser().absolute(): "the assistant's folder",
            settings.models_folder: "the models folder",
            settings.run_folder: "the run folder",
            settings.data_folder: "the data folder",
        } | ({settings.prompts.absolute(): "the prompts folder"} if settings.prompts else {})
        self._names = {_encoded(path): name.encode() for path, name in folders.items() if len(path.parts) > 1}
        inner_first = sorted(self._names, key=len, reverse=True)
        self._pattern = re.compile(
            rb"(?<![\w.:/-])(" + b"|".join(map(re.escape, inner_first)) + rb")(?:(/)(?=\w)|(?![\w-]))"
        )

    def without(self, body: bytes) -> bytes:
        """The body without them."""
        if not any(path in body for path in self._names):
            return body
        return self._pattern.sub(lambda match: b"" if match[2] else self._names[match[1]], body)


class _FilteredAnswer:
    """An answer on its way out; its head waits for the first part of the body, whose length may change."""

    def __init__(self, send: Send, folders: _Folders) -> None:
        self._send = send
        self._folders = folders
        self._head: Message | None = None
        self._looks = False

    async def send(self, message: Message) -> None:
        """Pass a part on."""
        if message["type"] == "http.response.start":
            self._head = message
            kind = dict(message.get("headers", ())).get(b"content-type", b"")
            self._looks = kind.startswith(_KINDS)
            return
        if self._looks and message["type"] == "http.response.body":
            message = self._without(message)
        if self._head is not None:
            head, self._head = self._head, None
            await self._send(head)
        await self._send(message)

    def _without(self, message: Message) -> Message:
        body = self._folders.without(message.get("body", b""))
        headers = MutableHeaders(scope=self._head) if self._head is not None else MutableHeaders()
        if "content-length" in headers and not message.get("more_body"):
            headers["content-length"] = str(len(body))
        return {**message, "body": body}


def _encoded(path: Path) -> bytes:
    """As JSON has it here: nothing is escaped but what has to be."""
    return json.dumps(str(path), ensure_ascii=False)[1:-1].encode("utf-8", "surrogateescape")
