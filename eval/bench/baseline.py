"""LangChain's stock agent on the same questions, tools and server, beside the assistant."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain.agents.middleware import AgentMiddleware

from assistant.engines import open_engines
from assistant.front import Assistant
from assistant.llm.client import ChatClient
from assistant.settings import Settings
from eval.asking import ask, attachments
from eval.bench.report import Result, Table, cell_text, percent
from eval.bench.stage import Stage
from eval.questions import Answer, Question, Score, load_questions, score, summarise
from eval.stock_agent import (
    ANSWER_TOKENS,
    SECONDS,
    STEPS,
    FirstCallRequired,
    StockConversation,
    named_items,
    short_answers,
)
from tools.records import Item
from tools.toolbox import Engines


@dataclass
class Side:
    """One answerer's scores, and what happened on the way."""

    name: str
    scores: list[Score] = field(default_factory=list)
    tool_calls: int = 0
    failures: dict[str, str] = field(default_factory=dict)


def measure(stage: Stage) -> Result:
    """The questions marked ``baseline``, first put to the assistant, then to the stock agent in two manners."""
    questions = [question for question in load_questions() if question.baseline][: stage.questions]
    with stage.language_model(stage.settings), stage.sample_catalogue() as settings:
        sides = asyncio.run(_all_sides(stage, settings, questions))
    result = Result("baseline", [_table(sides), _by_question(questions, sides)])
    result.numbers = {
        side.name: {
            **summarise(side.scores).model_dump(),
            "tool_calls": side.tool_calls,
            "failures": side.failures,
            "scores": [one.model_dump() for one in side.scores],
        }
        for side in sides
    }
    result.notes = [
        f"Stock agent: langchain.agents.create_agent, the same tools and server, at most {STEPS} graph steps, "
        f"{SECONDS:g} s a question, {ANSWER_TOKENS} tokens a model call.",
        "Its answer is read by item titles and ids, in the order named.",
        'Tool call forced: tool_choice is "required" until a tool has answered; small models seldom call one unforced.',
    ]
    result.notes += [f"{side.name}, {key}: {why}" for side in sides for key, why in side.failures.items()]
    return result


async def _all_sides(stage: Stage, settings: Settings, questions: list[Question]) -> list[Side]:
    engines = open_engines(settings)
    items = {item.id: item for item in engines.catalogue.items()}
    async with Assistant(settings, engines=engines) as assistant:
        stage.say("loading the engines")
        await assistant.warm_up()
        ours = await _ours(stage, assistant, questions, items)
        stock = await _stock(stage, "stock agent", settings, engines, questions, items, [])
        forced = await _stock(
            stage, "stock agent, tool call forced", settings, engines, questions, items, [FirstCallRequired()]
        )
    return [ours, stock, forced]


async def _ours(stage: Stage, assistant: Assistant, questions: list[Question], items: Mapping[str, Item]) -> Side:
    side = Side("assistant")
    async for asked in ask(assistant, questions, assistant.settings.data_folder / "asked"):
        found = score(asked.question, asked.answer, items)
        stage.say(f"assistant · {asked.question.id}: {found.seconds:.0f} s, {', '.join(asked.answer.items)}")
        side.scores.append(found)
        side.tool_calls += len(asked.reply.steps)
    return side


async def _stock(
    stage: Stage,
    name: str,
    settings: Settings,
    engines: Engines,
    questions: list[Question],
    items: Mapping[str, Item],
    middleware: list[AgentMiddleware[Any, Any, Any]],
) -> Side:
    side = Side(name)
    chat = ChatClient(settings)
    model = short_answers(chat)
    for question in questions:
        images, audio = attachments(question, settings, settings.data_folder / "asked")
        said = await StockConversation(model, engines, middleware).ask(question.text, images, audio)
        answer = Answer(items=named_items(said.text, items), seconds=round(said.seconds, 2))
        side.scores.append(score(question, answer, items))
        side.tool_calls += said.tool_calls
        if said.failure:
            side.failures[question.id] = said.failure
        stage.say(f"{name} · {question.id}: {said.seconds:.0f} s, {', '.join(answer.items) or 'nothing'}")
    await chat.aclose()
    return side


def _table(sides: list[Side]) -> Table:
    table = Table("The same questions, tools and server", ["", *(side.name for side in sides)])
    summaries = [summarise(side.scores) for side in sides]
    table.add("questions", *(summary.questions for summary in summaries))
    table.add("right item first", *(percent(summary.hit1) for summary in summaries))
    table.add("right items in the first three", *(percent(summary.hit3) for summary in summaries))
    table.add("mean reciprocal rank", *(summary.mrr for summary in summaries))
    table.add("items that break the wish / shown", *(f"{s.violations} / {s.returned}" for s in summaries))
    table.add("answered with no item", *(sum(not one.returned for one in side.scores) for side in sides))
    table.add("ended by an error or a limit", *(len(side.failures) for side in sides))
    table.add("tool calls", *(side.tool_calls for side in sides))
    table.add("seconds a question, median", *(round(summary.seconds_median, 1) for summary in summaries))
    table.add("seconds in all", *(round(summary.seconds_total, 1) for summary in summaries))
    base = summaries[0].seconds_total
    table.add("time against the assistant", *(f"{summary.seconds_total / base:.2f}" for summary in summaries))
    return table


def _by_question(questions: list[Question], sides: list[Side]) -> Table:
    table = Table("By question: rank of the first right item (seconds)", ["", *(side.name for side in sides)])
    for position, question in enumerate(questions):
        cells = []
        for side in sides:
            one = side.scores[position]
            rank = round(1 / one.reciprocal_rank) if one.reciprocal_rank else None
            cells.append(f"{cell_text(rank)} ({one.seconds:.0f})")
        table.add(question.id, *cells)
    return table
