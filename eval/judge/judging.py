"""Asking a judge for its grades, several at one time."""

import asyncio
import itertools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from assistant.agent.first_searches import to_chat
from assistant.errors import LLMBadReply
from assistant.ingest.progress import Progress, SilentProgress
from assistant.llm.client import ChatClient
from eval.judge.pairs import JudgeVariables
from eval.judge.records import Judgement, Pair
from prompts import Prompt, read_prompt

PROMPT = Path(__file__).parents[1] / "data" / "judge.md"
ANSWER_TOKENS = 200
REASON_CHARACTERS = 300
PARALLEL = 4

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "reason": {"type": "string", "maxLength": REASON_CHARACTERS},
        "grade": {"enum": [0, 1, 2, 3]},
    },
    "required": ["reason", "grade"],
    "additionalProperties": False,
}
"""The reason comes first: what is written before the grade can still change it."""


def judge_prompt() -> Prompt:
    """The judge's prompt, of which a report names version and hash."""
    return read_prompt(PROMPT)


async def judge_run(
    pairs: Sequence[Pair],
    variables: JudgeVariables,
    chat: ChatClient,
    *,
    previous: Iterable[Judgement] = (),
    keep: Callable[[Judgement], None] = lambda _: None,
    parallel: int = PARALLEL,
    progress: Progress | None = None,
) -> list[Judgement]:
    """Grade a run's pairs, each by a call of its own, so that no grade depends on the order of a list.

    Args:
        pairs: from `pairs_of`.
        variables: the run and its items.
        chat: the judge.
        previous: judgements from before; their pairs are not asked again.
        keep: told of every new judgement as it is there.
        parallel: calls at one time.

    Returns:
        All judgements in the order of the pairs. A pair to which the judge says nothing usable has none.

    Raises:
        LLMUnavailable: the judge does not answer; what it said before has been kept.
    """
    before = {_key(entry): entry for entry in previous}
    judgements = {_key(pair): before[_key(pair)] for pair in pairs if _key(pair) in before}
    waiting = iter([pair for pair in pairs if _key(pair) not in before])
    with (progress or SilentProgress()).stage("judging", len(pairs), "items") as advance:
        count = itertools.count(len(judgements) + 1)
        advance(len(judgements))

        async def work() -> None:
            for pair in waiting:
                judgement = await _judged(pair, variables, chat)
                advance(next(count))
                if judgement is not None:
                    judgements[_key(pair)] = judgement
                    keep(judgement)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(parallel):
                    group.create_task(work())
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
    return [judgements[_key(pair)] for pair in pairs if _key(pair) in judgements]


async def _judged(pair: Pair, variables: JudgeVariables, chat: ChatClient) -> Judgement | None:
    """The pair with its grade; None where the judge says something that is no grade."""
    messages = to_chat(judge_prompt().render(**variables.variables(pair)))
    try:
        answer = await chat.for_turn().complete_json(messages, SCHEMA, purpose="judge", max_tokens=ANSWER_TOKENS)
    except LLMBadReply:
        return None
    return Judgement(**pair.model_dump(), grade=answer["grade"], reason=answer["reason"])


def _key(pair: Pair) -> tuple[str, int, str]:
    return pair.case, pair.turn, pair.item
