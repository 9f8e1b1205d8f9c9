"""A scripted model that does every task of the probe right."""

import json
import re
from typing import Any

from assistant.probe.tasks import ExpectedCall, PlanningTask, Tasks, load_tasks
from tests.fakes.openai_server import Reply, Request

ROLES = {"prop": "A", "not": "B", "for": "C", "said": "D"}
SENTENCES = {"en": "It costs {price} EUR.", "de": "Das kostet {price} EUR.", "zh": "价格为 {price} EUR。"}


def right_answer(request: Request) -> Reply:
    """What a model that is able to do all steps answers to a task of the probe."""
    tasks, told = load_tasks(), request["messages"][-1]["content"]
    if request.get("logprobs"):
        role = next(one for one in tasks.roles if one.message in told).right
        return Reply(ROLES[role], finish_reason="length", top_tokens={ROLES[role]: -0.01})
    if request.get("tools"):
        return _planned(request, tasks)
    if request.get("response_format"):
        return Reply(json=_ordered(request, tasks))
    return Reply(_sentence(told, tasks))


def _planned(request: Request, tasks: Tasks) -> Reply:
    customer = next(one["content"] for one in request["messages"] if one["role"] == "user")
    task = next(one for one in tasks.planning if one.message in customer)
    results = [one for one in request["messages"] if one["role"] == "tool"]
    if len(results) > 1 or task.right[0].tool == "end":
        return Reply("done")
    return Reply(calls=[(task.right[0].tool, _arguments(task, task.right[0]))], finish_reason="tool_calls")


def _arguments(task: PlanningTask, right: ExpectedCall) -> dict[str, Any]:
    match right.tool:
        case "search_by_text":
            filters = {} if right.most is None else {"filters": {"max_price": right.most}}
            return {"query": right.words[0], **filters}
        case "get_item":
            return {"item_id": right.item}
        case "compare_items":
            return {"item_ids": right.items or task.found}
        case "search_pages":
            return {"query": "sending back"}
        case "small_talk":
            return {"answer": "You are welcome."}
        case "ask_customer":
            return {"question": "What does your friend like?", "choices": ["books", "tea"]}
    return {}


def _ordered(request: Request, tasks: Tasks) -> dict[str, Any]:
    told = request["messages"][-1]["content"]
    task = next(one for one in tasks.order if one.message in told)
    title = next(item.title for item in tasks.items if item.id == task.first)
    first = re.search(rf"^([A-H]): {re.escape(title)}$", told, re.MULTILINE)
    assert first
    schema = request["response_format"]["json_schema"]["schema"]
    entries = schema["properties"]["ranking"]["items"]["anyOf"]
    evidence = {e["properties"]["item"]["const"]: e["properties"]["evidence"]["items"]["enum"][:1] for e in entries}
    aliases = [first[1], *(alias for alias in evidence if alias != first[1])]
    return {"ranking": [{"item": alias, "evidence": evidence[alias]} for alias in aliases]}


def _sentence(told: str, tasks: Tasks) -> str:
    item = next(one for one in tasks.items if f"Product: {one.title}" in told)
    names = {"English": "en", "German": "de", "Chinese": "zh"}
    language = next(code for name, code in names.items() if f"Answer in {name}" in told)
    return SENTENCES[language].format(price=json.dumps(item.price).removesuffix(".0"))
