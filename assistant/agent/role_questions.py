"""The turn's questions to the language model about words of which the classifiers are unsure."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from assistant.agent.first_searches import to_chat
from assistant.agent.reading.questions import ANSWERS, RoleQuestion
from assistant.agent.state import TurnContext
from assistant.agent.steps import questions_in_force
from assistant.errors import LLMBadReply, LLMUnavailable
from assistant.llm.adapters import prompts_in_force

QUESTION_SECONDS: Final = 1.5
"""Deadline of a turn's questions, which go side by side."""
CERTAIN: Final = 0.8
"""Probability from which the model's answer counts."""


def with_questions(context: TurnContext) -> TurnContext:
    """The context whose reader asks the language model, as often as the settings allow; from the turn's event loop."""
    most = questions_in_force(context.settings)
    if not most:
        return context
    return replace(context, reader=context.reader._replace(ask=_Questions(context, asyncio.get_running_loop(), most)))


class _Questions:
    """Asks from the reader's thread, as many questions as are left to the turn."""

    def __init__(self, context: TurnContext, loop: asyncio.AbstractEventLoop, most: int) -> None:
        self._context, self._loop, self._remaining = context, loop, most

    def __call__(self, questions: Sequence[RoleQuestion]) -> dict[RoleQuestion, str]:
        batch = questions[: self._remaining]
        self._remaining -= len(batch)
        return asyncio.run_coroutine_threadsafe(self._ask(batch), self._loop).result() if batch else {}

    async def _ask(self, questions: Sequence[RoleQuestion]) -> dict[RoleQuestion, str]:
        self._context.watch.start("llm")
        try:
            roles = await asyncio.gather(*(self._role(question) for question in questions))
        finally:
            self._context.watch.stop("llm")
        return {question: role for question, role in zip(questions, roles, strict=True) if role}

    async def _role(self, question: RoleQuestion) -> str | None:
        """The role that the model is sure of; None where it is unsure, late or out."""
        settings = self._context.settings
        messages, seconds = to_chat(question.messages(prompts_in_force(settings))), QUESTION_SECONDS
        try:
            probabilities = await self._context.chat.choose(messages, ANSWERS, purpose="role", timeout=seconds)
        except (LLMUnavailable, LLMBadReply):
            return None
        role, probability = question.answered(probabilities)
        return role if probability >= CERTAIN else None
