"""LangChain's stock agent on the same questions, tools and server, beside the assistant."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.tools import BaseTool

from assistant.engines import open_engines
from assistant.front import Assistant
from assistant.llm.client import ChatClient
from assistant.settings import Settings
from eval.asking import ask, attachments
from eval.bench.report import Result, Table, cell_text, percent
from eval.bench.stage import Stage
from eval.questions import Answer, Question, Score, load_questions, score, summarise
from tools.errors import MediaError
from tools.records import Item
from tools.toolbox import Engines, build_tools

PROMPT = Path(__file__).parent.parent / "data" / "stock_agent.md"
SECONDS = 60.0
STEPS = 12
"""LangGraph's recursion limit: six rounds of model and tools."""

ANSWER_TOKENS = 300


class FirstCallRequired(AgentMiddleware[Any, Any, Any]):
    """Obliges the model to call a tool before it answers: small models rarely do by themselves."""

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """Set ``tool_choice`` to "required" until a tool has answered."""
        answered = any(isinstance(message, ToolMessage) for message in request.messages)
        return await handler(request if answered else request.override(tool_choice="required"))


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
    model = chat.chat_model().model_copy(update={"max_tokens": ANSWER_TOKENS})
    for question in questions:
        images, audio = attachments(question, settings, settings.data_folder / "asked")
        files = {"img1": images[0]} if images else {}
        files |= {"aud1": audio[0]} if audio else {}
        tools: list[BaseTool] = list(build_tools(engines, partial(_attached, files)).values())
        agent = create_agent(model, tools, system_prompt=PROMPT.read_text("utf-8"), middleware=middleware)
        messages, seconds = await _run(agent, _content(question, files), side, question.id)
        answer = Answer(items=named_items(_final_text(messages), items), seconds=round(seconds, 2))
        side.scores.append(score(question, answer, items))
        side.tool_calls += sum(len(message.tool_calls) for message in messages if isinstance(message, AIMessage))
        stage.say(f"{name} · {question.id}: {seconds:.0f} s, {', '.join(answer.items) or 'nothing'}")
    await chat.aclose()
    return side


async def _run(agent: Any, content: str, side: Side, question_id: str) -> tuple[list[BaseMessage], float]:  # noqa: ANN401 - a compiled graph
    """The conversation as far as it came; what ended it early is noted."""
    messages: list[BaseMessage] = []
    began = time.perf_counter()
    try:
        async with asyncio.timeout(SECONDS):
            start = {"messages": [{"role": "user", "content": content}]}
            async for state in agent.astream(start, {"recursion_limit": STEPS}, stream_mode="values"):
                messages = state["messages"]
    except TimeoutError:
        side.failures[question_id] = f"no answer within {SECONDS:g} s"
    except Exception as exc:  # whatever the stock agent does not catch is its result
        side.failures[question_id] = f"{type(exc).__name__}: {' '.join(str(exc).split())[:160]}"
    return messages, time.perf_counter() - began


def _content(question: Question, files: Mapping[str, Path]) -> str:
    lines = [question.text] if question.text else []
    kinds = {"img1": "Attached picture: img1", "aud1": "Attached voice note: aud1"}
    return "\n".join(lines + [kinds[name] for name in files])


def _attached(files: Mapping[str, Path], name: str) -> Path:
    """The file of an attachment; the model is told when it invents one, as the assistant's would be."""
    if name not in files:
        raise MediaError(f"There is no attachment {name!r}; known: {', '.join(files) or 'none'}.")
    return files[name]


def _final_text(messages: list[BaseMessage]) -> str:
    """What the agent says at the end; nothing when it ended with a tool call."""
    last = messages[-1] if messages else None
    return str(last.text) if isinstance(last, AIMessage) and not last.tool_calls else ""


def named_items(text: str, items: Mapping[str, Item], most: int = 3) -> list[str]:
    """Ids of the items that a text names by title or id, in the order of their first mention.

    Longer names are looked for first, so that "camera lens" is not also "camera".
    """
    rest, found = text.casefold(), []
    names = [(name.casefold(), item.id) for item in items.values() for name in {item.title, item.id}]
    for name, item_id in sorted(names, key=lambda pair: -len(pair[0])):
        match = re.search(rf"(?<![\w-]){re.escape(name)}(?:e?s)?(?![\w-])", rest)
        if match:
            found.append((match.start(), item_id))
            rest = rest.replace(match.group(), " " * len(match.group()))
    return list(dict.fromkeys(item_id for _, item_id in sorted(found)))[:most]


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
