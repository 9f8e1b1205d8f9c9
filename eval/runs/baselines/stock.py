"""LangChain's stock agent as an answerer: what it shows are the items that its answer names, in the order named."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.engines import open_engines
from assistant.llm.client import ChatClient
from assistant.settings import Settings
from eval.runs.answering import Answerer, Conversation, ReadyTurn
from eval.runs.records import TurnAnswer
from tools.records import Item
from tools.toolbox import Engines

if TYPE_CHECKING:
    from eval.stock_agent import StockConversation


@asynccontextmanager
async def open_stock_agent(settings: Settings) -> AsyncIterator[Answerer]:
    """The agent over the settings' tools and server; it decides by itself when to call a tool.

    Raises:
        StoreError: the catalogue cannot be read.
    """
    engines, chat = open_engines(settings), ChatClient(settings)
    catalogue = engines.catalogue
    try:
        items = {item.id: item for item in catalogue.items()}
        yield StockAnswerer(chat, engines, items)
    finally:
        await chat.aclose()
        catalogue.close()


@dataclass(frozen=True)
class StockAnswerer:
    """Conversations with the stock agent."""

    chat: ChatClient
    engines: Engines
    items: Mapping[str, Item]

    @asynccontextmanager
    async def conversation(self) -> AsyncIterator[Conversation]:
        """Begin a conversation."""
        from eval.stock_agent import StockConversation, short_answers  # brings langgraph; only this baseline needs it

        yield _Conversation(StockConversation(short_answers(self.chat), self.engines), self.items)


@dataclass(frozen=True)
class _Conversation:
    agent: "StockConversation"
    items: Mapping[str, Item]

    async def say(self, turn: ReadyTurn) -> TurnAnswer:
        """The items that the agent names at the end."""
        from eval.stock_agent import named_items  # brings langgraph; only this baseline needs it

        answer = await self.agent.ask(turn.text, turn.images, turn.audio)
        item_ids = named_items(answer.text, self.items)
        return TurnAnswer(ranking=item_ids, shown=item_ids, seconds=answer.seconds, error=answer.failure)
