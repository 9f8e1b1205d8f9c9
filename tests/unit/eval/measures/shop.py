"""A small made-up catalogue and answers over it."""

from collections.abc import Sequence

from assistant.records import CitedEvidence, Query, Recommendation, Reply, Timings, UsageNote
from eval.runs.records import TurnAnswer
from tools.records import Item

ITEMS = {
    item.id: item
    for item in [
        Item(
            id="runner",
            title="Cloud Runner Shoe",
            description="A light running shoe with a mesh upper and the seventh-generation foam. Weighs 240 g.",
            price=44.95,
            currency="USD",
            category="Sport > Shoes",
            brand="Adidas",
            in_stock=True,
            attributes={"color": ["black"], "size": ["40", "42", "XL"], "heel_mm": 32},
        ),
        Item(
            id="trainer",
            title="Street Trainer",
            description="Canvas trainer for every day.",
            price=65,
            currency="USD",
            category="Sport > Shoes",
            brand="Nike",
            in_stock=True,
            attributes={"color": ["white", "red"]},
        ),
        Item(
            id="sofa",
            title="Leather Sofa",
            description="A sofa made of leather, 1,299 stitches by hand.",
            price=1299,
            currency="USD",
            category="Home > Sofas",
            in_stock=False,
        ),
        Item(id="gift", title="Gift", category="Home > Gifts"),
    ]
}


def recommended(item_id: str, rank: int = 1, **changes: object) -> Recommendation:
    """The item as a reply recommends it, with its price as evidence."""
    item = ITEMS[item_id]
    price = f"it costs {item.price:,.2f} {item.currency}" if item.price is not None else "no price is known"
    evidence = [CitedEvidence(id=f"e{rank}0", source="price", detail=price, score=None)]
    fields = {
        "rank": rank, "item_id": item_id, "title": item.title, "price": item.price, "currency": item.currency,
        "score": 1 / rank, "explanation": "", "evidence": evidence,
    }  # fmt: skip
    return Recommendation.model_validate({**fields, **changes})


def replied(shown: Sequence[str | Recommendation] = (), text: str = "", **changes: object) -> Reply:
    """A reply; only what a test is about must be said."""
    entries = [
        recommended(entry, rank) if isinstance(entry, str) else entry for rank, entry in enumerate(shown, start=1)
    ]
    fields = {
        "session_id": "s", "query": Query(text=text), "intent": "recommend", "language": "en", "constraints": {},
        "relaxed": [], "recommendations": entries, "steps": [], "message": "", "degraded": [], "models": {},
        "timings": Timings(), "usage": UsageNote(),
    }  # fmt: skip
    return Reply.model_validate({**fields, **changes})


def answer_of(shown: Sequence[str | Recommendation] = (), **changes: object) -> TurnAnswer:
    """A turn's answer whose ranking is what was shown."""
    reply = replied(shown, **changes)
    ids = [entry.item_id for entry in reply.recommendations]
    return TurnAnswer(ranking=ids, provisional=ids, shown=ids, reply=reply, seconds=1.0)
