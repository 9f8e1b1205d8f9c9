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


def read_untrained(utterances: Sequence[Utterance], vocabulary: Vocabulary, language: str) -> Understanding:
    """What the words name, as preferences; what they ask for is searched for as it stands, without sums of money."""
    preferences: list[Constraint] = []
    topics: list[str] = []
    currency: str | None = None
    for part in utterances:
        sums = [
            amount for amount in find_amounts(part.text, language, currencies=vocabulary.currencies) if amount.is_money
        ]
        currency = currency or next((amount.currency for amount in sums if amount.currency), None)
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


def _limits(utterance: Utterance, sums: Sequence[Amount], vocabulary: Vocabulary) -> Iterator[Constraint]:
    """The highest sum as the price at most; of several, the lowest as the price at least."""
    only = vocabulary.currencies[0] if len(vocabulary.currencies) == 1 else None
    ordered = sorted(sums, key=lambda amount: amount.value)
    for field, selected in (("max_price", ordered[-1:]), ("min_price", ordered[:-1][:1])):
        for amount in selected:
            words = utterance.text[slice(*amount.span_with_currency)].strip()
            yield Constraint(
                field=field, value=amount.value, source=utterance.source, words=words, currency=amount.currency or only
            )


def _brands(utterance: Utterance, vocabulary: Vocabulary) -> Iterator[Constraint]:
    matches = longest(name_index(vocabulary).find_all(utterance.text), ["brand"])
    for name, words in {match.name: utterance.text[match.start : match.end] for match in matches[:MOST_NAMED]}.items():
        yield Constraint(field="brands", value=name, source=utterance.source, words=words)


def _values(utterance: Utterance, vocabulary: Vocabulary) -> Iterator[Constraint]:
    mentions = attribute_constraints(utterance.text[-VALUES_WITHIN:], vocabulary)
    listed = [mention for mention in mentions if mention.name in vocabulary.attribute_values]
    for mention in listed[:MOST_NAMED]:
        yield Constraint(
            field="attributes",
            value=mention.value,
            source=utterance.source,
            words=mention.value,
            attribute=mention.name,
        )


def _without(text: str, sums: Sequence[Amount]) -> str:
    for amount in sorted(sums, key=lambda amount: -amount.start):
        start, end = amount.span_with_currency
        text = f"{text[:start]} {text[end:]}"
    return " ".join(unmarked(text).split())
