"""What one utterance requires and prefers by itself: prices, brands, what is not wanted, categories and attributes.

Amounts, names and attribute values take the role of their words. A role with certainty makes a constraint, a likely one
a preference.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from assistant.agent.reading.amounts import Amount
from assistant.agent.reading.labels import NUMBER_ROLES, ROLES
from assistant.agent.reading.referring import MOST_POINTERS
from assistant.agent.reading.spans import CERTAIN, LIKELY, RoleSpan
from assistant.agent.reading.utterance import CONTEXT_CHARACTERS, ClassifiedUtterance
from assistant.records import Constraint, Recommendation
from assistant.understanding import CENT
from assistant.understanding.attributes import attribute_constraints
from assistant.understanding.names import NameMatch, longest, name_index
from assistant.understanding.phrases import is_exclusive
from tools.records import Hit, Vocabulary

PRICES: Final = ("min_price", "max_price")
AROUND: Final = 0.25
"""How far "around 50" reaches to either side, as a share."""

MOST_COMPARED: Final = 16
"""How many words of a message are compared with the catalogue's names by the encoder."""

WHOLE_MESSAGE: Final = -1
"""The place of a constraint that is about the whole message, and so about each of its wishes."""

_DIGIT = re.compile(r"\d")


class Conditions:
    """Constraints and preferences of one utterance, each with the place of its first character."""

    def __init__(self, utterance: ClassifiedUtterance) -> None:
        self._utterance = utterance
        self.constraints: list[tuple[Constraint, int]] = []
        self.preferences: list[tuple[Constraint, int]] = []
        self.consumed: list[tuple[int, int]] = []
        """The stretches that are not searched for."""

        self.values: list[RoleSpan] = []
        """The words that are values of attributes."""

        self.readmitted: list[Constraint] = []
        """Earlier exclusions of brands that are wanted now."""

        self._read_prices()
        self._read_brands()
        self._read_unwanted()
        self._read_categories()
        self._read_attributes()

    def remaining(self, *roles: str) -> list[RoleSpan]:
        """The words with one of these roles that are not consumed."""
        return [
            span
            for span in self._utterance.spans_of(*roles)
            if not any(span.overlaps(*stretch) for stretch in self.consumed)
        ]

    @property
    def is_bounded(self) -> bool:
        """Whether a price limit holds: "less than 200" compares with nothing shown."""
        return any(constraint.field in PRICES for constraint, _ in self.constraints)

    def exclude(self, item: Recommendation | Hit) -> None:
        """Do not show the item again."""
        constraint = self._utterance.constraint("exclude_ids", item.item_id, item.title)
        self.constraints.append((constraint, WHOLE_MESSAGE))

    def _hold(
        self,
        place: int,
        probability: float,
        field: str,
        value: float | str,
        words: str,
        **fields: Any,  # noqa: ANN401 - fields of the record
    ) -> None:
        """Add a constraint that begins at ``place``: a preference where its role is only likely."""
        if probability >= LIKELY:
            entries = self.constraints if probability >= CERTAIN else self.preferences
            entries.append((self._utterance.constraint(field, value, words, **fields), place))

    def _read_prices(self) -> None:
        text, unread = self._utterance.text, range(*self._utterance.unread)
        for amount in self._utterance.amounts:
            role, probability = self._number_role(amount)
            if amount.start in unread or role == "num":
                continue
            start, end = amount.span_with_currency
            self.consumed.append((start, end))
            before = text[max(0, start - CONTEXT_CHARACTERS) : start]
            exclusive = role == "max" and amount.value >= CENT and is_exclusive(before)
            bounds = {f"{role}_price": round(amount.value - CENT, 2) if exclusive else amount.value}
            if role == "near":
                shares = {"min_price": 1 - AROUND, "max_price": 1 + AROUND}
                bounds = {field: round(amount.value * share, 2) for field, share in shares.items()}
            currency = amount.currency or only_currency(self._utterance.vocabulary)
            for field, value in bounds.items():
                self._hold(
                    amount.start, probability, field, value, text[start:end], currency=currency, exclusive=exclusive
                )

    def _number_role(self, amount: Amount) -> tuple[str, float]:
        """Whether a number is a price, and which; one beside a currency is no size."""
        tagged = self._utterance.classification.tagged
        role, probability = tagged.role_of(amount.start, amount.end, number=True)
        if role == "num" or amount.is_money:
            return role, probability
        numbers = float(tagged.distribution(amount.start, amount.end)[-len(NUMBER_ROLES) :].sum())
        return role, probability * min(1.0, numbers + 0.2)

    def _read_brands(self) -> None:
        utterance = self._utterance
        for name in longest(name_index(utterance.vocabulary).find_all(utterance.text), ["brand"]):
            self._hold_brand(name.name, name.start, name.end)
        unnamed = [span for span in utterance.spans_of("prop", "not") if not utterance.names(span)][:MOST_COMPARED]
        utterance.referring.prepare(map(utterance.words, unnamed))
        for span in unnamed:
            if brand := utterance.referring.brand(utterance.words(span), utterance.vocabulary):
                self._hold_brand(brand, span.start, span.end)
                self.consumed.append((span.start, span.end))

    def _hold_brand(self, brand: str, start: int, end: int) -> None:
        """A brand that is wanted or not; one that was excluded before is welcome again, with the others."""
        probabilities = dict(zip(ROLES, self._utterance.classification.tagged.distribution(start, end), strict=True))
        wanted, unwanted = float(probabilities["thing"] + probabilities["prop"]), float(probabilities["not"])
        words, earlier = self._utterance.text[start:end], self._utterance.memory.constraints
        if unwanted > wanted:
            self._hold(start, unwanted, "exclude_brands", brand, words)
        elif excluded := [c for c in earlier if c.field == "exclude_brands" and c.value == brand]:
            self.readmitted += excluded
        else:
            self._hold(start, wanted, "brands", brand, words)

    def _read_unwanted(self) -> None:
        """Things and properties that are not wanted; brands have been read."""
        utterance = self._utterance
        pointers = [span for span in utterance.spans_of("not") if self._points_at_place(span)]
        self.consumed += [(span.start, span.end) for span in pointers]
        for index, span in enumerate(self.remaining("not")):
            self.consumed.append((span.start, span.end))
            names = longest(utterance.names(span))
            if any(name.kind == "brand" for name in names):
                continue
            if index < MOST_POINTERS and (item := self._purpose_item(span, names)):
                self.exclude(item)
            else:
                words = utterance.words(span)
                self._hold(span.start, span.probability, *self._exclusion(words, names), words)

    def _points_at_place(self, span: RoleSpan) -> bool:
        """Whether the words are a pointer that says nothing of the item that is not wanted: "the second one"."""
        utterance = self._utterance
        form = utterance.asks("rejects") and utterance.memory.shown and utterance.referring.form(utterance.words(span))
        return bool(form)

    def _purpose_item(self, span: RoleSpan, names: Sequence[NameMatch]) -> Hit | None:
        """The item that the wish is for, where that is what is not wanted: "a case for my Pixel, not the phone"."""
        purpose = " ".join(self._utterance.words_of("for"))
        if not purpose or any(name.kind == "term" for name in names):
            return None
        return self._utterance.referring.alone(f"{self._utterance.words(span)} {purpose}", among=purpose)

    def _exclusion(self, words: str, names: Sequence[NameMatch]) -> tuple[str, str]:
        """Field and value of what is not wanted."""
        category = next((name.name for name in names if name.kind == "category"), None)
        if category and len(words) > len(category) + 3:
            category = None
        if not names:
            category = self._utterance.referring.category(words, self._utterance.vocabulary)
        if category:
            return "exclude_categories", category
        return "exclude_terms", next((name.name for name in names if name.kind in ("term", "noun")), words)[:100]

    def _read_categories(self) -> None:
        """Categories that a wish names as such: "footwear", "photo", and not "lamps", which its items are called."""
        for span in self.remaining("thing"):
            names = longest(self._utterance.names(span), ["category"])
            category = next((name.name for name in names if name.end - name.start == span.end - span.start), None)
            if category and self._utterance.referring.is_group(category):
                self._hold(span.start, span.probability, "categories", category, self._utterance.words(span))

    def _read_attributes(self) -> None:
        """Values of attributes that the catalogue has, where the message wants them or asks about them."""
        utterance = self._utterance
        for span in self.remaining("prop", "num"):
            words, pairs = utterance.words(span), self._values(span)
            if pairs:
                self.values.append(span)
                for name, value in pairs:
                    self._hold(span.start, span.probability, "attributes", value, words, attribute=name)
            elif span.role == "prop" and span.probability >= LIKELY and not utterance.names(span):
                self.preferences += [
                    (utterance.constraint("attributes", value, words, attribute=name), span.start)
                    for name, value in utterance.referring.attribute(words, utterance.vocabulary)
                ]

    def _values(self, span: RoleSpan) -> list[tuple[str, str]]:
        """The attributes and values that a span names: with the words beside it, or by itself."""
        words = self._utterance.words(span)
        texts = [self._utterance.measure(span), *([words] if span.role == "prop" or not words.isdecimal() else [])]
        for text in texts:
            mentions = attribute_constraints(text, self._utterance.vocabulary)
            if pairs := [(m.name, m.value) for m in mentions if self._can_have(m.name, m.value)]:
                return pairs
        return []

    def _can_have(self, name: str, value: str) -> bool:
        """Whether the catalogue has the attribute, and what it measures in numbers is not named by a word alone."""
        values = self._utterance.vocabulary.attribute_values.get(name)
        if values is None:
            return False
        return value in values or _DIGIT.search(value) is not None or not all(map(_DIGIT.search, values))


def only_currency(vocabulary: Vocabulary) -> str | None:
    """The catalogue's currency; None where it has several, or none."""
    return vocabulary.currencies[0] if len(vocabulary.currencies) == 1 else None
