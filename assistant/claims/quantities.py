"""Numbers of a text with what they measure."""

import itertools
from dataclasses import dataclass, field

from assistant.claims.lexicon import Unit, load
from assistant.claims.reading import Span

_SHARING = frozenset(
    {
        ",",
        "、",
        "and",
        "or",
        "by",
        "x",
        "×",
        "to",
        "-",
        "/",
        "和",
        "或",
        "到",
        "至",
        "乘",
        "und",
        "oder",
        "et",
        "ou",
        "y",
        "o",
        "bis",
        "à",
        "a",
        "between",
        "(",
        "与",
    }
)
_OFFERS = frozenset({"for", "at", "only", "für", "nur", "pour", "à", "por", "a"})
_VAGUE = frozenset({"多", "余", "来", "几"})
_APART = 5
_FOLLOWING = 4


@dataclass(slots=True, eq=False)
class Quantity:
    """A number and what it is a number of."""

    span: Span
    position: int
    values: tuple[float, ...]
    units: tuple[Unit, ...] = ()
    money: frozenset[str] = frozenset()
    measures: frozenset[str] = frozenset()
    counted: str = ""
    following: list[Span] = field(default_factory=list)
    before: list[Span] = field(default_factory=list)
    operator: str = ""
    about: bool = False
    offered: bool = False
    """After "for" or "at": a bare number there may be the price."""
    used: set[int] = field(default_factory=set)

    @property
    def is_bare(self) -> bool:
        return not (self.units or self.money or self.measures or self.counted)


OPERATORS = ("above", "at_least", "below", "within", "equal")


def quantities(spans: list[Span], language: str) -> list[Quantity]:
    """Every number of the text."""
    numbers = [_quantity(spans, position, language) for position, span in enumerate(spans) if span.kind == "number"]
    numbers += [
        quantity
        for position, span in enumerate(spans)
        if span.has("fractions")
        for quantity in _fraction(spans, position, language)
    ]
    numbers.sort(key=lambda number: number.position)
    _share_measures(numbers, spans)
    return numbers


def _quantity(spans: list[Span], at: int, language: str) -> Quantity:
    quantity = Quantity(spans[at], at, spans[at].values, used={at})
    after = at + 1
    if after < len(spans) and spans[after].text in _VAGUE:
        quantity.about, quantity.operator = True, "more"
        quantity.used.add(after)
        after += 1
    if after < len(spans):
        after = _take_unit(quantity, spans, after)
    if at and spans[at - 1].has("money"):
        quantity.money = frozenset(spans[at - 1].of("money"))
        quantity.used.add(at - 1)
    _take_operator(quantity, spans, at, after)
    _take_measure(quantity, spans, at, after, language)
    quantity.following = _following(spans, after)
    quantity.before = [
        span for span in spans[max(0, at - 4) : at] if span.clause == spans[at].clause and span.is_content
    ]
    quantity.offered = at > 0 and spans[at - 1].text in _OFFERS
    if quantity.money and not quantity.measures:
        quantity.measures = frozenset({"price"})
    if _is_year(quantity):
        quantity.units, quantity.measures = (), frozenset({"year"})
    return quantity


def _is_year(quantity: Quantity) -> bool:
    """A date rather than a length of time: "1951 年", "from 1951"."""
    is_integer = all(float(value).is_integer() and 1500 <= value <= 2100 for value in quantity.values)
    return (
        is_integer
        and not quantity.money
        and not quantity.measures
        and all(unit == load().units["year"] for unit in quantity.units)
        and "," not in quantity.span.text
    )


def _fraction(spans: list[Span], at: int, language: str) -> list[Quantity]:
    """ "Half a kilo", or "half of it is cotton": as many per cent. What part of a limit it is is another matter."""
    fraction = float(spans[at].of("fractions")[0])
    clause = [span for span in spans if span.clause == spans[at].clause]
    if fraction > 1 or any(span.has("limit", "cheaper", "difference") for span in clause):
        return []
    after = at + 1
    while after < len(spans) and spans[after].has("function") and after - at <= 3:
        after += 1
    quantity = Quantity(spans[at], at, (fraction,), used={at})
    if after < len(spans) and spans[after].has("unit"):
        after = _take_unit(quantity, spans, after)
        _take_measure(quantity, spans, at, after, language)
    else:
        quantity.values, quantity.units = (100 * fraction,), (load().units["%"],)
    quantity.following = _following(spans, after)
    return [quantity]


def _take_unit(quantity: Quantity, spans: list[Span], after: int) -> int:
    span = spans[after]
    units = load().units
    following = spans[after + 1] if after + 1 < len(spans) else None
    if span.has("money") and not (span.has("units") and following is not None and following.is_content):
        quantity.money = frozenset(span.of("money"))
    elif span.has("unit"):
        quantity.units = tuple(units[name] for name in span.of("unit"))
    elif span.has("units"):
        quantity.counted = sorted(span.of("units"))[0]
    elif not (span.has("measures") and span.text in ("码", "号", "代")):
        return after
    if span.has("measures") and span.text in ("码", "号", "代"):
        quantity.measures = frozenset(span.of("measures"))
    quantity.used.add(after)
    return after + 1


