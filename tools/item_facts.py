"""item_facts: what the record of one item says about a question."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Literal

import numpy as np
from pydantic import Field

from tools.errors import ServiceMissing, UnknownItem
from tools.records import Item, Record, Variant
from tools.store.offers import offers, own_values, variant_values
from tools.store.pages import Encoder, Vectors
from tools.store.words import holds, tokens
from tools.tool import Arguments, Context, Tool

Kind = Literal["price", "stock", "category", "brand", "attribute", "variant", "description"]

MOST_ATTRIBUTES: Final = 24
MOST_SENTENCES: Final = 16
MOST_VALUES: Final = 20
"""Values of one attribute that are told."""
MOST_VARIANTS: Final = 3
HIDDEN: Final = frozenset({"facets", "sku", "slug", "price_max", "list_price", "availability"})
"""Attributes that the product itself writes, or that name nothing that a customer asks for."""
OVERVIEW: Final = "overview, details and general information"
"""Stands among the facts for questions about the item as a whole."""
SHARE: Final = 0.5
"""From which share of the facts' own lead on a fact answers a question.

The lead of a question is how much nearer it is to the nearest fact than to the item's facts in general; the facts' own
is that of their names. docs/pages.md has the measurements.
"""
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")


class AskItem(Arguments):
    """Arguments of item_facts."""

    item_id: str = Field(min_length=1, max_length=500, description="the item's id")
    question: str = Field(min_length=1, max_length=2000, description="what is asked about the item, in any words")


class ItemFact(Record):
    """One thing that the record says."""

    kind: Kind
    name: str = Field("", description="the attribute's name")
    value: str = Field(description="the attribute's values, or the sentence of the description")
    variant: Variant | None = Field(None, description="the variant that the question names (kind variant only)")
    score: float = Field(0.0, description="how near it is to the question, 1 from where on it answers it")
    relevant: bool = False


class ItemFacts(Record):
    """What the record says, nearest to the question first."""

    facts: list[ItemFact]
    overview: bool = Field(description="whether the question is about the item as a whole")
    missing: list[str] = Field([], description="what was left out and why, a sentence each")


def item_facts(context: Context, arguments: AskItem) -> ItemFacts:
    """Find what one item's record says about a question: attributes, variants, price, stock, description."""
    item = context.engines.catalogue.get(arguments.item_id)
    if item is None:
        raise UnknownItem(f"The catalogue has no item {arguments.item_id!r}.")
    facts, named = facts_of(item), named_variants(item, arguments.question)
    try:
        scores = nearness(item.title, facts, arguments.question, context.engines.text) if facts else None
    except ServiceMissing as exc:
        return ItemFacts(facts=[*named, *facts], overview=False, missing=[f"The question was not read. {exc}"])
    if scores is None:
        return ItemFacts(facts=named, overview=not named)
    scored = [
        fact.model_copy(update={"score": round(float(score), 3), "relevant": bool(score >= 1 and not np.isnan(score))})
        for fact, score in zip(facts, scores[:-1], strict=True)
    ]
    ranked = sorted(scored, key=lambda fact: -fact.score)
    return ItemFacts(facts=[*named, *ranked], overview=not named and bool(scores[-1] > scores[:-1].max()))


def facts_of(item: Item) -> list[ItemFact]:
    """Everything that the record says, but for single variants."""
    facts: list[ItemFact] = []
    if item.price is not None:
        facts.append(ItemFact(kind="price", name="price", value=f"{item.price:.2f} {item.currency or ''}".strip()))
    if item.in_stock is not None:
        value = "in stock" if item.in_stock else "sold out"
        facts.append(ItemFact(kind="stock", name="availability", value=value))
    if item.category:
        facts.append(ItemFact(kind="category", name="category", value=item.category))
    if item.brand:
        facts.append(ItemFact(kind="brand", name="brand", value=item.brand))
    facts += [
        ItemFact(kind="attribute", name=name, value=", ".join(values[:MOST_VALUES]))
        for name, values in _attributes(item)[:MOST_ATTRIBUTES]
    ]
    sentences = [part.strip() for part in _SENTENCE.split(item.description) if part.strip()]
    return facts + [ItemFact(kind="description", value=sentence) for sentence in sentences[:MOST_SENTENCES]]


def _attributes(item: Item) -> list[tuple[str, list[str]]]:
    """The names and different values of the item's attributes and of its variants' options."""
    found: dict[str, dict[str, None]] = {}
    for name, value in (*own_values(item), *variant_values(item)):
        if name not in HIDDEN and value.strip():
            found.setdefault(name, {})[value.strip()] = None
    return [(name, [*values]) for name, values in found.items()]


def named_variants(item: Item, question: str) -> list[ItemFact]:
    """The variants that hold most of the option values that the question names, each with its price and stock."""
    words = tokens(question)
    counted = [(sum(_stands_in(value, words) for value in offer.options.values()), offer) for offer in offers(item)[1:]]
    most = max((count for count, _ in counted), default=0)
    named = [offer for count, offer in counted if most and count == most]
    return [
        ItemFact(
            kind="variant",
            value=", ".join(offer.options.values()),
            variant=Variant(options=dict(offer.options), price=offer.price, in_stock=offer.in_stock),
            score=1.0,
            relevant=True,
        )
        for offer in named[:MOST_VARIANTS]
    ]


def _stands_in(value: str, words: Sequence[str]) -> bool:
    """Whether the words hold the value, or the one number of it: "128G" for 128 GB."""
    phrase = tokens(value)
    numbers = [token for token in phrase if token.isdecimal()]
    return bool(phrase) and (holds(words, phrase) or (len(numbers) == 1 and numbers[0] in words))


def nearness(title: str, facts: Sequence[ItemFact], question: str, encoder: Encoder) -> Vectors:
    """How near the question is to each fact, and at last to the item as a whole (n + 1,); 1: near enough to answer."""
    names = tuple(fact.name or "description" for fact in facts)
    texts = tuple(f"{title}. {fact.name}: {fact.value}" if fact.name else f"{title}. {fact.value}" for fact in facts)
    rows, own = _encoded(encoder, (*texts, f"{title}. {OVERVIEW}"), names)
    asked = encoder.encode([question], purpose="query")[0]
    leads = np.einsum("nd,nd->n", own, rows[:-1]) - np.median(own @ rows[:-1].T, axis=1)
    stated = [lead for lead, fact in zip(leads, facts, strict=True) if fact.name] or [*leads]
    lead = rows @ asked - float(np.median(rows[:-1] @ asked))
    scores: Vectors = lead / max(SHARE * float(np.median(stated)), 1e-6)
    return scores


@lru_cache(maxsize=64)
def _encoded(encoder: Encoder, texts: tuple[str, ...], names: tuple[str, ...]) -> tuple[Vectors, Vectors]:
    """Unit rows of the texts and of the names; kept for the next question about the same item."""
    return encoder.encode(texts, purpose="document"), encoder.encode(names, purpose="query")


TOOL = Tool(AskItem, item_facts)
