"""Which model should the cpu profile take? Quality and seconds a turn of each on the scripted questions."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assistant.engines import open_engines
from assistant.front import Assistant
from assistant.llm import server
from assistant.settings import Settings
from eval.asking import Asked, ask
from eval.bench.report import Result, Table, percent
from eval.bench.stage import Stage, own_server
from eval.questions import Answer, Question, Score, Summary, load_questions, score, summarise, with_starts

NONE = "no model"
"""The same turns with no server: rules, searches, fusion and templates alone."""

MODELS = (NONE, "qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct")


def measure(stage: Stage) -> Result:
    """Every model on a server of its own, on the same questions; ``stage.questions`` takes a part of them."""
    questions = chosen(load_questions(), stage.questions)
    found: dict[str, list[tuple[Asked, Score]]] = {}
    with stage.sample_catalogue() as data, tempfile.TemporaryDirectory() as folder:
        for model in MODELS:
            settings = own_server(data, Path(folder) / model, model=None if model == NONE else model)
            with _serving(stage, settings, model):
                found[model] = asyncio.run(_answers(stage, settings, questions))
    return _result(found)


@contextmanager
def _serving(stage: Stage, settings: Settings, model: str) -> Iterator[None]:
    if model == NONE:
        yield
        return
    stage.say(f"starting {model}")
    server.up(settings)
    try:
        yield
    finally:
        server.down(settings)


def chosen(questions: list[Question], count: int | None) -> list[Question]:
    """The first ``count`` questions, the baseline's before the others, with the starts of their conversations."""
    if count is None:
        return questions
    ordered = sorted(questions, key=lambda question: not question.baseline)
    return with_starts(ordered[:count], questions)


async def _answers(stage: Stage, settings: Settings, questions: list[Question]) -> list[tuple[Asked, Score]]:
    engines = open_engines(settings)
    items = {item.id: item for item in engines.catalogue.items()}
    found: list[tuple[Asked, Score]] = []
    answers: dict[str, Answer] = {}
    async with Assistant(settings, engines=engines) as assistant:
        await assistant.warm_up()
        async for asked in ask(assistant, questions, settings.data_folder / "asked"):
            answers[asked.question.id] = asked.answer
            one = score(asked.question, asked.answer, items, answers.get(asked.question.after or ""))
            stage.say(f"{settings.llm.model} · {one.id}: {one.seconds:.0f} s, {_in_short(one)}, {asked.answer.items}")
            found.append((asked, one))
    return found


def _in_short(one: Score) -> str:
    marks = {"first": one.hit1, "constraints": one.constraints, "intent": one.intent}
    wrong = [name for name, right in marks.items() if right is False]
    return "wrong: " + ", ".join(wrong) if wrong else "right"


def _result(found: dict[str, list[tuple[Asked, Score]]]) -> Result:
    summaries = {model: summarise([one for _, one in pairs]) for model, pairs in found.items()}
    result = Result("models", [_quality_table(found, summaries), _question_table(found)])
    result.numbers = {
        model: {
            **summaries[model].model_dump(),
            "answers": [{**one.model_dump(), "items": asked.answer.items, "constraints_told": asked.answer.constraints,
                         "degraded": asked.reply.degraded} for asked, one in pairs],
        }
        for model, pairs in found.items()
    }  # fmt: skip
    return result


def _quality_table(found: dict[str, list[tuple[Asked, Score]]], summaries: dict[str, Summary]) -> Table:
    table = Table("Quality and time by model", ["", *summaries])
    rows = list(summaries.values())
    table.add("questions", *(row.questions for row in rows))
    table.add("right item first", *(percent(row.hit1) for row in rows))
    table.add("right items in the first three", *(percent(row.hit3) for row in rows))
    table.add("mean reciprocal rank", *(row.mrr for row in rows))
    table.add("constraints as stated", *(percent(row.constraints) for row in rows))
    table.add("intent", *(percent(row.intent) for row in rows))
    table.add("items that break the wish / shown", *(f"{row.violations} / {row.returned}" for row in rows))
    table.add("explanations by the model", *(percent(_by_model(pairs)) for pairs in found.values()))
    table.add("turns without a working model", *(sum(map(_is_out, pairs)) for pairs in found.values()))
    table.add("seconds a turn, median", *(round(row.seconds_median, 1) for row in rows))
    table.add("seconds in all", *(round(row.seconds_total) for row in rows))
    return table


def _question_table(found: dict[str, list[tuple[Asked, Score]]]) -> Table:
    table = Table("By question (seconds)", ["", *found])
    for rows in zip(*found.values(), strict=True):
        table.add(rows[0][1].id, *(f"{_in_short(one)} ({one.seconds:.0f})" for _, one in rows))
    return table


def _by_model(pairs: list[tuple[Asked, Score]]) -> float | None:
    """Which share of the explanations of new rankings the model wrote and verification let stand."""
    by = [
        item.explained_by
        for asked, _ in pairs
        if asked.reply.intent == "recommend"
        for item in asked.reply.recommendations
    ]
    return by.count("model") / len(by) if by else None


def _is_out(pair: tuple[Asked, Score]) -> bool:
    """The turn asked no model although it searched: the server was out, or out of time."""
    return pair[0].reply.intent == "recommend" and not pair[0].reply.usage.completion_tokens