def _take_operator(quantity: Quantity, spans: list[Span], at: int, after: int) -> None:
    """ "More than", "about" and the like, before the number or, as in 以内, after it."""
    for position in range(at - 1, max(-1, at - 5), -1):
        span = spans[position]
        if span.clause != spans[at].clause or span.kind == "number" or (span.is_content and not span.has(*OPERATORS)):
            break
        if _operates(quantity, span, spans, after):
            quantity.used.add(position)
    if after < len(spans) and spans[after].clause == spans[at].clause and spans[after].text in _AFTER:
        operator = _AFTER[spans[after].text]
        quantity.operator, quantity.about = operator or quantity.operator, quantity.about or not operator
        quantity.used.add(after)


_AFTER = {
    "以上": "at_least", "起": "at_least", "以下": "within", "以内": "within", "之内": "within", "内": "within",
    "左右": "", "上下": "",
}  # fmt: skip
_FROM = frozenset({"from", "ab", "desde", "dès"})
_PREPOSITIONS = frozenset({"under", "over", "below", "above"})
_DENIED = {"above": "within", "below": "at_least", "at_least": "below", "within": "above"}


def _operates(quantity: Quantity, span: Span, spans: list[Span], after: int) -> bool:
    """Whether a word before a number says how the number is meant, which is then noted."""
    if span.has("negation"):
        quantity.operator = _DENIED.get(quantity.operator, "not") if quantity.operator else ""
        return bool(quantity.operator)
    if quantity.operator:
        return False
    if span.text in _FROM and (quantity.units or quantity.money) and not _goes_on_to(spans, after):
        quantity.operator = "at_least"
        return True
    quantity.about = quantity.about or span.has("about")
    roles = [role for role in OPERATORS if span.has(role)]
    if roles and (not span.has("function", "evaluation") or span.text in _PREPOSITIONS):
        quantity.operator = roles[0]
    return bool(quantity.operator) or span.has("about")


def _goes_on_to(spans: list[Span], after: int) -> bool:
    """ "From 3 to 5": a range has an end."""
    return any(span.text in ("to", "bis", "a", "hasta", "à", "-") for span in spans[after : after + 1])


def _take_measure(quantity: Quantity, spans: list[Span], at: int, after: int, language: str) -> None:
    """What is measured: a word such as "weighs" before the number, or "wide" right after it."""
    if quantity.measures:
        return
    next_span = spans[after] if after < len(spans) and spans[after].clause == spans[at].clause else None
    if language != "zh" and next_span is not None:
        position = after
        while (
            position < len(spans)
            and spans[position].text in ("of", "in", "de", "of", "large", "-")
            and position - after < 2
            and position + 1 < len(spans)
        ):
            position += 1
        if spans[position].has("measures") and spans[position].clause == spans[at].clause:
            quantity.measures = frozenset(spans[position].of("measures"))
            quantity.used |= set(range(after, position + 1))
            return
    position = at - 1
    while position >= 0 and at - position <= _APART + 2 and spans[position].kind != "number":
        span = spans[position]
        if span.clause != spans[at].clause and not (span.kind == "mark" and span.text == ":"):
            break
        if span.has("measures"):
            quantity.measures = frozenset(span.of("measures"))
            quantity.used.add(position)
            return
        position -= 1
    if language == "zh" and next_span is not None and next_span.has("measures"):
        quantity.measures = frozenset(next_span.of("measures"))
        quantity.used.add(after)


def _following(spans: list[Span], after: int) -> list[Span]:
    words: list[Span] = []
    for span in spans[after : after + _FOLLOWING + 2]:
        if span.is_content:
            words.append(span)
        elif not words and (span.kind == "number" or span.has("unit")):
            continue
        elif span.kind in ("number", "mark") or not (
            span.text in ("of", "的", "de", "个", "-")
            or span.has("units", "unit")
            or (not words and span.has("function"))
        ):
            break
    return words[:_FOLLOWING]


def _share_measures(numbers: list[Quantity], spans: list[Span]) -> None:
    """In "sizes 40, 41 and 42" and "10 by 8 cm" what is said of one number is said of its neighbours."""
    for first, second in itertools.pairwise(numbers):
        between = spans[max(first.used) + 1 : min(second.used)]
        if any(span.text not in _SHARING for span in between) or not between:
            continue
        if first.measures and second.is_bare:
            second.measures = first.measures
            second.money = first.money
    for first, second in zip(reversed(numbers[:-1]), reversed(numbers[1:]), strict=False):
        between = spans[max(first.used) + 1 : min(second.used)]
        if between and all(span.text in _SHARING for span in between) and first.is_bare:
            first.units, first.measures, first.money = second.units, second.measures, second.money
            first.counted, first.following = second.counted, second.following
