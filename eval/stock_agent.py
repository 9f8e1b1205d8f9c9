"""LangChain's stock agent over the product's tools and its server: what is there without any of the product's own turn.

`langchain.agents.create_agent` with one system prompt (data/stock_agent.md), the same tools and the same model.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import BaseTool

from assistant.llm.client import ChatClient
from tools.errors import MediaError
from tools.records import Item
from tools.toolbox import Engines, build_tools

PROMPT = Path(__file__).parent / "data" / "stock_agent.md"
SECONDS = 60.0
STEPS = 12
"""LangGraph's recursion limit: six rounds of model and tools."""

ANSWER_TOKENS = 300
MOST = 3
"""How many items the prompt asks for at most."""


class FirstCallRequired(AgentMiddleware[Any, Any, Any]):
    """Obliges the model to call a tool before it answers: small models rarely do by themselves."""

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """Set ``tool_choice`` to "required" until a tool has answered."""
        has_tool_result = any(isinstance(message, ToolMessage) for message in request.messages)
        return await handler(request if has_tool_result else request.override(tool_choice="required"))


@dataclass(frozen=True)
class StockAnswer:
    """What came of one message."""

    text: str
    """What the agent said at the end; empty when it ended with a tool call or was stopped."""
    tool_calls: int
    seconds: float
    failure: str | None = None
    """What ended it early, in one sentence."""


def short_answers(chat: ChatClient) -> BaseChatModel:
    """The settings' model, limited as here every answer is."""
    return chat.chat_model().model_copy(update={"max_tokens": ANSWER_TOKENS})


@dataclass
class StockConversation:
    """One conversation; the agent remembers every message of it, and attachments keep their names (img1, aud1, ...)."""

    model: BaseChatModel
    engines: Engines
    middleware: Sequence[AgentMiddleware[Any, Any, Any]] = ()
    _messages: list[BaseMessage] = field(default_factory=list)
    _files: dict[str, Path] = field(default_factory=dict)

    async def ask(self, text: str, images: Sequence[Path] = (), audio: Sequence[Path] = ()) -> StockAnswer:
        """Send one message; a turn that fails is in the answer, and forgotten by the agent."""
        content = "\n".join([*([text] if text else []), *self._attach(images, audio)])
        began, before = time.perf_counter(), [*self._messages, HumanMessage(content)]
        messages, failure = await self._run(before)
        new = [message for message in messages[len(before) :] if isinstance(message, AIMessage)]
        if failure is None:
            self._messages = messages
        calls = sum(len(message.tool_calls) for message in new)
        return StockAnswer(_final_text(new), calls, time.perf_counter() - began, failure)

    def _attach(self, images: Sequence[Path], audio: Sequence[Path]) -> list[str]:
        """Name the files and say so, a line each."""
        lines = []
        for kind, prefix, paths in (("picture", "img", images), ("voice note", "aud", audio)):
            for path in paths:
                name = f"{prefix}{sum(attached.startswith(prefix) for attached in self._files) + 1}"
                self._files[name] = path
                lines.append(f"Attached {kind}: {name}")
        return lines

    async def _run(self, messages: list[BaseMessage]) -> tuple[list[BaseMessage], str | None]:
        """The conversation as far as it came, and what ended it early."""
        tools: list[BaseTool] = list(build_tools(self.engines, partial(_attached, self._files)).values())
        agent: Any = create_agent(
            self.model, tools, system_prompt=PROMPT.read_text("utf-8"), middleware=self.middleware
        )
        try:
            async with asyncio.timeout(SECONDS):
                async for state in agent.astream(
                    {"messages": messages}, {"recursion_limit": STEPS}, stream_mode="values"
                ):
                    messages = state["messages"]
        except TimeoutError:
            return messages, f"no answer within {SECONDS:g} s"
        except Exception as exc:  # whatever the stock agent does not catch is its result
            return messages, f"{type(exc).__name__}: {' '.join(str(exc).split())[:160]}"
        return messages, None


def _attached(files: Mapping[str, Path], name: str) -> Path:
    """The file of an attachment; the model is told when it invents one, as the assistant's would be."""
    if name not in files:
        raise MediaError(f"There is no attachment {name!r}; known: {', '.join(files) or 'none'}.")
    return files[name]


def _final_text(answers: Sequence[AIMessage]) -> str:
    """What the agent says at the end; nothing when it ended with a tool call."""
    return str(answers[-1].text) if answers and not answers[-1].tool_calls else ""


def named_items(text: str, items: Mapping[str, Item], most: int = MOST) -> list[str]:
    """Ids of the items that a text names by title or id, in the order of their first mention.

    Longer names are looked for first, so that "camera lens" is not also "camera".
    """
    remaining_text, mentions = text.casefold(), []
    names = [(name.casefold(), item.id) for item in items.values() for name in {item.title, item.id}]
    for name, item_id in sorted(names, key=lambda pair: -len(pair[0])):
        match = re.search(rf"(?<![\w-]){re.escape(name)}(?:e?s)?(?![\w-])", remaining_text)
        if match:
            mentions.append((match.start(), item_id))
            remaining_text = remaining_text.replace(match.group(), " " * len(match.group()))
    return list(dict.fromkeys(item_id for _, item_id in sorted(mentions)))[:most]
