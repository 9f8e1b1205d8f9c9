"""Whether the language model decides better than the classifiers on words that they are unsure of.

The stretches come from the labelled messages, each read by classifiers that were not trained on it.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from assistant.agent.first_searches import to_chat
from assistant.agent.reading.heads import Classification
from assistant.agent.reading.labels import NUMBER_ROLES, LabelledMessage
from assistant.agent.reading.questions import ANSWERS, DECISIONS, RoleQuestion, decision
from assistant.agent.reading.reader import CERTAIN
from assistant.agent.reading.training import MessageExample
from assistant.errors import LLMBadReply
from assistant.llm.client import ChatClient
from eval.heads import NAMED, folds

NEVER: Final = 1.01
BOUNDS: Final = (*(round(0.3 + 0.05 * step, 2) for step in range(14)), NEVER)
"""Probabilities from which the model's answer may count."""

AT_ONCE: Final = 6


class QuestionCase(NamedTuple):
    """Words of which the classifiers are unsure: the question about them, what is right, and how they were read."""

    question: RoleQuestion
    truth: str
    read: str


class AnsweredQuestion(NamedTuple):
    """The same with what the model takes them for, and its probability."""

    case: QuestionCase
    answer: str
    probability: float


@dataclass(frozen=True)
class QuestionFigures:
    """How many of the unsure stretches are decided rightly, and by whom."""

    stretches: int
    unsure: int
    by_classifiers: int
    by_model: int
    by_both: int
    counted: int
    """How many answers of the model count: each half of the stretches by the bound that is best on the other one."""


def unsure_cases(given: Sequence[MessageExample]) -> tuple[list[QuestionCase], dict[bool, int]]:
    """The stretches that classifiers of the other folds are unsure of, and how many there are in all, numbers apart."""
    cases, stretches = [], {False: 0, True: 0}
    for heads, left_out in folds(given):
        for message, states in (one for one in left_out if one.message.act):
            read = heads.read(message.text, states, shown=message.shown)
            for question, truth in labelled(message, read):
                stretches[question.number] += 1
                decided, probability = decision(read.tagged, question)
                if probability < CERTAIN:
                    cases.append(QuestionCase(question, truth, decided))
    return cases, stretches


def labelled(message: LabelledMessage, read: Classification) -> Iterator[tuple[RoleQuestion, str]]:
    """The stretches that the turn would decide on, with the right decision: labelled ones, and words read as wishes."""
    for span in message.spans:
        if span.role in (*NAMED, *NUMBER_ROLES):
            number = span.role in NUMBER_ROLES
            truth = span.role if number else DECISIONS.get(span.role, "said")
            yield RoleQuestion(message.text, span.start, span.end, number), truth
    for found in read.tagged.spans():
        if found.role in ("prop", "not") and not any(found.overlaps(span.start, span.end) for span in message.spans):
            yield RoleQuestion(message.text, found.start, found.end, False), "said"


async def ask(
    chat: ChatClient, cases: Sequence[QuestionCase], progress: Callable[[int], None]
) -> list[AnsweredQuestion]:
    """What the model takes each stretch for; a question that it answers with no letter is counted as no answer."""
    places, answered = asyncio.Semaphore(AT_ONCE), 0

    async def one(case: QuestionCase) -> AnsweredQuestion:
        nonlocal answered
        async with places:
            try:
                told = await chat.for_turn().choose(to_chat(case.question.messages()), ANSWERS, purpose="role")
            except LLMBadReply:
                told = dict.fromkeys(ANSWERS, 0.0)
        answered += 1
        progress(answered)
        role, probability = case.question.answered(told)
        return AnsweredQuestion(case, role if case.question.number else DECISIONS.get(role, "said"), probability)

    return await asyncio.gather(*(one(case) for case in cases))


def figures(answered: Sequence[AnsweredQuestion], stretches: int) -> QuestionFigures:
    """Counts over the answers to one kind of question."""
    halves = answered[::2], answered[1::2]
    bounds = [best_bound(half) for half in halves]
    crossed = list(zip(halves, reversed(bounds), strict=True))
    return QuestionFigures(
        stretches=stretches,
        unsure=len(answered),
        by_classifiers=sum(one.case.read == one.case.truth for one in answered),
        by_model=sum(one.answer == one.case.truth for one in answered),
        by_both=sum(right_by_both(half, bound) for half, bound in crossed),
        counted=sum(one.probability >= bound for half, bound in crossed for one in half),
    )


def best_bound(answered: Iterable[AnsweredQuestion]) -> float:
    """The probability from which the model's answers should count; the highest of the equally good ones."""
    given = list(answered)
    return max(reversed(BOUNDS), key=lambda bound: right_by_both(given, bound))


def right_by_both(answered: Iterable[AnsweredQuestion], bound: float) -> int:
    """How many are right when the model's answer counts from this probability on."""
    return sum((one.answer if one.probability >= bound else one.case.read) == one.case.truth for one in answered)


def in_words(kind: str, told: QuestionFigures) -> str:
    """The figures as a line."""
    return (
        f"{kind}: {told.unsure} of {told.stretches} unsure; right by the classifiers {told.by_classifiers}, "
        f"by the model {told.by_model}, by the model where it is sure and else the classifiers {told.by_both} "
        f"({told.counted} answers counted)"
    )
