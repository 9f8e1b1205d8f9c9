"""The prompts that users of MCP clients pick, and what agents are told of this server; the texts are in prompts/mcp."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from mcp import types
from mcp.shared.exceptions import McpError

from prompts import Prompt, read_prompt

MOST_CHARACTERS: Final = 2_000
"""Of a prompt's argument."""
_FOLDER: Final = Path(str(files("prompts"))) / "mcp"


@dataclass(frozen=True)
class _Offered:
    """A prompt as clients list it; ``arguments`` has the meaning of each, those of ``optional`` may be left out."""

    title: str
    arguments: Mapping[str, str]
    optional: frozenset[str]


_PROMPTS: Final = {
    "find_something": _Offered(
        "Find something",
        {"wish": "what you are looking for", "budget": "the most you want to spend, such as 60 EUR"},
        frozenset({"budget"}),
    ),
    "compare": _Offered(
        "Compare items",
        {"items": "names or ids of the items", "matters": "what matters to you"},
        frozenset({"matters"}),
    ),
    "by_photo": _Offered(
        "Find by photo",
        {
            "photo": "an upload's id or a file's name; leave it out if you attach the photo",
            "wish": "what should be different",
        },
        frozenset({"photo", "wish"}),
    ),
}


def instructions() -> str:
    """What an agent is told of the server."""
    return _read("instructions").render()[0].content


async def list_prompts(_: types.ListPromptsRequest) -> types.ServerResult:
    """All prompts with their arguments."""
    listed = [
        types.Prompt(
            name=name,
            title=prompt.title,
            description=_read(name).purpose,
            arguments=[
                types.PromptArgument(name=argument, description=meaning, required=argument not in prompt.optional)
                for argument, meaning in prompt.arguments.items()
            ],
        )
        for name, prompt in _PROMPTS.items()
    ]
    return types.ServerResult(types.ListPromptsResult(prompts=listed))


async def get_prompt(request: types.GetPromptRequest) -> types.ServerResult:
    """One prompt with its arguments filled in.

    Raises:
        McpError: there is none of this name, or an argument is missing, unknown or too long.
    """
    name, given = request.params.name, request.params.arguments or {}
    if name not in _PROMPTS:
        raise _refusal(f"There is no prompt {name[:80]!r}; known: {', '.join(_PROMPTS)}.")
    prompt = _PROMPTS[name]
    for argument in {**prompt.arguments, **given}:
        if argument not in prompt.arguments:
            raise _refusal(f"{name} has no argument {argument[:80]!r}; it takes: {', '.join(prompt.arguments)}.")
        if argument not in prompt.optional and not given.get(argument, "").strip():
            raise _refusal(f"{name} needs the argument {argument!r}.")
        if len(given.get(argument, "")) > MOST_CHARACTERS:
            raise _refusal(f"The argument {argument!r} is longer than {MOST_CHARACTERS:,} characters.")
    read = _read(name)
    rendered = read.render(**{argument: given.get(argument, "").strip() for argument in prompt.arguments})
    messages = [
        types.PromptMessage(role="user", content=types.TextContent(type="text", text=message.content))
        for message in rendered
    ]
    return types.ServerResult(types.GetPromptResult(description=read.purpose, messages=messages))


def _read(name: str) -> Prompt:
    return read_prompt(_FOLDER / f"{name}.md")


def _refusal(sentence: str) -> McpError:
    return McpError(types.ErrorData(code=types.INVALID_PARAMS, message=sentence))
