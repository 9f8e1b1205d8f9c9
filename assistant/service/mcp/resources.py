"""The catalogue as MCP resources: counts, a bounded listing, every item and its picture by its address."""

import asyncio
import base64
import json
from typing import Any
from urllib.parse import quote, unquote

from mcp import types
from mcp.shared.exceptions import McpError
from pydantic import AnyUrl

from assistant.front import Assistant
from assistant.service.context import User
from assistant.service.http.problems import problem_of
from assistant.service.mcp.pictures import JPEG, picture
from assistant.service.mcp.server import ITEMS, JSON, LISTED, PICTURE, STATS
from assistant.service.pictures import Pictures
from assistant.service.tool_service import ToolService

NOT_FOUND = -32002
"""MCP's code for a resource that is not there."""


def item_uri(item_id: str) -> str:
    """Where an item can be read."""
    return f"{ITEMS}/{quote(item_id, safe='')}"


async def read_resource(
    uri: AnyUrl, assistant: Assistant, bench: ToolService, pictures: Pictures, user: User
) -> types.ReadResourceResult:
    """One resource: a picture as JPEG, everything else as JSON.

    Raises:
        McpError: there is none, or the catalogue cannot be read.
    """
    address = str(uri)
    if address.startswith(f"{ITEMS}/") and address.endswith(PICTURE):
        return await _picture(uri, pictures)
    try:
        content = await _content(str(uri), assistant, bench, user)
    except McpError:
        raise
    except Exception as exc:
        raise _refusal(problem_of(exc).detail, types.INTERNAL_ERROR) from exc
    text = types.TextResourceContents(uri=uri, mimeType=JSON, text=json.dumps(content, ensure_ascii=False))
    return types.ReadResourceResult(contents=[text])


async def _picture(uri: AnyUrl, pictures: Pictures) -> types.ReadResourceResult:
    item_id = unquote(str(uri).removeprefix(f"{ITEMS}/").removesuffix(PICTURE))
    content = await picture(pictures, item_id)
    if content is None:
        raise _refusal(f"There is no picture of the item {item_id!r}.", NOT_FOUND)
    blob = base64.b64encode(content).decode()
    return types.ReadResourceResult(contents=[types.BlobResourceContents(uri=uri, mimeType=JPEG, blob=blob)])


async def _content(uri: str, assistant: Assistant, bench: ToolService, user: User) -> dict[str, Any]:
    if uri == STATS:
        stats = await asyncio.to_thread(assistant.engines.catalogue.stats)
        return stats.model_dump(mode="json", exclude={"folder"})
    if uri == ITEMS:
        return await _looked_up(bench, user, "browse", {"sort": "title", "k": LISTED})
    if uri.startswith(f"{ITEMS}/"):
        item_id = unquote(uri.removeprefix(f"{ITEMS}/"))
        details = await _looked_up(bench, user, "get_item", {"item_id": item_id})
        item: dict[str, Any] = details["item"]
        return item
    raise _refusal(f"There is no resource {uri!r}.", NOT_FOUND)


async def _looked_up(bench: ToolService, user: User, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    outcome = await bench.call(user, tool, arguments)
    if outcome.result is None:
        asked_wrongly = outcome.failure in ("input", "unknown")
        raise _refusal(outcome.error or "", NOT_FOUND if asked_wrongly else types.INTERNAL_ERROR)
    return outcome.result


def _refusal(sentence: str, code: int) -> McpError:
    return McpError(types.ErrorData(code=code, message=sentence))
