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
from assistant.agent.reading.spans import CERTAIN
from assistant.agent.reading.training import MessageExample
from assistant.errors import LLMBadReply
from assistant.llm.client import ChatClient
from eval.heads import NAMED_ROLES, folds

NEVER: Final = 1.01
BOUNDS: Final = (*(round(0.3 + 0.05 * step, 2) for step in range(14)), NEVER)
"""Probabilities from which the model's answer may count."""

AT_ONCE: Final = 6


class QuestionCase(NamedTuple):
    """Words of which the classifiers are unsure: the question about them, what is right, and how they were read."""

    question: RoleQuestion
    truth: str
    prediction: str


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


def unsure_cases(examples: Sequence[MessageExample]) -> tuple[list[QuestionCase], dict[bool, int]]:
    """The stretches that classifiers of the other folds are unsure of, and how many there are in all, numbers apart."""
    cases, stretches = [], {False: 0, True: 0}
    for heads, left_out in folds(examples):
        for message, states in (example for example in left_out if example.message.act):
            reading = heads.read(message.text, states, shown=message.shown)
            for question, truth in labelled(message, reading):
                stretches[question.number] += 1
                decided, probability = decision(reading.tagged, question)
                if probability < CERTAIN:
                    cases.append(QuestionCase(question, truth, decided))
    return cases, stretches


def labelled(message: LabelledMessage, reading: Classification) -> Iterator[tuple[RoleQuestion, str]]:
    """The stretches that the turn would decide on, with the right decision: labelled ones, and words read as wishes."""
    for span in message.spans:
        if span.role in (*NAMED_ROLES, *NUMBER_ROLES):
            number = span.role in NUMBER_ROLES
            truth = span.role if number else DECISIONS.get(span.role, "said")
            yield RoleQuestion(message.text, span.start, span.end, number), truth
    for candidate in reading.tagged.spans():
        if candidate.role in ("prop", "not") and not any(
            candidate.overlaps(span.start, span.end) for span in message.spans
        ):
            yield RoleQuestion(message.text, candidate.start, candidate.end, False), "said"


async def ask(
    chat: ChatClient, cases: Sequence[QuestionCase], progress: Callable[[int], None]
) -> list[AnsweredQuestion]:
    """What the model takes each stretch for; a question that it answers with no letter is counted as no answer."""
    slots, finished = asyncio.Semaphore(AT_ONCE), 0

    async def answer_one(case: QuestionCase) -> AnsweredQuestion:
        nonlocal finished
        async with slots:
            try:
                probabilities = await chat.for_turn().choose(to_chat(case.question.messages()), ANSWERS, purpose="role")
            except LLMBadReply:
                probabilities = dict.fromkeys(ANSWERS, 0.0)
        finished += 1
        progress(finished)
        role, probability = case.question.answered(probabilities)
        return AnsweredQuestion(case, role if case.question.number else DECISIONS.get(role, "said"), probability)

    return await asyncio.gather(*(answer_one(case) for case in cases))


def figures(answers: Sequence[AnsweredQuestion], stretches: int) -> QuestionFigures:
    """Counts over the answers to one kind of question."""
    halves = answers[::2], answers[1::2]
    bounds = [best_bound(half) for half in halves]
    crossed = list(zip(halves, reversed(bounds), strict=True))
    return QuestionFigures(
        stretches=stretches,
        unsure=len(answers),
        by_classifiers=sum(answer.case.prediction == answer.case.truth for answer in answers),
        by_model=sum(answer.answer == answer.case.truth for answer in answers),
        by_both=sum(right_by_both(half, bound) for half, bound in crossed),
        counted=sum(answer.probability >= bound for half, bound in crossed for answer in half),
    )


def best_bound(answers: Iterable[AnsweredQuestion]) -> float:
    """The probability from which the model's answers should count; the highest of the equally good ones."""
    answer_list = list(answers)
    return max(reversed(BOUNDS), key=lambda bound: right_by_both(answer_list, bound))


def right_by_both(answers: Iterable[AnsweredQuestion], bound: float) -> int:
    """How many are right when the model's answer counts from this probability on."""
    return sum(
        (answer.answer if answer.probability >= bound else answer.case.prediction) == answer.case.truth
        for answer in answers
    )


def in_words(kind: str, figures: QuestionFigures) -> str:
    """The figures as a line."""
    return (
        f"{kind}: {figures.unsure} of {figures.stretches} unsure; right by the classifiers {figures.by_classifiers}, "
        f"by the model {figures.by_model}, by the model where it is sure and else the classifiers {figures.by_both} "
        f"({figures.counted} answers counted)"
    )
