"""The turn's step from first cards to what a planner adds: it sees what was found, and searches, looks or asks."""

import asyncio
import time
from dataclasses import replace
from typing import Any, Final

from langgraph.runtime import Runtime

from assistant.agent.anchoring import Words, anchored, quotes
from assistant.agent.calls import MOST_CALLS, Checked, Scope, check, key, lists_items, offered, within
from assistant.agent.degradation import say_without
from assistant.agent.first_searches import (
    before_message,
    constraints_in_words,
    is_same,
    merge_constraints,
    message_as_read,
    names_near,
    usual_names,
)
from assistant.agent.fuse import fuse
from assistant.agent.plan import Result, all_found, failures, run_calls, search_for
from assistant.agent.planners import Decision, Finish, ModelPlanner, Planner, ReadingPlanner
from assistant.agent.relevance import is_certain
from assistant.agent.state import (
    Plan,
    SearchResult,
    TurnContext,
    TurnState,
    WishSearch,
    only_steers,
    said_by,
    wishes_heard,
)
from assistant.agent.steps import planner_in_force
from assistant.agent.text_checks import may_be_asked, may_be_chatted
from assistant.agent.transcript import PlannerInput, items_in_words, prompt_limits, result_in_words
from assistant.agent.wishes import joined
from assistant.errors import LLMBadReply, LLMUnavailable
from assistant.llm.adapters import is_taught, prompts_in_force
from assistant.llm.client import ToolCall
from assistant.privacy.masking import unmarked
from assistant.records import (
    CallResult,
    Constraint,
    Evidence,
    MessageRead,
    PlannedCall,
    Provisional,
    Question,
    QuestionAsked,
    Ranked,
    RoundFinished,
    StepFinished,
    StepStarted,
    TurnEvent,
)
from assistant.understanding import to_filters
from prompts import say
from tools.records import Filters
from tools.search import POOL

_NOTHING_HELD: Final[dict[str, Any]] = {"intent": "chat", "constraints": [], "preferences": [], "relaxed": []}

_CHANGED: Final = frozenset(
    {"plan", "searches", "steps", "candidates", "fusion", "message", "question", "model_out"}
)  # fmt: skip
"""What of the turn's state a planner may change, beside the notes."""

Update = dict[str, Any]


async def run_loop(state: TurnState, runtime: Runtime[TurnContext]) -> Update:
    """Let the planner act on what was found, for some rounds and no longer than its share of the turn's time.

    What a round brings joins the answer when the round is complete; a round that is cut off leaves no trace. Of several
    wishes each has rounds of its own, side by side.
    """
    if not state["searches"]:
        return {}
    planner = _planner(state, runtime.context)
    wishes = [_WishLoop(one, runtime, is_alone=True) for one in [state] if len(state["searches"]) == 1]
    wishes = wishes or [_WishLoop(_of_wish(state, one), runtime, is_alone=False) for one in state["searches"]]
    notes = await asyncio.gather(*(_run_rounds(wish, planner, runtime.context) for wish in wishes))
    whole = wishes[0].state if len(wishes) == 1 else await _together(state, [wish.state for wish in wishes], runtime)
    if question := whole["question"]:
        runtime.stream_writer(QuestionAsked(**question.model_dump()))
    told = [note for wish, own in zip(wishes, notes, strict=True) for note in [*own, *wish.notes()]]
    changed: Update = {name: value for name, value in whole.items() if name in _CHANGED}
    return {**changed, "degraded": list(dict.fromkeys([*whole["degraded"], *told]))}


def _planner(state: TurnState, context: TurnContext) -> Planner:
    """Who acts on what was found; to steer the list takes no model."""
    asks = (said_by(state) or state["seen"]) and not only_steers(state)
    if asks and planner_in_force(context.settings) == "model" and not state["model_out"]:
        return ModelPlanner(context.chat, native=not is_taught(context.settings))
    return ReadingPlanner()


def _of_wish(state: TurnState, search: WishSearch) -> TurnState:
    """The turn as if it had this one of its wishes alone."""
    return {**state, "searches": [search], "plan": search.plan, "candidates": search.candidates}


