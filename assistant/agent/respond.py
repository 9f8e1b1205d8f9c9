"""The turn's ends: small talk, questions about earlier recommendations, and the reply."""

import asyncio
import time
from typing import Any

from langgraph.runtime import Runtime

from assistant.agent.degradation import internal
from assistant.agent.evidence import (
    as_of_now,
    attribute_in_words,
    attribute_name,
    cited,
    in_words,
    template_explanation,
)
from assistant.agent.feedback import said_of_items
from assistant.agent.first_searches import as_said, constraints_in_words, to_chat
from assistant.agent.item_questions import answer, answering_facts, evidence_of
from assistant.agent.personalization import BY_TASTE
from assistant.agent.plan import failures, run_calls
from assistant.agent.question_back import question
from assistant.agent.receive import noted
from assistant.agent.state import Plan, TurnContext, TurnState, WishSearch, said_by
from assistant.agent.text_checks import may_be_chatted
from assistant.agent.wishes import groups, listing
from assistant.errors import LLMBadReply, LLMUnavailable
from assistant.impressions import impression
from assistant.item_pictures import image_url
from assistant.llm.adapters import prompts_in_force
from assistant.privacy.masking import unmarked, with_note
from assistant.records import (
    Constraint,
    Done,
    Evidence,
    Exchange,
    Memory,
    PictureNote,
    PlannedCall,
    Query,
    Question,
    QuestionAsked,
    Recommendation,
    Relaxation,
    Reply,
    StepFinished,
    StepStarted,
    Timings,
    TranscriptNote,
    UsageNote,
    VideoLabels,
    VideoNote,
)
from assistant.shop import item_url, shop_profile
from assistant.understanding import CENT
from assistant.understanding.language import language_name
from assistant.understanding.superlatives import Order
from prompts import counted, load_prompt, say
from tools.item_facts import ItemFacts
from tools.records import Item
from tools.sentences import first_sentences
from tools.store.offers import variant_with
from tools.taste.records import Interaction
from tools.variants import meant_values

CHAT_TOKENS = 50
REMEMBERED_EXCHANGES = 20
QUESTION_CHARACTERS = 2_000
DESCRIPTION_CHARACTERS = 300
MAX_CATEGORIES = 12
MOST_FURTHER = 24
"""How many categories are named where nothing near the wish was found."""


Update = dict[str, Any]


async def chat(state: TurnState, runtime: Runtime[TurnContext]) -> Update:
    """Small talk: one short answer, no search. A text that names numbers or brands is not said."""
    context, language = runtime.context, state["memory"].language
    if state["understanding"].refused:
        return {"message": say("refused", language)}
    if feedback_text := _feedback_in_words(state):
        return {"message": feedback_text}
    text = "\n".join(unmarked(utterance.text) for utterance in said_by(state))
    prompt = load_prompt("chat", prompts_in_force(context.settings))
    messages = prompt.render(language=language_name(language), text=text)
    runtime.stream_writer(StepStarted(step="answer", origin="model"))
    began = time.perf_counter()
    context.watch.start("llm")
    try:
        answer = await context.chat.complete_text(
            to_chat(messages), purpose="chat", max_tokens=CHAT_TOKENS, when_cut="whole sentences"
        )
    except (LLMUnavailable, LLMBadReply):
        answer = ""
    finally:
        context.watch.stop("llm")
    safe = may_be_chatted(answer, context.vocabulary)
    runtime.stream_writer(StepFinished(step="answer", ok=safe, seconds=time.perf_counter() - began))
    return {"message": answer.strip() if safe else say("no_chat_model", language)}


def _feedback_in_words(state: TurnState) -> str:
    """What was said of shown items, where that is all that was said."""
    understanding = state["understanding"]
    items = understanding.liked or understanding.rejected
    if not (items and understanding.steers):
        return ""
    titles = say("and", understanding.language).join(item.title for item in items)
    return say("regard", understanding.language, titles=titles, liked=bool(understanding.liked))


