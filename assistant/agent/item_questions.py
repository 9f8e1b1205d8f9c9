"""Questions about one item, answered from what its record says."""

from typing import Any, Final

from assistant.agent.evidence import in_words
from assistant.records import Evidence
from prompts import say
from tools.item_facts import ItemFact, ItemFacts
from tools.records import Item

MOST_FACTS: Final = 3


def answering_facts(item_facts: ItemFacts) -> list[ItemFact]:
    """The facts that answer: the variants that are named, then those that answer what else is asked."""
    relevant = [fact for fact in item_facts.facts if fact.relevant]
    others = [fact for fact in relevant if fact.kind != "variant"]
    return [*(fact for fact in relevant if fact.kind == "variant"), *others[:MOST_FACTS]]


def evidence_of(item: Item, facts: list[ItemFact]) -> list[Evidence]:
    """The facts as entries of the answer, e1, e2, ..., in their order."""
    return [_entry(f"e{number}", item, fact) for number, fact in enumerate(facts, start=1)]


def _entry(entry_id: str, item: Item, fact: ItemFact) -> Evidence:
    source, key, facts = _source_and_facts(item, fact)
    entry = Evidence(id=entry_id, item_id=item.id, source=source, detail="", key=key, facts=facts)
    return entry.model_copy(update={"detail": in_words(entry, "en")})


def _source_and_facts(item: Item, fact: ItemFact) -> tuple[Any, str, dict[str, Any]]:
    """An entry's source, key and facts."""
    if fact.kind == "price":
        return "price", "evidence_price", {"price": item.price, "currency": item.currency}
    if fact.kind == "stock":
        return "stock", "evidence_stock" if item.in_stock else "evidence_sold_out", {}
    if fact.kind == "description":
        return "description", "evidence_quote", {"quote": fact.value}
    if fact.variant:
        offer = fact.variant
        facts = {"options": offer.options, "price": offer.price, "currency": item.currency}
        return "attribute", "evidence_variant", {**facts, "in_stock": offer.in_stock}
    return "attribute", "evidence_attribute", {"name": fact.name, "value": fact.value}


def answer(item: Item, entries: list[Evidence], language: str) -> str:
    """The facts that answer, in the user's language; values are told as the catalogue has them."""
    facts = say("list_separator", language).join(in_words(entry, language) for entry in entries)
    return say("details", language, title=item.title, facts=facts)