async def _together(state: TurnState, wishes: list[TurnState], runtime: Runtime[TurnContext]) -> TurnState:
    """The turn with what its wishes have become; where one changed they are fused anew, as an item stands under one."""
    before, said = len(state["steps"]), len(state["degraded"])
    found = [one for wish in wishes for one in wish["searches"]]
    shown = [one.candidates for one in state["searches"]]
    whole: TurnState = {
        **state,
        "searches": [one.model_copy(update={"candidates": known}) for one, known in zip(found, shown, strict=True)],
        "steps": [*state["steps"], *(step for wish in wishes for step in wish["steps"][before:])],
        "degraded": [*state["degraded"], *(note for wish in wishes for note in wish["degraded"][said:])],
        "question": next((wish["question"] for wish in wishes if wish["question"]), None),
        "model_out": any(wish["model_out"] for wish in wishes),
    }
    if whole["searches"] == state["searches"]:
        return whole
    whole["plan"] = joined(whole["searches"])
    return {**whole, **await fuse(whole, runtime)}  # type: ignore[typeddict-item]


async def _run_rounds(turn: "_WishLoop", planner: Planner, context: TurnContext) -> list[str]:
    """The rounds of one wish; a sentence where they had to end."""
    progress = await turn.begin()
    if isinstance(planner, ReadingPlanner):
        return []
    language, seconds = turn.state["memory"].language, _seconds(context)
    try:
        async with asyncio.timeout(seconds):
            await turn.run(planner, progress)
    except LLMUnavailable as exc:
        turn.state["model_out"] = True
        return [say_without("no_planning_model", language, str(exc))]
    except LLMBadReply as exc:
        return [say_without("no_planning_model", language, str(exc))]
    except TimeoutError:
        key_of_note = "planning_cut" if turn.answered else "no_planning_model"
        turn.state["model_out"] = not turn.answered
        return [say_without(key_of_note, language, f"no answer within {seconds:.0f} s")]
    return []


def _seconds(context: TurnContext) -> float:
    """The planner's share of the time: half of what the model has left, so that there is time for explanations."""
    left = context.settings.llm.turn_seconds - context.chat.usage.busy_seconds
    return min(context.settings.turn.planner_seconds, max(left, 0.0) / 2)