async def why(state: TurnState, runtime: Runtime[TurnContext]) -> Update:
    """Why an earlier item was recommended, told from its ledger entries, all of which the answer then cites."""
    memory, language = state["memory"], state["memory"].language
    items = state["plan"].references or memory.shown[:1]
    if not items:
        return {"message": say("no_such_item", language)}
    current = await asyncio.to_thread(_as_in_catalogue, items, state, runtime.context)
    sentences = [_why_one(item, entries, language) for item, entries, _ in current]
    return {
        "message": say("sentence_separator", language).join(sentences),
        "recommendations": [
            item.model_copy(update={"evidence": [cited(entry, language) for entry in entries]})
            for item, entries, _ in current
        ],
    }


async def look(state: TurnState, runtime: Runtime[TurnContext]) -> Update:
    """Details of an earlier item, or earlier items side by side, straight from the catalogue."""
    language = state["memory"].language
    items = await asyncio.to_thread(_items_asked_about, state, runtime.context)
    if not items:
        return {"message": say("no_such_item", language)}
    calls = await asyncio.to_thread(_look_calls, items, state, runtime.context)
    results = await run_calls(calls, state, runtime)
    current = await asyncio.to_thread(_as_in_catalogue, items, state, runtime.context)
    item_facts = [
        ItemFacts.model_validate(result) for call, _, result in results if result and call.tool == "item_facts"
    ]
    has_prices = runtime.context.vocabulary.max_price is not None
    lines = [_item_answer(item, full, item_facts, language, has_prices) for item, _, full in current]
    return {
        "message": "\n".join(message for message, _ in lines),
        "evidence": [cited(entry, language) for _, entries in lines for entry in entries],
        "recommendations": [item for item, _, _ in current],
        "steps": state["steps"] + [step for _, step, _ in results],
        "degraded": state["degraded"] + failures(results, language),
    }


def _items_asked_about(state: TurnState, context: TurnContext) -> list[Recommendation]:
    """The items that the message asks about; of several, those alone that have a variant which it means."""
    memory, plan = state["memory"], state["plan"]
    if plan.intent != "details":
        return plan.references if len(plan.references) > 1 else memory.shown[:2]
    candidates = plan.references or memory.shown
    if len(candidates) > 1:
        items = context.catalogue.get_many([candidate.item_id for candidate in candidates])
        text = "\n".join(unmarked(utterance.text) for utterance in said_by(state))
        encoder = context.reader.encoder
        matches = [
            candidate
            for candidate in candidates
            if (item := items.get(candidate.item_id)) and meant_values(item, text, encoder)
        ]
        candidates = matches[:1] or candidates
    return candidates if plan.references else candidates[:1]


def _look_calls(items: list[Recommendation], state: TurnState, context: TurnContext) -> list[PlannedCall]:
    """The calls that look at the items; what is asked about a single one is looked for in its record."""
    ids = [item.item_id for item in items]
    if len(ids) > 1:
        return [PlannedCall(tool="compare_items", arguments={"item_ids": ids}, origin="planned")]
    calls = [PlannedCall(tool="get_item", arguments={"item_id": ids[0]}, origin="planned")]
    return (
        [*calls, _facts_call(ids[0], state, context)]
        if any(utterance.text.strip() for utterance in said_by(state))
        else calls
    )


def _facts_call(item_id: str, state: TurnState, context: TurnContext) -> PlannedCall:
    """The question about the item, with the values that were read in front, as the catalogue or the item has them."""
    constraints = [*state["understanding"].constraints, *state["understanding"].preferences]
    values = dict.fromkeys(str(constraint.value) for constraint in constraints if constraint.field == "attributes")
    item, message = context.catalogue.get(item_id), "\n".join(unmarked(utterance.text) for utterance in said_by(state))
    values_of = meant_values(item, message, context.reader.encoder) if item else {}
    values |= dict.fromkeys(value for attribute_values in values_of.values() for value in attribute_values)
    texts = [state["understanding"].question] if state["understanding"].question else [s.text for s in said_by(state)]
    words = "\n".join(unmarked(text) for text in texts)
    question = f"{', '.join(values)}: {words}" if values else words
    arguments = {"item_id": item_id, "question": question[:QUESTION_CHARACTERS]}
    return PlannedCall(tool="item_facts", arguments=arguments, origin="planned")


