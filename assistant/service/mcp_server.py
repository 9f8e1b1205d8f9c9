"""The Model Context Protocol: the tools, whole recommendations and the catalogue for other agents.

Over HTTP every request stands for itself (the protocol's stateless form): there is no session to take over, and the
guard checks host, origin, key and size of each request, so that the SDK's own check of hosts and origins stays off.
"""

import asyncio
import json
import shutil
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO

import anyio
from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from pydantic import Field, ValidationError

from assistant.errors import BadInput, ProductError
from assistant.front import Assistant
from assistant.records import Intent, Query, Recommendation, Relaxation, Reply
from assistant.service.context import LOCAL_USER, Service, User
from assistant.service.keys import KeyStore
from assistant.service.mcp_resources import list_resources, list_templates, read_resource
from assistant.service.problems import Problem, Refused, first_fault, problem_of
from assistant.service.toolbench import FILE_ARGUMENTS, References, Toolbench
from assistant.service.turns import Incoming, Running, ServedEvent, Turns, discard
from assistant.service.uploads import INCOMING, fresh_path
from assistant.sessions import new_session_id
from assistant.settings import Settings
from tools.records import Record

RECOMMEND = "recommend"
MCP = "/mcp"

Handler = Callable[[Any], Awaitable[types.ServerResult]]


class RecommendIn(Record):
    """Arguments of recommend."""

    text: str = Field("", description="what the user is looking for, in their own words, in any language")
    images: list[str] = Field([], max_length=8, description=f"pictures, each {FILE_ARGUMENTS['image']}")
    audio: list[str] = Field([], max_length=8, description=f"voice notes, each {FILE_ARGUMENTS['audio']}")
    session_id: str | None = Field(None, description="goes on with an earlier answer's session; null begins one")
    top_n: int | None = Field(None, ge=1, le=20, description="how many items")


class Recommended(Record):
    """A ranking with its explanations, and what was understood."""

    session_id: str
    message: str
    intent: Intent
    language: str
    query: Query
    constraints: dict[str, Any]
    relaxed: list[Relaxation]
    recommendations: list[Recommendation]
    degraded: list[str] = Field(description="what was left out and why, a sentence each")


class McpDoor:
    """One MCP server over a running assistant, for any number of connections."""

    def __init__(self, service: Service, bench: Toolbench) -> None:
        self._service = service
        self._bench = bench
        self.server: Server[Any, Any] = Server("recommendation-assistant", version("recommendation-assistant"))
        handlers: dict[type, Handler] = {
            types.ListToolsRequest: self._list_tools,
            types.CallToolRequest: self._call_tool,
            types.ListResourcesRequest: list_resources,
            types.ListResourceTemplatesRequest: list_templates,
            types.ReadResourceRequest: self._read_resource,
        }
        self.server.request_handlers.update(handlers)

    def http(self) -> StreamableHTTPSessionManager:
        """What answers HTTP requests while its ``run()`` is entered, which can be once."""
        most = self._service.settings.service.body_bytes
        return StreamableHTTPSessionManager(self.server, stateless=True, max_request_body_size=most)

    def _user(self) -> User:
        """Who asks: the guard's word over HTTP, the local user over standard input and output."""
        request = self.server.request_context.request
        user: User = request.scope["user"] if request is not None else LOCAL_USER
        return user

    async def _list_tools(self, _: types.ListToolsRequest) -> types.ServerResult:
        arguments, result = RecommendIn.model_json_schema(), Recommended.model_json_schema()
        meaning = " ".join((self.recommend.__doc__ or "").split())
        listed = [_listed(RECOMMEND, meaning, arguments, result, writes=True)]
        listed += [_listed(tool.name, tool.description, tool.arguments, tool.result) for tool in self._bench.tools]
        return types.ServerResult(types.ListToolsResult(tools=listed))

    async def _call_tool(self, request: types.CallToolRequest) -> types.ServerResult:
        name, arguments = request.params.name, request.params.arguments or {}
        if name == RECOMMEND:
            try:
                result = (await self.recommend(arguments)).model_dump(mode="json")
            except (ProductError, Refused) as exc:
                return _refused(str(exc))
            except Exception as exc:
                return _refused(problem_of(exc).detail)
            return _answered(result)
        outcome = await self._bench.call(self._user(), name, arguments)
        return _answered(outcome.result or {}) if outcome.ok else _refused(outcome.error or "The tool failed.")

    async def recommend(self, arguments: dict[str, Any]) -> Recommended:
        """Recommend items of the catalogue for a wish in words, pictures and voice notes: a ranking in which each item
        is explained by evidence. Give the session_id of an earlier answer to follow it up, such as "cheaper"."""
        try:
            asked = RecommendIn.model_validate(arguments)
        except ValidationError as exc:
            raise BadInput(first_fault(exc.errors())) from exc
        user, turns = self._user(), self._service.turns
        session_id = new_session_id()
        if asked.session_id is not None:
            session_id = (await asyncio.to_thread(self._service.own_session, user, asked.session_id)).session_id
        with self._bench.opened(user) as files:
            incoming = await asyncio.to_thread(_incoming, asked, files, self._service.settings.data_folder / INCOMING)
        running = turns.start(user, session_id, incoming)
        async with aclosing(turns.listen(running)) as events:  # type: ignore[type-var]
            async for event in events:
                await self._report(event)
        return _recommended(running)

    async def _read_resource(self, request: types.ReadResourceRequest) -> types.ServerResult:
        return await read_resource(request, self._service.assistant, self._bench, self._user())

    async def _report(self, event: ServedEvent) -> None:
        """Tell a client that asked for progress which step begins."""
        context = self.server.request_context
        token = context.meta.progressToken if context.meta else None
        if token is None or event.name != "step_started":
            return
        await context.session.send_progress_notification(
            token, event.number, message=str(event.data["step"]), related_request_id=str(context.request_id)
        )


