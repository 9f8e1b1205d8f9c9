"""The Model Context Protocol: the tools, whole recommendations and the catalogue for other agents.

Over HTTP every request stands for itself (the protocol's stateless form): there is no session to take over, and the
guard checks host, origin, key and size of each request, so that the SDK's own check of hosts and origins stays off.

Over standard input and output the protocol is answered at once, while the product is imported and opened beside: this
module imports none of it.

The server is the SDK's low-level one: `FastMCP` needs the tools before that import, answers a resource's errors with
its own text and code 0.
"""

import asyncio
import contextlib
import importlib
import itertools
import logging
from collections.abc import Awaitable, Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import anyio
from mcp import types
from mcp.server.fastmcp import Context
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.context import RequestContext
from mcp.shared.exceptions import McpError
from pydantic import AnyUrl

from assistant.background import in_thread
from assistant.errors import ProductError
from assistant.service.mcp.prompts import get_prompt, instructions, list_prompts
from assistant.service.mcp.view import VIEW, view, view_resource

if TYPE_CHECKING:
    from assistant.service.mcp.calls import McpCalls
    from assistant.settings import Settings

logger = logging.getLogger(__name__)

STATS = "catalogue://stats"
ITEMS = "catalogue://items"
LISTED = 100
"""How many items the listing shows; the template reaches every item."""
PICTURE = "/picture"
"""Follows an item's address: its picture."""
JSON = "application/json"
NAME = "recommendation-assistant"
CALLS = "assistant.service.mcp.calls"
TOLD_EVERY_SECONDS = 1.0

Opening = Callable[["McpProgress"], Awaitable["McpCalls"]]
"""Gives what answers requests; tells how far it is while that is not there yet. Raises `ProductError`."""


class McpProgress:
    """Tells the client of a request what is being done, if it asked for that."""

    def __init__(self, context: RequestContext[Any, Any, Any]) -> None:
        self.request = context.request
        """The HTTP request; None over standard input and output."""
        self._context = Context(request_context=context)
        self._numbers = itertools.count(1)

    async def tell(self, message: str) -> None:
        """Send one notification."""
        await self._context.report_progress(next(self._numbers), message=message)

    async def tell_loading(self, missing: list[str]) -> None:
        """What is loaded before the request can be answered."""
        await self.tell(f"loading: {', '.join(missing)}")


def mcp_server(opening: Opening) -> Server[Any, Any]:
    """A server whose requests are answered by what the opening gives."""
    server: Server[Any, Any] = Server(NAME, version(NAME), instructions())

    async def list_tools(_: types.ListToolsRequest) -> types.ServerResult:
        with _as_mcp_error():
            return types.ServerResult((await opening(McpProgress(server.request_context))).list_tools())

    async def call_tool(request: types.CallToolRequest) -> types.ServerResult:
        progress = McpProgress(server.request_context)
        try:
            calls = await opening(progress)
        except ProductError as exc:
            return types.ServerResult(refused(str(exc)))
        result = await calls.call_tool(request.params.name, request.params.arguments or {}, progress)
        return types.ServerResult(result)

    async def read_resource(request: types.ReadResourceRequest) -> types.ServerResult:
        if str(request.params.uri) == VIEW:
            return types.ServerResult(view())
        progress = McpProgress(server.request_context)
        with _as_mcp_error():
            return types.ServerResult(await (await opening(progress)).read_resource(request.params.uri, progress))

    handlers: dict[type, Callable[[Any], Awaitable[types.ServerResult]]] = {
        types.ListToolsRequest: list_tools,
        types.CallToolRequest: call_tool,
        types.ListResourcesRequest: list_resources,
        types.ListResourceTemplatesRequest: list_templates,
        types.ReadResourceRequest: read_resource,
        types.ListPromptsRequest: list_prompts,
        types.GetPromptRequest: get_prompt,
    }
    server.request_handlers.update(handlers)
    return server


async def list_resources(_: types.ListResourcesRequest) -> types.ServerResult:
    """The resources that have an address of their own."""
    described = {
        STATS: ("Catalogue", "Counts of items, categories and brands, and the price range"),
        ITEMS: ("Items", f"The first {LISTED} items by title, and how many there are"),
    }
    resources = [
        types.Resource(name=uri.rpartition("/")[2], title=title, uri=AnyUrl(uri), description=meaning, mimeType=JSON)
        for uri, (title, meaning) in described.items()
    ]
    return types.ServerResult(types.ListResourcesResult(resources=[*resources, view_resource()]))


async def list_templates(_: types.ListResourceTemplatesRequest) -> types.ServerResult:
    """The addresses of any item and of its picture."""
    described = {
        "item": ("Item", "", "Everything that the catalogue says about one item; the id is percent-encoded", JSON),
        "picture": ("Picture of an item", PICTURE, "An item's first picture, made smaller", "image/jpeg"),
    }
    templates = [
        types.ResourceTemplate(
            name=name, title=title, uriTemplate=f"{ITEMS}/{{id}}{ending}", description=meaning, mimeType=kind
        )
        for name, (title, ending, meaning, kind) in described.items()
    ]
    return types.ServerResult(types.ListResourceTemplatesResult(resourceTemplates=templates))


async def over_stdio(settings: "Settings", out: TextIO, files: Path | None = None) -> None:
    """Serve one client over standard input and a stream that carries nothing but the protocol, until its end.

    Args:
        files: a folder whose pictures and recordings the client may name by their path; none unless given.

    Raises:
        ProductError: the assistant could not be opened; the client's requests were answered with the same sentence.
    """
    local = _Local(settings, files)
    keeping = asyncio.create_task(local.keep())
    try:
        async with stdio_server(stdout=anyio.wrap_file(out)) as (read, write):
            server = mcp_server(local.calls)
            server.notification_handlers[types.InitializedNotification] = local.begin
            await server.run(read, write, server.create_initialization_options())
    finally:
        local.end.set()
        if not local.there.is_set():
            keeping.cancel()
        await asyncio.wait([keeping])
    if local.error:
        raise local.error


class _Local:
    """The assistant of this process, opened beside."""

    def __init__(self, settings: "Settings", files: Path | None) -> None:
        self.wanted, self.there, self.end = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.error: ProductError | None = None
        self._settings = settings
        self._files = files
        self._calls: McpCalls | None = None

    async def begin(self, _: object = None) -> None:
        """Open it now: the client has been answered."""
        self.wanted.set()

    async def keep(self) -> None:
        """Open it when it is wanted, and close it when the end is set."""
        await self.wanted.wait()
        try:
            await in_thread(lambda: importlib.import_module(CALLS))
            async with importlib.import_module(CALLS).opened(self._settings, self._files) as self._calls:
                self.there.set()
                await self.end.wait()
        except ProductError as exc:
            logger.error("%s", exc)
            self.error = exc
            self.there.set()

    async def calls(self, progress: McpProgress) -> "McpCalls":
        """An `Opening`."""
        self.wanted.set()
        while not self.there.is_set():
            try:
                await asyncio.wait_for(self.there.wait(), TOLD_EVERY_SECONDS)
            except TimeoutError:
                await progress.tell("starting")
        if self._calls is None:
            raise self.error or ProductError("The assistant could not be opened.")
        return self._calls


@contextlib.contextmanager
def _as_mcp_error() -> Iterator[None]:
    try:
        yield
    except ProductError as exc:
        raise McpError(types.ErrorData(code=types.INTERNAL_ERROR, message=str(exc))) from exc


def refused(sentence: str) -> types.CallToolResult:
    """A call that failed, in one sentence."""
    return types.CallToolResult(content=[types.TextContent(type="text", text=sentence)], isError=True)
