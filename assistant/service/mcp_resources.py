"""The catalogue as MCP resources: counts, a bounded listing, and every item by its address."""

import asyncio
import json
from typing import Any
from urllib.parse import quote, unquote

from mcp import types
from mcp.shared.exceptions import McpError
from pydantic import AnyUrl

from assistant.front import Assistant
from assistant.service.context import User
from assistant.service.problems import problem_of
from assistant.service.toolbench import Toolbench

STATS = "catalogue://stats"
ITEMS = "catalogue://items"
LISTED = 100
"""How many items the listing shows; the template reaches every item."""
NOT_FOUND = -32002
"""MCP's code for a resource that is not there."""
JSON = "application/json"


def item_uri(item_id: str) -> str:
    """Where an item can be read."""
    return f"{ITEMS}/{quote(item_id, safe='')}"


async def list_resources(_: types.ListResourcesRequest) -> types.ServerResult:
    """The two resources that have an address of their own."""
    described = {
        STATS: "Counts of items, categories and brands, and the price range",
        ITEMS: f"The first {LISTED} items by title, and how many there are",
    }
    resources = [
        types.Resource(name=uri.rpartition("/")[2], uri=AnyUrl(uri), description=meaning, mimeType=JSON)
        for uri, meaning in described.items()
    ]
    return types.ServerResult(types.ListResourcesResult(resources=resources))


async def list_templates(_: types.ListResourceTemplatesRequest) -> types.ServerResult:
    """The address of any item."""
    meaning = "Everything that the catalogue says about one item; the id is percent-encoded"
    item = types.ResourceTemplate(name="item", uriTemplate=f"{ITEMS}/{{id}}", description=meaning, mimeType=JSON)
    return types.ServerResult(types.ListResourceTemplatesResult(resourceTemplates=[item]))


async def read_resource(
    request: types.ReadResourceRequest, assistant: Assistant, bench: Toolbench, user: User
) -> types.ServerResult:
    """One resource as JSON.

    Raises:
        McpError: there is none, or the catalogue cannot be read.
    """
    uri = request.params.uri
    try:
        content = await _content(str(uri), assistant, bench, user)
    except McpError:
        raise
    except Exception as exc:
        raise _refusal(problem_of(exc).detail, types.INTERNAL_ERROR) from exc
    text = types.TextResourceContents(uri=uri, mimeType=JSON, text=json.dumps(content, ensure_ascii=False))
    return types.ServerResult(types.ReadResourceResult(contents=[text]))


async def _content(uri: str, assistant: Assistant, bench: Toolbench, user: User) -> dict[str, Any]:
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


async def _looked_up(bench: Toolbench, user: User, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    outcome = await bench.call(user, tool, arguments)
    if outcome.result is None:
        asked_wrongly = outcome.failure in ("input", "unknown")
        raise _refusal(outcome.error or "", NOT_FOUND if asked_wrongly else types.INTERNAL_ERROR)
    return outcome.result


def _refusal(sentence: str, code: int) -> McpError:
    return McpError(types.ErrorData(code=code, message=sentence))
