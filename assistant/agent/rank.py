"""The turn's steps from candidates to explained recommendations: rank, explain, verify."""

import asyncio
import time
from pathlib import Path
from typing import Any

from langchain_core.messages import BaseMessage
from langgraph.runtime import Runtime

from assistant.agent.changes import changes
from assistant.agent.degradation import say_without
from assistant.agent.evidence import cited, in_words, template_explanation
from assistant.agent.first_searches import constraints_in_words, to_chat
from assistant.agent.fusion import vote
from assistant.agent.state import TurnContext, TurnState, WishSearch, only_steers, said_by, wishes_heard
from assistant.agent.steps import explanations_in_force, ranking_in_force
from assistant.agent.transcript import prompt_limits
from assistant.agent.wishes import listing, shown
from assistant.claims import ECHOES, Explanation, OtherItem, PriceLimit, unsupported
from assistant.errors import LLMBadReply, LLMUnavailable
from assistant.llm.adapters import prompts_in_force
from assistant.privacy.masking import unmarked
from assistant.records import (
    Candidate,
    Evidence,
    Explained,
    PictureNote,
    Ranked,
    Recommendation,
    StepFinished,
    StepStarted,
    TranscriptNote,
)
from assistant.settings import Settings
from assistant.understanding.language import language_name
from assistant.understanding.phrases import gives_orders
from prompts import load_prompt, say

RANK_TOKENS_PER_ITEM = 40
EXPLAIN_TOKENS = 70
MAX_EVIDENCE = 5
VOTE_WEIGHT = 2.0
"""Weight of the model's order where it is a vote."""
"""How many ledger lines of a candidate the ranking model reads, and how many an explanation rests on."""

MAX_TOLD = 3
"""How many facts beside the price an explanation is asked to tell."""

MAX_CITED = 3
"""How many ledger lines the ranking model names for one item."""

Update = dict[str, Any]


async def rank(state: TurnState, runtime: Runtime[TurnContext]) -> Update:
    """The final order: as fused, or with the model's order as one more voter or as the order itself."""
    context, candidates = runtime.context, state["candidates"]
    if not candidates:
        return {}
    ranking, count = ranking_in_force(context.settings), state["request"].top_n
    degraded, out = list(state["degraded"]), state["model_out"]
    answer: list[dict[str, Any]] = []
    try:
        if ranking != "fused" and _orders_by_model(state):
            answer = await _ask_for_ranking(state, runtime, min(count, len(candidates)))
    except (LLMUnavailable, LLMBadReply) as exc:
        out = out or isinstance(exc, LLMUnavailable)
        runtime.stream_writer(StepFinished(step="rank", ok=False, seconds=0, summary=str(exc)))
        degraded.append(say_without("no_ranking_model", state["memory"].language, str(exc)))
    cited_ids = {entry["item"]: set(entry["evidence"]) for entry in reversed(answer)}
    model_order = list(dict.fromkeys(entry["item"] for entry in answer))
    searches = [_ordered(search, model_order, context.settings) for search in state["searches"]]
    recommendations = [
        _recommendation(position, candidate, cited_ids.get(candidate.alias, set()), state)
        for position, candidate in enumerate(shown(searches, count), start=1)
    ]
    language = state["memory"].language
    changed = await asyncio.to_thread(changes, state["searches"], searches, count, context, language)
    runtime.stream_writer(Ranked(**listing(searches, count), changes=changed))
    return {
        "recommendations": recommendations, "changes": changed, "searches": searches, "degraded": degraded,
        "model_out": out,
    }  # fmt: skip


