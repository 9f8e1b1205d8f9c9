"""Comparisons of the price: with the customer's limit, and with other items that are shown."""

from dataclasses import dataclass, field

from assistant.claims.matching import compares, rounds_to, same_money
from assistant.claims.quantities import Quantity
from assistant.claims.reading import Span

_WELL, _JUST = 0.85, 0.8
_CENT = 0.011
"""A limit "below 60" is kept as 59.99."""

_COMPARING = ("cheaper", "dearer", "cheapest", "dearest", "difference", "limit", "far", "slightly", "above", "below")


@dataclass(frozen=True)
class OtherItem:
    """Another item shown beside the one that is explained."""

    title: str
    price: float | None
    currency: str | None


@dataclass
class Comparing:
    """What is known for comparing: price, limit and the other items."""

    price: float | None
    currency: str | None
    limit: float | None
    limit_currency: str | None
    within: bool
    others: tuple[OtherItem, ...] = ()
    explained: set[int] = field(default_factory=set)
    """Positions of numbers that a comparison has accounted for."""

    spans: list[Span] = field(default_factory=list)

    def check(self, spans: list[Span], numbers: list[Quantity]) -> tuple[list[str], set[int]]:
        """What does not hold, and the positions of the words that make the comparisons."""
        self.spans = spans
        problems: list[str] = []
        used: set[int] = set()
        for clause in sorted({span.clause for span in spans}):
            positions = [position for position, span in enumerate(spans) if span.clause == clause]
            inside = [number for number in numbers if number.position in positions]
            problems += self._of_clause(positions, inside, used)
        return problems, used

    def _is_comparing(self, span: Span) -> bool:
        return span.has(*_COMPARING) or span.text == "expensive"

    def is_about(self, span: Span) -> bool:
        """True when a price is compared with that item's somewhere in the sentence, which ``check`` then has judged."""
        return any(other.title == span.name for other in self.others) and any(
            word.has("cheaper", "dearer", "above", "below", "difference", "cheapest", "dearest")
            or word.text in ("as", "against", "so")
            for word in self.spans
        )

    # One clause -------------------------------------------------------------------------------------------------------

    def _of_clause(self, positions: list[int], numbers: list[Quantity], used: set[int]) -> list[str]:
        spans = [self.spans[position] for position in positions]
        named_items = [
            span for span in spans if span.kind == "other" and any(other.title == span.name for other in self.others)
        ]
        problems: list[str] = []
        limits = [span for span in spans if span.has("limit")]
        limit_numbers = [number for number in numbers if self._is_limit(number, spans)]
        if limits or limit_numbers:
            if not self._limit_holds(spans, numbers, limit_numbers):
                problems.append("comparison with the limit")
            used |= {position for position in positions if self._is_comparing(self.spans[position])}
        elif self._compares_others(spans) or (named_items and self._compares_prices(spans)):
            used |= {position for position in positions if self._is_comparing(self.spans[position])}
            if not self._others_hold(spans, numbers, named_items):
                problems.append("comparison with other items")
        return problems

    def _is_limit(self, number: Quantity, spans: list[Span]) -> bool:
        """ "Your 60 USD", "budget of 200": a number that is the limit itself."""
        if self.limit is None or not any(abs(value - self.limit) < _CENT for value in number.values):
            return False
        if number.money and self.limit_currency and not same_money(number.money, frozenset({self.limit_currency})):
            return False
        if self.price is not None and abs(self.price - self.limit) < 1e-6 and "limit" not in number.measures:
            return False
        return "limit" in number.measures or any(
            span.text in ("your", "您", "您的", "ihre", "ihren", "ihrer", "votre", "su", "tu", "ihr")
            or span.has("limit")
            for span in spans
        )

    # The limit --------------------------------------------------------------------------------------------------------

    def _limit_holds(self, spans: list[Span], numbers: list[Quantity], limit_numbers: list[Quantity]) -> bool:
        self.explained |= {number.position for number in limit_numbers}
        remaining = [number for number in numbers if number not in limit_numbers]
        priced = [number for number in remaining if self._is_own_price(number)]
        differences = [number for number in remaining if number not in priced]
        for number in differences:
            if (
                any(unit.dimension == "percent" for unit in number.units)
                or number.money
                or number.is_bare
                or number.measures & {"price", "limit"}
            ):
                self.explained.add(number.position)
        fractions = [float(name) for span in spans for name in span.of("fractions")]
        relation = _relation(spans)
        if self.limit is None or self.price is None:
            return self.within and not differences and not fractions and relation in ("", "within", "below")
        if self.limit_currency and self.currency and self.limit_currency != self.currency:
            return False
        percentages = [number for number in differences if any(unit.dimension == "percent" for unit in number.units)]
        if percentages and not any(span.has(*_STRONG, "difference") for span in spans):
            fractions = [value * percentages[0].units[0].factor / 100 for value in percentages[0].values]
            differences = [number for number in differences if number not in percentages]
        amount = self.limit * (fractions[0] if fractions else 1.0)
        if not self._related(relation or ("equal" if fractions else "within"), amount, spans):
            return False
        return all(
            self._difference(number, self.limit, spans) for number in differences if number.position in self.explained
        )

    def _is_own_price(self, number: Quantity) -> bool:
        return (
            self.price is not None
            and number.operator in ("", "equal", "within")
            and any(abs(value - self.price) < 1e-6 for value in number.values)
        )

    def _related(self, relation: str, amount: float, spans: list[Span]) -> bool:
        assert self.price is not None  # noqa: S101 - the caller has looked
        far, slight = any(span.has("far") for span in spans), any(span.has("slightly") for span in spans)
        ratio = self.price / amount if amount else 0.0
        if relation == "above":
            return self.price > amount
        if relation == "equal":
            return abs(ratio - 1) < 0.03
        if relation == "at_least":
            return self.price >= amount
        if relation == "below" and self.price >= amount:
            return False
        if far and not slight:
            return ratio <= _WELL
        if slight and not far:
            return _JUST <= ratio <= 1
        return self.price <= amount

    def _difference(self, number: Quantity, base: float, spans: list[Span]) -> bool:
        """ "15 dollars less than your limit"."""
        assert self.price is not None  # noqa: S101 - the caller has looked
        apart = abs(base - self.price)
        if any(unit.dimension == "percent" for unit in number.units):
            return any(rounds_to(100 * apart / base, value) for value in number.values) if base else False
        if number.money and not same_money(number.money, frozenset({self.currency or ""})):
            return False
        number_of = Quantity(
            number.span,
            number.position,
            number.values,
            operator="more" if number.operator == "more" else "",
            about=bool(number.about),
        )
        return any(abs(apart - value) < _CENT for value in number.values) or compares(round(apart, 6), number_of)

    # Other items ------------------------------------------------------------------------------------------------------

    def _compares_prices(self, spans: list[Span]) -> bool:
        return any(span.has("above", "below", "difference") or span.text in ("expensive", "against") for span in spans)

    def _compares_others(self, spans: list[Span]) -> bool:
        return any(span.has("cheaper", "dearer", "cheapest", "dearest") and span.kind == "word" for span in spans)

    def _others_hold(self, spans: list[Span], numbers: list[Quantity], named_items: list[Span]) -> bool:
        if self.price is None:
            return False
        for number in numbers:
            if any(
                other.price in number.values
                for other in self.others
                if any(other.title == span.name for span in named_items)
            ):
                self.explained.add(number.position)
        prices = [
            other
            for other in self.others
            if other.price is not None and (not named_items or any(other.title == span.name for span in named_items))
        ]
        if not prices or any(other.currency != self.currency for other in prices):
            return False
        superlative = next((role for role in ("cheapest", "dearest") if any(span.has(role) for span in spans)), "")
        negative = any(
            span.negative
            for span in spans
            if span.has("cheapest", "dearest", "cheaper", "dearer", "above", "below") or span.text in ("expensive",)
        )
        if superlative:
            best = all(
                self.price < other.price if superlative == "cheapest" else self.price > other.price
                for other in prices
                if other.price is not None
            )
            return best != negative
        return self._named_hold(spans, numbers, prices, negative=negative)

    def _named_hold(
        self, spans: list[Span], numbers: list[Quantity], prices: list[OtherItem], *, negative: bool
    ) -> bool:
        assert self.price is not None  # noqa: S101 - the caller has looked
        lower = any(span.has("cheaper", "below") for span in spans) or any(
            span.negative and (span.has("dearer") or span.text in ("expensive", "贵")) for span in spans
        )
        higher = any(span.has("dearer", "above") and not span.negative for span in spans)
        if lower == higher:
            lower, higher = any(span.has("cheaper") for span in spans), any(span.has("dearer") for span in spans)
        if lower == higher:
            return False
        for other in prices:
            if other.price is None or (lower and self.price >= other.price) or (higher and self.price <= other.price):
                return False
            for number in numbers:
                if number.position in self.explained or self._is_own_price(number):
                    continue
                self.explained.add(number.position)
                if not self._difference(number, other.price, spans):
                    return False
        return True


_STRONG = ("above", "below", "at_least", "dearer", "cheaper")
_DENIED = {"above": "within", "below": "at_least", "at_least": "below"}


def _relation(spans: list[Span]) -> str:
    """How the price is said to stand to the limit; "" where no word says it."""
    for roles in (_STRONG, ("within", "equal"), ("difference",)):
        for span in spans:
            role = next((name for name in roles if span.has(name)), "")
            if role and not (
                role in _STRONG and span.has("joint") and not span.has("measures") and span.text in _LOOSE
            ):
                return _relation_of(role, span)
    return ""


_LOOSE = frozenset({"from", "ab", "desde", "dès", "起"})


def _relation_of(role: str, span: Span) -> str:
    if role == "difference":
        return "above" if span.has("excess") else "below"
    if role == "equal" and span.has("function"):
        return "within"
    role = {"dearer": "above", "cheaper": "below"}.get(role, role)
    return _DENIED.get(role, role) if span.negative else role
