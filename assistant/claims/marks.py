"""What is one thing in a sentence, whatever its words are: quotations, titles and brands."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from assistant.claims.numerals import digits_for_words
from assistant.claims.reading import Mark
from assistant.claims.tokens import plain

QUOTED = re.compile(r"[\"“„«「『]([^\"“”„«»「」『』]{1,}?)[\"”“»」』]")


@dataclass(frozen=True)
class Marks:
    """Finds what is one thing in a sentence: quotations, titles and brands."""

    title: str
    others: tuple[str, ...]
    brands: Callable[[str], Iterable[Mark]]
    language: str
    verbatim: tuple[str, ...] = ()
    """Attributes as the evidence has them, name and value: held wherever they stand word for word."""

    def find(self, text: str) -> list[Mark]:
        marks = [*self._titles(text)]
        for attribute in self.verbatim:
            marks += [Mark(*m.span(), "verbatim", attribute) for m in re.finditer(re.escape(attribute), text)]
        marks += [
            Mark(*m.span(), "quote", m.group(1))
            for m in QUOTED.finditer(text)
            if not any(
                k.start < m.end() and m.start() < k.end and k.kind != "quote" and k.end - k.start >= len(m.group(1))
                for k in marks
            )
        ]
        earlier = [*marks]
        marks += [
            mark for mark in self.brands(text) if not any(m.start < mark.end and mark.start < m.end for m in earlier)
        ]
        return marks

    def _titles(self, text: str) -> Iterator[Mark]:
        ranges: list[tuple[int, int]] = []
        names = [
            (self.title, "name"),
            *((name, "other") for name in self.others if name.casefold() != self.title.casefold()),
        ]
        for name, kind in sorted(names, key=lambda pair: -len(pair[0])):
            low = digits_for_words(plain(name, self.language), self.language).strip()
            if len(low) < 2 and low.isascii():
                continue
            # what a number counts is no title: "2 people who liked “people”"
            no_count = r"(?<!\d )" if low.isalpha() else ""
            for match in re.finditer(
                rf"{no_count}(?<!\w){re.escape(low)}(?!\w)" if low.isascii() else re.escape(low), text
            ):
                if not any(start < match.end() and match.start() < end for start, end in ranges):
                    ranges.append(match.span())
                    yield Mark(*match.span(), kind, name)
