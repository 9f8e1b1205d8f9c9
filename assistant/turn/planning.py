"""From words, labels and the model's JSON to the calls of a turn: schema, checks and merging, all without I/O."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from assistant.ledger import attribute_name
from assistant.privacy.masking import unmarked
from assistant.records import Constraint, Heard, Memory, PlannedCall, Seen
from assistant.turn.preferring import preferences_in_force
from assistant.turn.state import Plan, TurnContext
from assistant.understanding import CENT, Said, Understanding, carry_over, to_filters, within_limits
from assistant.understanding.names import name_index
from prompts import Message, load_prompt, say
from tools.records import Hit, Record, Vocabulary

MAX_NAMES = 24
"""How many categories, and how many brands, the model may choose from in every turn: those of most items."""

MAX_NEAR_NAMES = 12
"""How many more of each it may choose from because this message is about them."""

NAME_CHARACTERS = 60
"""Longer names are not offered to the model."""

NAMES_CHARACTERS = 800
"""Characters of all the categories, or brands, that are offered together."""

MAX_CALLS = 2
"""How many calls a plan may hold: the certain ones run anyway, and a small model repeats itself when it may."""

QUERY_CHARACTERS = 120


class Names(Record):
    """Categories and brands that the model may choose from."""

    categories: list[str] = []
    brands: list[str] = []

    def __add__(self, other: "Names") -> "Names":
        return Names(categories=self.categories + other.categories, brands=self.brands + other.brands)


def usual_names(vocabulary: Vocabulary) -> Names:
    """The names offered in every turn over one catalogue."""
    return Names(
        categories=_bounded(vocabulary.frequent_categories or vocabulary.categories, MAX_NAMES),
        brands=_bounded(vocabulary.frequent_brands or vocabulary.brands, MAX_NAMES),
    )


def names_near(said: Sequence[Said], hits: Sequence[Hit], vocabulary: Vocabulary, usual: Names) -> Names:
    """Further names that the message is about: first those it mentions, then those of what was found for it."""
    found = [match for part in said for match in name_index(vocabulary).find(part.text, ("brand", "category"))]
    levels = [level.strip() for hit in hits for level in (hit.category or "").split(">")]
    categories = [match.name for match in found if match.kind == "category"] + levels
    brands = [match.name for match in found if match.kind == "brand"] + [hit.brand or "" for hit in hits]
    return Names(
        categories=_bounded(_others(categories, usual.categories), MAX_NEAR_NAMES),
        brands=_bounded(_others(brands, usual.brands), MAX_NEAR_NAMES),
    )


def _others(names: list[str], known: list[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name and name not in known]


def _bounded(names: list[str], most: int) -> list[str]:
    """The first names, as many as fit."""
    kept: list[str] = []
    room = NAMES_CHARACTERS
    for name in names:
        if len(kept) < most and len(name) <= min(room, NAME_CHARACTERS):
            kept.append(name)
            room -= len(name) + 2
    return kept


def first_plan(understanding: Understanding, memory: Memory, pictures: list[str]) -> Plan:
    """What is certain before the model has spoken: topic, pictures and constraints in force."""
    topic = " ".join([*(item.title for item in understanding.references), understanding.topic]).strip()
    if understanding.refines and not understanding.references:
        topic = f"{memory.topic} {understanding.topic}".strip()
    carried = memory.pictures if understanding.refines and not understanding.references else []
    if understanding.accompanies and topic:  # the picture shows what the wish is to go with, not what is wished
        pictures = []
    constraints, unused = within_limits(carry_over(memory, understanding))
    preferences, left = preferences_in_force(memory, understanding, constraints)
    vague = understanding.vague and not understanding.refines
    return Plan(
        intent=understanding.intent or "recommend",
        topic=topic[:QUERY_CHARACTERS],
        head=understanding.head[:QUERY_CHARACTERS],
        sentence="" if understanding.refines or understanding.references else understanding.sentence,
        kind=(understanding.kind or (memory.topic if understanding.refines else ""))[:QUERY_CHARACTERS],
        clauses=understanding.clauses,
        vague=vague,
        keeps_limits=vague or bool(understanding.recipient),
        pictures=pictures or carried,
        constraints=constraints,
        preferences=preferences,
        unused=[*unused, *left],
        filters=to_filters(constraints),
        references=understanding.references,
        rejected=[*(r.item_id for r in memory.rejected), *(item.item_id for item in understanding.rejected)],
        goes_on=understanding.refines or bool(understanding.references),
        sort=understanding.sort,
        open_wish=understanding.open_wish,
    )


def certain_calls(
    plan: Plan,
    pool: int,
    *,
    by_taste: Sequence[str] = (),
    spread: Sequence[str] = (),
) -> list[PlannedCall]:
    """The searches that need no model: every picture in play, what is wanted, and the sentences that say so.

    Without any, the tools named ``by_taste`` are asked, and where there are none the catalogue is listed: what is new
    in each of the categories ``spread``, or all of it by price.
    """
    filters = plan.filters.model_dump(exclude_defaults=True)
    calls = [_search("search_by_image", {"image": picture}, pool, filters) for picture in plan.pictures]
    query = plan.topic
    said = [plan.head] if plan.sentence else [query, plan.head]
    for words in dict.fromkeys(filter(None, said) if query else ()):
        calls.append(_search("search_by_text", {"query": words}, pool, filters))
    if query and plan.sentence not in ("", plan.head):
        calls.append(_search("search_by_text", {"query": plan.sentence, "sentences": True}, pool, filters))
    if not calls and not plan.sort:
        calls = [_search(tool, {}, pool, filters) for tool in by_taste]
    if not calls:
        calls = [_search("browse", {"sort": "newest"}, pool, {**filters, "categories": [one]}) for one in spread]
    return calls or [_search("browse", {"sort": plan.sort or "price"}, pool, filters)]


def planned_calls(answer: dict[str, Any], plan: Plan, certain: list[PlannedCall], pool: int) -> list[PlannedCall]:
    """The model's searches that are not already running, with the filters in force instead of its own.

    Its browse counts only when nothing else is searched for: a list without a question says nothing about fit.
    """
    filters = plan.filters.model_dump(exclude_defaults=True)
    asked = {_key(call.tool, call.arguments) for call in certain}
    calls = []
    for call in answer["calls"]:
        tool, arguments = call["tool"], {key: value for key, value in call["arguments"].items() if key != "filters"}
        if _key(tool, arguments) in asked or tool not in ("search_by_text", "search_by_image"):
            continue
        if tool == "search_by_image" and arguments["image"] not in plan.pictures:
            continue  # it shows what the wish is to go with, or belongs to an earlier topic
        if tool == "search_by_text" and not any(character.isalpha() for character in arguments["query"]):
            continue  # small models search for the price: "19.94"
        asked.add(_key(tool, arguments))
        calls.append(_search(tool, arguments, pool, filters, origin="planned"))
    return calls


def proposed_constraints(
    answer: dict[str, Any], preferences: Sequence[Constraint], said: Sequence[Said], vocabulary: Vocabulary
) -> list[Constraint]:
    """Constraints that the model read and that are likely without it, or whose name the message holds.

    Args:
        preferences: what the message is likely to want; the model's word makes it certain.
    """
    named = {match.name for part in said for match in name_index(vocabulary).find(part.text, ("brand", "category"))}
    kept: list[Constraint] = []
    for call in answer["calls"]:
        for field, value in (call["arguments"].get("filters") or {}).items():
            for single in value if isinstance(value, list) else [value]:
                is_named = field in ("brands", "categories") and single in named
                if is_named or any(one.field == field and _is_same(one.value, single) for one in preferences):
                    kept.append(Constraint(field=field, value=single, source="text", words=str(single)))
    return kept


def _is_same(value: object, other: object) -> bool:
    if isinstance(value, float | int) and isinstance(other, float | int):
        return abs(value - other) <= CENT
    return value == other


def merge_constraints(known: list[Constraint], proposed: list[Constraint]) -> list[Constraint]:
    """The known constraints, and the model's where none of that kind and value is known, nor its opposite."""
    fields = {constraint.field for constraint in known}
    settled = {str(c.value).casefold() for c in known if c.field not in ("min_price", "max_price", "in_stock")}
    added = []
    for constraint in proposed:
        single = constraint.field in ("min_price", "max_price", "in_stock", "categories", "brands")
        if not (single and constraint.field in fields) and str(constraint.value).casefold() not in settled:
            added.append(constraint)
    return [*known, *added]


