"""Reading without classifiers: names, values of attributes and sums of money are found by code, and none is certain.

It serves text encoders without classifiers; `assistant eval heads --fit --encoder NAME` makes some. Every message is
taken for a new wish: what it names is preferred, and its words are searched for.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from assistant.agent.reading.amounts import Amount, find_amounts
from assistant.privacy.masking import unmarked
from assistant.records import Constraint
from assistant.understanding import Understanding, Utterance
from assistant.understanding.attributes import attribute_constraints
from assistant.understanding.names import longest, name_index
from tools.records import Vocabulary

MOST_NAMED: Final = 20
"""How many of the brands, and of the values, that a message names are preferred."""

VALUES_WITHIN: Final = 1_000
"""In how many of a message's characters, from its end, values of attributes are looked for."""


def read_untrained(said: Sequence[Utterance], vocabulary: Vocabulary, language: str) -> Understanding:
    """What the words name, as preferences; what they ask for is searched for as it stands, without sums of money."""
    preferences: list[Constraint] = []
    topics: list[str] = []
    currency: str | None = None
    for part in said:
        sums = [one for one in find_amounts(part.text, language, currencies=vocabulary.currencies) if one.is_money]
        currency = currency or next((one.currency for one in sums if one.currency), None)
        preferences += [*_limits(part, sums, vocabulary), *_brands(part, vocabulary), *_values(part, vocabulary)]
        topics.append(_without(part.text, sums))
    topic = " ".join(filter(None, topics))
    return Understanding(
        language=language,
        intent=None,
        constraints=[],
        preferences=preferences,
        currency=currency,
        references=[],
        topic=topic,
        head=topic,
        refines=False,
    )


def _limits(said: Utterance, sums: Sequence[Amount], vocabulary: Vocabulary) -> Iterator[Constraint]:
    """The highest sum as the price at most; of several, the lowest as the price at least."""
    only = vocabulary.currencies[0] if len(vocabulary.currencies) == 1 else None
    ordered = sorted(sums, key=lambda one: one.value)
    for field, amount in (("max_price", ordered[-1:]), ("min_price", ordered[:-1][:1])):
        for one in amount:
            words = said.text[slice(*one.span_with_currency)].strip()
            yield Constraint(
                field=field, value=one.value, source=said.source, words=words, currency=one.currency or only
            )


def _brands(said: Utterance, vocabulary: Vocabulary) -> Iterator[Constraint]:
    found = longest(name_index(vocabulary).find_all(said.text), ["brand"])
    for name, words in {one.name: said.text[one.start : one.end] for one in found[:MOST_NAMED]}.items():
        yield Constraint(field="brands", value=name, source=said.source, words=words)


def _values(said: Utterance, vocabulary: Vocabulary) -> Iterator[Constraint]:
    found = attribute_constraints(said.text[-VALUES_WITHIN:], vocabulary)
    known = [one for one in found if one.name in vocabulary.attribute_values]
    for one in known[:MOST_NAMED]:
        yield Constraint(field="attributes", value=one.value, source=said.source, words=one.value, attribute=one.name)


def _without(text: str, sums: Sequence[Amount]) -> str:
    for one in sorted(sums, key=lambda each: -each.start):
        start, end = one.span_with_currency
        text = f"{text[:start]} {text[end:]}"
    return " ".join(unmarked(text).split())
