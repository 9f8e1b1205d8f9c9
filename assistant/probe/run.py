"""Puts the tasks to a model, by the same prompts, schemas and checks as a turn."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Final

from assistant.agent.calls import ASK, SMALL_TALK, Checked, Scope, check, key
from assistant.agent.evidence import EvidenceBuilder
from assistant.agent.first_searches import Names, before_message, message_as_read, to_chat
from assistant.agent.fusion import FusedHit
from assistant.agent.planners import Decision, Finish, ModelPlanner
from assistant.agent.rank import (
    EXPLAIN_TOKENS,
    MAX_EVIDENCE,
    RANK_TOKENS_PER_ITEM,
    brief,
    explaining_messages,
    facts_to_tell,
    rank_schema,
    ranking_messages,
)
from assistant.agent.reading.questions import ANSWERS, RoleQuestion
from assistant.agent.scores import Part, Score, Scores
from assistant.agent.state import Plan
from assistant.agent.transcript import PlannerInput, items_in_words, prompt_limits
from assistant.claims import Explanation, PriceLimit, unsupported
from assistant.claims.entailment import Entailment
from assistant.errors import LLMBadReply, LLMUnavailable
from assistant.llm.adapters import is_taught, prompts_in_force
from assistant.llm.client import ChatClient, ToolCall
from assistant.models.names import model_name
from assistant.probe.tasks import EvidenceTask, ExpectedCall, OrderTask, PlanningTask, RoleTask, Tasks
from assistant.records import CallResult, Candidate, Evidence, Memory, PlannedCall, RoundFinished
from assistant.records import Question as QuestionBack
from assistant.settings import Settings
from prompts import load_prompt
from tools.records import Filters, Hit, Item, Signal, Vocabulary

AT_A_TIME: Final = 4
"""How many tasks are put to the model side by side."""

TASK_SECONDS: Final = 60.0
"""How long a model has for one task; a turn gives it less."""

_NEAR: Final = 0.8
"""The similarity that every item of a task is said to have been found with."""


async def probe(
    chat: ChatClient,
    settings: Settings,
    tasks: Tasks,
    *,
    entailment: Entailment | None = None,
    progress: Callable[[int, int], None] = lambda done, all: None,
) -> Scores:
    """How many tasks of each part the model does right; an answer that breaks its form, or is late, is wrong.

    Args:
        entailment: the classifier that looks at explanations, as in a turn.
        progress: called after each task with how many are done, and of how many.

    Raises:
        LLMUnavailable: the server is not there, or fails at more than a quarter of the tasks.
    """
    began, done, right, gate = time.perf_counter(), 0, Counter[Part](), asyncio.Semaphore(AT_A_TIME)
    jobs = list(_Probe(chat, settings, tasks, entailment).jobs())
    failures: list[LLMUnavailable] = []

    async def put(part: Part, job: Callable[[], Awaitable[bool]]) -> None:
        nonlocal done
        async with gate:
            try:
                async with asyncio.timeout(TASK_SECONDS):
                    is_right = await job()
                right[part] += is_right
            except LLMUnavailable as exc:
                failures.append(exc)
            except (LLMBadReply, TimeoutError):
                pass
        done += 1
        progress(done, len(jobs))

    await asyncio.gather(*(put(part, job) for part, job in jobs))
    if len(failures) > len(jobs) / 4:
        raise failures[0]
    counts = Counter(part for part, _ in jobs)
    return Scores(
        model=model_name(settings),
        tasks=tasks.digest,
        day=datetime.now(UTC).date(),
        parts={part: Score(right=right[part], tasks=count) for part, count in counts.items()},
        seconds=round(time.perf_counter() - began, 1),
    )


class _Probe:
    """The tasks' catalogue, and one method for each kind of task: whether the model does it right."""

    def __init__(self, chat: ChatClient, settings: Settings, tasks: Tasks, entailment: Entailment | None) -> None:
        self._chat, self._folder, self._tasks, self._entailment = chat, prompts_in_force(settings), tasks, entailment
        self._native, self._limits = not is_taught(settings), prompt_limits(settings)
        self._items = {item.id: item for item in tasks.items}
        self._vocabulary = Vocabulary(
            categories=sorted({item.category for item in tasks.items if item.category}),
            brands=sorted({item.brand for item in tasks.items if item.brand}),
            currencies=["EUR"],
        )

    def jobs(self) -> Iterator[tuple[Part, Callable[[], Awaitable[bool]]]]:
        """All tasks, each with its part."""
        for planning in self._tasks.planning:
            yield planning.part, partial(self._plans, planning)
        for role in self._tasks.roles:
            yield "roles", partial(self._reads, role)
        for order in self._tasks.order:
            yield "order", partial(self._orders, order)
        for evidence in self._tasks.evidence:
            yield "evidence", partial(self._explains, evidence)

    async def _plans(self, task: PlanningTask) -> bool:
        progress, planner = self._progress(task), ModelPlanner(self._chat.for_turn(), native=self._native)
        decision = await planner.next(progress)
        call = _right_call(decision, task.right, progress.scope)
        if call is None or not task.then:
            return call is not None
        first_call = CallResult(tool=call.name, arguments=call.arguments, result=self._lines(task.then, task.topic))
        progress.records.append(RoundFinished(calls=[first_call]))
        return isinstance(await planner.next(progress), Finish)

    def _progress(self, task: PlanningTask) -> PlannerInput:
        tool, arguments = ("search_by_text", {"query": task.topic}) if task.topic else ("browse", {"sort": "price"})
        plan = Plan(intent="recommend", topic=task.topic)
        memory = Memory(language=task.language)
        read = message_as_read(self._folder, memory, plan, task.message, [], [], Names())
        planned = PlannedCall(tool=tool, arguments=dict(arguments), origin="anticipated")
        scope = Scope(
            items=dict.fromkeys(task.found), pictures=(), filters=Filters(), pool=10, asked=frozenset({key(planned)}),
            conditions=(), searches_words=True,
        )  # fmt: skip
        result = CallResult(tool=tool, arguments=dict(arguments), result=self._lines(task.found, task.topic))
        before = before_message(self._vocabulary, memory, self._folder)
        return PlannerInput(before, [read, RoundFinished(calls=[result])], scope, lambda _: True)

    async def _reads(self, task: RoleTask) -> bool:
        before, _, remainder = task.message.partition("[")
        words, _, after = remainder.partition("]")
        question = RoleQuestion(before + words + after, len(before), len(before + words), number=False)
        probabilities = await self._chat.for_turn().choose(
            to_chat(question.messages(self._folder)), ANSWERS, purpose="probe"
        )
        return question.answered(probabilities)[0] == task.right

    async def _orders(self, task: OrderTask) -> bool:
        candidates = [
            brief(
                Candidate(alias=alias, hit=_hit(item), score=_NEAR, evidence=self._evidence(item, task.message)),
                self._limits.evidence,
            )
            for alias, item in zip("ABCDEFGH", (self._items[item_id] for item_id in task.candidates), strict=False)
        ]
        count = len(candidates)
        wish = load_prompt("wish", self._folder).render(
            text=task.message, topic="", transcripts=[], pictures=[], constraints=""
        )
        answer = await self._chat.for_turn().complete_json(
            ranking_messages(wish[0].content, candidates, count, self._folder),
            rank_schema(candidates, count),
            purpose="probe",
            max_tokens=RANK_TOKENS_PER_ITEM * count,
        )
        first = answer["ranking"][0]["item"]
        return any(candidate.alias == first and candidate.hit.item_id == task.first for candidate in candidates)

    async def _explains(self, task: EvidenceTask) -> bool:
        item = self._items[task.item]
        all_evidence = self._evidence(item, task.message, Filters(max_price=task.most))
        evidence = [
            *all_evidence[:MAX_EVIDENCE],
            *(entry for entry in all_evidence[MAX_EVIDENCE:] if entry.source == "price"),
        ]
        facts = facts_to_tell(evidence, task.language, "en")
        text = await self._chat.for_turn().complete_text(
            explaining_messages(item.title, facts, task.language, self._folder),
            purpose="probe",
            max_tokens=EXPLAIN_TOKENS,
            when_cut="whole sentences",
        )
        limit = None if task.most is None else PriceLimit(task.most)
        explanation = Explanation(text, item.title, evidence, task.language, wish=task.message, limit=limit)
        return not await asyncio.to_thread(unsupported, explanation, self._vocabulary, self._entailment)

    def _lines(self, item_ids: list[str], wish: str) -> str:
        items = [self._items[item_id] for item_id in item_ids]
        evidence = {item.id: self._evidence(item, wish) for item in items}
        return items_in_words([_hit(item) for item in items], evidence, set(), self._limits)

    def _evidence(self, item: Item, wish: str, filters: Filters | None = None) -> list[Evidence]:
        fused = FusedHit(_hit(item), _NEAR, [(wish, Signal(source="dense", score=_NEAR, rank=1))])
        return EvidenceBuilder(filters or Filters(), wish).entries(fused, item)


