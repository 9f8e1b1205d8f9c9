"""A planner's messages, made of the turn's records."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from assistant.agent.calls import Scope
from assistant.llm.adapters import is_taught
from assistant.records import Evidence, MessageRead, RoundFinished
from assistant.settings import Settings
from assistant.understanding.phrases import gives_orders
from tools.records import Hit, Signal


class PromptLimits(NamedTuple):
    """How much a model reads of results, and of the candidates that it orders."""

    items: int = 6
    line: int = 200
    """Characters of an item's line."""
    facts: int = 3
    """How many facts speak for an item in its line."""
    others: int = 900
    """Characters of a result that is no list of items."""
    candidates: int = 100
    evidence: int = 5
    """Lines of a candidate's evidence, beside its price."""
    fused: bool = False
    """Whether the reading's searches are told as one call, with the candidates that came of them all."""


BRIEF: Final = PromptLimits(items=4, line=110, facts=1, others=400, candidates=6, evidence=2, fused=True)
"""For a small model that was taught: what it reads costs it most."""

LEFT_OUT: Final = "(left out: it speaks to the assistant)"
_OMITTED: Final = ("images", "url", "audio", "video")


@dataclass
class PlannerInput:
    """What a planner decides upon."""

    earlier_messages: Sequence[BaseMessage]
    """The rules and the last exchanges."""
    records: list[MessageRead | RoundFinished]
    """The wish, and the rounds of calls; the first is the reading's: the searches that its certain words and pictures
    make."""
    scope: Scope
    may_ask: Callable[[str], bool]
    """Whether a question's text may be said to the customer."""


def native_messages(records: Sequence[MessageRead | RoundFinished]) -> list[BaseMessage]:
    """The turn in the form of tool calls."""
    messages: list[BaseMessage] = []
    for number, record in enumerate(records):
        if isinstance(record, MessageRead):
            messages.append(HumanMessage(content=record.text))
            continue
        named_calls = [(f"call_{number}_{index}", call) for index, call in enumerate(record.calls)]
        calls: list[Any] = [
            {"name": call.tool, "args": call.arguments or {}, "id": name, "type": "tool_call"}
            for name, call in named_calls
        ]
        messages.append(AIMessage(content="", tool_calls=calls))
        messages += [ToolMessage(content=call.result, tool_call_id=name) for name, call in named_calls]
    return messages


def plain_messages(records: Sequence[MessageRead | RoundFinished]) -> list[BaseMessage]:
    """The same for a model that answers in JSON of our own schema."""
    messages: list[BaseMessage] = []
    for record in records:
        if isinstance(record, MessageRead):
            messages.append(HumanMessage(content=record.text))
            continue
        calls = [{"tool": call.tool, "arguments": call.arguments or {}} for call in record.calls]
        messages.append(AIMessage(content=json.dumps({"calls": calls}, ensure_ascii=False, separators=(",", ":"))))
        results = "\n\n".join(f"Result of {call.tool}:\n{call.result}" for call in record.calls)
        messages.append(HumanMessage(content=results))
    return messages


def prompt_limits(settings: Settings) -> PromptLimits:
    """How much the settings' model reads."""
    return BRIEF if is_taught(settings) else PromptLimits()


def result_in_words(
    result: Mapping[str, Any], evidence: Mapping[str, Sequence[Evidence]], listed_ids: set[str], limits: PromptLimits
) -> str:
    """What a planner reads of a tool's result.

    Args:
        evidence: by item id, what is known to speak for it.
        listed_ids: ids of the items whose lines stand above; those of this result join them.
    """
    if "item" in result:
        item = {name: value for name, value in result["item"].items() if value and name not in _OMITTED}
        return json.dumps(_without_orders(item), ensure_ascii=False)[: limits.others]
    if "items" in result and "rows" not in result:
        hits = [Hit.model_validate(hit) for hit in result["items"]]
        return items_in_words(hits, evidence, listed_ids, limits, missing=result.get("missing", []))
    return json.dumps(_without_orders(result), ensure_ascii=False)[: limits.others]


def items_in_words(
    hits: Sequence[Hit],
    evidence: Mapping[str, Sequence[Evidence]],
    listed_ids: set[str],
    limits: PromptLimits,
    *,
    missing: Iterable[str] = (),
) -> str:
    """A line an item: id, title, price, what speaks for it. Descriptions are read by looking at an item."""
    visible, hidden_count = hits[: limits.items], len(hits) - limits.items
    lines = [
        f"{hit.item_id} | as above" if hit.item_id in listed_ids else _line(hit, evidence.get(hit.item_id, ()), limits)
        for hit in visible
    ]
    listed_ids |= {hit.item_id for hit in visible}
    lines += [f"and {hidden_count} more"] if hidden_count > 0 else []
    return "\n".join([*(lines or ["Nothing was found."]), *missing])


def _line(hit: Hit, evidence: Sequence[Evidence], limits: PromptLimits) -> str:
    price = "no price" if hit.price is None else f"{hit.price:g} {hit.currency or ''}".strip()
    usable = [
        entry
        for entry in evidence
        if not gives_orders(entry.detail)
        and entry.source not in ("price", "stock")
        and entry.key not in ("evidence_quote", "evidence_said")
    ]
    if limits.fused:  # why it was found stands in the call above; what it is tells more in as many words
        facts = [entry.detail for entry in usable if entry.source == "attribute"]
    else:
        facts = [entry.detail for entry in usable] or list(map(_fact, hit.signals))
    line = " | ".join([hit.item_id, _without_orders(hit.title), price, "; ".join(facts[: limits.facts]) or "listed"])
    return " ".join(line.split())[: limits.line]


def _without_orders(content: Any) -> Any:  # noqa: ANN401 - any part of a result
    """A result without texts that speak to the assistant: nothing in them helps to find an item."""
    if isinstance(content, str):
        return LEFT_OUT if gives_orders(content) else content
    if isinstance(content, dict):
        return {name: _without_orders(value) for name, value in content.items()}
    return [_without_orders(entry) for entry in content] if isinstance(content, list) else content


def _fact(signal: Signal) -> str:
    matched = f" ({', '.join(signal.matched)})" if signal.matched else ""
    return f"{signal.source} {signal.score:.2f}{matched}"
