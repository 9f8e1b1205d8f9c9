"""item_facts: what the record of one item says about a question."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain, zip_longest
from typing import Final, Literal

import numpy as np
from pydantic import Field

from tools.errors import ServiceMissing, UnknownItem
from tools.records import Item, Record, Variant
from tools.store.offers import NOT_PROPERTIES, PICTURE_WORDS, own_values, variant_values
from tools.store.pages import PassageEncoder, Vectors
from tools.tool import Arguments, Context, Tool
from tools.variants import meant_values, named_variants

Kind = Literal["price", "stock", "category", "brand", "attribute", "variant", "description"]

MOST_ATTRIBUTES: Final = 24
MOST_SENTENCES: Final = 16
MOST_VALUES: Final = 20
"""The most values of one attribute in the result."""
MOST_VARIANTS: Final = 3
OVERVIEW: Final = "overview, details and general information"
"""Stands among the facts for questions about the item as a whole."""
ANSWER_THRESHOLD: Final = 0.5
"""From which share of the facts' own lead on a fact answers a question.

The lead of a question is how much nearer it is to the nearest fact than to the item's facts in general; the facts' own
is that of their names. docs/pages.md has the measurements.
"""
NEARLY_AS_NEAR: Final = 0.8
"""From which share of the nearest fact's score another one answers the same question beside it."""
MOST_QUESTIONS: Final = 4
"""Questions of one message that are answered."""
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")
_QUESTION: Final = re.compile(r"(?<=[?!;])\s+|(?<=\w\w[.])\s+|(?<=[。！？；؟])|\n+")


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
    relevant: bool = Field(False, description="whether it answers one of the questions")


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
    facts, questions = facts_of(item), _questions(arguments.question)
    try:
        encoder = context.engines.text
        values_by_question = [meant_values(item, question, encoder) for question in questions]
        variant_facts = _variant_facts(item, values_by_question)
        scores = nearness(item.title, facts, questions, encoder) if facts else None
    except ServiceMissing as exc:
        variant_facts = _variant_facts(item, [meant_values(item, arguments.question, None)])
        return ItemFacts(facts=[*variant_facts, *facts], overview=False, missing=[f"The question was not read. {exc}"])
    if scores is None:
        return ItemFacts(facts=variant_facts, overview=not variant_facts)
    unanswered = np.array([not values for values in values_by_question])  # the variants answer the others
    answers = _answers(scores[unanswered, :-1], [fact.kind for fact in facts], variants=bool(variant_facts))
    overview = not variant_facts and not answers and bool((scores[:, -1] > scores[:, :-1].max(axis=1)).any())
    best = scores[:, :-1].max(axis=0)
    order = [*answers, *(position for position in np.argsort(-best, kind="stable") if position not in answers)]
    ranked_facts = [
        facts[n].model_copy(update={"score": round(float(best[n]), 3), "relevant": n in answers}) for n in order
    ]
    return ItemFacts(facts=[*variant_facts, *ranked_facts], overview=overview)


def _questions(text: str) -> list[str]:
    """The questions of a message, each by itself."""
    parts = [part.strip() for part in _QUESTION.split(text)]
    return [part for part in parts if any(map(str.isalnum, part))][:MOST_QUESTIONS] or [text]


def _answers(scores: Vectors, kinds: Sequence[Kind], *, variants: bool) -> list[int]:
    """Positions of the facts that answer the questions (a row each): the best of every question first.

    Args:
        variants: whether the result has variants, each with its price and stock.
    """
    candidates = [position for position, kind in enumerate(kinds) if not (variants and kind in ("price", "stock"))]
    near_positions = [
        [n for n in np.argsort(-row, kind="stable").tolist() if row[n] >= max(1.0, NEARLY_AS_NEAR * row.max())]
        for row in scores
        if row.size and not np.isnan(row).any()
    ]
    answers = dict.fromkeys(n for positions in zip_longest(*near_positions) for n in positions if n is not None)
    return [n for n in answers if n in candidates]


def _variant_facts(item: Item, values_by_question: Sequence[Mapping[str, Sequence[str]]]) -> list[ItemFact]:
    """The variants with most of the values that are meant, each with its price and stock."""
    names = dict.fromkeys(chain(*values_by_question))
    offers = named_variants(
        item,
        {name: [*chain(*(question_values.get(name, ()) for question_values in values_by_question))] for name in names},
    )
    return [
        ItemFact(
            kind="variant",
            value=", ".join(offer.options.values()),
            variant=Variant(options=dict(offer.options), price=offer.price, in_stock=offer.in_stock),
            score=1.0,
            relevant=True,
        )
        for offer in offers[:MOST_VARIANTS]
    ]


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
    values_by_name: dict[str, dict[str, None]] = {}
    for name, value in (*own_values(item), *variant_values(item)):
        if name not in NOT_PROPERTIES - {PICTURE_WORDS} and value.strip():
            values_by_name.setdefault(name, {})[value.strip()] = None
    return [(name, [*values]) for name, values in values_by_name.items()]


def nearness(title: str, facts: Sequence[ItemFact], questions: Sequence[str], encoder: PassageEncoder) -> Vectors:
    """How near each question is to each fact, and at last to the item as a whole (q, n + 1); 1: it answers it."""
    names = tuple(fact.name or "description" for fact in facts)
    texts = tuple(f"{title}. {fact.name}: {fact.value}" if fact.name else f"{title}. {fact.value}" for fact in facts)
    rows, name_rows = _encoded(encoder, (*texts, f"{title}. {OVERVIEW}"), names)
    cosines = encoder.encode(questions, purpose="query") @ rows.T
    leads = np.einsum("nd,nd->n", name_rows, rows[:-1]) - np.median(name_rows @ rows[:-1].T, axis=1)
    stated = [lead for lead, fact in zip(leads, facts, strict=True) if fact.name] or [*leads]
    lead = cosines - np.median(cosines[:, :-1], axis=1, keepdims=True)
    scores: Vectors = lead / max(ANSWER_THRESHOLD * float(np.median(stated)), 1e-6)
    return scores


@lru_cache(maxsize=64)
def _encoded(encoder: PassageEncoder, texts: tuple[str, ...], names: tuple[str, ...]) -> tuple[Vectors, Vectors]:
    """Unit rows of the texts and of the names; kept for the next question about the same item."""
    return encoder.encode(texts, purpose="document"), encoder.encode(names, purpose="query")


TOOL = Tool(AskItem, item_facts, for_planner=False)