def plan_messages(
    context: TurnContext,
    memory: Memory,
    plan: Plan,
    text: str,
    heard: list[Heard],
    seen: list[Seen],
    usual: Names,
    near: Names,
) -> list[BaseMessage]:
    """The planning conversation; its system part depends on the catalogue alone.

    A new topic is planned without the old one before its eyes: a small model mixes them.
    """
    folder = context.settings.prompts
    situation = (
        load_prompt("situation", folder)
        .render(
            text=unmarked(text),
            topic=memory.topic if plan.goes_on else "",
            constraints=constraints_in_words(plan.constraints, "en"),
            shown=memory.shown if plan.goes_on else [],
            categories=near.categories,
            brands=near.brands,
        )[0]
        .content
    )
    situation += "".join(f"\nVoice {h.attachment}: {unmarked(h.transcript.text)}" for h in heard if h.transcript.spoken)
    situation += "".join(
        f"\nPicture {s.attachment}: "
        + ", ".join(f"{label.label} {label.score:.2f}" for label in s.description.labels[:3])
        for s in seen
    )
    return planning_conversation(usual, situation, folder)


def planning_conversation(names: Names, situation: str, folder: Path | None = None) -> list[BaseMessage]:
    """The plan prompt; everything before the situation is the same for every turn over one catalogue."""
    messages = load_prompt("plan", folder).render(
        categories=", ".join(names.categories) or "none",
        brands=", ".join(names.brands) or "none",
        situation=situation,
    )
    return to_chat(messages)


