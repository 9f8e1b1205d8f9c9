"""The scripted questions over the sample catalogue, and how an answer to one is scored. Pure functions, no models.

A question is one turn: text, a photo (made from a sample picture), a voice note, in any mix. One with ``after`` goes on
with the conversation of the question it names. ``because`` says from which product data the expected answer follows.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from assistant.records import Intent
from eval.measures.constraints import breaks, differences, resolved
from tools.records import Item, Record

QUESTIONS = Path(__file__).parent / "data" / "questions.jsonl"


class Expected(Record):
    """What a right answer looks like."""

    intent: Intent
    any_of_top1: list[str] = Field([], description="items that may come first; empty when nothing is searched")
    must_in_top3: list[str] = Field([], description="items that all must be among the first three")
    must_not: list[str] = Field([], description="items that must not be shown at all")
    constraints: dict[str, Any] = Field({}, description="filters in force, as ``reply.constraints`` has them")
    may_also_constrain: list[str] = Field([], description="further filters that are neither asked for nor wrong")
    relaxed: list[str] = Field([], description="constraints that cannot be kept and must be said to give")


class Question(Record):
    """One turn of a user."""

    id: str
    language: Literal["en", "zh"]
    text: str = ""
    photo_of: str | None = Field(None, description="file name of a sample picture; shown mirrored and cropped")
    voice: str | None = Field(None, description="file name of a recording")
    after: str | None = Field(None, description="id of the question before it in the same conversation")
    baseline: bool = Field(False, description="also put to the stock agent")
    expected: Expected
    because: str


class Answer(Record):
    """What is scored of an answer, whoever gave it."""

    intent: Intent | None = None
    items: list[str] = []
    constraints: dict[str, Any] | None = None
    relaxed: list[str] = []
    seconds: float = 0.0


class Score(Record):
    """One answer held to its question. None: the question does not ask for it."""

    id: str
    hit1: bool | None = None
    hit3: bool | None = None
    reciprocal_rank: float | None = None
    constraints: bool | None = None
    intent: bool | None = None
    violations: list[str] = Field([], description="returned items that break what was asked for")
    returned: int = 0
    seconds: float = 0.0


class Summary(Record):
    """Scores of many questions; shares from 0 to 1, None where no question asks for it."""

    questions: int
    hit1: float | None
    hit3: float | None
    mrr: float | None
    constraints: float | None
    intent: float | None
    violations: int
    returned: int
    seconds_median: float
    seconds_total: float


def load_questions(path: Path = QUESTIONS) -> list[Question]:
    """All questions in order.

    Raises:
        ValueError: an id occurs twice, or ``after`` names no earlier question.
    """
    questions = [Question.model_validate_json(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    seen: set[str] = set()
    for question in questions:
        if question.id in seen:
            raise ValueError(f"The question id {question.id!r} occurs twice.")
        if question.after and question.after not in seen:
            raise ValueError(f"{question.id!r} follows {question.after!r}, which does not come before it.")
        seen.add(question.id)
    return questions


def with_starts(chosen: Sequence[Question], questions: Sequence[Question]) -> list[Question]:
    """The chosen questions and every question that their conversations begin with, in the order of ``questions``."""
    by_id = {question.id: question for question in questions}
    wanted: set[str] = set()
    for question in chosen:
        at: Question | None = question
        while at:
            wanted.add(at.id)
            at = by_id[at.after] if at.after else None
    return [question for question in questions if question.id in wanted]


def score(question: Question, answer: Answer, items: Mapping[str, Item], before: Answer | None = None) -> Score:
    """Hold an answer to its question.

    Args:
        question: what was asked.
        answer: what came back; ``constraints`` None means that the answerer tells none.
        items: the catalogue's items by id.
        before: the answer before it in the same conversation.
    """
    expected = question.expected
    first = items.get(before.items[0]) if before and before.items else None
    constraints = resolved(expected.constraints, first)
    return Score(
        id=question.id,
        hit1=answer.items[:1] != [] and answer.items[0] in expected.any_of_top1 if expected.any_of_top1 else None,
        hit3=_hit3(expected, answer.items) if expected.any_of_top1 else None,
        reciprocal_rank=_reciprocal_rank(expected.any_of_top1, answer.items) if expected.any_of_top1 else None,
        constraints=_constraints_right(expected, constraints, answer),
        intent=None if answer.intent is None else answer.intent == expected.intent,
        violations=violations(expected, constraints, answer.items, items),
        returned=len(answer.items),
        seconds=answer.seconds,
    )


def violations(
    expected: Expected, constraints: Mapping[str, Any], returned: Sequence[str], items: Mapping[str, Item]
) -> list[str]:
    """Returned items that are ruled out by name, break a constraint, or are in no catalogue.

    Items of answers that search nothing (an earlier ranking shown again) are not held to anything.
    """
    if expected.intent != "recommend":
        return []
    return [
        item_id
        for item_id in returned
        if item_id in expected.must_not or item_id not in items or breaks(items[item_id], constraints)
    ]


def summarise(scores: Sequence[Score]) -> Summary:
    """Means over the questions that ask for each thing."""
    seconds = sorted(one.seconds for one in scores)
    return Summary(
        questions=len(scores),
        hit1=_mean([one.hit1 for one in scores]),
        hit3=_mean([one.hit3 for one in scores]),
        mrr=_mean([one.reciprocal_rank for one in scores]),
        constraints=_mean([one.constraints for one in scores]),
        intent=_mean([one.intent for one in scores]),
        violations=sum(len(one.violations) for one in scores),
        returned=sum(one.returned for one in scores),
        seconds_median=seconds[len(seconds) // 2] if seconds else 0.0,
        seconds_total=sum(seconds),
    )


def _hit3(expected: Expected, returned: Sequence[str]) -> bool:
    """Every item that must be there is; where none is named, one of the acceptable ones."""
    first = returned[:3]
    if expected.must_in_top3:
        return all(item_id in first for item_id in expected.must_in_top3)
    return any(item_id in first for item_id in expected.any_of_top1)


def _reciprocal_rank(acceptable: Sequence[str], returned: Sequence[str]) -> float:
    return next((1 / rank for rank, item_id in enumerate(returned, start=1) if item_id in acceptable), 0.0)


def _constraints_right(expected: Expected, wanted: Mapping[str, Any], answer: Answer) -> bool | None:
    """True when everything wanted is in force and nothing else is; None when nothing is searched or told."""
    if answer.constraints is None or expected.intent != "recommend":
        return None
    wrong = differences(wanted, answer.constraints, expected.may_also_constrain)
    return not wrong and all(field in answer.relaxed for field in expected.relaxed)


def _mean(values: Sequence[float | bool | None]) -> float | None:
    asked = [float(value) for value in values if value is not None]
    return sum(asked) / len(asked) if asked else None
