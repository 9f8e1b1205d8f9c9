"""MCP Apps (SEP-1865, version 2026-01-26): a page that shows items as cards, side by side and with their evidence, in
hosts that can show pages. It is one file without requests of its own: pictures come with the results of the tools."""

from functools import cache
from importlib.resources import files
from typing import Any, Final

from mcp import types
from pydantic import AnyUrl

VIEW: Final = "ui://recommendation-assistant/items.html"
VIEW_TYPE: Final = "text/html;profile=mcp-app"
SHOWN: Final = {
    "recommend", "search_by_text", "search_by_image", "browse", "similar_taste", "because_you_liked", "get_item",
    "compare_items",
}  # fmt: skip
"""The tools whose results the page shows."""
_META: Final[dict[str, Any]] = {
    "ui": {
        "csp": {"connectDomains": [], "resourceDomains": [], "frameDomains": [], "baseUriDomains": []},
        "prefersBorder": False,
    }
}


def tool_meta(tool: str) -> dict[str, Any] | None:
    """What a tool's listing says of the page; None for tools that it does not show."""
    return {"ui": {"resourceUri": VIEW, "visibility": ["model", "app"]}} if tool in SHOWN else None


def view_resource() -> types.Resource:
    """The page as it is listed."""
    return types.Resource(
        name="items.html",
        title="Item cards",
        uri=AnyUrl(VIEW),
        description="Shows items as cards with pictures and evidence, and side by side",
        mimeType=VIEW_TYPE,
        _meta=_META,
    )


def view() -> types.ReadResourceResult:
    """The page itself."""
    page = types.TextResourceContents(uri=AnyUrl(VIEW), mimeType=VIEW_TYPE, text=_page(), _meta=_META)
    return types.ReadResourceResult(contents=[page])


@cache
def _page() -> str:
    return (files(__package__) / "view.html").read_text("utf-8")
