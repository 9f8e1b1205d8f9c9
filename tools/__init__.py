"""What the model can call, and the engines beneath; usable alone, without `assistant`.

    from pathlib import Path
    from tools import Engines, bind_tools, call_tool

    tools = bind_tools(engines, resolve=Path)
    outcome = call_tool(tools, "search_by_text", {"query": "a red chair", "filters": {"max_price": 60}})

Names are imported when they are first read: importing this package loads no library.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tools.engines.lazy import Lazy
    from tools.engines.parts import Engines
    from tools.media import Audio, MediaLimits, load_audio, load_picture
    from tools.toolbox import bind_tools, build_tools, call_tool, run_tool

__all__ = [
    "Audio",
    "Engines",
    "Lazy",
    "MediaLimits",
    "bind_tools",
    "build_tools",
    "call_tool",
    "load_audio",
    "load_picture",
    "run_tool",
]

_HOMES = {
    "Audio": "tools.media",
    "Engines": "tools.engines.parts",
    "Lazy": "tools.engines.lazy",
    "MediaLimits": "tools.media",
    "bind_tools": "tools.toolbox",
    "build_tools": "tools.toolbox",
    "call_tool": "tools.toolbox",
    "load_audio": "tools.media",
    "load_picture": "tools.media",
    "run_tool": "tools.toolbox",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name not in _HOMES:
        raise AttributeError(f"module 'tools' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
