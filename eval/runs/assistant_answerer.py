"""The assistant as an answerer: a session a conversation, several side by side, measured by the events it tells."""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from assistant.agent.state import TurnRules
from assistant.engines import open_engines
from assistant.errors import ProductError, SessionError
from assistant.front import Assistant
from assistant.llm.client import ChatClient
from assistant.llm.usage import CallUsage
from assistant.records import Done, Hit, Provisional, Ranked, Reply, StepFinished, StepStarted, TurnEvent
from assistant.sessions import new_session_id
from assistant.settings import Settings
from eval.runs.answering import Answerer, Conversation, ReadyTurn
from eval.runs.records import TurnAnswer

logger = logging.getLogger(__name__)

_MODEL_FAILURES: ContextVar[list[CallUsage] | None] = ContextVar("model_failures", default=None)
"""Model calls that failed in the turn at hand; what runs for a turn inherits its context."""


@asynccontextmanager
async def open_assistant(
    settings: Settings, *, chat: ChatClient | None = None, rules: TurnRules | None = None
) -> AsyncIterator[Answerer]:
    """The assistant over the settings' catalogue, with its models loaded.

    Args:
        chat: another language model than the settings'.
        rules: other numbers of a turn than the defaults.

    Raises:
        ConfigError, ServiceMissing, StoreError: as `Assistant` does.
    """
    engines = open_engines(settings)
    try:
        async with Assistant(settings, engines=engines, chat=chat, rules=rules) as assistant:
            assistant.chat.observers.append(_note_failure)
            await assistant.warm_up()
            yield AssistantAnswerer(assistant)
    finally:
        engines.catalogue.close()


class AssistantAnswerer:
    """Conversations with one open assistant."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant

    @asynccontextmanager
    async def conversation(self) -> AsyncIterator[Conversation]:
        """A session and a user of its own, forgotten at the end: no case knows what another one liked."""
        session = new_session_id()
        try:
            yield AssistantConversation(self._assistant, session)
        finally:
            with contextlib.suppress(SessionError):
                await self._assistant.forget(session)
            taste = self._assistant.engines.taste
            if taste is not None and taste.known:
                await asyncio.to_thread(taste.events.forget, session)


class AssistantConversation:
    """One session."""

    def __init__(self, assistant: Assistant, session: str) -> None:
        self._assistant = assistant
        self._session = session

    async def say(self, turn: ReadyTurn) -> TurnAnswer:
        """Answer one turn; whatever goes wrong is the answer's ``error``."""
        watched, failures = TurnObservation(), list[CallUsage]()
        token = _MODEL_FAILURES.set(failures)
        try:
            stream = self._assistant.stream(
                turn.text,
                images=turn.images,
                audio=turn.audio,
                video=turn.video,
                session_id=self._session,
                owner=self._session,
            )
            async for event in stream:
                watched.take(event)
        except ProductError as exc:
            watched.error = str(exc)
        except Exception as exc:  # one case must not end the run of all others
            logger.exception("a turn failed")
            watched.error = f"{type(exc).__name__}: {exc}"
        finally:
            _MODEL_FAILURES.reset(token)
        return watched.answer(model_failures=len(failures))


@dataclass
class TurnObservation:
    """What a turn's events tell, as they come."""

    began: float = field(default_factory=time.perf_counter)
    first: float | None = None
    provisional: list[str] = field(default_factory=list)
    ranking: list[str] = field(default_factory=list)
    reply: Reply | None = None
    error: str | None = None
    stages: dict[str, float] = field(default_factory=dict)
    _under_way: Counter[str] = field(default_factory=Counter)
    _since: dict[str, float] = field(default_factory=dict)

    def take(self, event: TurnEvent) -> None:
        """Note one event and when it came."""
        now = time.perf_counter()
        self.first = self.first if self.first is not None else now - self.began
        match event:
            case StepStarted():
                self._start(event.step, now)
            case StepFinished():
                self._stop(event.step, now)
            case Provisional():
                self.provisional = _ids(event.items, event.further)
            case Ranked():
                self.ranking = _ids(event.items, event.further)
            case Done():
                self.reply = event.reply

    def answer(self, *, model_failures: int) -> TurnAnswer:
        """The turn as it was answered."""
        shown_ids = [item.item_id for item in self.reply.recommendations] if self.reply else []
        return TurnAnswer(
            ranking=self.ranking or shown_ids,
            provisional=self.provisional,
            shown=shown_ids,
            reply=self.reply,
            stages={step: round(seconds, 4) for step, seconds in self.stages.items()},
            seconds=round(time.perf_counter() - self.began, 4),
            first_event_seconds=self.first,
            error=self.error,
            model_failures=model_failures,
        )

    def _start(self, step: str, now: float) -> None:
        self._under_way[step] += 1
        if self._under_way[step] == 1:
            self._since[step] = now

    def _stop(self, step: str, now: float) -> None:
        """Calls of one kind side by side count once: it is wall time that a turn costs."""
        self._under_way[step] -= 1
        if self._under_way[step] == 0:
            self.stages[step] = self.stages.get(step, 0.0) + now - self._since[step]


def _ids(items: list[Hit], further: list[str]) -> list[str]:
    return [*(hit.item_id for hit in items), *further]


def _note_failure(call: CallUsage) -> None:
    failures = _MODEL_FAILURES.get()
    if failures is not None and not call.ok:
        failures.append(call)
