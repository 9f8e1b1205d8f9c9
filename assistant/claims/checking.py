"""Holds the claims of a sentence to the facts of its evidence."""

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from assistant.claims.comparing import Comparing
from assistant.claims.ground import TASTE, Grounding, Occurrence
from assistant.claims.lexicon import load
from assistant.claims.marks import Marks
from assistant.claims.matching import holds_number
from assistant.claims.numerals import digits_for_words
from assistant.claims.quantities import Quantity, quantities
from assistant.claims.reading import Span, read

_FREE = frozenset(
    """function evaluation negation negated_suffix affirmation grammar contrast joint link above at_least below within
    equal about far slightly more most less same every pure best liked popular wish photo resemble
    strongly limit difference excess cheaper dearer cheapest dearest others fractions stock sold_out measures unit
    units money only""".split()  # noqa: SIM905 - reads better
)
"""Roles whose words state no property of an item; what some of them do state is checked by role."""

_LOOSE = frozenset({"quality", "noun"})
_QUANTIFIED = ("size", "capacity", "colour", "color")


@dataclass
class SentenceCheck:
    """One sentence against its ground; collects what does not hold."""

    ground: Grounding
    wish: Grounding
    comparing: Comparing
    language: str
    problems: list[str] = field(default_factory=list)
    used: set[int] = field(default_factory=set)

    def run(self, text: str, marks: Marks) -> list[str]:
        spans = read(text, self.language, marks.find)
        numbers = quantities(spans, self.language)
        for check in CHECKS:
            check(self, spans, numbers)
        return self.problems

    def refuse(self, problem: str) -> None:
        self.problems.append(problem)

    # Names and quotations ---------------------------------------------------------------------------------------------

    def _names(self, spans: list[Span], _: list[Quantity]) -> None:
        for span in spans:
            if span.kind == "quote" and not self._quoted(span.name):
                self.refuse(f"quotation {span.name!r}")
            if span.kind == "brand":
                matches = [
                    text
                    for text in self.ground.texts
                    if _contains(text, span.name.casefold()) or _contains(text, span.text)
                ]
                if span.negative or not matches:
                    self.refuse(f"brand {span.name}")
            if span.kind == "verbatim" and span.negative:
                self.refuse(f"not {span.name}")
            if span.kind == "other" and not self._may_name(span, spans):
                self.refuse(f"another item, {span.name}")

    def _quoted(self, quote: str) -> bool:
        quote = digits_for_words(quote, self.ground.language)
        low = _bare(quote).strip(" .,。，!！…").casefold()
        liked = [digits_for_words(title.casefold(), self.ground.language) for title in self.ground.liked]
        return bool(low) and any(low in _bare(text) for text in [*self.ground.texts, *liked])

    def _may_name(self, span: Span, spans: list[Span]) -> bool:
        """Another item is named where the user liked it, or where prices are compared; a photo is not like it."""
        about_photo = any(word.has("photo") for word in spans) and not any(
            word.has("liked", "popular") for word in spans
        )
        if (
            span.name in self.ground.liked
            and not about_photo
            and any(
                word.has("liked", "popular", "resemble", "evaluation") or word.text in ("close", "like")
                for word in spans
            )
        ):
            return not span.negative
        return self.comparing.is_about(span)

    # Comparisons ------------------------------------------------------------------------------------------------------

    def _comparisons(self, spans: list[Span], numbers: list[Quantity]) -> None:
        problems, used = self.comparing.check(spans, numbers)
        self.problems += problems
        self.used |= used

    # Photos, taste and other people -----------------------------------------------------------------------------------

    def _sources(self, spans: list[Span], numbers: list[Quantity]) -> None:
        for span in spans:
            if span.has("photo"):
                self._photo(span, [word for word in spans if word.sentence == span.sentence])
            if span.has("liked") and not (self.ground.sources & TASTE and not span.negative):
                self.refuse("what the user liked")
            if span.has("popular") and not span.has("units") and not (self.ground.people and not span.negative):
                self.refuse("what other people chose")

    def _photo(self, span: Span, clause: list[Span]) -> None:
        sources = self.ground.sources
        likeness = any(word.has("resemble") for word in clause)
        fits = any(word.has("evaluation", "within") and not word.has("photo") for word in clause)
        if "picture_words" in sources and not (span.negative or likeness):
            return  # what it says of the words in the photo must stand in the evidence like any other
        needed = {"picture"} if likeness and not fits else {"picture", "picture_text", "text_picture"}
        if span.negative or not (likeness or fits) or not sources & needed:
            self.refuse("likeness to a photo")
        elif any(word.has("same") for word in clause) or (
            self.ground.weak_likeness and any(word.has("strongly") for word in clause)
        ):
            self.refuse("more likeness to a photo than there is")

    def _stock(self, spans: list[Span], _: list[Quantity]) -> None:
        for span in spans:
            if span.has("sold_out") and not (span.negative and self.ground.in_stock) and not self.ground.find(span):
                self.refuse("sold out")
            elif span.has("stock") and not span.has("sold_out") and (span.negative or not self.ground.in_stock):
                self.refuse("in stock")

    # Numbers ----------------------------------------------------------------------------------------------------------

    def _numbers(self, spans: list[Span], numbers: list[Quantity]) -> None:
        for number in numbers:
            self._number(number, spans)

    def _number(self, number: Quantity, spans: list[Span]) -> None:
        self.used |= number.used
        if number.position in self.comparing.explained:
            return
        clause = [span for span in spans if span.clause == number.span.clause]
        if _asked_before(number.position, spans) and holds_number(number, self.wish):
            return
        if self._counts_people(number, clause):
            return
        if any(
            other.price in number.values and any(span.kind == "other" and span.name == other.title for span in spans)
            for other in self.comparing.others
        ):
            return
        if self._counts_values(number, spans):
            return
        if not holds_number(number, self.ground):
            self.refuse(f"number {number.span.text}")

    def _counts_values(self, number: Quantity, spans: list[Span]) -> bool:
        """ "Two colours": how many values an attribute has, or some of them."""
        attributes = {
            hit.attribute for span in spans[number.position + 1 : number.position + 4] for hit in self.ground.find(span)
        }
        return number.operator == "" and any(
            0 < value <= self.ground.counts.get(name, 0) for name in attributes for value in number.values if value > 1
        )

    def _counts_people(self, number: Quantity, clause: list[Span]) -> bool:
        """How many people chose it."""
        if number.counted != "people" or not any(value in self.ground.people for value in number.values):
            return False
        return not number.span.negative and number.operator in ("", "equal") and not number.about

    # Quantifiers ------------------------------------------------------------------------------------------------------

    def _quantifiers(self, spans: list[Span], _: list[Quantity]) -> None:
        for position, span in enumerate(spans):
            if not span.has("only", "pure", "every") or span.negative:
                continue
            near = [word for word in spans if word.clause == span.clause and abs(spans.index(word) - position) <= 5]
            if span.has("every"):
                if any(
                    word.has("measures", "colour") or word.text in _QUANTIFIED
                    for word in spans[position + 1 : position + 4]
                ):
                    self.refuse("every")
            elif any(self._one_of_several(word) for word in near if word.is_content or word.kind == "number"):
                self.refuse(f"only {span.text}")

    def _one_of_several(self, span: Span) -> bool:
        """True when the word is one value of an attribute that has several, or one of several parts in a text."""
        hits = self.ground.find(span)
        if span.kind == "number":
            return any(
                self.ground.counts.get(attribute, 0) > 1 and set(number.values) & set(span.values)
                for number, attribute in self.ground.numbers
            )
        if not span.has("colour", "material", "noun") and span.concepts:
            return False
        several = [hit for hit in hits if self.ground.counts.get(hit.attribute, 0) > 1 and hit.attribute != "category"]
        shared = [
            hit for hit in hits if hit.source == "quote" and span.has("material", "noun") and self._shares_place(hit)
        ]
        return bool(several or shared)

    def _shares_place(self, hit: Occurrence) -> bool:
        """True when a percentage, or another material, stands beside the material in the same sentence."""
        beside = [other for other in self.ground.occurrences if other.position[0] == hit.position[0]]
        percent = any(
            unit.dimension.startswith("percent")
            for number, _ in self.ground.numbers
            for unit in number.units
            if number.span.sentence == hit.span.sentence
        )
        other_materials = {
            name for other in beside if other.span.has("material") for name in other.span.concepts
        } - hit.span.concepts
        return percent or bool(other_materials)

    # Words ------------------------------------------------------------------------------------------------------------

    def _words(self, spans: list[Span], _: list[Quantity]) -> None:
        for position, span in enumerate(spans):
            if position in self.used or span.kind not in ("word", "code") or not self._says_something(span):
                continue
            if _asked_before(position, spans) and (self.wish.find(span) or self._holds(span)):
                continue
            if span.negative and self._contrasts(span, spans):
                continue
            if not self._holds(span):
                self.refuse(f"{'not ' if span.negative else ''}{span.text}")
            elif span.has("best") and not any(hit.span.has("best") for hit in self.ground.occurrences):
                self.refuse(span.text)
        for before, span in itertools.pairwise(spans):
            if before.has("best") and span.is_content and not before.negative:
                self.refuse(f"best {span.text}")

    def _says_something(self, span: Span) -> bool:
        if span.kind == "code" or (
            span.has("unit") and len(span.text) <= 2 and span.text.isascii() and not span.has("function")
        ):
            return True
        if span.has("colour", "material"):
            return True
        if span.has("function", "evaluation", "joint", "link", "negation"):
            return False
        return span.is_content or not span.has(*_FREE)

    def _contrasts(self, span: Span, spans: list[Span]) -> bool:
        """ "Walnut rather than plastic": denied beside what the evidence has in its place."""
        kind = next((role for role in ("colour", "material") if span.has(role)), "")
        beside = [
            word for word in spans if kind and word.has(kind) and not word.negative and word.sentence == span.sentence
        ]
        return bool(beside) and not self.ground.find(span) and all(self._holds(word) for word in beside)

    def _holds(self, span: Span) -> bool:
        hits = self.ground.find(span)
        same = [hit for hit in hits if hit.span.negative == span.negative or span.argument or hit.span.argument]
        if span.negative:
            opposites = {f"c:{other}" for name in span.concepts for other in load().opposites.get(name, frozenset())}
            same += [hit for key in opposites for hit in self.ground.words.get(key, []) if not hit.span.negative]
        denied = {f"c:{load().complements[name]}" for name in span.concepts if name in load().complements}
        same += [hit for key in denied for hit in self.ground.words.get(key, []) if hit.span.negative != span.negative]
        if any(hit.span.negative for hit in hits) and any(hit.source == "quote" and hit.span.negative for hit in hits):
            same = [hit for hit in same if hit.source != "keyword"]
        if span.degree and not span.negative:
            same = [hit for hit in same if hit.span.degree == span.degree]
        return bool(same) and self._is_bound(span, same)

    def _is_bound(self, span: Span, hits: list[Occurrence]) -> bool:
        """A colour or material of a part is said of that part alone, and of the item where the evidence says it so."""
        head = span.head
        about_item = head is None or head.kind != "word" or self._is_item(head)
        if span.has("colour", "material") and about_item:
            return any(hit.attribute or hit.source in ("title", "keyword") or self._of_item(hit) for hit in hits)
        if about_item or head is None:
            return True
        heads = self.ground.find(head)
        if not heads:
            return True
        if span.has("colour", "material"):
            positions = {hit.position for hit in heads}
            return any(hit.position in positions or self._describes(hit, head) for hit in hits)
        texts = {hit.position[0] for hit in heads}
        return any(hit.position[0] in texts or hit.attribute or hit.source in ("title", "keyword") for hit in hits)

    def _describes(self, hit: Occurrence, head: Span) -> bool:
        return bool(hit.attribute) and any(other.attribute == hit.attribute for other in self.ground.find(head))

    def _of_item(self, hit: Occurrence) -> bool:
        head = hit.span.head
        return head is None or head.kind != "word" or self._is_item(head)

    def _is_item(self, head: Span) -> bool:
        return any(hit.source == "title" or hit.attribute == "category" for hit in self.ground.find(head))


ClaimCheck = Callable[[SentenceCheck, list[Span], list[Quantity]], None]
CHECKS: Final[list[ClaimCheck]] = [
    SentenceCheck._comparisons,
    SentenceCheck._names,
    SentenceCheck._sources,
    SentenceCheck._stock,
    SentenceCheck._numbers,
    SentenceCheck._quantifiers,
    SentenceCheck._words,
]
"""The types of claims that are checked, in this order; each calls `SentenceCheck.refuse` for what does not hold."""


def _contains(text: str, name: str) -> bool:
    return bool(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)) or (not name.isascii() and name in text)


def _asked_before(position: int, spans: list[Span]) -> bool:
    """True when the clause repeats what the user asked for: "you were looking for ..."."""
    return any(span.has("wish") and span.clause == spans[position].clause for span in spans[:position])


_MARKS = str.maketrans(dict.fromkeys("“”„«»「」『』\"'", ""))


def _bare(text: str) -> str:
    """The text without quotation marks, and with single spaces."""
    return " ".join(text.translate(_MARKS).split())
