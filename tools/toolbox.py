"""All tools together: build them over engines, and call one by name."""

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from tools import (
    because_you_liked,
    browse,
    compare_items,
    describe_image,
    describe_video,
    get_item,
    item_facts,
    read_text,
    search_by_image,
    search_by_sound,
    search_by_text,
    search_by_video,
    search_pages,
    similar_taste,
    transcribe_audio,
    user_history,
)
from tools.engines.lazy import Lazy
from tools.engines.parts import Engines
from tools.errors import BadInput, MediaError, ProductError, ServiceMissing, UnknownItem, UnknownTool
from tools.records import FailureKind, ToolOutcome
from tools.tool import BoundTool, Context, Tool

if TYPE_CHECKING:
    from tools.langchain_tool import CatalogueTool

__all__ = ["TOOLS", "Engines", "Lazy", "bind_tools", "build_tools", "call_tool", "register", "run_tool"]

logger = logging.getLogger(__name__)

TOOLS: Final[list[Tool[Any]]] = [
    transcribe_audio.TOOL,
    describe_image.TOOL,
    describe_video.TOOL,
    read_text.TOOL,
    search_by_text.TOOL,
    search_by_image.TOOL,
    search_by_video.TOOL,
    search_by_sound.TOOL,
    browse.TOOL,
    get_item.TOOL,
    compare_items.TOOL,
    user_history.TOOL,
    similar_taste.TOOL,
    because_you_liked.TOOL,
    search_pages.TOOL,
    item_facts.TOOL,
]
"""In the order in which they are offered."""


def register(tool: Tool[Any]) -> None:
    """Offer one more tool to the language model, the API and MCP; before the assistant or the service is opened.

    Raises:
        ValueError: there is a tool of this name.
    """
    if any(other.name == tool.name for other in TOOLS):
        raise ValueError(f"There is a tool {tool.name!r} already.")
    TOOLS.append(tool)


class Answers(Protocol):
    """What can be called by name: a `BoundTool`, or the same as LangChain takes it."""

    def answer(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Check the arguments and run; raises `ProductError`."""


def bind_tools(engines: Engines, resolve: Callable[[str], Path], user: str | None = None) -> dict[str, BoundTool]:
    """The tools by name, for calling from Python; LangChain is not imported.

    Args:
        resolve: turns an attachment's name (img1, aud1) into a file; raises `BadInput` for one that is not there.
        user: whose history the tools may look at, as a pseudonym; None: nobody's.
    """
    context = Context(engines, resolve, user)
    return {tool.name: BoundTool(tool, context) for tool in TOOLS}


def build_tools(
    engines: Engines, resolve: Callable[[str], Path], user: str | None = None
) -> "dict[str, CatalogueTool]":
    """The tools by name, as LangChain takes them; arguments as of `bind_tools`."""
    from tools.langchain_tool import CatalogueTool  # brings LangChain; calling a tool by hand does without

    return {name: CatalogueTool.of(bound) for name, bound in bind_tools(engines, resolve, user).items()}


def run_tool(tools: Mapping[str, Answers], name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Call a tool by name.

    Raises:
        UnknownTool: there is no such tool.
        BadInput: an argument is wrong.
        ProductError: what the tool raises on purpose.
    """
    if name not in tools:
        raise UnknownTool(f"There is no tool {name!r}; known: {', '.join(tools)}.")
    return tools[name].answer(arguments)


def call_tool(tools: Mapping[str, Answers], name: str, arguments: dict[str, Any]) -> ToolOutcome:
    """Call a tool by name; whatever goes wrong is in the outcome, in one sentence, and nothing is raised."""
    began = time.perf_counter()
    outcome: dict[str, Any] = {"ok": True}
    try:
        outcome["result"] = run_tool(tools, name, arguments)
    except ProductError as exc:
        outcome = {"ok": False, "error": str(exc), "failure": failure_kind(exc)}
    except Exception:  # a mistake of ours must not end the turn of which this call is a part
        logger.exception("the tool %s failed", name)
        outcome = {"ok": False, "error": f"The tool {name} failed unexpectedly; the log says why.", "failure": "failed"}
    return ToolOutcome(**outcome, seconds=round(time.perf_counter() - began, 4))


def failure_kind(error: ProductError) -> FailureKind:
    """Whose fault an error is."""
    match error:
        case MediaError():
            return "media"
        case UnknownItem() | UnknownTool():
            return "unknown"
        case BadInput():
            return "input"
        case ServiceMissing():
            return "missing"
    return "failed"
