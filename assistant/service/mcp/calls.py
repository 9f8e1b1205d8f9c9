"""What MCP's requests do: the tools, whole recommendations and the catalogue. Imports the whole product."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from mcp import types
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from pydantic import AnyUrl, Field, ValidationError

from assistant.agent.state import Request
from assistant.errors import BadInput, ProductError
from assistant.front import Assistant
from assistant.records import (
    CartItem,
    CitedEvidence,
    Constraint,
    Group,
    Intent,
    Query,
    Recommendation,
    Relaxation,
)
from assistant.service.context import LOCAL_USER, Service, User
from assistant.service.http.problems import Problem, Refused, first_fault, problem_of
from assistant.service.item_links import ItemLinks
from assistant.service.keys import KeyStore
from assistant.service.mcp.pictures import item_pictures
from assistant.service.mcp.resources import read_resource
from assistant.service.mcp.server import McpProgress, mcp_server, refused
from assistant.service.mcp.view import tool_meta
from assistant.service.pictures import Pictures
from assistant.service.runs.running import Running
from assistant.service.runs.turns import Turns, discard
from assistant.service.tool_service import FILE_ARGUMENTS, FileResolver, ToolService, unquoted
from assistant.service.uploads.bodies import fresh_path
from assistant.sessions import new_session_id
from assistant.settings import Settings
from assistant.storage import INCOMING
from assistant.warming import WarmUp
from tools.records import Record

RECOMMEND = "recommend"
MCP = "/mcp"

WITHOUT_MODELS = frozenset({"browse", "get_item", "compare_items", "user_history"})
"""Tools that work before any model is loaded."""


class RecommendIn(Record):
    """Arguments of recommend."""

    text: str = Field("", description="what the user is looking for, in their own words, in any language")
    images: list[str] = Field([], max_length=8, description=f"pictures, each {FILE_ARGUMENTS['image']}")
    audio: list[str] = Field([], max_length=8, description=f"voice notes, each {FILE_ARGUMENTS['audio']}")
    video: list[str] = Field([], max_length=8, description=f"videos, each {FILE_ARGUMENTS['video']}")
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
    preferences: list[Constraint] = Field([], description="what is likely wanted: it moves the ranking, hides nothing")
    relaxed: list[Relaxation]
    recommendations: list[Recommendation]
    groups: list[Group] = Field([], description="the ranking by wish, where the message has several; else empty")
    question: str | None = Field(None, description="what the assistant asks back")
    choices: list[str] = Field([], description="short answers to the question")
    evidence: list[CitedEvidence] = Field([], description="what the message rests on: passages of the shop's pages")
    cart: CartItem | None = Field(None, description="the item that the message has put in the cart")
    degraded: list[str] = Field(description="what was left out and why, a sentence each")


class McpCalls:
    """Answers the requests of any number of connections over an open assistant."""

    def __init__(self, service: Service, bench: ToolService, warming: WarmUp | None = None) -> None:
        """``warming``: calls that need models wait for its end. Over HTTP, /readyz says when there is no need to."""
        self._service = service
        self._bench = bench
        self._warming = warming
        self._pictures = Pictures.of(service.assistant.engines, service.settings)

    def list_tools(self) -> types.ListToolsResult:
        """The tools, with schemas of what they take and give."""
        arguments, result = RecommendIn.model_json_schema(), Recommended.model_json_schema()
        meaning = " ".join((self.recommend.__doc__ or "").split())
        listed = [_listed(RECOMMEND, meaning, arguments, result, writes=True)]
        listed += [_listed(tool.name, tool.description, tool.arguments, tool.result) for tool in self._bench.tools]
        return types.ListToolsResult(tools=listed)

    async def call_tool(self, name: str, arguments: dict[str, Any], progress: McpProgress) -> types.CallToolResult:
        """Call a tool; one that needs models waits for them, while the client that wants progress is told so."""
        if self._warming and name not in WITHOUT_MODELS:
            await self._warming.wait(progress.tell_loading)
        if name == RECOMMEND:
            try:
                result = (await self.recommend(arguments, progress)).model_dump(mode="json")
            except (ProductError, Refused) as exc:
                return refused(str(exc))
            except Exception as exc:
                return refused(problem_of(exc).detail)
            return await self._answered(result)
        outcome = await self._bench.call(_user(progress), name, arguments)
        return (
            await self._answered(outcome.result or {}) if outcome.ok else refused(outcome.error or "The tool failed.")
        )

    async def _answered(self, result: dict[str, Any]) -> types.CallToolResult:
        """A result as data, as JSON for clients that read only text, and with pictures of its first items."""
        text = types.TextContent(type="text", text=json.dumps(result, ensure_ascii=False))
        images = await item_pictures(self._pictures, result, self._service.settings.service.mcp_pictures)
        return types.CallToolResult(content=[text, *images], structuredContent=result)

    async def read_resource(self, uri: AnyUrl, progress: McpProgress) -> types.ReadResourceResult:
        """One resource of the catalogue; raises `McpError`."""
        return await read_resource(uri, self._service.assistant, self._bench, self._pictures, _user(progress))

    async def recommend(self, arguments: dict[str, Any], progress: McpProgress) -> Recommended:
        """Recommend items of the catalogue for a wish in words, pictures, voice notes and videos: a ranking in which
        each item is explained by evidence. Give the session_id of an earlier answer to follow it up, such as
        "cheaper"."""
        try:
            asked = RecommendIn.model_validate(unquoted(RecommendIn, arguments))
        except ValidationError as exc:
            raise BadInput(first_fault(exc.errors())) from exc
        user, turns = _user(progress), self._service.turns
        session_id = new_session_id()
        if asked.session_id is not None:
            session_id = (await asyncio.to_thread(self._service.own_session, user, asked.session_id)).session_id
        with self._bench.opened(user) as files:
            message = await asyncio.to_thread(_request, asked, files, self._service.settings.data_folder / INCOMING)
        running = await turns.start(user, session_id, message)
        async with aclosing(turns.listen(running)) as events:  # type: ignore[type-var]
            async for event in events:
                if event.name == "step_started":
                    await progress.tell(str(event.data["step"]))
        links = ItemLinks.of(progress.request, self._service)
        return await asyncio.to_thread(_recommended, running, links)


@asynccontextmanager
async def opened(settings: Settings, files: Path | None) -> AsyncIterator[McpCalls]:
    """An assistant of this process for the local user; it warms up beside."""
    async with Assistant(settings) as assistant:
        turns = Turns(assistant, settings.service)
        service = Service(settings, assistant, turns, KeyStore(settings.keys_place))
        warming = asyncio.create_task(assistant.warm_up())
        await asyncio.sleep(0)  # it has begun before the first call asks whether it has ended
        try:
            yield McpCalls(service, ToolService(assistant, files), assistant.warming)
        finally:
            warming.cancel()
            await turns.close()


@asynccontextmanager
async def over_http(service: Service, bench: ToolService) -> AsyncIterator[StreamableHTTPSessionManager]:
    """What answers the requests at ``/mcp`` meanwhile."""
    calls = McpCalls(service, bench)

    async def there(_: McpProgress) -> McpCalls:
        return calls

    most = service.settings.service.bounds.body_bytes
    manager = StreamableHTTPSessionManager(mcp_server(there), stateless=True, max_request_body_size=most)
    async with manager.run():
        yield manager


def parse_error(problem: Problem) -> tuple[int, dict[str, Any]] | None:
    """A body that cannot be taken, as JSON-RPC tells it; other problems stay as they are."""
    if problem.status != HTTPStatus.UNPROCESSABLE_ENTITY:
        return None
    error = {"code": types.PARSE_ERROR, "message": problem.detail}
    return HTTPStatus.BAD_REQUEST, {"jsonrpc": "2.0", "id": None, "error": error}


def _user(progress: McpProgress) -> User:
    """Who asks: the guard's word over HTTP, the local user over standard input and output."""
    user: User = progress.request.scope["user"] if progress.request is not None else LOCAL_USER
    return user


