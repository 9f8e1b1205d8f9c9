"""Every JSON body is read and bounded before any handler sees it, whichever library parses it there."""

import asyncio
import math
import re
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistant.service.http.access import IMPORTS
from assistant.service.http.problems import Refused
from tools.bounds import Bounds, OutOfBounds, check, read_json

BOUNDS = Bounds(depth=32, values=50_000, key=1_000, text=2**27, controls=True)
"""Texts are as long as the request may be; handlers have limits of their own, field by field."""
LINES = replace(BOUNDS, depth=100, values=200_000, number=math.inf)
"""Of catalogue items: what is out of range there costs the value or the line, not the request."""
AT_ONCE_BYTES = 16 * 1024
"""Larger bodies are read in a thread: a millisecond of every other request is not theirs."""

CATALOGUE = "/api/catalogue/"
ITEMS = "/api/catalogue/items"
"""Where many lines are sent, each of which is read by itself."""
_MESSAGES = re.compile(r"/api/sessions/[^/]+/messages$")
_ANY_KIND = re.compile(r"/(v1|mcp)(/|$)")
_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class JsonBodies:
    """The innermost middleware; what is not within the bounds is refused with 422.

    Refused are numbers that are not finite (NaN, Infinity, 1e999) or beyond 64 bits, nesting, texts with halves of
    characters (lone surrogates), and what is not UTF-8. Forms and streamed catalogues are bounded by their readers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read a JSON body, check it, and pass it on as it came."""
        if scope["type"] != "http" or not _is_json(scope):
            await self._app(scope, receive, send)
            return
        body, last = await _read(receive)
        bounds = LINES if scope["path"].startswith(CATALOGUE) else BOUNDS
        if len(body) > AT_ONCE_BYTES:
            await asyncio.to_thread(bounded_json, body, bounds)
        elif body:
            bounded_json(body, bounds)
        await self._app(scope, _replay(body, last, receive), send)


def _is_json(scope: Scope) -> bool:
    """Whether a handler may read the body as JSON: FastAPI does so without a type, too, and some doors with any."""
    read_elsewhere = scope["path"] in IMPORTS or (scope["method"] == "POST" and scope["path"] == ITEMS)
    if scope["method"] not in _WITH_BODY or read_elsewhere:
        return False
    kind = Headers(scope=scope).get("content-type", "").partition(";")[0]
    any_kind = _ANY_KIND.match(scope["path"])
    untyped = not kind and not _MESSAGES.match(scope["path"])  # of a message without a type nothing is read
    return untyped or "json" in kind.casefold() or bool(any_kind)


async def _read(receive: Receive) -> tuple[bytes, Message | None]:
    """The whole body, and the message that ended it where that is not its last part."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts), message
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts), None


def bounded_json(body: bytes | str, bounds: Bounds = BOUNDS) -> Any:  # noqa: ANN401 - any JSON value
    """The JSON value of a text, if it keeps the bounds.

    Raises:
        Refused: 422, it does not, or it is not JSON.
    """
    try:
        value = read_json(body)
        check(value, bounds)
    except OutOfBounds as exc:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"The body cannot be taken: it is or has {exc}.") from exc
    except ValueError as exc:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "The body is not JSON.") from exc
    return value


def _replay(body: bytes, last: Message | None, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": last is not None}]
    if last is not None:
        waiting.append(last)

    async def replay() -> Message:
        return waiting.pop(0) if waiting else await receive()

    return replay