class _WishLoop:
    """A wish's rounds. ``state`` is always that of the last complete round."""

    def __init__(self, state: TurnState, runtime: Runtime[TurnContext], *, is_alone: bool) -> None:
        self.state: TurnState = {**state}
        self.answered = False
        self._is_alone = is_alone
        self._runtime = runtime if is_alone else replace(runtime, stream_writer=self._tell_beside_others)
        self._context, self._writer = runtime.context, runtime.stream_writer
        self._certain = state["searches"][0]
        self._asked: dict[str, PlannedCall] = {}
        self._found: list[tuple[PlannedCall, list[SearchResult]]] = []
        self._not_applied: list[Constraint] = []
        self._given_up: list[Constraint] = []
        self._kept: list[Constraint] = []
        self._listed: set[str] = set()
        self._limits = prompt_limits(runtime.context.settings)

    def _tell_beside_others(self, event: TurnEvent) -> None:
        """Cards of one wish alone are no event: they are told together."""
        if not isinstance(event, Provisional):
            self._writer(event)

    @property
    def plan(self) -> Plan:
        """The wish's plan as it is now."""
        return self.state["searches"][0].plan

    def notes(self) -> list[str]:
        """Sentences on the conditions that the planner proposed or took back."""
        language = self.state["memory"].language
        told = (
            ("constraint_not_applied", self._not_applied),
            ("constraint_taken_back", self._given_up),
            ("constraint_kept", self._kept),
        )
        return [
            say(key_of_note, language, constraints=constraints_in_words(constraints, language))
            for key_of_note, constraints in told
            if constraints
        ]

    async def begin(self) -> PlannerInput:
        """What the planner is told of first: the wish as it was read, and the reading's searches."""
        state, context = self.state, self._context
        usual = usual_names(context.vocabulary)
        hits = [hit for found in self._certain.found for hit in found.hits]
        near = await asyncio.to_thread(names_near, said_by(state), hits, context.vocabulary, usual)
        folder, wish = prompts_in_force(context.settings), self._certain.heading
        read = message_as_read(
            folder, state["memory"], self.plan, state["request"].text, wishes_heard(state), state["seen"], near,
            wish=wish,
        )  # fmt: skip
        records: list[MessageRead | RoundFinished] = [read, self._first_round()]
        for record in records:
            self._runtime.stream_writer(record)
        before = before_message(context.vocabulary, state["memory"], folder)
        return PlannerInput(before, records, self._scope(), self._may_ask)

    async def run(self, planner: Planner, progress: PlannerInput) -> None:
        """Rounds until the planner ends, asks, or has had as many as the settings allow."""
        for number in range(self._context.settings.turn.rounds):
            decision = await self._decision(planner, progress)
            match decision:
                case Question():
                    self.state = {**self.state, "question": decision}
                    return
                case Finish():
                    self._finish(decision, first=number == 0)
                    return
            record = await self._round(decision)
            self._runtime.stream_writer(record)
            progress.records.append(record)
            progress.scope = self._scope()

    def _first_round(self) -> RoundFinished:
        """The reading's searches as if they had been called, with what came of them."""
        evidence, filters = self._evidence(), self.plan.filters.model_dump(exclude_defaults=True)
        results = []
        for found in self._certain.found:
            name = "image" if found.tool == "search_by_image" else "query"
            asked = {name: found.asked} if found.asked else {}
            arguments = {**asked, "filters": filters} if filters else asked
            if found.tool in offered():
                hits = [one.hit for one in self._certain.candidates] if self._limits.fused else found.hits
                result = items_in_words(hits, evidence, self._listed, self._limits)
                results.append(CallResult(tool=found.tool, arguments=arguments, result=result))
                known = within(PlannedCall(tool=found.tool, arguments=asked, origin="anticipated"), Filters())
                self._asked[key(known)] = known
        return RoundFinished(wish=self._certain.heading, calls=results[:1] if self._limits.fused else results)

    async def _decision(self, planner: Planner, progress: PlannerInput) -> Decision:
        tell, watch = self._runtime.stream_writer, self._context.watch
        tell(StepStarted(step="plan", origin="model"))
        began, ok, summary = time.perf_counter(), False, ""
        watch.start("llm")
        try:
            decision = await planner.next(progress)
            self.answered = ok = True
            summary = _in_words(decision)
            return decision
        except (LLMUnavailable, LLMBadReply) as exc:
            summary = str(exc)
            raise
        finally:
            watch.stop("llm")
            seconds = round(time.perf_counter() - began, 3)
            tell(StepFinished(step="plan", ok=ok, seconds=seconds, summary=summary))

    # A round -----------------------------------------------------------------------------------------------------

    async def _round(self, calls: list[ToolCall]) -> RoundFinished:
        """Check the calls, hold what they propose in the customer's own words, and run them side by side."""
        scope, checks = self._scope(), []
        for call in calls[:MOST_CALLS]:
            done = check(call, scope)
            if done.run:
                scope = replace(scope, asked=scope.asked | {key(done.run)})
            checks.append(done)
        runnable = [one.run for one in checks if one.run]
        checks, given_up = self._taken_back(checks)
        search, steps = await self._with_proposed(checks, given_up)
        filters = search.plan.filters
        results = await run_calls([within(run, filters) for run in runnable], self.state, self._runtime)
        self._asked |= {key(run): run for run in runnable}
        self._found += [(run, all_found([result])) for run, result in zip(runnable, results, strict=True)]
        await self._join(search, [*steps, *results])
        return self._told(checks, results)

    def _told(self, checks: list[Checked], results: list[Result]) -> RoundFinished:
        """What the planner reads of each call: its result, or why there is none."""
        evidence, left = self._evidence(), list(results)
        told = []
        for one in checks:
            text = one.answer
            if one.run:
                _, step, result = left.pop(0)
                text = step.error or "It failed."
                if result is not None:
                    text = result_in_words(result, evidence, self._listed, self._limits)
            told.append(CallResult(tool=one.call.name, arguments=one.call.arguments, result=text))
        return RoundFinished(wish=self._certain.heading, calls=told)

    def _taken_back(self, checks: list[Checked]) -> tuple[list[Checked], list[Constraint]]:
        """The calls with what is answered to those that take a condition back, and the conditions that go.

        The customer's own words must stand in the call, and what this very message asks for stays whatever they are.
        """
        words, answered, given_up = self._words(), [], []
        for one in checks:
            if one.taken_back is None:
                answered.append(one)
                continue
            condition = self._conditions()[one.taken_back.condition]
            if not quotes(one.taken_back.words, words):
                answer = "Not taken back: the customer has not said these words."
            elif _is_among(condition, self.state["understanding"].constraints):
                answer = "Not taken back: this message asks for it."
                self._kept.append(condition)
            else:
                answer = "Taken back; search again where that finds more."
                given_up.append(condition)
            answered.append(replace(one, answer=answer))
        self._given_up += given_up
        return answered, given_up

    def _conditions(self) -> dict[str, Constraint]:
        """The constraints in force by the words in which the planner reads them."""
        return {constraints_in_words([one], "en"): one for one in self.plan.constraints}

    async def _with_proposed(
        self, checks: list[Checked], given_up: list[Constraint]
    ) -> tuple[WishSearch, list[Result]]:
        """The certain search with what the calls propose and the customer said; searched again where that is new."""
        certain = self._certain.model_copy(update={"plan": self.plan})
        standing: list[Constraint] = []
        for one in checks:
            if not one.proposed.is_empty():
                own, others = await asyncio.to_thread(anchored, one.proposed, self._words())
                standing += own
                self._note(others)
        relaxed = {change.field for change in self.plan.relaxed}
        standing = [one for one in standing if one.field not in relaxed]
        held = merge_constraints([one for one in self.plan.constraints if one not in given_up], standing)
        self._note([one for one in standing if not _is_among(one, held)])
        if held == self.plan.constraints:
            return certain, []
        plan = self.plan.model_copy(
            update={
                "constraints": held,
                "filters": to_filters(held),
                "preferences": [one for one in self.plan.preferences if not _is_among(one, held)],
            }
        )
        proposed = [*certain.proposed, *(one for one in held if one not in self.plan.constraints)]
        changed = certain.model_copy(update={"plan": plan, "proposed": proposed, "given_up": [*self._given_up]})
        searched, results = await search_for(changed, self.state, self._runtime)
        self._certain = searched
        return searched, [*results, *await self._again(searched.plan.filters)]

    async def _again(self, filters: Filters) -> list[Result]:
        """The planner's earlier searches within the new filters."""
        calls = [call for call, _ in self._found]
        results = await run_calls([within(call, filters) for call in calls], self.state, self._runtime)
        self._found = [(call, all_found([result])) for call, result in zip(calls, results, strict=True)]
        return results

    async def _join(self, search: WishSearch, results: list[Result]) -> None:
        """Fuse what was found until now anew."""
        extra = [
            found.model_copy(update={"by_model": True})
            for call, own in self._found
            for found in own
            if self._counts(call, search)
        ]
        search = search.model_copy(update={"found": [*self._certain.found, *extra]})
        if search.plan.open_wish and extra:
            search = search.model_copy(update={"found": extra, "plan": self._as_wish(search.plan)})
        language = self.state["memory"].language
        state: TurnState = {
            **self.state,
            "searches": [search],
            "plan": search.plan,
            "steps": [*self.state["steps"], *(step for _, step, _ in results)],
            "degraded": [*self.state["degraded"], *failures(results, language)],
        }
        if results:
            fused = await fuse(state, self._runtime)
            state = {**state, **fused}  # type: ignore[typeddict-item]
        self.state = state

    def _as_wish(self, plan: Plan) -> Plan:
        """The plan where the reading left open what to recommend, and the planner has searched for it."""
        queries = [str(call.arguments["query"]) for call, own in self._found if own and "query" in call.arguments]
        return plan.model_copy(update={"open_wish": False, "spread": False, "topic": next(iter(queries), plan.topic)})

    def _counts(self, call: PlannedCall, search: WishSearch) -> bool:
        """Whether what a call found joins the candidates: a list that asks for nothing does so beside no wish."""
        if lists_items(call.tool):
            return not any(found.hits for found in self._certain.found) and not search.plan.topic
        return offered()[call.tool].candidates == "search"

    # What holds ----------------------------------------------------------------------------------------------------

    def _scope(self) -> Scope:
        plan = self.plan
        return Scope(
            items=self._known_items(),
            pictures=plan.pictures,
            filters=plan.filters,
            pool=POOL,
            asked=frozenset(self._asked),
            conditions=tuple(self._conditions()),
            searches_words=bool(plan.topic or self.state["memory"].exchanges) or not plan.open_wish,
        )

    def _known_items(self) -> dict[str, None]:
        """Ids that may be named: of what was found, best first, and of what was shown or spoken of before."""
        memory = self.state["memory"]
        ids = [candidate.hit.item_id for candidate in self.state["candidates"]]
        ids += [item.item_id for item in (*memory.shown, *self.plan.references)]
        ids += [hit.item_id for found in self._certain.found for hit in found.hits]
        ids += [hit.item_id for _, own in self._found for found in own for hit in found.hits]
        return dict.fromkeys(ids)

    def _words(self) -> Words:
        context, memory = self._context, self.state["memory"]
        return Words(said_by(self.state), memory.language, context.vocabulary, context.reader.referring())

    def _note(self, constraints: list[Constraint]) -> None:
        """Remember what a call proposed and does not hold; what holds already, or gave way, is no disagreement."""
        settled: list[tuple[str, object]] = [(one.field, one.value) for one in self.plan.constraints]
        settled += [(one.field, value) for one in self.plan.relaxed for value in (one.wanted, one.used)]
        for one in constraints:
            is_known = any(field == one.field and is_same(value, one.value) for field, value in settled)
            if not is_known and not _is_among(one, self._not_applied):
                self._not_applied.append(one)

    def _evidence(self) -> dict[str, list[Evidence]]:
        return {candidate.hit.item_id: candidate.evidence for candidate in self.state["candidates"]}

    # Ends ----------------------------------------------------------------------------------------------------------

    def _may_ask(self, text: str) -> bool:
        prices = [candidate.hit.price for candidate in self.state["candidates"] if candidate.hit.price is not None]
        return may_be_asked(text, self._words(), prices)

    def _finish(self, end: Finish, *, first: bool) -> None:
        """Small talk is answered as such where nothing that was read is about items, and no search was made for it."""
        if not (first and end.text and self._is_alone) or _is_about_items(self.plan):
            return
        if self.state["candidates"]:
            self._runtime.stream_writer(Ranked(items=[]))  # nothing of the first cards stands
        text = end.text if may_be_chatted(end.text, self._context.vocabulary) else ""
        plan = self.plan.model_copy(update=_NOTHING_HELD)
        self.state = {**self.state, "plan": plan, "searches": [], "candidates": [], "message": text}


def _is_among(one: Constraint, constraints: list[Constraint]) -> bool:
    named = (one.field, one.attribute)
    return any((other.field, other.attribute) == named and is_same(other.value, one.value) for other in constraints)


def _is_about_items(plan: Plan) -> bool:
    """Whether the message shows a wish whatever the model says: a picture, a constraint, or words near an item's."""
    if plan.pictures or plan.constraints or plan.references or plan.open_wish:
        return True
    return is_certain(plan.best)


def _in_words(decision: Decision) -> str:
    """A planner's decision in a few words."""
    match decision:
        case Question():
            return unmarked(decision.text)
        case Finish():
            return ""
    asked = [(call.name, call.arguments or {}) for call in decision]
    named = [f"{name} {told.get('query') or told.get('image') or told.get('item_id') or ''}" for name, told in asked]
    return ", ".join(one.strip() for one in named)[:200]
