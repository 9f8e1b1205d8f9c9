"""From what was read to a turn's plan, its certain searches and the planning model's messages, all without I/O."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from assistant.agent.evidence import attribute_name
from assistant.agent.session_preferences import preferences_in_force
from assistant.agent.state import Plan
from assistant.privacy.masking import unmarked
from assistant.records import Constraint, ImageLabels, Memory, MessageRead, PlannedCall, Transcription
from assistant.understanding import CENT, Understanding, Utterance, carry_over, to_filters, within_limits
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

MOST_EXCHANGES, EXCHANGE_CHARACTERS = 4, 200
"""How many earlier turns the planning model is told of, and how much of each message and answer."""

QUERY_CHARACTERS = 120

FILE_ARGUMENT: Final = {"search_by_image": "image", "search_by_video": "video", "search_by_sound": "audio"}
_BY_PREFIX: Final = {"img": "search_by_image", "vid": "search_by_video", "aud": "search_by_sound"}
"""The argument of each search that takes an attachment."""


class Names(Record):
    """Categories and brands that the planning model is told of."""

    categories: list[str] = []
    brands: list[str] = []


def usual_names(vocabulary: Vocabulary) -> Names:
    """The names offered in every turn over one catalogue."""
    return Names(
        categories=_bounded(vocabulary.frequent_categories or vocabulary.categories, MAX_NAMES),
        brands=_bounded(vocabulary.frequent_brands or vocabulary.brands, MAX_NAMES),
    )


def names_near(utterances: Sequence[Utterance], hits: Sequence[Hit], vocabulary: Vocabulary, usual: Names) -> Names:
    """Further names that the message is about: first those it mentions, then those of what was found for it."""
    matches = [match for part in utterances for match in name_index(vocabulary).find(part.text, ("brand", "category"))]
    levels = [level.strip() for hit in hits for level in (hit.category or "").split(">")]
    categories = [match.name for match in matches if match.kind == "category"] + levels
    brands = [match.name for match in matches if match.kind == "brand"] + [hit.brand or "" for hit in hits]
    return Names(
        categories=_bounded(_without(categories, usual.categories), MAX_NEAR_NAMES),
        brands=_bounded(_without(brands, usual.brands), MAX_NEAR_NAMES),
    )


def _without(names: list[str], known_names: list[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name and name not in known_names]


def _bounded(names: list[str], most: int) -> list[str]:
    """The first names, as many as fit."""
    fitting: list[str] = []
    room = NAMES_CHARACTERS
    for name in names:
        if len(fitting) < most and len(name) <= min(room, NAME_CHARACTERS):
            fitting.append(name)
            room -= len(name) + 2
    return fitting


def first_plan(understanding: Understanding, memory: Memory, pictures: list[str]) -> Plan:
    """What is certain before the model has spoken: topic, pictures and constraints in force."""
    topic = " ".join([*(item.title for item in understanding.references), understanding.topic]).strip()
    if understanding.refines and not understanding.references:
        topic = f"{memory.topic} {understanding.topic}".strip()
    carried = memory.pictures if understanding.refines and not understanding.references else []
    if understanding.accompanies and topic:  # the picture shows what the wish is to go with, not what is wished
        pictures = []
    constraints, unused_constraints = within_limits(carry_over(memory, understanding))
    preferences, unused_preferences = preferences_in_force(memory, understanding, constraints)
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
        words=[one for one in memory.read if one.attachment in (pictures or carried)],
        constraints=constraints,
        preferences=preferences,
        unused=[*unused_constraints, *unused_preferences],
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
    """The searches that need no model: every picture, video and sound, what is wanted, and the sentences that say so.

    Without any, the tools named ``by_taste`` are asked, and where there are none the catalogue is listed: what is new
    in each of the categories ``spread``, or all of it by price.
    """
    filters = plan.filters.model_dump(exclude_defaults=True)
    kinds = [_BY_PREFIX.get(picture[:3], "search_by_image") for picture in plan.pictures]
    calls = [
        _search(tool, {FILE_ARGUMENT[tool]: picture}, pool, filters)
        for tool, picture in zip(kinds, plan.pictures, strict=True)
    ]
    calls += [_search("search_by_text", {"query": words}, pool, filters) for words in _in_pictures(plan)]
    query = plan.topic
    queries = [plan.head] if plan.sentence else [query, plan.head]
    for words in dict.fromkeys(filter(None, queries) if query else ()):
        calls.append(_search("search_by_text", {"query": words}, pool, filters))
    if query and plan.sentence not in ("", plan.head):
        calls.append(_search("search_by_text", {"query": plan.sentence, "sentences": True}, pool, filters))
    if not calls and not plan.sort:
        calls = [_search(tool, {}, pool, filters) for tool in by_taste]
    if not calls:
        calls = [
            _search("browse", {"sort": "newest"}, pool, {**filters, "categories": [category]}) for category in spread
        ]
    return calls or [_search("browse", {"sort": plan.sort or "price"}, pool, filters)]


def _in_pictures(plan: Plan) -> list[str]:
    """What the words in the pictures name, each once, but for what the message says itself."""
    said = {words.casefold() for words in (plan.topic, plan.head, plan.sentence)}
    names = {one.words.casefold(): one.words for one in reversed(plan.words)}
    return [words for key, words in reversed(names.items()) if key not in said]


def is_same(value: object, other: object) -> bool:
    """Whether two constraints' values are the same; prices to the cent."""
    if isinstance(value, float | int) and isinstance(other, float | int):
        return abs(value - other) <= CENT
    return value == other