def _item_answer(
    item: Recommendation, full: Item | None, item_facts: list[ItemFacts], language: str, has_prices: bool
) -> tuple[str, list[Evidence]]:
    """What is said of an item that was asked about, and what it rests on.

    Where the question is about nothing that the record says, that is said, and what the record does say.
    """
    if full is None:
        return say("gone", language, title=item.title), []
    entries = [
        entry for facts in item_facts if not facts.overview for entry in evidence_of(full, answering_facts(facts))
    ]
    if entries:
        return answer(full, entries, language), entries
    unread = not item_facts or item_facts[0].overview or item_facts[0].missing
    general = _facts(full, language, has_prices)
    return general if unread else say("details_unknown", language, details=general), []


async def ask_first(state: TurnState, runtime: Runtime[TurnContext]) -> Update:
    """A question about an item that had to be found first: answered from the record of the best one, where it tells."""
    best = next(iter(state["recommendations"]), None)
    if best is None or not _is_found(state):
        return {}
    call = await asyncio.to_thread(_facts_call, best.item_id, state, runtime.context)
    results = await run_calls([call], state, runtime)
    item_facts = [ItemFacts.model_validate(result) for _, _, result in results if result]
    full = await asyncio.to_thread(runtime.context.catalogue.get, best.item_id)
    entries = [entry for facts in item_facts if full for entry in evidence_of(full, answering_facts(facts))]
    update: Update = {"steps": state["steps"] + [step for _, step, _ in results]}
    if full and entries:
        language = state["memory"].language
        parts = [_message(state, runtime.context), answer(full, entries, language)]
        update["message"] = "\n".join(part for part in parts if part)
        update["evidence"] = [cited(entry, language) for entry in entries]
    return update


def _is_found(state: TurnState) -> bool:
    """Whether the message asks about an item and names it well enough to be found."""
    searches = state["searches"]
    is_named = len(searches) == 1 and searches[0].plan.topic and not searches[0].weak
    return bool(state["understanding"].asks_item and is_named)


async def respond(state: TurnState, runtime: Runtime[TurnContext]) -> Update:
    """Put the reply together, remember what later turns need, and say that the turn is done."""
    message = state["message"] or _message(state, runtime.context)
    message = with_note(message, (utterance.text for utterance in said_by(state)), state["memory"].language)
    shown = await asyncio.to_thread(_with_links, state["recommendations"], runtime.context)
    reply = _reply(state, message, shown, runtime.context)
    if reply.question and not state["question"]:
        runtime.stream_writer(QuestionAsked(text=reply.question, choices=reply.choices))
    memory = _remember(state, message)
    now = time.time()
    interactions = said_of_items(memory, runtime.context.user, now)
    if (cart := state["cart"]) and not memory.for_other:
        interactions.append(Interaction(user=runtime.context.user, item_id=cart.item_id, event="cart", at=now))
    runtime.stream_writer(
        Done(
            reply=reply,
            impression=impression(state, runtime.context, at=now),
            done=interactions,
            refused=state["understanding"].refused,
        )
    )
    return {"reply": reply, "message": message, "memory": memory, "kept": memory}


def _message(state: TurnState, context: TurnContext) -> str:
    """What is said above the list."""
    language, searches = state["memory"].language, state["searches"]
    if not (said_by(state) or state["plan"].pictures or state["request"].drop):
        return say("empty_message", language)
    if len(searches) > 1:
        parts = [say("found_groups", language, count=len(searches), found=bool(state["recommendations"]))]
    else:
        parts = [_remarks(search, state, context) or "" for search in searches]
        parts += [_found_in_words(search, state) for search in searches if search.candidates and not search.weak]
    parts += [*_preferred_in_words(state), *_currencies_in_words(state, context)] if state["recommendations"] else []
    return say("sentence_separator", language).join(part for part in parts if part)


