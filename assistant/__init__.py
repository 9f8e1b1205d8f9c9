"""A multimodal recommendation assistant driven by an LLM agent.

    from assistant import Assistant, load_settings

Importing the package loads no model library; opening an `Assistant` does.
"""

from typing import TYPE_CHECKING

from assistant.settings import Settings, load_settings

if TYPE_CHECKING:
    from assistant.front import Assistant
    from assistant.records import Reply

__all__ = ["Assistant", "Reply", "Settings", "load_settings"]


def __getattr__(name: str) -> object:
    if name == "Assistant":
        from assistant.front import Assistant  # imports the whole product; loaded when first asked for

        return Assistant
    if name == "Reply":
        from assistant.records import Reply  # imports the whole product; loaded when first asked for

        return Reply
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
