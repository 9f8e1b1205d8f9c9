"""The turn as a LangGraph graph.

receive -> anticipate -> plan -> act -> fuse -> rank -> explain -> ask_first -> respond
                          |-> chat | why | look | shop | cart ---> respond
"""

from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from assistant.turn import answering, fusing, nodes, ranking, shop
from assistant.turn.state import TurnContext, TurnState

Graph = CompiledStateGraph[TurnState, TurnContext, Any, Any]


def build_graph(checkpointer: BaseCheckpointSaver[Any] | None) -> Graph:
    """The compiled graph; the checkpointer keeps each session's state between turns and processes."""
    graph = StateGraph(TurnState, context_schema=TurnContext)
    steps = {
        "receive": nodes.receive,
        "anticipate": nodes.anticipate,
        "make_plan": nodes.plan,
        "act": nodes.act,
        "fuse": fusing.fuse,
        "rank": ranking.rank,
        "explain": ranking.explain,
        "chat": answering.chat,
        "why": answering.why,
        "look": answering.look,
        "shop": shop.answer_shop,
        "put_in_cart": shop.put_in_cart,
        "ask_first": answering.ask_first,
        "respond": answering.respond,
    }
    for name, step in steps.items():
        graph.add_node(name, step)
    graph.add_edge(START, "receive")
    for source, target in (
        ("receive", "anticipate"), ("anticipate", "make_plan"), ("act", "fuse"), ("fuse", "rank"), ("rank", "explain"),
        ("explain", "ask_first"), ("ask_first", "respond"), ("chat", "respond"), ("why", "respond"),
        ("look", "respond"), ("shop", "respond"), ("put_in_cart", "respond"), ("respond", END),
    ):  # fmt: skip
        graph.add_edge(source, target)
    graph.add_conditional_edges(
        "make_plan", _after_plan, ["act", "chat", "why", "look", "shop", "put_in_cart", "respond"]
    )
    return graph.compile(checkpointer=checkpointer)


def _after_plan(state: TurnState) -> str:
    intent = state["plan"].intent
    if intent == "recommend":
        return "act" if any(search.found or search.plan.calls for search in state["searches"]) else "respond"
    return {"compare": "look", "details": "look", "cart": "put_in_cart"}.get(intent, intent)
