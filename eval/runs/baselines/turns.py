"""Baselines that are the product's own turn with a part of it taken out."""

from typing import Any, NoReturn

from assistant.agent.state import TurnRules
from assistant.errors import LLMUnavailable
from assistant.llm.client import ChatClient
from assistant.settings import Settings
from eval.runs.answering import OpenAnswerer
from eval.runs.assistant_answerer import open_assistant

ABSENT = "This baseline has no language model."


class NoModel(ChatClient):
    """A language model that is never there; no connection has to fail first."""

    def for_turn(self, session: str = "") -> "NoModel":
        """One with counts of its own."""
        return NoModel(self._settings)

    async def _call(self, *_: Any, **__: Any) -> NoReturn:  # noqa: ANN401 - whatever is asked
        """Raises `LLMUnavailable`."""
        raise LLMUnavailable(ABSENT)


def open_fusion(settings: Settings) -> OpenAnswerer:
    """The turn without a language model: what was read, the fused order, explanations by templates.

    Raises:
        StoreError: the catalogue cannot be read.
    """
    return open_assistant(settings, chat=NoModel(settings))


def open_unfused(settings: Settings) -> OpenAnswerer:
    """The turn in which no signals are fused: the searches' lists are interleaved, without scores.

    Plan, prompts, schemas and the number of candidates are the product's; the language model alone orders them.

    Raises:
        StoreError: the catalogue cannot be read.
    """
    turn = settings.turn.model_copy(update={"ranking": "model"})
    return open_assistant(settings.model_copy(update={"turn": turn}), rules=TurnRules(fuse_signals=False))