def plan_schema(names: Names, pictures: list[str], shown: list[str]) -> dict[str, Any]:
    """The JSON schema of a plan: only tools and ids that exist can be said."""
    filters = _filters_schema(names)
    calls = [
        _call("search_by_text", {"query": {"type": "string", "minLength": 2, "maxLength": QUERY_CHARACTERS}}, filters),
        _call("browse", {"sort": {"enum": ["price", "-price", "title", "newest"]}}, filters),
    ]
    if pictures:
        calls.append(_call("search_by_image", {"image": {"enum": pictures}}, filters))
    if shown:
        calls.append(_call("get_item", {"item_id": {"enum": shown}}))
        ids = {"type": "array", "items": {"enum": shown}, "minItems": 2, "maxItems": 4}
        calls.append(_call("compare_items", {"item_ids": ids}))
    return {
        "type": "object",
        "properties": {
            "intent": {"enum": ["recommend", "compare", "details", "chat"] if shown else ["recommend", "chat"]},
            "calls": {"type": "array", "maxItems": MAX_CALLS, "items": {"anyOf": calls}},
        },
        "required": ["intent", "calls"],
        "additionalProperties": False,
    }


def constraints_in_words(constraints: list[Constraint], language: str) -> str:
    """The constraints as one phrase of the user's language."""
    parts = [_in_words(constraint, language) for constraint in constraints]
    return say("list_separator", language).join(dict.fromkeys(parts))


def _in_words(constraint: Constraint, language: str) -> str:
    key = f"constraint_{constraint.field}"
    if constraint.field == "attributes":
        return say(key, language, name=attribute_name(str(constraint.attribute), language), value=constraint.value)
    if constraint.field not in ("min_price", "max_price"):
        return say(key, language, value=constraint.value)
    value = as_said(float(constraint.value), constraint.field, exclusive=constraint.exclusive)
    return say(key, language, value=value, currency=constraint.currency, exclusive=constraint.exclusive)


def as_said(bound: float, field: str, *, exclusive: bool) -> float:
    """The number that the user said of a price bound: 100 where "below 100" is kept as 99.99."""
    cent = CENT if field == "max_price" else -CENT
    return round(bound + cent, 2) if exclusive else bound


def to_chat(messages: list[Message]) -> list[BaseMessage]:
    """Rendered prompt messages as LangChain's."""
    kinds: dict[str, type[BaseMessage]] = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}
    return [kinds[message.role](content=message.content) for message in messages]


def _search(
    tool: str, arguments: dict[str, Any], pool: int, filters: dict[str, Any], origin: str = "anticipated"
) -> PlannedCall:
    return PlannedCall(tool=tool, arguments=_with({**arguments, "k": min(pool, 100)}, filters), origin=origin)


def _with(arguments: dict[str, Any], filters: dict[str, Any]) -> dict[str, Any]:
    return {**arguments, "filters": filters} if filters else arguments


def _key(tool: str, arguments: dict[str, Any]) -> tuple[str, str]:
    return tool, str(arguments.get("query") or arguments.get("image") or "").casefold().strip()


def _call(tool: str, properties: dict[str, Any], filters: dict[str, Any] | None = None) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "type": "object",
        "properties": {**properties, **({"filters": filters} if filters else {})},
        "required": list(properties),
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"tool": {"const": tool}, "arguments": arguments},
        "required": ["tool", "arguments"],
        "additionalProperties": False,
    }


def _filters_schema(offered: Names) -> dict[str, Any]:
    price = {"type": "number", "minimum": 0}
    properties: dict[str, Any] = {"min_price": price, "max_price": price, "in_stock": {"enum": [True]}}
    for field, names in (("categories", offered.categories), ("brands", offered.brands)):
        if names:
            properties[field] = {"type": "array", "maxItems": 2, "items": {"enum": names}}
    properties["exclude_terms"] = {"type": "array", "maxItems": 3, "items": {"type": "string", "maxLength": 30}}
    return {"type": "object", "properties": properties, "additionalProperties": False}