async def over_stdio(settings: Settings, out: TextIO, files: Path | None = None) -> None:
    """Serve one client over standard input and a stream that carries nothing but the protocol, until its end.

    Args:
        files: a folder whose pictures and recordings the client may name by their path; none unless given.
    """
    async with Assistant(settings) as assistant:
        turns = Turns(assistant, settings.service)
        service = Service(settings, assistant, turns, KeyStore(settings.keys_file))
        door = McpDoor(service, Toolbench(assistant, files))
        try:
            async with stdio_server(stdout=anyio.wrap_file(out)) as (read, write):
                await door.server.run(read, write, door.server.create_initialization_options())
        finally:
            await turns.close()


@asynccontextmanager
async def over_http(service: Service, bench: Toolbench) -> AsyncIterator[StreamableHTTPSessionManager]:
    """What answers the requests at ``/mcp`` meanwhile."""
    manager = McpDoor(service, bench).http()
    async with manager.run():
        yield manager


def parse_error(problem: Problem) -> tuple[int, dict[str, Any]] | None:
    """A body that cannot be taken, as JSON-RPC tells it; other problems stay as they are."""
    if problem.status != HTTPStatus.UNPROCESSABLE_ENTITY:
        return None
    error = {"code": types.PARSE_ERROR, "message": problem.detail}
    return HTTPStatus.BAD_REQUEST, {"jsonrpc": "2.0", "id": None, "error": error}


def _incoming(asked: RecommendIn, files: References, folder: Path) -> Incoming:
    """The message with copies of its files, which are the turn's to delete."""
    incoming = Incoming(uuid.uuid4().hex, asked.text, top_n=asked.top_n)
    try:
        for kind, references, kept in (
            ("picture", asked.images, incoming.images),
            ("recording", asked.audio, incoming.audio),
        ):
            for reference in references:
                kept.append(fresh_path(folder))
                shutil.copyfile(files(reference), kept[-1])
                incoming.names[str(kept[-1])] = f"{kind} {len(kept)}"
    except BaseException:
        discard(incoming)
        raise
    return incoming


def _recommended(running: Running) -> Recommended:
    if running.reply is None:
        raise BadInput(running.problem.detail if running.problem else "The turn was stopped.")
    reply: Reply = running.reply
    return Recommended(**{name: getattr(reply, name) for name in Recommended.model_fields})


def _listed(
    name: str, description: str, arguments: dict[str, Any], result: dict[str, Any], *, writes: bool = False
) -> types.Tool:
    hints = types.ToolAnnotations(readOnlyHint=not writes, destructiveHint=False, openWorldHint=False)
    return types.Tool(name=name, description=description, inputSchema=arguments, outputSchema=result, annotations=hints)


def _answered(result: dict[str, Any]) -> types.ServerResult:
    """A result as data and, for clients that read only text, as JSON."""
    text = types.TextContent(type="text", text=json.dumps(result, ensure_ascii=False))
    return types.ServerResult(types.CallToolResult(content=[text], structuredContent=result))


def _refused(sentence: str) -> types.ServerResult:
    return types.ServerResult(
        types.CallToolResult(content=[types.TextContent(type="text", text=sentence)], isError=True)
    )