def _ordered(search: WishSearch, model_order: list[str], settings: Settings) -> WishSearch:
    """One wish's candidates in their final order, that of the first cards where the model has said none.

    Args:
        model_order: aliases in the model's order.
    """
    if not model_order or search.plan.is_ordered or search.plan.spread:  # as asked for, or category by category
        return search
    by_alias = {candidate.alias: candidate for candidate in search.candidates}
    if ranking_in_force(settings) == "model":
        order = list(dict.fromkeys([*model_order, *by_alias]))
    else:
        scores = sorted((candidate.score for candidate in search.candidates), reverse=True)
        order = vote([*zip(by_alias, scores, strict=True)], model_order, weight=VOTE_WEIGHT)
    candidates = sorted((by_alias[alias] for alias in order), key=lambda candidate: not is_pinned(candidate))
    return search.model_copy(update={"candidates": candidates})


def is_pinned(candidate: Candidate) -> bool:
    """Whether the shop has pinned the item for this wish; no model's order goes before that."""
    return any(entry.source == "pinned" for entry in candidate.evidence)


async def explain(state: TurnState, runtime: Runtime[TurnContext]) -> Update:
    """One short text an item, all asked for at once; each is verified, and told, as soon as it is there."""
    recommended = state["recommendations"]
    if not recommended:
        return {}
    asks = explanations_in_force(runtime.context.settings) == "model" and not only_steers(state)
    if asks:
        runtime.stream_writer(StepStarted(step="explain", origin="model"))
    began = time.perf_counter()
    explained = await asyncio.gather(*(_explain_one(item, state, runtime, asks=asks) for item in recommended))
    rewritten = sum(refused for _, refused, _ in explained)
    language, failure = state["memory"].language, next((reason for _, _, reason in explained if reason), "")
    if asks:
        runtime.stream_writer(StepFinished(step="explain", ok=True, seconds=time.perf_counter() - began))
    notes = [say_without("no_explaining_model", language, failure)] if failure else []
    notes += [say("explanations_by_template", language, count=rewritten)] if rewritten else []
    return {"recommendations": [item for item, _, _ in explained], "degraded": state["degraded"] + notes}


def wish_in_words(state: TurnState, folder: Path | None = None) -> str:
    """What the customer wants, as the prompts show it."""
    plan = state["plan"]
    transcripts = [
        TranscriptNote(
            attachment=h.attachment,
            text=unmarked(h.transcript.text),
            language=h.transcript.language,
            confidence=h.transcript.confidence,
        )
        for h in wishes_heard(state)
    ]
    pictures = [PictureNote(attachment=s.attachment, labels=s.description.labels[:3]) for s in state["seen"]]
    return (
        load_prompt("wish", folder)
        .render(
            text=unmarked(state["request"].text.strip()),
            topic=plan.topic,
            transcripts=transcripts,
            pictures=pictures,
            constraints=constraints_in_words(plan.constraints, "en"),
        )[0]
        .content
    )


async def _ask_for_ranking(state: TurnState, runtime: Runtime[TurnContext], count: int) -> list[dict[str, Any]]:
    context = runtime.context
    folder, limits = prompts_in_force(context.settings), prompt_limits(context.settings)
    candidates = [brief(candidate, limits.evidence) for candidate in state["candidates"][: limits.candidates]]
    count = min(count, len(candidates))
    messages = ranking_messages(wish_in_words(state, folder), candidates, count, folder)
    runtime.stream_writer(StepStarted(step="rank", origin="model"))
    began = time.perf_counter()
    context.watch.start("llm")
    try:
        answer = await context.chat.complete_json(
            messages, rank_schema(candidates, count), purpose="rank", max_tokens=RANK_TOKENS_PER_ITEM * count
        )
    finally:
        context.watch.stop("llm")
    runtime.stream_writer(StepFinished(step="rank", ok=True, seconds=time.perf_counter() - began))
    ranking: list[dict[str, Any]] = answer["ranking"]
    return ranking


