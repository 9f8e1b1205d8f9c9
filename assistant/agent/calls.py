"""What a planner may call: the tools that make sense for a shopper; and the check of every call before it runs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError

from assistant.llm.client import ToolCall
from assistant.records import PlannedCall, Question
from tools.records import Filters, Record
from tools.tool import Arguments, Context, Tool, wrong_argument
from tools.toolbox import TOOLS

MOST_CALLS: Final = 4
"""How many calls of one round are read; a model that asks for more hears nothing of the others."""

MOST_LISTED: Final = 20
"""The largest ``k`` of a tool that does not search."""

UNPROPOSED: Final = frozenset({"exclude_ids"})
"""Filters that no model proposes."""

_SLIM: Final = ("type", "description", "enum", "const", "items", "properties", "required", "additionalProperties")
"""What a model needs of a JSON schema; bounds are checked by code."""


class AskCustomer(Arguments):
    """Arguments of ask_customer."""

    question: str = Field(min_length=1, max_length=200, description="one short question in the customer's language")
    choices: list[Annotated[str, Field(min_length=1, max_length=60)]] = Field(
        [], max_length=5, description="2 to 5 short answers to choose from"
    )


def ask_customer(_: Context, arguments: AskCustomer) -> Question:
    """Ask the customer one question; the turn ends with it."""
    return Question(text=arguments.question, choices=arguments.choices)


class TakeBack(Arguments):
    """Arguments of take_back."""

    condition: str = Field(min_length=1, max_length=200, description="one of the filters in force, as it stands there")
    words: str = Field(min_length=1, max_length=100, description="the customer's own words that give it up")


def take_back(_: Context, arguments: TakeBack) -> "SmallTalkAnswer":
    """Take back a filter of an earlier message that the customer's new words give up."""
    return SmallTalkAnswer(text=arguments.condition)


class SmallTalk(Arguments):
    """Arguments of small_talk."""

    answer: str = Field(min_length=1, max_length=300, description="one short friendly sentence, without any offer")


class SmallTalkAnswer(Record):
    """What is said to small talk."""

    text: str


def small_talk(_: Context, arguments: SmallTalk) -> SmallTalkAnswer:
    """Answer a message that asks for no product at all, such as a greeting or thanks; the turn ends with it."""
    return SmallTalkAnswer(text=arguments.answer)


ASK: Final = Tool(AskCustomer, ask_customer)
TAKE_BACK: Final = Tool(TakeBack, take_back)
SMALL_TALK: Final = Tool(SmallTalk, small_talk)


def offered() -> dict[str, Tool[Any]]:
    """What a planner may call, by name."""
    tools = (*(tool for tool in TOOLS if tool.for_planner), TAKE_BACK, ASK, SMALL_TALK)
    return {tool.name: tool for tool in tools}


def lists_items(name: str) -> bool:
    """Whether a tool brings items without a question: all of them have to do with the wish."""
    tool = offered().get(name)
    return tool is not None and tool.candidates == "list"


@dataclass(frozen=True)
class Scope:
    """What the calls of a turn may name, and what holds for all of them."""

    items: Mapping[str, None]
    """Ids of the items that this conversation knows."""
    pictures: Sequence[str]
    """Ids of the pictures, videos and sounds that the wish is about."""
    filters: Filters
    pool: int
    """How many items a search brings."""
    asked: frozenset[str]
    """Keys of the calls that have run."""
    conditions: Sequence[str]
    """The filters in force, as the planner reads them."""
    searches_words: bool
    """False where what to recommend is left to the assistant: any query would be the model's own wish."""


@dataclass(frozen=True)
class Checked:
    """A call after the check: what runs, or what is answered instead, and what it proposes."""

    call: ToolCall
    run: PlannedCall | None
    answer: str = ""
    """What the planner reads where nothing runs."""
    proposed: Filters = field(default_factory=Filters)
    taken_back: TakeBack | None = None


def check(call: ToolCall, scope: Scope) -> Checked:
    """Check one call, whatever the parser of tool calls let through."""
    tools = offered()
    tool = tools.get(call.name)
    if tool is None:
        return Checked(call, None, f"There is no tool {call.name!r}; known: {', '.join(tools)}.")
    if call.arguments is None:
        return Checked(call, None, f"The arguments of {call.name} are no JSON object.")
    try:
        arguments = tool.arguments.model_validate(_bounded(tool, call.arguments, scope))
    except ValidationError as exc:
        return Checked(call, None, wrong_argument(tool, exc))
    if isinstance(arguments, TakeBack):
        in_force = "; ".join(scope.conditions) or "none"
        is_held = arguments.condition in scope.conditions
        problem = "" if is_held else f"There is no such filter in force; in force: {in_force}."
        return Checked(call, None, problem, taken_back=arguments if is_held else None)
    proposed = getattr(arguments, "filters", None) or Filters()
    planned = PlannedCall(
        tool=tool.name, arguments=arguments.model_dump(mode="json", exclude_defaults=True), origin="planned"
    )
    problem = _problem(planned, scope)
    return Checked(call, None if problem else within(planned, scope.filters), problem, proposed)


def within(call: PlannedCall, filters: Filters) -> PlannedCall:
    """The call with the filters in force, and no others."""
    if "filters" not in offered()[call.tool].arguments.model_fields:
        return call
    arguments = {name: value for name, value in call.arguments.items() if name != "filters"}
    filter_values = filters.model_dump(exclude_defaults=True)
    return call.model_copy(
        update={"arguments": {**arguments, "filters": filter_values} if filter_values else arguments}
    )


