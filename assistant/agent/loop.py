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
    FILE_ARGUMENT,
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
    wishes = [_WishLoop(alone, runtime, is_alone=True) for alone in [state] if len(state["searches"]) == 1]
    wishes = wishes or [_WishLoop(_of_wish(state, search), runtime, is_alone=False) for search in state["searches"]]
    notes = await asyncio.gather(*(_run_rounds(wish, planner, runtime.context) for wish in wishes))
    combined = wishes[0].state if len(wishes) == 1 else await _together(state, [wish.state for wish in wishes], runtime)
    if question := combined["question"]:
        runtime.stream_writer(QuestionAsked(**question.model_dump()))
    sentences = [note for wish, wish_notes in zip(wishes, notes, strict=True) for note in [*wish_notes, *wish.notes()]]
    changed: Update = {name: value for name, value in combined.items() if name in _CHANGED}
    return {**changed, "degraded": list(dict.fromkeys([*combined["degraded"], *sentences]))}


def _planner(state: TurnState, context: TurnContext) -> Planner:
    """Who acts on what was found; to steer the list takes no model."""
    asks = (said_by(state) or state["seen"] or state["sounding"]) and not only_steers(state)
    if asks and planner_in_force(context.settings) == "model" and not state["model_out"]:
        return ModelPlanner(context.chat, native=not is_taught(context.settings))
    return ReadingPlanner()


def _of_wish(state: TurnState, search: WishSearch) -> TurnState:
    """The turn as if it had this one of its wishes alone."""
    return {**state, "searches": [search], "plan": search.plan, "candidates": search.candidates}


async def _together(state: TurnState, wishes: list[TurnState], runtime: Runtime[TurnContext]) -> TurnState:
    """The turn with what its wishes have become; where one changed they are fused anew, as an item stands under one."""
    step_count, note_count = len(state["steps"]), len(state["degraded"])
    searches = [search for wish in wishes for search in wish["searches"]]
    shown_candidates = [search.candidates for search in state["searches"]]
    combined: TurnState = {
        **state,
        "searches": [
            search.model_copy(update={"candidates": candidates})
            for search, candidates in zip(searches, shown_candidates, strict=True)
        ],
        "steps": [*state["steps"], *(step for wish in wishes for step in wish["steps"][step_count:])],
        "degraded": [*state["degraded"], *(note for wish in wishes for note in wish["degraded"][note_count:])],
        "question": next((wish["question"] for wish in wishes if wish["question"]), None),
        "model_out": any(wish["model_out"] for wish in wishes),
    }
    if combined["searches"] == state["searches"]:
        return combined
    combined["plan"] = joined(combined["searches"])
    return {**combined, **await fuse(combined, runtime)}  # type: ignore[typeddict-item]


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
    remaining_seconds = context.settings.llm.turn_seconds - context.chat.usage.busy_seconds
    return min(context.rules.planner_seconds, max(remaining_seconds, 0.0) / 2)


