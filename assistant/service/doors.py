"""The doors for other programs: the tool-call API, OpenAI's protocol, and MCP."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

from fastapi import FastAPI
from starlette.requests import ClientDisconnect, Request
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from assistant.service import openai_api, problems, tools_api
from assistant.service.context import Service
from assistant.service.mcp_server import over_http
from assistant.service.openai_records import openai_error
from assistant.service.toolbench import Toolbench


class _McpAddress:
    """Passes requests on to the MCP server that runs meanwhile.

    The SDK answers a body that Python's JSON reader gives up on (not UTF-8, nested too deeply, a number of thousands of
    digits) with 500, so that such a body is replaced by one that it refuses as a parse error.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            body = await request.body()
        except ClientDisconnect:
            return
        if not await asyncio.to_thread(_is_json, body):
            body = b"not JSON"
        await scope["app"].state.mcp.handle_request(scope, _again(body, receive), send)


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


def _again(body: bytes, receive: Receive) -> Receive:
    """A body that was read, to be read once more; after it comes what the connection brings."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receiving() -> Message:
        return messages.pop() if messages else await receive()

    return receiving


def install(app: FastAPI) -> None:
    """Add the doors' addresses to the app."""
    app.include_router(tools_api.router)
    app.include_router(openai_api.router)
    app.router.routes.append(Route("/mcp", _McpAddress(), methods=["POST"]))
    problems.FORMS[openai_api.PREFIX] = openai_error


@contextlib.asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[None]:
    """Have the doors open while the app runs; ``app.state.service`` must be there."""
    service: Service = app.state.service
    app.state.toolbench = Toolbench(service.assistant)
    sweeping = asyncio.create_task(app.state.toolbench.uploads.keep_swept())
    try:
        async with over_http(service, app.state.toolbench) as app.state.mcp:
            yield
    finally:
        sweeping.cancel()
        await asyncio.gather(sweeping, return_exceptions=True)