def rank_schema(candidates: list[Candidate], count: int) -> dict[str, Any]:
    """Only candidates can be named, and for each only its own evidence: an invented id cannot be said."""
    entries = [
        {
            "type": "object",
            "properties": {
                "item": {"const": candidate.alias},
                "evidence": {
                    "type": "array",
                    "items": {"enum": [e.id for e in candidate.evidence]},
                    "minItems": 1,
                    "maxItems": MAX_CITED,
                },
            },
            "required": ["item", "evidence"],
            "additionalProperties": False,
        }
        for candidate in candidates
    ]  # fmt: skip
    ranking = {"type": "array", "items": {"anyOf": entries}, "minItems": count, "maxItems": count}
    return {
        "type": "object",
        "properties": {"ranking": ranking},
        "required": ["ranking"],
        "additionalProperties": False,
    }


async def _explain_one(
    item: Recommendation, state: TurnState, runtime: Runtime[TurnContext], *, asks: bool
) -> tuple[Recommendation, bool, str]:
    """The item with its explanation, whether a text of the model was refused, and why there was none if it failed."""
    language, context = state["memory"].language, runtime.context
    evidence = _evidence_of(item, state)
    asks = asks and not (state["model_out"] or _is_near_miss(item, state))
    text, failure = (
        await _ask_for_explanation(item, evidence, state, context) if asks else (_previous_text(item, state), "")
    )
    catalogue_language = context.settings.catalogue_language
    explanation = Explanation(
        text=text,
        title=item.title,
        evidence=evidence,
        language=language,
        evidence_language=catalogue_language,
        wish=_wish_of(state),
        limit=_limit_of(evidence),
        others=_other_items(item, state),
    )
    refused = bool(text) and bool(
        await asyncio.to_thread(unsupported, explanation, context.vocabulary, context.entailment)
    )
    by_model = bool(text) and not refused
    refused = refused and asks
    template = template_explanation(item.title, evidence, language, catalogue_language)
    final = item.model_copy(
        update={
            "explanation": text if by_model else template,
            "explained_by": "model" if by_model else "template",
        }
    )
    runtime.stream_writer(
        Explained(item_id=item.item_id, rank=item.rank, text=final.explanation, explained_by=final.explained_by)
    )
    return final, refused, failure


def _previous_text(item: Recommendation, state: TurnState) -> str:
    """The model's text of the last list for the item; it stays where what is known now still supports it."""
    previous = state.get("kept")
    if previous is None or previous.language != state["memory"].language or not only_steers(state):
        return ""
    texts = (
        recommendation.explanation
        for recommendation in previous.shown
        if recommendation.item_id == item.item_id and recommendation.explained_by == "model"
    )
    return next(texts, "")


def _wish_of(state: TurnState) -> str:
    """The customer's own words: what an explanation may say that they asked for."""
    return " ".join([state["plan"].topic, *(unmarked(utterance.text) for utterance in said_by(state))])


def _limit_of(evidence: list[Evidence]) -> PriceLimit | None:
    """The customer's limit, where the evidence says that the price is within it."""
    facts = next((entry.facts for entry in evidence if entry.key == "evidence_price_within"), {})
    return PriceLimit(facts["limit"], facts.get("limit_currency")) if facts.get("limit") is not None else None


def _other_items(item: Recommendation, state: TurnState) -> tuple[OtherItem, ...]:
    """The other items of the answer, for comparisons of prices."""
    others = [other for other in state["recommendations"] if other.item_id != item.item_id]
    return tuple(OtherItem(other.title, other.price, other.currency) for other in others)


def facts_to_tell(evidence: list[Evidence], language: str, evidence_language: str) -> list[str]:
    """What the model may make a sentence of, in the customer's language: few facts, those that say most of the item.

    Words that were found and categories stand in where nothing else is known. The description is left out where it is
    in another language: small models do not translate what they retell.
    """
    same_language = language == evidence_language
    telling = [
        entry
        for entry in evidence
        if entry.source not in (*ECHOES, "keyword")
        and entry.facts.get("name") != "category"
        and (same_language or entry.key not in ("evidence_quote", "evidence_said"))
    ]
    fallback = [entry for entry in evidence if entry not in telling and entry.source not in ECHOES]
    price = [entry for entry in telling if entry.source == "price"]
    others = [entry for entry in telling if entry.source != "price"][:MAX_TOLD]
    return [in_words(entry, language) for entry in [*(others or fallback[:1]), *price]]