def _remarks(search: WishSearch, state: TurnState, context: TurnContext) -> str | None:
    """What has to be said of one wish: that nothing fits, what gave way, what is not known; None if all is well."""
    language, plan = state["memory"].language, search.plan
    if not search.candidates:
        return _why_nothing(search, language, context)
    constraints = _unmoved_in_words(plan, language)
    parts = [_relaxed_in_words(plan.relaxed, language)] if plan.relaxed else []
    parts += [_unknown_in_words(plan.unknown, language)] if plan.unknown else []
    if search.assortment is not None and not search.weak:
        counts = search.assortment
        words = counted(counts.count, shop_profile(context.settings).kind, language)
        parts.append(say("assortment", language, counted=words, **counts.model_dump()))
    parts += [say("weak", language, constraints=constraints)] if search.weak else []
    parts += [_order_in_words(plan.order, language)] if plan.order else []
    return say("sentence_separator", language).join(parts) or None


def _preferred_in_words(state: TurnState) -> list[str]:
    """What put items first without being required."""
    language, preferences = state["memory"].language, state["plan"].preferences
    words = constraints_in_words(preferences, language)
    return [say("preferred", language, preferences=words)] if preferences else []


def _currencies_in_words(state: TurnState, context: TurnContext) -> list[str]:
    """What a price limit was compared with, where it is of another currency or the catalogue has several."""
    language, currency, currencies = (
        state["memory"].language,
        state["understanding"].currency,
        context.vocabulary.currencies,
    )
    catalogue = say("list_separator", language).join(currencies)
    if currency and currencies and currency not in currencies:
        return [say("currency_differs", language, catalogue=catalogue, said=currency)]
    plans = [search.plan for search in state["searches"]]
    limited = any(c.field in ("min_price", "max_price") for plan in plans for c in plan.constraints)
    return [say("currencies_mixed", language, catalogue=catalogue)] if limited and len(currencies) > 1 else []


def _found_in_words(search: WishSearch, state: TurnState) -> str:
    """What the list is: what fits, or, without a wish, what the user's taste or other people's choices found."""
    language, recommended = state["memory"].language, state["recommendations"]
    constraints = _unmoved_in_words(search.plan, language)
    if not any(result.tool in BY_TASTE for result in search.found):
        key = "spread" if search.plan.spread else "found"
        return say(key, language, count=len(recommended), constraints=constraints)
    if state["known"].is_cold:
        popular = any(entry.source == "popular" for item in recommended for entry in item.evidence)
        return say("cold_start", language, popular=popular)
    return say("found_by_taste", language, count=len(recommended), constraints=constraints)


def _unmoved_in_words(plan: Plan, language: str) -> str:
    """The constraints that hold as the user named them: what was moved is told apart."""
    moved = {change.field for change in plan.relaxed if change.used is not None}
    return constraints_in_words(
        [constraint for constraint in plan.constraints if constraint.field not in moved], language
    )


def _why_nothing(search: WishSearch, language: str, context: TurnContext) -> str:
    """Why nothing is shown: an empty catalogue, nothing near the wish, or nothing that keeps the constraints."""
    if not context.catalogue.count():
        return say("empty_catalogue", language)
    if not search.far:
        return say("nothing", language, constraints=_unmoved_in_words(search.plan, language))
    categories = context.vocabulary.categories if language == context.settings.catalogue_language else []
    return say("far", language, categories=say("list_separator", language).join(categories[:MAX_CATEGORIES]))


def _order_in_words(order: Order, language: str) -> str:
    return say("ordered", language, name=attribute_name(order.attribute, language), descending=order.descending)


def _relaxed_in_words(relaxed: list[Relaxation], language: str) -> str:
    changes = [_change_in_words(change, language) for change in relaxed]
    return say("relaxed", language, changes=say("and", language).join(changes))