def merge_constraints(in_force: list[Constraint], proposed: list[Constraint]) -> list[Constraint]:
    """The constraints in force, and the model's where none of that kind and value is in force, nor its opposite."""
    fields = {constraint.field for constraint in in_force}
    settled = {str(c.value).casefold() for c in in_force if c.field not in ("min_price", "max_price", "in_stock")}
    added = []
    for constraint in proposed:
        single = constraint.field in ("min_price", "max_price", "in_stock", "categories", "brands")
        if not (single and constraint.field in fields) and str(constraint.value).casefold() not in settled:
            added.append(constraint)
    return [*in_force, *added]


def message_as_read(
    folder: Path | None,
    memory: Memory,
    plan: Plan,
    text: str,
    transcriptions: list[Transcription],
    image_labels: list[ImageLabels],
    near_names: Names,
    *,
    wish: str = "",
) -> MessageRead:
    """The message with what was read of it, as the planning model is told.

    What was shown before is named where this message goes on with it.

    Args:
        folder: may hold prompts that stand in for the product's own.
        wish: of several wishes, the heading of the one that ``plan`` is for.
    """
    [message] = load_prompt("situation", folder).render(
        text=unmarked(text),
        transcripts=[{"attachment": h.attachment, "text": unmarked(h.transcript.text)} for h in transcriptions],
        pictures=[{"attachment": s.attachment, "labels": s.description.labels[:3]} for s in image_labels],
        wish=wish,
        topic=plan.topic,
        constraints=constraints_in_words(plan.constraints, "en"),
        preferences=constraints_in_words(plan.preferences, "en"),
        references=plan.references,
        shown=memory.shown if plan.goes_on else [],
        question=memory.question.text if memory.question else "",
        categories=near_names.categories,
        brands=near_names.brands,
    )
    return MessageRead(wish=wish, text=message.content)


def before_message(vocabulary: Vocabulary, memory: Memory, folder: Path | None = None) -> list[BaseMessage]:
    """What stands before the message: the rules, which depend on the catalogue alone, and the last exchanges."""
    return [*planning_rules(usual_names(vocabulary), folder), *_exchanges(memory)]


def planning_rules(names: Names, folder: Path | None = None) -> list[BaseMessage]:
    """The fixed part of the planning prompt, the same for every turn over one catalogue."""
    messages = load_prompt("plan", folder).render(
        categories=", ".join(names.categories) or "none", brands=", ".join(names.brands) or "none"
    )
    return to_chat(messages)


def _exchanges(memory: Memory) -> list[BaseMessage]:
    messages: list[BaseMessage] = []
    for exchange in memory.exchanges[-MOST_EXCHANGES:]:
        messages.append(HumanMessage(content=f"Customer: {unmarked(exchange.said)[:EXCHANGE_CHARACTERS]}"))
        messages.append(AIMessage(content=unmarked(exchange.message)[:EXCHANGE_CHARACTERS]))
    return messages


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


def _search(tool: str, arguments: dict[str, Any], pool: int, filters: dict[str, Any]) -> PlannedCall:
    return PlannedCall(tool=tool, arguments=_with({**arguments, "k": min(pool, 100)}, filters), origin="anticipated")


def _with(arguments: dict[str, Any], filters: dict[str, Any]) -> dict[str, Any]:
    return {**arguments, "filters": filters} if filters else arguments