def _request(asked: RecommendIn, files: FileResolver, folder: Path) -> Request:
    """The message with copies of its files, which are the turn's to delete."""
    message = Request(text=asked.text, top_n=asked.top_n or 0, door="mcp")
    try:
        for kind, references, kept in (
            ("picture", asked.images, message.images),
            ("recording", asked.audio, message.audio),
            ("video", asked.video, message.video),
        ):
            for reference in references:
                kept.append(fresh_path(folder))
                shutil.copyfile(files(reference), kept[-1])
                message.names[str(kept[-1])] = f"{kind} {len(kept)}"
    except BaseException:
        discard(message)
        raise
    return message


def _recommended(running: Running, links: ItemLinks) -> Recommended:
    if running.reply is None:
        raise BadInput(running.problem.detail if running.problem else "The turn was stopped.")
    reply = links.absolute(running.reply)
    return Recommended(**{name: getattr(reply, name) for name in Recommended.model_fields})


def _listed(
    name: str, description: str, arguments: dict[str, Any], result: dict[str, Any], *, writes: bool = False
) -> types.Tool:
    title = name.replace("_", " ").capitalize()
    hints = types.ToolAnnotations(title=title, readOnlyHint=not writes, destructiveHint=False, openWorldHint=False)
    return types.Tool(
        name=name,
        title=title,
        description=description,
        inputSchema=arguments,
        outputSchema=result,
        annotations=hints,
        _meta=tool_meta(name),
    )
