"""Which constraints that a model proposes stand in the customer's own words, in any spelling."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from assistant.agent.reading.amounts import Amount, find_amounts
from assistant.agent.reading.referring import Referring
from assistant.privacy.masking import unmarked
from assistant.records import Constraint
from assistant.understanding import CENT, Utterance
from assistant.understanding.names import name_index
from tools.records import Filters, Vocabulary
from tools.store.words import holds, tokens

MOST_COMPARED: Final = 16
"""How many words of a message the encoder compares with a name."""

_WORD: Final = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True)
class Words:
    """The customer's words of this turn, and what they are read with."""

    utterances: Sequence[Utterance]
    language: str
    vocabulary: Vocabulary
    referring: Referring | None = None

    def sums(self) -> Iterator[tuple[Utterance, Amount]]:
        """The numbers, in any spelling."""
        for part in self.utterances:
            for amount in find_amounts(part.text, self.language, currencies=self.vocabulary.currencies):
                yield part, amount


def anchored(proposed: Filters, words: Words) -> tuple[list[Constraint], list[Constraint]]:
    """The constraints that stand in the words, each with its words; and those that do not."""
    supported, unsupported = [], []
    for constraint in _singles(proposed):
        match = _anchored(constraint, words)
        if match:
            supported.append(match)
        else:
            unsupported.append(constraint)
    return supported, unsupported


def quotes(quoted: str, words: Words) -> bool:
    """Whether the customer has said this, in any form of its words."""
    quoted_tokens = tokens(quoted, words.language)
    return bool(quoted_tokens) and any(
        holds(tokens(unmarked(part.text), words.language), quoted_tokens) for part in words.utterances
    )


def _singles(proposed: Filters) -> Iterator[Constraint]:
    for field, value in proposed.model_dump(exclude_defaults=True).items():
        if field == "attributes":
            yield from (_constraint(field, entry, name) for name, values in value.items() for entry in values)
        elif isinstance(value, list):
            yield from (_constraint(field, entry) for entry in value)
        elif value is not False:
            yield _constraint(field, value)


def _constraint(field: Any, value: Any, attribute: str | None = None) -> Constraint:  # noqa: ANN401 - of any field
    return Constraint(field=field, value=value, attribute=attribute, source="text", words=str(value))


def _anchored(constraint: Constraint, words: Words) -> Constraint | None:
    """The constraint as the words say it; None where they do not."""
    match constraint.field:
        case "min_price" | "max_price":
            return _limit(constraint, words)
        case "brands" | "exclude_brands":
            return _by_name(constraint, words, "brand")
        case "categories" | "exclude_categories":
            return _by_name(constraint, words, "category")
        case "attributes":
            return _by_word(constraint, words) or _by_meaning(constraint, words)
        case "include_terms" | "exclude_terms":
            return _by_word(constraint, words) or _by_name(constraint, words, "term")
    return None


def _limit(constraint: Constraint, words: Words) -> Constraint | None:
    value, currencies = float(constraint.value), words.vocabulary.currencies
    cent = -CENT if constraint.field == "max_price" else CENT
    for part, amount in words.sums():
        exclusive = abs(amount.value + cent - value) < CENT / 2
        if not exclusive and abs(amount.value - value) >= CENT / 2:
            continue
        start, end = amount.span_with_currency if any(amount.span_with_currency) else (amount.start, amount.end)
        only = currencies[0] if len(currencies) == 1 else None
        return constraint.model_copy(
            update={
                "value": round(amount.value + cent, 2) if exclusive else amount.value,
                "exclusive": exclusive,
                "currency": amount.currency or only,
                "words": part.text[start:end],
                "source": part.source,
            }
        )
    return None


def _by_name(constraint: Constraint, words: Words, kind: Any) -> Constraint | None:  # noqa: ANN401 - of `names.Kind`
    """By the catalogue's names in the words, or else by the encoder, which knows them in other languages."""
    for part in words.utterances:
        for match in name_index(words.vocabulary).find(part.text, (kind,)):
            if match.name.casefold() == str(constraint.value).casefold():
                text = part.text[match.start : match.end]
                return constraint.model_copy(update={"value": match.name, "words": text, "source": part.source})
    if words.referring is None or kind == "term":
        return None
    resolve = words.referring.brand if kind == "brand" else words.referring.category
    for part in words.utterances:
        for word in dict.fromkeys(_WORD.findall(unmarked(part.text))[:MOST_COMPARED]):
            if resolve(word, words.vocabulary) == constraint.value:
                return constraint.model_copy(update={"words": word, "source": part.source})
    return None


def _by_word(constraint: Constraint, words: Words) -> Constraint | None:
    """By the very word, in any of its forms."""
    value_tokens = tokens(str(constraint.value), words.language)
    for part in words.utterances:
        if value_tokens and holds(tokens(unmarked(part.text), words.language), value_tokens):
            return constraint.model_copy(update={"source": part.source})
    return None


def _by_meaning(constraint: Constraint, words: Words) -> Constraint | None:
    """By an attribute's value that the encoder finds in the words."""
    if words.referring is None:
        return None
    for part in words.utterances:
        for word in dict.fromkeys(_WORD.findall(unmarked(part.text))[:MOST_COMPARED]):
            if (constraint.attribute, constraint.value) in words.referring.attribute(word, words.vocabulary):
                return constraint.model_copy(update={"words": word, "source": part.source})
    return None
