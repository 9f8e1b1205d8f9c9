"""The doors for other programs: the tool-call API, OpenAI's protocol, MCP, and UCP."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from assistant.service.context import Service
from assistant.service.http import problems
from assistant.service.http.roles import KEY_HOLDERS, Restricted
from assistant.service.mcp.calls import MCP, over_http, parse_error
from assistant.service.openai import chat, responses, turns
from assistant.service.openai.records import openai_error
from assistant.service.routes import tools
from assistant.service.tool_service import ToolService
from assistant.service.ucp import routes as ucp


class _McpAddress:
    """Passes requests on to the MCP server that runs meanwhile."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["app"].state.mcp.handle_request(scope, receive, send)


def install(app: FastAPI) -> None:
    """Add the doors' addresses to the app."""
    app.include_router(tools.router)
    app.include_router(chat.router)
    app.include_router(responses.router)
    app.include_router(ucp.profile_router)
    app.include_router(ucp.router)
    app.router.routes.append(Route(MCP, Restricted(_McpAddress(), KEY_HOLDERS), methods=["POST"]))
    problems.FORMS[turns.PREFIX] = openai_error
    problems.FORMS[MCP] = parse_error
    problems.FORMS[ucp.PREFIX] = ucp.ucp_error


@contextlib.asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[None]:
    """Have the doors open while the app runs; ``app.state.service`` must be there."""
    service: Service = app.state.service
    app.state.toolbench = ToolService(service.assistant)
    sweeping = asyncio.create_task(app.state.toolbench.uploads.keep_swept())
    try:
        async with over_http(service, app.state.toolbench) as app.state.mcp:
            yield
    finally:
        sweeping.cancel()
        await asyncio.gather(sweeping, return_exceptions=True)
