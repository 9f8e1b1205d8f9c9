"""The turn as a LangGraph graph.

receive -> preprocess -> plan -> fuse -> listen -> loop -> rank -> explain -> ask_first -> respond
                          |-> chat | why | look | shop | cart -------------------> respond

Only a message with a video that has sound comes to listen, also where plan found nothing; what is said goes back to
plan if it is a wish.
"""

from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from assistant.agent import fuse, loop, plan, rank, respond, shop
from assistant.agent.state import TurnContext, TurnState, a_video_says_wishes
from assistant.agent.steps import planner_in_force

Graph = CompiledStateGraph[TurnState, TurnContext, Any, Any]


def build_graph(checkpointer: BaseCheckpointSaver[Any] | None) -> Graph:
    """The compiled graph; the checkpointer keeps each session's state between turns and processes."""
    graph = StateGraph(TurnState, context_schema=TurnContext)
    steps = {
        "receive": plan.receive,
        "preprocess": plan.preprocess,
        "make_plan": plan.plan,
        "fuse": fuse.fuse,
        "listen": plan.listen,
        "loop": loop.run_loop,
        "rank": rank.rank,
        "explain": rank.explain,
        "chat": respond.chat,
        "why": respond.why,
        "look": respond.look,
        "shop": shop.answer_shop,
        "put_in_cart": shop.put_in_cart,
        "ask_first": respond.ask_first,
        "respond": respond.respond,
    }
    for name, step in steps.items():
        graph.add_node(name, step)
    graph.add_edge(START, "receive")
    for source, target in (
        ("receive", "preprocess"), ("preprocess", "make_plan"), ("rank", "explain"),
        ("explain", "ask_first"), ("ask_first", "respond"), ("chat", "respond"), ("why", "respond"),
        ("look", "respond"), ("shop", "respond"), ("put_in_cart", "respond"), ("respond", END),
    ):  # fmt: skip
        graph.add_edge(source, target)
    ways = ["chat", "why", "look", "shop", "put_in_cart", "respond"]
    graph.add_conditional_edges("make_plan", _after_plan, ["fuse", "listen", *ways])
    graph.add_conditional_edges("fuse", _after_fuse, ["listen", "loop"])
    graph.add_conditional_edges("listen", _after_listen, ["make_plan", "loop", *ways])
    graph.add_conditional_edges("loop", _after_loop, ["rank", "chat", "respond"])
    return graph.compile(checkpointer=checkpointer)


def _after_plan(state: TurnState, runtime: Runtime[TurnContext]) -> str:
    """First cards where something was found; else what is said in a video first, if anything is left to hear."""
    way = _way(state, runtime)
    return "listen" if state["unheard"] and way != "fuse" else way


def _after_fuse(state: TurnState) -> str:
    return "listen" if state["unheard"] else "loop"


def _after_listen(state: TurnState, runtime: Runtime[TurnContext]) -> str:
    if a_video_says_wishes(state):
        return "make_plan"
    way = _way(state, runtime)
    return "loop" if way == "fuse" else way


def _way(state: TurnState, runtime: Runtime[TurnContext]) -> str:
    """Where nothing could be searched, a planning model may still answer small talk or take another way.

    A message without a word, such as a silent recording, is no wish and has no searches: what to say is known.
    """
    intent, searches = state["plan"].intent, state["searches"]
    if intent == "recommend":
        is_asked = bool(searches) and planner_in_force(runtime.context.settings) == "model"
        return "fuse" if is_asked or any(search.found for search in searches) else "respond"
    return {"compare": "look", "details": "look", "cart": "put_in_cart"}.get(intent, intent)


def _after_loop(state: TurnState) -> str:
    """Small talk that the model has not answered well is answered by the step for it."""
    if state["plan"].intent != "chat":
        return "rank"
    return "respond" if state["message"] else "chat"
