"""The turn's answers that are about the shop: questions answered from its pages, and items put in the cart."""

import asyncio
from typing import Any, Final
from urllib.parse import quote

from langgraph.runtime import Runtime

from assistant.agent.degradation import say_without
from assistant.agent.evidence import cited
from assistant.agent.plan import failures, run_calls
from assistant.agent.state import TurnContext, TurnState, said_by
from assistant.privacy.masking import unmarked
from assistant.records import CartChanged, CartItem, Evidence, PlannedCall, Recommendation
from assistant.settings import ShopSettings
from assistant.shop import shop_in_force, shop_profile
from prompts import say
from tools.search_pages import NO_PAGES, PageHit

QUESTION_CHARACTERS: Final = 2_000
MOST_QUOTED: Final = 2
"""Passages that one answer quotes."""
NEARLY_AS_NEAR: Final = 0.8
"""From which share of the best passage's score another one is quoted beside it."""

Update = dict[str, Any]


async def answer_shop(state: TurnState, runtime: Runtime[TurnContext]) -> Update:
    """A question to the shop, answered in the words of its pages; where they say nothing, whom to ask."""
    language = state["memory"].language
    question = "\n".join(unmarked(utterance.text) for utterance in said_by(state))[:QUESTION_CHARACTERS]
    call = PlannedCall(
        tool="search_pages", arguments={"query": question or "?", "k": 2 * MOST_QUOTED}, origin="anticipated"
    )
    results = await run_calls([call], state, runtime)
    hits = [PageHit.model_validate(hit) for _, _, result in results if result for hit in result["passages"]]
    entries = [_evidence(n, hit) for n, hit in enumerate(quoted(hits), start=1)]
    if entries:
        message = "\n".join(say(entry.key, language, **entry.facts) for entry in entries)
    else:
        profile = shop_profile(runtime.context.settings)
        message = say("shop_unknown", language, contact=profile.contact, kind=profile.kind)
    missing = [reason for _, _, result in results if result for reason in result["missing"] if reason != NO_PAGES]
    return {
        "message": message,
        "evidence": [cited(entry, language) for entry in entries],
        "steps": state["steps"] + [step for _, step, _ in results],
        "degraded": state["degraded"]
        + failures(results, language)
        + [say_without("failed_step", language, reason, tool="search_pages") for reason in missing],
    }


def quoted(hits: list[PageHit]) -> list[PageHit]:
    """The passages that an answer quotes: the best relevant one, and others about as near, best first."""
    relevant = sorted((hit for hit in hits if hit.relevant), key=lambda hit: -hit.score)
    return [hit for hit in relevant if hit.score >= NEARLY_AS_NEAR * relevant[0].score][:MOST_QUOTED]


def _evidence(number: int, hit: PageHit) -> Evidence:
    location = f"{hit.title} > {hit.heading}" if hit.heading else hit.title
    facts = {"page": hit.page, "place": location, "quote": hit.text}
    detail = say("evidence_page", "en", **facts)
    return Evidence(
        id=f"e{number}", item_id="", source="page", detail=detail, score=hit.score, key="evidence_page", facts=facts
    )


async def put_in_cart(state: TurnState, runtime: Runtime[TurnContext]) -> Update:
    """Put the item that the message points at in the cart, or ask which one is meant."""
    context, memory = runtime.context, state["memory"]
    references = state["plan"].references
    ids = [item.item_id for item in (*references, *memory.shown)]
    sold = await asyncio.to_thread(context.catalogue.get_many, ids)
    update = respond_to_cart(references, memory.shown, set(sold), shop_in_force(context.settings), memory.language)
    if item := update.get("cart"):
        runtime.stream_writer(CartChanged(**item.model_dump()))
    return update


def respond_to_cart(
    references: list[Recommendation], ranking: list[Recommendation], sold: set[str], shop: ShopSettings, language: str
) -> Update:
    """The answer to "put it in my cart": ``message``, and ``cart`` where it is clear which item is meant.

    Args:
        references: the items that the message points at.
        ranking: the last ranking.
        sold: ids of those among them that the catalogue still has.
    """
    items = references or (ranking if len(ranking) == 1 else [])
    if not (items or ranking):
        return {"message": say("no_such_item", language)}
    if len(items) != 1:
        titles = [item.title for item in items or ranking]
        return {"message": say("cart_which", language, titles=titles)}
    item = items[0]
    if item.item_id not in sold:
        return {"message": say("gone", language, title=item.title)}
    cart = CartItem(item_id=item.item_id, title=item.title, url=cart_url(shop, item.item_id))
    return {"message": say("cart_put", language, title=item.title, url=cart.url), "cart": cart}


def cart_url(shop: ShopSettings, item_id: str) -> str | None:
    """The address that puts an item in the shop's own cart; None where none is configured."""
    return shop.cart_link.replace("{id}", quote(item_id, safe="")) if shop.cart_link else None
