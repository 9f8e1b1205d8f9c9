"""The tools together: what they work with, how they are built, and how one is called by anybody.

engines = Engines(catalogue=..., text=..., pictures=..., speech=...)
toolset = build_tools(engines, resolve=Path)
call_tool(toolset, "search_by_text", {"query": "running shoes", "k": 3})
"""

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from langchain_core.tools import BaseTool, StructuredTool
from pydantic import BaseModel, ValidationError

from tools.engines.lazy import Lazy, lazily
from tools.engines.pictures import PictureEncoder
from tools.engines.speech import SpeechEngine
from tools.engines.text import TextEncoder
from tools.errors import BadInput, ProductError
from tools.media import MediaLimits
from tools.records import ToolOutcome
from tools.store.catalogue import Catalogue

_log = logging.getLogger(__name__)

Resolve = Callable[[str], Path]
"""Turns an attachment reference (``img1``, or a path on the command line) into a file."""


class Engines:
    """What the tools work with. Each part is given ready or as a function that makes it on first use."""

    def __init__(
        self,
        *,
        catalogue: Catalogue | Callable[[], Catalogue],
        text: TextEncoder | Callable[[], TextEncoder],
        pictures: PictureEncoder | Callable[[], PictureEncoder],
        speech: SpeechEngine | Callable[[], SpeechEngine],
        limits: MediaLimits | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        """``weights``: of each signal within one search; the search's own when None."""
        self.limits = limits or MediaLimits()
        self.weights = weights
        self._catalogue = lazily(catalogue)
        self._text = lazily(text)
        self._pictures = lazily(pictures)
        self._speech = lazily(speech)

    @property
    def catalogue(self) -> Catalogue:
        """The items."""
        return self._catalogue()

    @property
    def text(self) -> TextEncoder:
        """Words to vectors."""
        return self._text()

    @property
    def pictures(self) -> PictureEncoder:
        """Pictures to vectors and labels."""
        return self._pictures()

    @property
    def speech(self) -> SpeechEngine:
        """Recordings to words."""
        return self._speech()

    def warm_up(self) -> None:
        """Load everything, side by side. What cannot be loaded is left to fail, with its sentence, when it is used."""
        parts: list[Lazy[Any]] = [self._catalogue, self._text, self._pictures, self._speech]
        with ThreadPoolExecutor(len(parts)) as pool:
            list(pool.map(_load, parts))


@dataclass(frozen=True)
class ToolSpec:
    """One tool: its name, what the model reads about it, its arguments and what it does."""

    name: str
    description: str
    arguments: type[BaseModel]
    run: Callable[..., BaseModel] = field(repr=False)

    def build(self, engines: Engines, resolve: Resolve) -> BaseTool:
        """The LangChain tool over these engines; it returns a JSON-able dictionary."""

        def call(**arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - validated by ``arguments``
            return self.run(engines, resolve, self.arguments.model_validate(arguments)).model_dump(mode="json")

        return StructuredTool.from_function(
            call, name=self.name, description=self.description, args_schema=self.arguments, infer_schema=False
        )


def tool_specs() -> list[ToolSpec]:
    """All tools, in the order in which they are listed."""
    from tools import browse, compare_items, describe_image, get_item, search_by_image, search_by_text, transcribe_audio

    modules = (transcribe_audio, describe_image, search_by_image, search_by_text, browse, get_item, compare_items)
    return [module.SPEC for module in modules]


def build_tools(engines: Engines, resolve: Resolve) -> dict[str, BaseTool]:
    """Every tool by name, over these engines."""
    return {spec.name: spec.build(engines, resolve) for spec in tool_specs()}


def call_tool(tools: Mapping[str, BaseTool], name: str, arguments: dict[str, Any]) -> ToolOutcome:
    """Call one tool. Never raises for bad arguments or a tool's failure: the outcome says it in one sentence."""
    began = time.perf_counter()

    def outcome(result: dict[str, Any] | None = None, error: ProductError | None = None) -> ToolOutcome:
        seconds = time.perf_counter() - began
        if error is None:
            return ToolOutcome(ok=True, result=result, seconds=seconds)
        return ToolOutcome(ok=False, error=str(error), exit_code=error.exit_code, seconds=seconds)

    try:
        return outcome(_call(tools, name, arguments))
    except ProductError as exc:
        return outcome(error=exc)
    except Exception:  # a programming mistake must not end a conversation; it is logged in full
        _log.exception("The tool %s failed", name)
        return outcome(error=ProductError(f"The tool {name} failed for a reason it did not expect; the log has it."))


def _call(tools: Mapping[str, BaseTool], name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    if name not in tools:
        raise BadInput(f"There is no tool {name!r}; known: {', '.join(tools)}.")
    try:
        result: dict[str, Any] = tools[name].invoke(arguments)
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "arguments"
        raise BadInput(f"{name}: {where}: {first['msg']}.") from exc
    return result


def _load(part: Lazy[Any]) -> None:
    try:
        made = part()
        if load := getattr(made, "load", None):
            load()
    except ProductError as exc:
        _log.info("Not loaded ahead: %s", exc)