def key(call: PlannedCall) -> str:
    """What two calls share that ask for the same."""
    arguments = {name: value for name, value in call.arguments.items() if name not in ("k", "filters", "sentences")}
    return f"{call.tool} {json.dumps(arguments, sort_keys=True, ensure_ascii=False).casefold()}"


def _bounded(tool: Tool[Any], arguments: dict[str, Any], scope: Scope) -> dict[str, Any]:
    """The arguments with a ``k`` that is ours for a search, and within bounds for the others."""
    if "k" not in tool.arguments.model_fields:
        return arguments
    if tool.candidates:
        return {**arguments, "k": min(scope.pool, 100)}
    requested = arguments.get("k")
    return {**arguments, "k": max(1, min(requested, MOST_LISTED))} if isinstance(requested, int) else arguments


def _problem(call: PlannedCall, scope: Scope) -> str:
    """Why a call whose arguments have the right form does not run; empty where it does."""
    if call.tool == ASK.name:
        return "The question was not asked: it may name no offer and no price that the customer has not named."
    if call.tool == SMALL_TALK.name:
        return "The message was read as a wish; this was not said."
    if key(call) in scope.asked:
        return "This was asked already; its result stands above."
    arguments = call.arguments
    ids = [*arguments.get("item_ids", []), *([arguments["item_id"]] if arguments.get("item_id") else [])]
    if unknown_ids := [item_id for item_id in ids if item_id not in scope.items]:
        return (
            f"No result has the id {unknown_ids[0]!r}; known: {', '.join(list(scope.items)[:MOST_LISTED]) or 'none'}."
        )
    image = arguments.get("image") or arguments.get("video") or arguments.get("audio")
    if image is not None and image not in scope.pictures and image.removeprefix("item:") not in scope.items:
        return f"The wish is about no picture, video or sound {image!r}; known: {', '.join(scope.pictures) or 'none'}."
    if call.tool == "search_by_text":
        if not scope.searches_words:
            return "The customer leaves open what to recommend; a search for words would be a wish of your own."
        if not any(character.isalpha() for character in arguments["query"]):
            return "Search for words that name a product, not for numbers."
    return ""


# Schemas --------------------------------------------------------------------------------------------------------------


def functions() -> tuple[dict[str, Any], ...]:
    """The tools in OpenAI's form, the same in every turn."""
    return tuple(map(_function, offered().values()))


@cache
def _function(tool: Tool[Any]) -> dict[str, Any]:
    parameters = _parameters(tool)
    return {
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": parameters},
    }


def round_schema(scope: Scope) -> dict[str, Any]:
    """The JSON schema of a round, for models and servers that fail at tool calls: only what is known can be named."""
    ids = list(scope.items)
    sounds = [picture for picture in scope.pictures if picture.startswith("aud")]
    pictures = [picture for picture in scope.pictures if picture not in sounds]
    choices = {"item_id": ids, "item_ids": ids, "image": pictures, "audio": sounds, "condition": list(scope.conditions)}
    calls = [
        {
            "type": "object",
            "properties": {"tool": {"const": tool.name}, "arguments": parameters},
            "required": ["tool", "arguments"],
            "additionalProperties": False,
        }
        for tool in offered().values()
        if (parameters := _naming(_parameters(tool), choices)) is not None
    ]
    return {
        "type": "object",
        "properties": {"calls": {"type": "array", "maxItems": MOST_CALLS, "items": {"anyOf": calls}}},
        "required": ["calls"],
        "additionalProperties": False,
    }


def _naming(parameters: dict[str, Any], choices: Mapping[str, list[str]]) -> dict[str, Any] | None:
    """A tool's parameters with what there is to be named; None where it needs something and there is nothing."""
    properties: dict[str, Any] = dict(parameters["properties"])
    for name in [name for name in choices if name in properties]:
        if len(choices[name]) < (2 if name == "item_ids" else 1):
            if name in parameters.get("required", []):
                return None
            del properties[name]
            continue
        enum = {"enum": choices[name]}
        properties[name] = {"type": "array", "items": enum} if name == "item_ids" else enum
    return {**parameters, "properties": properties}


def _parameters(tool: Tool[Any]) -> dict[str, Any]:
    schema = tool.arguments.model_json_schema()
    slim: dict[str, Any] = _slim(schema, schema.get("$defs", {}))
    ours = {*(() if tool.proposes_filters else ("filters",)), *(("k",) if tool.candidates else ())}  # see `_bounded`
    properties = {name: value for name, value in slim["properties"].items() if name not in ours}
    return {"type": "object", "properties": properties, **{name: slim[name] for name in ("required",) if name in slim}}


def _slim(schema: Any, definitions: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any part of a schema
    """A schema without what code checks anyway, its references resolved; what may be null is optional."""
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        definition = {**definitions[schema["$ref"].rsplit("/", 1)[-1]]}
        definition.pop("description", None)
        return _slim({**definition, **{name: value for name, value in schema.items() if name != "$ref"}}, definitions)
    if "anyOf" in schema:
        single = next(option for option in schema["anyOf"] if option.get("type") != "null")
        return _slim({**single, **{name: value for name, value in schema.items() if name != "anyOf"}}, definitions)
    slim = {name: schema[name] for name in _SLIM if name in schema}
    if "properties" in slim:
        slim["properties"] = {
            name: _slim(value, definitions) for name, value in slim["properties"].items() if name not in UNPROPOSED
        }
    for name in ("items", "additionalProperties"):
        if isinstance(slim.get(name), dict):
            slim[name] = _slim(slim[name], definitions)
    if slim.get("additionalProperties") is False:
        del slim["additionalProperties"]
    return slim
