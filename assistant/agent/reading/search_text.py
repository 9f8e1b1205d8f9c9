"""What to search for: the words of one utterance for the kind of thing, its properties and its purpose."""

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Final

from assistant.agent.reading.constraints import Conditions
from assistant.agent.reading.kinds import leaves_open
from assistant.agent.reading.spans import RoleSpan
from assistant.agent.reading.utterance import WANTED_ROLES, ClassifiedUtterance, without
from assistant.privacy.masking import unmarked
from assistant.records import Recommendation
from assistant.understanding import Wish
from tools.sentences import sentence_places

SENTENCE_CHARACTERS: Final = 600
"""How much of the sentences that hold the wish is searched for, the last of them first."""

_LETTER = re.compile(r"[^\W\d_]")


class SearchText:
    """What one utterance says of what is wanted, beside its constraints."""

    def __init__(
        self, utterance: ClassifiedUtterance, conditions: Conditions, references: list[Recommendation]
    ) -> None:
        self._utterance, self._conditions, self._references = utterance, conditions, references

    def wish(self, start: int = 0, end: int | None = None) -> Wish:
        """The wish of a stretch of the text, without constraints."""
        end = len(self._utterance.text) if end is None else end
        return Wish(
            topic=self._topic(start, end, purpose=True),
            head=self._topic(start, end, purpose=False),
            sentence=self._sentence(start, end),
            kind=self._joined(self.kinds, start, end),
            clauses=self._utterance.clauses(start, end),
        )

    @cached_property
    def kinds(self) -> list[RoleSpan]:
        """The things that say which kind is wanted: not "a gift", "something". A pointer at nothing shown is one."""
        spans = self._conditions.remaining("thing", *(() if self._references else ("item",)))
        is_open = leaves_open([self._utterance.words(span) for span in spans], self._utterance.referring.encoder)
        return [span for span, opens in zip(spans, is_open, strict=True) if not opens]

    @property
    def properties(self) -> str:
        """The properties and measures that are named, each with the words beside its number."""
        return ", ".join(map(self._utterance.measure, self._conditions.remaining("prop", "num")))

    @property
    def other_things(self) -> list[str]:
        """What is only mentioned, not wanted, or what a thing that is named is for; brands aside.

        Without a thing, what it is for is all that says what is wanted: "something for running".
        """
        if self._utterance.asks("similar") or self._references:
            return []
        spans = self._utterance.spans_of("said", "not", *(("for",) if self.kinds else ()))
        unbranded = [s for s in spans if not any(name.kind == "brand" for name in self._utterance.names(s))]
        return list(dict.fromkeys(unmarked(self._utterance.words(span)) for span in unbranded))

    def _topic(self, start: int, end: int, *, purpose: bool) -> str:
        """What is wanted and, with its ``purpose``, for what, in the order of the words.

        Where no word has such a role, what is left of the message is searched for.
        """
        roles = ["thing", "prop", *(["for"] if purpose else []), *([] if self._references else ["item"])]
        if wanted := self._conditions.remaining(*roles):
            return self._joined(wanted, start, end)
        places = sentence_places(self._utterance.text, start, end)
        mentioned = _among(places, self._other_starts)
        excluded = [(span.start, span.end) for span in self._utterance.spans if span.role != "for"]
        excluded += mentioned if len(mentioned) < len(places) else []
        remainder = without(self._utterance.text, [*self._conditions.consumed, *excluded])[start:end].strip()
        return unmarked(remainder) if purpose and _LETTER.search(unmarked(remainder)) else ""

    def _sentence(self, start: int, end: int) -> str:
        """The sentences that say what is wanted; all of them where none does.

        What is not wanted and what is held as constraints, kinds aside, is left out: "a keyboard by Sony" is no camera.
        """
        left_out = [(span.start, span.end) for span in self._utterance.spans_of("not", "back")]
        left_out += [
            (place, place + len(constraint.words))
            for constraint, place in self._conditions.constraints
            if place >= 0 and constraint.field != "categories"
        ]
        text = without(self._utterance.text, [*self._conditions.consumed, *left_out])
        places = sentence_places(self._utterance.text, start, end)
        mentioned = _among(places, self._other_starts)
        stretches = (
            _among(places, [span.start for span in self._conditions.remaining(*WANTED_ROLES)])
            or [stretch for stretch in places if stretch not in mentioned]
            or places
        )
        sentences, room = list[str](), SENTENCE_CHARACTERS
        for first, last in reversed(stretches):
            words = " ".join(unmarked(text[first:last]).split())
            if sentences and len(words) > room:
                break
            sentences.append(words[:room])
            room -= len(words)
        return " ".join(reversed(sentences))

    def _joined(self, spans: Iterable[RoleSpan], start: int, end: int) -> str:
        """The words of those spans that begin in the stretch."""
        return unmarked(" ".join(self._utterance.words(span) for span in spans if start <= span.start < end))

    @property
    def _other_starts(self) -> list[int]:
        """Where things begin that are only mentioned or not wanted."""
        return [span.start for span in self._utterance.spans_of("said", "not")]


def _among(places: Iterable[tuple[int, int]], starts: Sequence[int]) -> list[tuple[int, int]]:
    """The stretches in which one of the positions lies."""
    return [(start, end) for start, end in places if any(start <= position < end for position in starts)]
