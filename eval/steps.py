"""Whether a language model does the steps of a turn as the labels say: prompts that training never saw, each answered.

Answers are asked for as plain text, without a schema: whether they are valid JSON is a part of what is measured.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from assistant.agent.planners import PLAN_TOKENS
from assistant.errors import LLMBadReply
from assistant.llm.client import ChatClient
from assistant.tuning.examples import Example
from tools.engines.text import TextEncoder

AT_ONCE: Final = 4
ALIKE: Final = 0.75
"""The cosine from which a query asks for the same as the labelled one."""

_KINDS: Final[dict[str, type[BaseMessage]]] = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}


class StepAnswer(NamedTuple):
    """One answer of the model beside the right one."""

    example: Example
    position: int
    """Which of the example's messages it stands for."""
    text: str

    @property
    def right(self) -> str:
        """What should have been said."""
        return self.example.messages[self.position].content


@dataclass
class StepFigures:
    """Shares of the answers of one step in one language."""

    asked: int = 0
    right: int = 0
    tools: int = 0
    """Of plans: the right tools, whatever their arguments."""
    valid: int = 0
    """Valid JSON of the right form, where JSON is wanted."""


async def ask(chat: ChatClient, examples: Sequence[Example], progress: Callable[[int], None]) -> list[StepAnswer]:
    """The model's answer for every message that it is to answer, with the right answers before it."""
    slots, finished = asyncio.Semaphore(AT_ONCE), 0

    async def answer_one(example: Example, position: int) -> StepAnswer:
        nonlocal finished
        messages = [_KINDS[message.role](content=message.content) for message in example.messages[:position]]
        async with slots:
            try:
                text = await chat.for_turn().complete_text(
                    messages, purpose="step", max_tokens=PLAN_TOKENS, when_cut="whole sentences"
                )
            except LLMBadReply:
                text = ""
        finished += 1
        progress(finished)
        return StepAnswer(example, position, text.strip())

    return await asyncio.gather(*(answer_one(*request) for request in to_ask(examples)))


def to_ask(examples: Iterable[Example]) -> list[tuple[Example, int]]:
    """Every answer that the examples have, as its example and the position of the message."""
    return [
        (example, position)
        for example in examples
        for position, message in enumerate(example.messages)
        if message.learned
    ]


def figures(
    answers: Sequence[StepAnswer], encoder: TextEncoder, language_of: Callable[[str], str]
) -> dict[tuple[str, str], StepFigures]:
    """Shares by step and language; the language ``all`` is all of them."""
    counted: dict[tuple[str, str], StepFigures] = defaultdict(StepFigures)
    for answer in answers:
        right, tools, valid = _judged(answer, encoder, language_of)
        for language in (answer.example.language, "all"):
            own = counted[answer.example.step, language]
            own.asked += 1
            own.right += right
            own.tools += tools
            own.valid += valid
    return dict(counted)


def _judged(answer: StepAnswer, encoder: TextEncoder, language_of: Callable[[str], str]) -> tuple[bool, bool, bool]:
    """Whether an answer is right, names the right tools, and has the right form."""
    match answer.example.step:
        case "plan":
            calls, expected_calls = _calls(answer.text), _calls(answer.right) or []
            if calls is None:
                return False, False, False
            tools = [call["tool"] for call in calls] == [call["tool"] for call in expected_calls]
            same = tools and all(_same(*pair, encoder) for pair in zip(calls, expected_calls, strict=True))
            return same, tools, True
        case "order":
            first, best = _first(answer.text), _first(answer.right)
            return first == best, first == best, bool(first)
        case "role":
            right = answer.text == answer.right
            return right, right, right
    right = bool(answer.text) and language_of(answer.text) == answer.example.language
    return right, right, right


def _first(text: str) -> str:
    """The alias of the item that an order puts first; empty where it is no order."""
    ranking: Any = _parsed(text).get("ranking")
    good = (
        isinstance(ranking, list) and ranking and all(isinstance(entry, dict) and "item" in entry for entry in ranking)
    )
    return str(ranking[0]["item"]) if good else ""


def _parsed(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _calls(text: str) -> list[dict[str, Any]] | None:
    calls = _parsed(text).get("calls")
    if not isinstance(calls, list):
        return None
    good = all(isinstance(call, dict) and isinstance(call.get("arguments"), dict) and "tool" in call for call in calls)
    return calls if good else None


def _same(actual: dict[str, Any], expected: dict[str, Any], encoder: TextEncoder) -> bool:
    """Whether two calls of one tool ask for the same: words by their meaning, all else by its value."""
    mine, right = dict(actual["arguments"]), dict(expected["arguments"])
    for name in ("query", "question", "answer"):
        words = str(mine.pop(name, "")), str(right.pop(name, ""))
        if name == "query" and words[0].casefold() != words[1].casefold():
            first, second = encoder.encode_once(words, purpose="query")
            if float(first @ second) < ALIKE:
                return False
    mine.pop("choices", None)
    right.pop("choices", None)
    return mine == right
