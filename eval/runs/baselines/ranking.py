"""Conversations with something that only ranks.

It is given every turn of the conversation so far, but keeps no state, reads no constraints and writes no words: the
raw words and photos decide alone. An answer therefore has no reply.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from assistant.engines import open_engines
from assistant.settings import Settings
from eval.runs.answering import Answerer, Conversation, ReadyTurn
from eval.runs.records import TurnAnswer
from tools.errors import ProductError
from tools.toolbox import Engines

Ranker = Callable[[Sequence[ReadyTurn]], list[str]]
"""Item ids, best first, for a conversation whose newest turn comes last."""

MakeRanker = Callable[[Engines, Settings], Ranker]


@asynccontextmanager
async def open_ranking(settings: Settings, *, make: MakeRanker) -> AsyncIterator[Answerer]:
    """An answerer over a ranker; what the ranker needs is looked for now, and closed at the end.

    Raises:
        ServiceMissing: a model is not there.
        StoreError: the catalogue cannot be read, or was made by other encoders.
    """
    engines = open_engines(settings)
    catalogue = engines.catalogue
    try:
        rank = await asyncio.to_thread(make, engines, settings)
        yield RankingAnswerer(rank, settings.turn.top_n)
    finally:
        catalogue.close()


@dataclass(frozen=True)
class RankingAnswerer:
    """Conversations with one ranker, of whose list the first ``shown`` count as shown to the user."""

    rank: Ranker
    shown_count: int

    @asynccontextmanager
    async def conversation(self) -> AsyncIterator[Conversation]:
        """Begin a conversation."""
        yield RankingConversation(self.rank, self.shown_count)


@dataclass
class RankingConversation:
    """What was said so far, for a ranker."""

    rank: Ranker
    shown_count: int
    _turns: list[ReadyTurn] = field(default_factory=list)

    async def say(self, turn: ReadyTurn) -> TurnAnswer:
        """The ranking after this turn, which is forgotten where it cannot be read."""
        began = time.perf_counter()
        turns = [*self._turns, turn]
        try:
            ranking = await asyncio.to_thread(self.rank, turns)
        except ProductError as exc:
            return TurnAnswer(error=str(exc), seconds=time.perf_counter() - began)
        self._turns = turns
        return TurnAnswer(ranking=ranking, shown=ranking[: self.shown_count], seconds=time.perf_counter() - began)
