"""Baselines that are the product's own turn with a part of it taken out."""

import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from assistant.engines import open_engines
from assistant.errors import LLMUnavailable
from assistant.front import Assistant
from assistant.llm.client import ChatClient
from assistant.records import Done, Provisional, Reply, StepFinished
from assistant.sessions import new_session_id
from assistant.settings import Settings
from eval.runs.answering import Answerer, Conversation, ReadyTurn
from eval.runs.records import TurnAnswer
from tools.errors import ProductError

ABSENT = "this baseline has none."


class NoModel(ChatClient):
    """A language model that is never there; no connection has to fail first."""

    def for_turn(self) -> "NoModel":
        """One with counts of its own."""
        return NoModel(self._settings)

    async def complete_json(self, *_: Any, **__: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever is asked
        """Raises `LLMUnavailable`."""
        raise LLMUnavailable(ABSENT)

    async def complete_text(self, *_: Any, **__: Any) -> str:  # noqa: ANN401 - whatever is asked
        """Raises `LLMUnavailable`."""
        raise LLMUnavailable(ABSENT)


def open_fusion(settings: Settings) -> AbstractAsyncContextManager[Answerer]:
    """The turn without a language model: planning by rules, the fused order, explanations by templates.

    Raises:
        StoreError: the catalogue cannot be read.
    """
    return _open(settings, NoModel(settings))


def open_unfused(settings: Settings) -> AbstractAsyncContextManager[Answerer]:
    """The turn in which no signals are fused: the searches' lists are taken in turns, without scores.

    Plan, prompts, schemas and the number of candidates are the product's; the language model alone orders them.

    Raises:
        StoreError: the catalogue cannot be read.
    """
    turn = settings.turn.model_copy(update={"fuse_signals": False})
    changed = settings.model_copy(update={"turn": turn}, deep=True)
    return _open(changed, ChatClient(changed))


@asynccontextmanager
async def _open(settings: Settings, chat: ChatClient) -> AsyncIterator[Answerer]:
    engines = open_engines(settings)
    catalogue = engines.catalogue
    try:
        async with Assistant(settings, engines=engines, chat=chat) as assistant:
            yield TurnsAnswerer(assistant)
    finally:
        catalogue.close()


@dataclass(frozen=True)
class TurnsAnswerer:
    """Conversations with an open assistant."""

    assistant: Assistant

    @asynccontextmanager
    async def conversation(self) -> AsyncIterator[Conversation]:
        """A session of its own, forgotten at the end."""
        session = new_session_id()
        try:
            yield _Conversation(self.assistant, session)
        finally:
            await self.assistant.forget(session)


@dataclass(frozen=True)
class _Conversation:
    assistant: Assistant
    session: str

    async def say(self, turn: ReadyTurn) -> TurnAnswer:
        """One turn of the session, read from its events."""
        began = time.perf_counter()
        told: dict[str, Any] = {"stages": {}}
        try:
            async for event in self.assistant.stream(
                turn.text, images=turn.images, audio=turn.audio, session_id=self.session
            ):
                told.setdefault("first_event_seconds", time.perf_counter() - began)
                _note(told, event)
        except ProductError as exc:
            told["error"] = str(exc)
        return TurnAnswer(**told, seconds=time.perf_counter() - began)


def _note(told: dict[str, Any], event: object) -> None:
    """What one event adds to the answer."""
    match event:
        case Provisional(items=items):
            told["provisional"] = [hit.item_id for hit in items]
        case StepFinished(step=step, seconds=seconds):
            told["stages"][step] = told["stages"].get(step, 0.0) + seconds
        case Done(reply=reply):
            told |= _answered(reply, told.get("provisional", []))


def _answered(reply: Reply, provisional: list[str]) -> dict[str, Any]:
    shown = [item.item_id for item in reply.recommendations]
    return {"reply": reply, "shown": shown, "ranking": list(dict.fromkeys([*shown, *provisional]))}
