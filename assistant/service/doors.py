"""The doors for other programs: the tool-call API, OpenAI's protocol, and MCP."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from assistant.service import openai_api, openai_responses, openai_turns, problems, tools_api
from assistant.service.context import Service
from assistant.service.mcp_calls import MCP, over_http, parse_error
from assistant.service.openai_records import openai_error
from assistant.service.toolbench import Toolbench


class _McpAddress:
    """Passes requests on to the MCP server that runs meanwhile."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["app"].state.mcp.handle_request(scope, receive, send)


def install(app: FastAPI) -> None:
    """Add the doors' addresses to the app."""
    app.include_router(tools_api.router)
    app.include_router(openai_api.router)
    app.include_router(openai_responses.router)
    app.router.routes.append(Route(MCP, _McpAddress(), methods=["POST"]))
    problems.FORMS[openai_turns.PREFIX] = openai_error
    problems.FORMS[MCP] = parse_error


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
