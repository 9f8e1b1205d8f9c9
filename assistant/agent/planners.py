"""Who decides what a turn does next: the reading alone, or a language model that sees what was found."""

from dataclasses import dataclass
from typing import Final, Protocol

from pydantic import ValidationError

from assistant.agent.calls import ASK, SMALL_TALK, functions, offered, round_schema
from assistant.agent.transcript import PlannerInput, native_messages, plain_messages
from assistant.errors import LLMBadReply
from assistant.llm.client import ChatClient, ToolCall
from assistant.records import Question

PLAN_TOKENS: Final = 300


@dataclass(frozen=True)
class Finish:
    """There is nothing more to do."""

    text: str = ""
    """What is said where the message is small talk."""


Decision = list[ToolCall] | Question | Finish


class Planner(Protocol):
    """Decides what is done next."""

    async def next(self, progress: PlannerInput) -> Decision:
        """Tool calls to run side by side, a question to the customer, or the end."""


class ReadingPlanner:
    """Needs no model: its only round are the searches that the reading makes certain, and they have run by then."""

    async def next(self, progress: PlannerInput) -> Decision:
        """The end."""
        return Finish()


class ModelPlanner:
    """A language model that calls tools; one that fails at tool calls answers in JSON of the same schemas."""

    def __init__(self, chat: ChatClient, *, native: bool = True) -> None:
        """``native``: whether the server is asked for tool calls at first; a model that was taught our JSON is not."""
        self._chat = chat
        self._native = native

    async def next(self, progress: PlannerInput) -> Decision:
        """What the model says.

        Raises:
            LLMUnavailable: it is not there, or does not answer in time.
            LLMBadReply: what it says is neither a call nor an answer.
        """
        if self._native:
            decision = await self._by_tools(progress)
            if decision is not None:
                return decision
            self._native = False
        return await self._by_schema(progress)

    async def _by_tools(self, progress: PlannerInput) -> Decision | None:
        """What is said by the server's own parser of tool calls; None where the server or the model fails at them."""
        try:
            answer = await self._chat.call_tools(
                [*progress.earlier_messages, *native_messages(progress.records)],
                functions(),
                purpose="plan",
                max_tokens=PLAN_TOKENS,
            )
        except LLMBadReply:
            return None
        if answer.calls:
            return _decided(answer.calls, progress)
        is_call = any(name in answer.text for name in offered())
        return None if is_call else Finish()

    async def _by_schema(self, progress: PlannerInput) -> Decision:
        answer = await self._chat.complete_json(
            [*progress.earlier_messages, *plain_messages(progress.records)],
            round_schema(progress.scope),
            purpose="plan",
            max_tokens=PLAN_TOKENS,
        )
        calls = [ToolCall("", call["tool"], call["arguments"]) for call in answer["calls"]]
        return _decided(calls, progress) if calls else Finish()


def _decided(calls: list[ToolCall], progress: PlannerInput) -> Decision:
    """The calls; or the question among them that may be asked, as what is found after it would not be seen."""
    if [call.name for call in calls] == [SMALL_TALK.name] and (answer := _small_talk(calls[0])):
        return Finish(answer)
    for call in calls:
        if call.name == ASK.name and (question := _question(call)) and progress.may_ask(question.text):
            return question
    return calls


def _small_talk(call: ToolCall) -> str:
    try:
        return str(SMALL_TALK.arguments.model_validate(call.arguments).answer).strip()
    except ValidationError:
        return ""


def _question(call: ToolCall) -> Question | None:
    try:
        arguments = ASK.arguments.model_validate(call.arguments)
    except ValidationError:
        return None
    return Question(text=" ".join(arguments.question.split()), choices=[" ".join(c.split()) for c in arguments.choices])
