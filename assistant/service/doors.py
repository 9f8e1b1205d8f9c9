"""The doors for other programs: the tool-call API, OpenAI's protocol, and MCP."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI

from assistant.service import openai_api, problems, tools_api
from assistant.service.context import Service
from assistant.service.openai_records import openai_error
from assistant.service.toolbench import Toolbench


def install(app: FastAPI) -> None:
    """Add the doors' addresses to the app."""
    app.include_router(tools_api.router)
    app.include_router(openai_api.router)
    problems.FORMS[openai_api.PREFIX] = openai_error


@contextlib.asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[None]:
    """Have the doors open while the app runs; ``app.state.service`` must be there."""
    service: Service = app.state.service
    app.state.toolbench = Toolbench(service.assistant)
    sweeping = asyncio.create_task(app.state.toolbench.uploads.keep_swept())
    try:
        yield
    finally:
        sweeping.cancel()
        await asyncio.gather(sweeping, return_exceptions=True)