class _WishLoop:
    """A wish's rounds. ``state`` is always that of the last complete round."""

    def __init__(self, state: TurnState, runtime: Runtime[TurnContext], *, is_alone: bool) -> None:
        self.state: TurnState = {**state}
        self.answered = False
        self._is_alone = is_alone
        self._runtime = runtime if is_alone else replace(runtime, stream_writer=self._tell_beside_others)
        self._context, self._writer = runtime.context, runtime.stream_writer
        self._certain = state["searches"][0]
        self._calls: dict[str, PlannedCall] = {}
        self._results: list[tuple[PlannedCall, list[SearchResult]]] = []
        self._not_applied: list[Constraint] = []
        self._given_up: list[Constraint] = []
        self._not_taken_back: list[Constraint] = []
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
        groups = (
            ("constraint_not_applied", self._not_applied),
            ("constraint_taken_back", self._given_up),
            ("constraint_kept", self._not_taken_back),
        )
        return [
            say(key_of_note, language, constraints=constraints_in_words(constraints, language))
            for key_of_note, constraints in groups
            if constraints
        ]

    async def begin(self) -> PlannerInput:
        """What the planner is told of first: the wish as it was read, and the reading's searches."""
        state, context = self.state, self._context
        usual = usual_names(context.vocabulary)
        hits = [hit for result in self._certain.found for hit in result.hits]
        near_names = await asyncio.to_thread(names_near, said_by(state), hits, context.vocabulary, usual)
        folder, wish = prompts_in_force(context.settings), self._certain.heading
        message = message_as_read(
            folder, state["memory"], self.plan, state["request"].text, wishes_heard(state), state["seen"], near_names,
            wish=wish,
        )  # fmt: skip
        records: list[MessageRead | RoundFinished] = [message, self._first_round()]
        for record in records:
            self._runtime.stream_writer(record)
        earlier_messages = before_message(context.vocabulary, state["memory"], folder)
        return PlannerInput(earlier_messages, records, self._scope(), self._may_ask)

    async def run(self, planner: Planner, progress: PlannerInput) -> None:
        """Rounds until the planner ends, asks, or has had as many as the settings allow."""
        for number in range(self._context.settings.turn.rounds):
            decision = await self._decision(planner, progress)
            match decision:
                case Question():
                    self.state = {**self.state, "question": decision}
                    return
                case Finish():
                    self._finish(decision, is_first=number == 0)
                    return
            record = await self._round(decision)
            self._runtime.stream_writer(record)
            progress.records.append(record)
            progress.scope = self._scope()

    def _first_round(self) -> RoundFinished:
        """The reading's searches as if they had been called, with what came of them."""
        evidence, filters = self._evidence(), self.plan.filters.model_dump(exclude_defaults=True)
        results = []
        for search_result in self._certain.found:
            name = FILE_ARGUMENT.get(search_result.tool, "query")
            query = {name: search_result.asked} if search_result.asked else {}
            arguments = {**query, "filters": filters} if filters else query
            if search_result.tool in offered() or name == "video":
                hits = (
                    [candidate.hit for candidate in self._certain.candidates]
                    if self._limits.fused
                    else search_result.hits
                )
                result = items_in_words(hits, evidence, self._listed, self._limits)
                results.append(CallResult(tool=search_result.tool, arguments=arguments, result=result))
            if search_result.tool in offered():
                call = within(PlannedCall(tool=search_result.tool, arguments=query, origin="anticipated"), Filters())
                self._calls[key(call)] = call
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
            checked = check(call, scope)
            if checked.run:
                scope = replace(scope, asked=scope.asked | {key(checked.run)})
            checks.append(checked)
        runnable = [checked.run for checked in checks if checked.run]
        checks, given_up = self._answer_take_backs(checks)
        search, steps = await self._with_proposed(checks, given_up)
        filters = search.plan.filters
        results = await run_calls([within(run, filters) for run in runnable], self.state, self._runtime)
        self._calls |= {key(run): run for run in runnable}
        self._results += [(run, all_found([result])) for run, result in zip(runnable, results, strict=True)]
        await self._join(search, [*steps, *results])
        return self._round_finished(checks, results)

    def _round_finished(self, checks: list[Checked], results: list[Result]) -> RoundFinished:
        """What the planner reads of each call: its result, or why there is none."""
        evidence, remaining = self._evidence(), list(results)
        call_results = []
        for checked in checks:
            text = checked.answer
            if checked.run:
                _, step, result = remaining.pop(0)
                text = step.error or "It failed."
                if result is not None:
                    text = result_in_words(result, evidence, self._listed, self._limits)
            call_results.append(CallResult(tool=checked.call.name, arguments=checked.call.arguments, result=text))
        return RoundFinished(wish=self._certain.heading, calls=call_results)

    def _answer_take_backs(self, checks: list[Checked]) -> tuple[list[Checked], list[Constraint]]:
        """The calls with what is answered to those that take a condition back, and the conditions that go.

        The customer's own words must stand in the call, and what this very message asks for stays whatever they are.
        """
        words, answers, given_up = self._words(), [], []
        for checked in checks:
            if checked.taken_back is None:
                answers.append(checked)
                continue
            condition = self._conditions()[checked.taken_back.condition]
            if not quotes(checked.taken_back.words, words):
                answer = "Not taken back: the customer has not said these words."
            elif _is_among(condition, self.state["understanding"].constraints):
                answer = "Not taken back: this message asks for it."
                self._not_taken_back.append(condition)
            else:
                answer = "Taken back; search again where that finds more."
                given_up.append(condition)
            answers.append(replace(checked, answer=answer))
        self._given_up += given_up
        return answers, given_up

    def _conditions(self) -> dict[str, Constraint]:
        """The constraints in force by the words in which the planner reads them."""
        return {constraints_in_words([constraint], "en"): constraint for constraint in self.plan.constraints}

    async def _with_proposed(
        self, checks: list[Checked], given_up: list[Constraint]
    ) -> tuple[WishSearch, list[Result]]:
        """The certain search with what the calls propose and the customer said; searched again where that is new."""
        certain = self._certain.model_copy(update={"plan": self.plan})
        accepted: list[Constraint] = []
        for checked in checks:
            if not checked.proposed.is_empty():
                supported, unsupported = await asyncio.to_thread(anchored, checked.proposed, self._words())
                accepted += supported
                self._note(unsupported)
        relaxed = {change.field for change in self.plan.relaxed}
        accepted = [constraint for constraint in accepted if constraint.field not in relaxed]
        constraints = merge_constraints(
            [constraint for constraint in self.plan.constraints if constraint not in given_up], accepted
        )
        self._note([constraint for constraint in accepted if not _is_among(constraint, constraints)])
        if constraints == self.plan.constraints:
            return certain, []
        plan = self.plan.model_copy(
            update={
                "constraints": constraints,
                "filters": to_filters(constraints),
                "preferences": [
                    constraint for constraint in self.plan.preferences if not _is_among(constraint, constraints)
                ],
            }
        )
        proposed = [
            *certain.proposed,
            *(constraint for constraint in constraints if constraint not in self.plan.constraints),
        ]
        changed = certain.model_copy(update={"plan": plan, "proposed": proposed, "given_up": [*self._given_up]})
        searched, results = await search_for(changed, self.state, self._runtime)
        self._certain = searched
        return searched, [*results, *await self._repeat_searches(searched.plan.filters)]

    async def _repeat_searches(self, filters: Filters) -> list[Result]:
        """The planner's earlier searches within the new filters."""
        calls = [call for call, _ in self._results]
        results = await run_calls([within(call, filters) for call in calls], self.state, self._runtime)
        self._results = [(call, all_found([result])) for call, result in zip(calls, results, strict=True)]
        return results

    async def _join(self, search: WishSearch, results: list[Result]) -> None:
        """Fuse what was found until now anew."""
        extra = [
            search_result.model_copy(update={"by_model": True})
            for call, call_results in self._results
            for search_result in call_results
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
        queries = [
            str(call.arguments["query"])
            for call, search_results in self._results
            if search_results and "query" in call.arguments
        ]
        return plan.model_copy(update={"open_wish": False, "spread": False, "topic": next(iter(queries), plan.topic)})

    def _counts(self, call: PlannedCall, search: WishSearch) -> bool:
        """Whether what a call found joins the candidates: a list that asks for nothing does so beside no wish."""
        if lists_items(call.tool):
            return not any(result.hits for result in self._certain.found) and not search.plan.topic
        return offered()[call.tool].candidates == "search"

    # What holds ----------------------------------------------------------------------------------------------------

    def _scope(self) -> Scope:
        plan = self.plan
        return Scope(
            items=self._known_items(),
            pictures=plan.pictures,
            filters=plan.filters,
            pool=POOL,
            asked=frozenset(self._calls),
            conditions=tuple(self._conditions()),
            searches_words=bool(plan.topic or self.state["memory"].exchanges) or not plan.open_wish,
        )

    def _known_items(self) -> dict[str, None]:
        """Ids that may be named: of what was found, best first, and of what was shown or spoken of before."""
        memory = self.state["memory"]
        ids = [candidate.hit.item_id for candidate in self.state["candidates"]]
        ids += [item.item_id for item in (*memory.shown, *self.plan.references)]
        ids += [hit.item_id for result in self._certain.found for hit in result.hits]
        ids += [hit.item_id for _, results in self._results for result in results for hit in result.hits]
        return dict.fromkeys(ids)

    def _words(self) -> Words:
        context, memory = self._context, self.state["memory"]
        return Words(said_by(self.state), memory.language, context.vocabulary, context.reader.referring())

    def _note(self, constraints: list[Constraint]) -> None:
        """Remember what a call proposed and does not hold; what holds already, or gave way, is no disagreement."""
        settled: list[tuple[str, object]] = [
            (constraint.field, constraint.value) for constraint in self.plan.constraints
        ]
        settled += [(change.field, value) for change in self.plan.relaxed for value in (change.wanted, change.used)]
        for constraint in constraints:
            is_known = any(field == constraint.field and is_same(value, constraint.value) for field, value in settled)
            if not is_known and not _is_among(constraint, self._not_applied):
                self._not_applied.append(constraint)

    def _evidence(self) -> dict[str, list[Evidence]]:
        return {candidate.hit.item_id: candidate.evidence for candidate in self.state["candidates"]}

    # Ends ----------------------------------------------------------------------------------------------------------

    def _may_ask(self, text: str) -> bool:
        prices = [candidate.hit.price for candidate in self.state["candidates"] if candidate.hit.price is not None]
        return may_be_asked(text, self._words(), prices)

    def _finish(self, end: Finish, *, is_first: bool) -> None:
        """Small talk is answered as such where nothing that was read is about items, and no search was made for it."""
        if not (is_first and end.text and self._is_alone) or _is_about_items(self.plan):
            return
        if self.state["candidates"]:
            self._runtime.stream_writer(Ranked(items=[]))  # nothing of the first cards stands
        text = end.text if may_be_chatted(end.text, self._context.vocabulary) else ""
        plan = self.plan.model_copy(update=_NOTHING_HELD)
        self.state = {**self.state, "plan": plan, "searches": [], "candidates": [], "message": text}


def _is_among(constraint: Constraint, constraints: list[Constraint]) -> bool:
    target = (constraint.field, constraint.attribute)
    return any(
        (other.field, other.attribute) == target and is_same(other.value, constraint.value) for other in constraints
    )


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
    calls = [(call.name, call.arguments or {}) for call in decision]
    names = ("query", *FILE_ARGUMENT.values(), "item_id")
    descriptions = [
        f"{name} {next((arguments[one] for one in names if arguments.get(one)), '')}" for name, arguments in calls
    ]
    return ", ".join(description.strip() for description in descriptions)[:200]
