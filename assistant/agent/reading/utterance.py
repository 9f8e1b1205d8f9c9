"""One utterance with what the classifiers make of it: the words by their roles, the numbers, the names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from assistant.agent.reading.amounts import Amount, find_amounts
from assistant.agent.reading.heads import Classification
from assistant.agent.reading.referring import Referring
from assistant.agent.reading.spans import CERTAIN, RoleSpan
from assistant.privacy.masking import unmarked
from assistant.records import Constraint, Memory
from assistant.understanding.joining import clauses
from assistant.understanding.names import NameMatch, name_index
from tools.records import Vocabulary

OPERATION_FROM: Final = 0.5
"""Probability from which an operation counts."""

CONTEXT_CHARACTERS: Final = 20
"""How many characters before a number are looked at for the name of what it measures."""

WANTED_ROLES: Final = ("thing", "prop", "for")
"""Roles of words that say what is wanted or for what."""

_NO_PROPERTY: Final = ("thing", "for", "said", "not", "back", "item", "max", "min", "near")
"""What superlatives are not part of: "the best phone" is about no battery, though one makes one think of the other."""

_WORD_BEFORE, _WORD_AFTER = re.compile(r"[^\W\d]{1,15}[\s:]*$"), re.compile(r"\s?[^\W\d]{1,6}")


@dataclass(frozen=True, eq=False)
class ClassifiedUtterance:
    """One utterance, its classification, and what its words are compared with."""

    source: str
    text: str
    classification: Classification
    memory: Memory
    vocabulary: Vocabulary
    language: str
    referring: Referring
    attached: bool
    """Whether a picture comes with the message."""

    @property
    def act(self) -> str:
        """The likeliest act, of `assistant.agent.reading.labels.ACTS`."""
        return self.classification.act

    def asks(self, *operations: str) -> bool:
        """Whether the message asks for one of these operations."""
        return any(self.classification.operations[operation] >= OPERATION_FROM for operation in operations)

    @cached_property
    def spans(self) -> list[RoleSpan]:
        """The words with a role.

        What is only mentioned is what a picture shows, and is wanted, where no other thing is: "the shoes in my photo".
        """
        spans = self.classification.tagged.spans()
        if not self.attached or any(span.role == "thing" for span in spans):
            return spans
        return [span._replace(role="thing") if span.role == "said" else span for span in spans]

    def spans_of(self, *roles: str) -> list[RoleSpan]:
        """The words with one of these roles, in their order."""
        return [span for span in self.spans if span.role in roles]

    def words(self, span: RoleSpan) -> str:
        """The characters of a span."""
        return self.text[span.start : span.end]

    def words_of(self, *roles: str) -> list[str]:
        """The characters of each span with one of these roles."""
        return [self.words(span) for span in self.spans_of(*roles)]

    def measure(self, span: RoleSpan) -> str:
        """A property as it stands; a number with what is written on either side ("size 43", "43码")."""
        if span.role == "prop":
            return self.words(span)
        before = _WORD_BEFORE.search(self.text, max(0, span.start - CONTEXT_CHARACTERS), span.start)
        after = _WORD_AFTER.match(self.text, span.end)
        return self.text[before.start() if before else span.start : after.end() if after else span.end]

    def names(self, span: RoleSpan) -> list[NameMatch]:
        """The names of the catalogue and the lexicon in a span, as `NameIndex.find_all` gives them."""
        return name_index(self.vocabulary).find_all(self.words(span))

    @cached_property
    def amounts(self) -> list[Amount]:
        """The numbers of the text."""
        return find_amounts(self.text, self.language, currencies=self.vocabulary.currencies)

    @cached_property
    def unread(self) -> tuple[int, int]:
        """The characters that the classifiers did not read, as `TaggedTokens.unread` gives them."""
        return self.classification.tagged.unread()

    def clauses(self, start: int = 0, end: int | None = None) -> list[str]:
        """What a stretch of the text says beside the kind of thing, and of nothing else, clause by clause."""
        spans = self.spans_of(*_NO_PROPERTY)
        certain = [s for s in spans if s.role != "thing" or s.probability >= CERTAIN]  # "手机屏幕" names both
        return clauses(unmarked(without(self.text, [(s.start, s.end) for s in certain])[start:end]))

    def constraint(self, field: str, value: float | bool | str, words: str, **fields: Any) -> Constraint:  # noqa: ANN401 - fields of the record
        """A constraint that these words of the utterance make."""
        return Constraint(field=field, value=value, source=self.source, words=words.strip(), **fields)


def without(text: str, stretches: Sequence[tuple[int, int]]) -> str:
    """The text with spaces in place of these stretches."""
    characters = list(text)
    for start, end in stretches:
        characters[start:end] = " " * (end - start)
    return "".join(characters)