def _hit(item: Item) -> Hit:
    return Hit(
        item_id=item.id, title=item.title, price=item.price, currency=item.currency, category=item.category,
        brand=item.brand, score=_NEAR, signals=[Signal(source="dense", score=_NEAR, rank=1)],
    )  # fmt: skip


def _right_call(decision: Decision, right: list[ExpectedCall], scope: Scope) -> ToolCall | None:
    """The call of the decision that is right, after the check that every call of a turn passes."""
    match decision:
        case Finish(text):
            calls = [ToolCall("", SMALL_TALK.name if text else "end", {})]
        case QuestionBack():
            calls = [ToolCall("", ASK.name, {})]
        case _:
            checked = [check(call, scope) for call in decision]
            return next((outcome.call for outcome in checked if outcome.run and _fits_any(outcome, right)), None)
    return next((call for call in calls if any(expected.tool == call.name for expected in right)), None)


def _fits_any(checked: Checked, right: list[ExpectedCall]) -> bool:
    return any(_fits(checked, expected) for expected in right)


def _fits(checked: Checked, right: ExpectedCall) -> bool:
    arguments = checked.call.arguments or {}
    query = str(arguments.get("query", "")).casefold()
    return (
        checked.call.name == right.tool
        and (not right.words or any(word in query for word in right.words))
        and right.item in ("", arguments.get("item_id"))
        and set(right.items) <= set(arguments.get("item_ids", []))
        and (right.most is None or checked.proposed.max_price == right.most)
    )
