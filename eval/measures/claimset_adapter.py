"""The check of claims on the labelled sentences of ``eval/data/claims``: the item is known by its evidence alone.

The labels hold a sentence to the evidence, the title, the wish and the limits; a fact that only the catalogue line has
holds nothing. So the item that `eval.measures.claims` sees is built from the evidence, not from the line.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from assistant.records import CitedEvidence, Query, Recommendation, Reply, Timings, UsageNote
from eval.measures.claim_ground import AnswerGrounding, CatalogueIndex
from eval.measures.claims import Claim, claims_in
from tools.records import Item

Labelled = Mapping[str, Any]
"""One line of the set; its README describes the fields."""

_OWN = "own"


def supported(record: Labelled) -> bool:
    """True when nothing that the sentence claims lacks support."""
    return all(claim.supported for claim in judged(record))


def judged(record: Labelled) -> list[Claim]:
    """The claims of the record's sentence, each held to the record's evidence."""
    item, others = _known_item(record), [_other(number, line) for number, line in enumerate(record["others"])]
    shelf = CatalogueIndex({shelf_item.id: shelf_item for shelf_item in [item, *others]})
    evidence = [_cited(number, fact) for number, fact in enumerate(record["evidence"])]
    reply = _reply(record, [item, *others], evidence)
    ground = AnswerGrounding(reply, shelf, [item], record["language"], record["catalogue_language"], evidence)
    return claims_in(record["sentence"], ground)


def _known_item(record: Labelled) -> Item:
    """The item with what the evidence says of it."""
    facts: Sequence[Mapping[str, Any]] = record["evidence"]
    attributes = {
        fact["facts"]["name"]: fact["facts"]["value"] for fact in facts if fact["key"] == "evidence_attribute"
    }
    price: Mapping[str, Any] = next((fact["facts"] for fact in facts if fact["source"] == "price"), {})
    return Item(
        id=_OWN,
        title=record["item"]["title"],
        description=" ".join(fact["facts"]["quote"] for fact in facts if fact["key"] == "evidence_quote"),
        price=price.get("price"),
        currency=price.get("currency"),
        category=attributes.pop("category", None),
        brand=attributes.pop("brand", None),
        in_stock=True if any(fact["source"] == "stock" for fact in facts) else None,
        attributes=attributes,
    )


def _other(number: int, line: Mapping[str, Any]) -> Item:
    fields = {key: line[key] for key in ("title", "price", "currency", "brand") if key in line}
    return Item(id=f"other{number}", attributes={k: v for k, v in line.items() if k not in fields}, **fields)


def _cited(number: int, fact: Mapping[str, Any]) -> CitedEvidence:
    """Entries about taste in the words that a reply has for them; of the others only source and score count."""
    detail = ""
    if titles := fact["facts"].get("titles"):
        quoted_titles = "” and “".join(titles)
        people_count = fact["facts"].get("people")
        detail = f"you liked “{quoted_titles}”" + (
            f"; {people_count} people who liked “{titles[0]}” also chose this" if people_count else ""
        )
    elif "people" in fact["facts"]:
        detail = f"{fact['facts']['people']} people chose this"
    return CitedEvidence(id=f"e{number}", source=fact["source"], detail=detail, score=fact["score"])


def _reply(record: Labelled, items: Sequence[Item], evidence: list[CitedEvidence]) -> Reply:
    recommendations = [
        Recommendation(
            rank=rank, item_id=item.id, title=item.title, price=item.price, currency=item.currency, score=1 / rank,
            explanation="", evidence=evidence if item.id == _OWN else [],
        )
        for rank, item in enumerate(items, start=1)
    ]  # fmt: skip
    return Reply(
        session_id="", query=Query(text=record["wish"]), intent="recommend", language=record["language"],
        constraints=dict(record["limits"]), relaxed=[], recommendations=recommendations, steps=[], message="",
        degraded=[], models={}, timings=Timings(), usage=UsageNote(),
    )  # fmt: skip