def explaining_messages(title: str, facts: list[str], language: str, folder: Path | None) -> list[BaseMessage]:
    """What the model is told to word one explanation; without title and facts, what every one of them begins with."""
    name = language_name(language)
    return to_chat(load_prompt("explain", folder).render(language=name, title=title, facts=facts))


def ranking_messages(wish: str, candidates: list[Candidate], count: int, folder: Path | None) -> list[BaseMessage]:
    """What the model is told to order the candidates; ``wish`` as `wish_in_words` gives it."""
    return to_chat(load_prompt("rank", folder).render(count=count, wish=wish, candidates=candidates))


async def _ask_for_explanation(
    item: Recommendation, evidence: list[Evidence], state: TurnState, context: TurnContext
) -> tuple[str, str]:
    """The model's text, or none and why."""
    language = state["memory"].language
    facts = facts_to_tell(evidence, language, context.settings.catalogue_language)
    messages = explaining_messages(item.title, facts, language, prompts_in_force(context.settings))
    context.watch.start("llm")
    try:
        text = await context.chat.complete_text(
            messages, purpose="explain", max_tokens=EXPLAIN_TOKENS, when_cut="whole sentences"
        )
    except (LLMUnavailable, LLMBadReply) as exc:
        return "", str(exc)
    finally:
        context.watch.stop("llm")
    return " ".join(text.split()), ""


def _recommendation(position: int, candidate: Candidate, cited_ids: set[str], state: TurnState) -> Recommendation:
    """The candidate as an answer: the strongest entries, those that the model named, price and shop's choice always."""
    strongest = {entry.id for entry in candidate.evidence[:MAX_EVIDENCE]}
    always = {entry.id for entry in candidate.evidence if entry.source in ("price", "pinned")}
    evidence = [entry for entry in candidate.evidence if entry.id in strongest | cited_ids | always]
    hit = candidate.hit
    return Recommendation(
        rank=position,
        item_id=hit.item_id,
        title=hit.title,
        price=hit.price,
        currency=hit.currency,
        variant=hit.variant,
        score=round(candidate.score, 6),
        explanation="",
        evidence=[cited(entry, state["memory"].language) for entry in evidence],
    )


def _evidence_of(item: Recommendation, state: TurnState) -> list[Evidence]:
    ids = {entry.id for entry in item.evidence}
    return [e for candidate in state["candidates"] for e in candidate.evidence if e.id in ids]


def brief(candidate: Candidate, lines: int) -> Candidate:
    """The candidate with the few ledger lines that fit a prompt; a price line always stays.

    A line that speaks to the assistant is not told: an order in a description must not move the item.
    """
    entries = [entry for entry in candidate.evidence if not gives_orders(entry.detail)] or candidate.evidence[:1]
    shortened = [*entries[:lines], *(entry for entry in entries[lines:] if entry.source == "price")]
    return candidate.model_copy(update={"evidence": shortened})


def _orders_by_model(state: TurnState) -> bool:
    """There is one wish with something to order, and a model that has answered."""
    if state["model_out"] or len(state["searches"]) > 1 or only_steers(state):
        return False  # a model that did not answer is not asked again
    (search,) = state["searches"]
    return len(search.candidates) > 1 and not (search.weak or search.plan.is_ordered or search.plan.spread)


def _is_near_miss(item: Recommendation, state: TurnState) -> bool:
    """True for what is shown because nothing is near; it is not argued for."""
    return any(
        candidate.hit.item_id == item.item_id
        for search in state["searches"]
        if search.weak
        for candidate in search.candidates
    )