def _unknown_in_words(constraints: list[Constraint], language: str) -> str:
    """What could not be held to, as nothing is known of it."""
    names = dict.fromkeys(attribute_name(str(constraint.attribute), language) for constraint in constraints)
    words = dict.fromkeys(constraint.words for constraint in constraints)
    listed = {"names": list(names), "words": list(words)}
    joined = {key: say("and", language).join(texts) for key, texts in listed.items()}
    return say("attribute_unknown", language, **joined)


def _change_in_words(change: Relaxation, language: str) -> str:
    if not (isinstance(change.used, float | int) and isinstance(change.wanted, float | int)):
        name = "relaxed_excluded" if change.field.startswith("exclude_") else "relaxed_dropped"
        return say(name, language, words=change.words)
    difference = change.used - change.wanted
    if abs(difference) < 1.5 * CENT:  # "cheaper" than the cheapest
        return say("relaxed_lowest" if difference > 0 else "relaxed_highest", language, used=change.used)
    limit = as_said(change.wanted, change.field, exclusive=change.exclusive)
    variables = {"wanted": limit, "used": change.used, "currency": change.currency}
    return say("relaxed_price", language, difference=f"{change.used - limit:+,.2f}", over=difference > 0, **variables)


def _why_one(item: Recommendation, entries: list[Evidence], language: str) -> str:
    reasons = say("list_separator", language).join(in_words(entry, language) for entry in entries)
    return say("why", language, title=item.title, reasons=reasons)


def _as_in_catalogue(
    recommendations: list[Recommendation], state: TurnState, context: TurnContext
) -> list[tuple[Recommendation, list[Evidence], Item | None]]:
    """Earlier recommendations and their evidence as the catalogue has them now; unchanged where it has them no more."""
    memory = state["memory"]
    items = context.catalogue.get_many([item.item_id for item in recommendations])
    return [
        _current_recommendation(
            item,
            [entry for entry in memory.ledger if entry.item_id == item.item_id],
            items.get(item.item_id),
            state,
            context,
        )
        for item in recommendations
    ]


def _current_recommendation(
    item: Recommendation, entries: list[Evidence], full: Item | None, state: TurnState, context: TurnContext
) -> tuple[Recommendation, list[Evidence], Item | None]:
    """One of them. Where something has changed the explanation is written anew, as it may speak of it."""
    if full is None:
        return item, entries, full
    current, language = as_of_now(entries, full), state["memory"].language
    if current == entries and item.title == full.title:
        return item, entries, full
    variant = variant_with(full, item.variant.options) if item.variant else None
    cited_ids = {entry.id for entry in item.evidence}
    current_cited = [entry for entry in current if entry.id in cited_ids]
    changed = {
        "title": full.title,
        "price": (variant or full).price,
        "currency": full.currency,
        "variant": variant,
        "evidence": [cited(entry, language) for entry in current_cited],
        "explanation": template_explanation(full.title, current_cited, language, context.settings.catalogue_language),
        "explained_by": "template",
    }
    return item.model_copy(update=changed), current, full


def _facts(full: Item, language: str, has_prices: bool) -> str:
    """What is known of an item; that its price is not known is said only where others of the catalogue have prices."""
    facts = [say("missing_price", language)] if has_prices else []
    if full.price is not None:
        facts = [say("evidence_price", language, price=full.price, currency=full.currency)]
    pairs = {"category": full.category, "brand": full.brand} | {
        k: v for k, v in full.attributes.items() if isinstance(v, str | int | float)
    }
    facts += [attribute_in_words(name, value, language) for name, value in pairs.items() if value]
    if full.description:
        facts.append(first_sentences(full.description, DESCRIPTION_CHARACTERS))
    return say("details", language, title=full.title, facts=say("list_separator", language).join(facts))


def _video_note(video: VideoLabels) -> VideoNote:
    description = video.description
    speech = description.transcript.segments if description.transcript else []
    return VideoNote(attachment=video.attachment, seconds=description.seconds, shots=description.shots, speech=speech)


def _with_links(recommendations: list[Recommendation], context: TurnContext) -> list[Recommendation]:
    """Recommendations with page, picture, category and stock as shop and catalogue have them now."""
    items = context.catalogue.get_many([shown.item_id for shown in recommendations])
    return [
        shown.model_copy(
            update={
                "category": item.category,
                "in_stock": (shown.variant or item).in_stock,
                "url": item_url(context.settings, item.id, item.url),
                "image_url": image_url(item, context.catalogue),
            }
        )
        if (item := items.get(shown.item_id))
        else shown
        for shown in recommendations
    ]


def _reply(state: TurnState, message: str, shown: list[Recommendation], context: TurnContext) -> Reply:
    plan, usage, seconds = state["plan"], context.chat.usage, context.watch.seconds
    further = listing(state["searches"], state["request"].top_n)["further"] if state["recommendations"] else []
    total, question_back = time.perf_counter() - context.started, _question(state)
    return Reply(
        session_id=state["request"].session_id,
        query=Query(
            text=state["request"].text,
            attachments=noted(state["attachments"]),
            transcripts=[
                TranscriptNote(
                    attachment=h.attachment,
                    text=h.transcript.text,
                    language=h.transcript.language,
                    confidence=h.transcript.confidence,
                )
                for h in state["heard"]
            ],
            pictures=[PictureNote(attachment=s.attachment, labels=s.description.labels) for s in state["seen"]],
            videos=[_video_note(video) for video in state["watched"]],
        ),
        intent=plan.intent,
        language=state["memory"].language,
        constraints=plan.filters.model_dump(exclude_defaults=True),
        preferences=plan.preferences,
        relaxed=plan.relaxed,
        recommendations=shown,
        further=further[:MOST_FURTHER],
        changes=state["changes"],
        steps=state["steps"],
        message=message,
        groups=[
            group.model_copy(update={"message": _remarks(search, state, context)})
            for group, search in zip(groups(state["searches"], state["request"].top_n), state["searches"], strict=False)
        ],
        question=question_back.text if question_back else None,
        choices=question_back.choices if question_back else [],
        evidence=state["evidence"],
        cart=state["cart"],
        degraded=state["degraded"],
        internal=internal(state["degraded"], state["memory"].language, len(state["recommendations"])),
        models=context.models,
        timings=Timings(
            total=round(total, 3),
            llm=round(seconds["llm"], 3),
            tools=round(seconds["tools"], 3),
            other=round(max(0.0, total - seconds["any"]), 3),
        ),
        usage=UsageNote(
            llm_calls=usage.calls,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            cached_tokens=usage.cached_tokens,
        ),
    )


def _question(state: TurnState) -> Question | None:
    """What the planner asks, or else what a message that leaves much open makes the assistant ask."""
    if state["question"]:
        return state["question"]
    questions = (question(state["understanding"], search.plan, state["memory"]) for search in state["searches"])
    return next(filter(None, questions), None) if state["plan"].intent == "recommend" else None


def _remember(state: TurnState, message: str) -> Memory:
    """Small talk and questions leave the topic and the last ranking as they were; the first items told of are shown."""
    memory, plan = state["memory"], state["plan"]
    said = " ".join(utterance.text for utterance in said_by(state))
    update: dict[str, Any] = {
        "turns": memory.turns + 1,
        "question": _question(state),
        "exchanges": [*memory.exchanges, Exchange(said=said, message=message)][-REMEMBERED_EXCHANGES:],
    }
    if plan.intent == "recommend" and state["recommendations"]:
        ids = {item.item_id for item in state["recommendations"]}
        update |= {
            "topic": "" if any(search.plan.spread for search in state["searches"]) else plan.topic,
            "pictures": plan.pictures,
            "constraints": plan.constraints,
            "preferences": plan.preferences,
            "shown": state["recommendations"],
            "ledger": [e for c in state["candidates"] if c.hit.item_id in ids for e in c.evidence],
        }
    elif not memory.shown:
        update["shown"] = state["recommendations"]
    return memory.model_copy(update=update)
