"""Whether a number of the evidence measures the same as a number of the sentence."""

from assistant.claims.ground import Grounding
from assistant.claims.lexicon import Unit
from assistant.claims.quantities import Quantity
from assistant.claims.reading import Span
from assistant.understanding.lexicon import has_cjk

_ROUNDING = 0.006
_MEASURED = {
    "weight": {"mass"},
    "length": {"length"},
    "width": {"length"},
    "height": {"length"},
    "depth": {"length"},
    "diameter": {"length"},
    "capacity": {"volume", "data", "mass"},
    "power": {"power"},
    "duration": {"time"},
    "warranty": {"time"},
    "age": {"time", "age"},
    "temperature": {"temperature", "angle"},
}
_DOLLARS = frozenset({"USD", "CAD", "AUD"})


def holds_number(number: Quantity, ground: Grounding) -> bool:
    """True when the evidence has this number for the same thing."""
    if number.span.negative and number.operator in ("", "not"):
        return any(
            same_thing(number, other, attribute, ground) and other.span.negative for other, attribute in ground.numbers
        )
    if number.is_bare and number.offered and _is_price(number, ground):
        return True
    if number.money or "price" in number.measures:
        if _is_price(number, ground):
            return True
        return any(
            other.money and same_value(number, other) and same_money(number.money, other.money)
            for other, _ in ground.numbers
        )
    if "similarity" in number.measures and any(
        abs(value - round(score, 2)) < 1e-9 for value in number.values for score in ground.scores
    ):
        return True
    return any(
        same_thing(number, other, attribute, ground) for other, attribute in ground.numbers if not other.span.negative
    )


def _is_price(number: Quantity, ground: Grounding) -> bool:
    if ground.price is None or not number.measures <= {"price"}:
        return False
    if number.money and not same_money(number.money, frozenset({ground.currency or ""})):
        return False
    return compares(ground.price, number)


def same_money(claim: frozenset[str], evidence: frozenset[str]) -> bool:
    """The same currency; a dollar sign may be any dollar's."""
    return bool(claim & evidence) or ("USD" in claim and bool(evidence & _DOLLARS))


def compares(actual: float, number: Quantity) -> bool:
    """Whether what is said of the number holds for the actual value: "more than 40", "about 45", "44.95"."""
    return any(_compare(actual, value, number) for value in number.values)


def _compare(actual: float, value: float, number: Quantity) -> bool:
    if number.operator == "above":
        return actual > value
    if number.operator == "at_least":
        return actual >= value
    if number.operator == "below":
        return actual < value
    if number.operator == "within":
        return actual <= value
    if number.operator == "more":
        return bool(value <= actual < value + max(10 ** (len(str(int(value))) - 1), 1))
    if number.about:
        return rounds_to(actual, value)
    return abs(actual - value) < 1e-6 * max(1.0, abs(actual))


def rounds_to(actual: float, value: float) -> bool:
    """About a number: what is right to the digits that it has."""
    if value == 0:
        return actual == 0
    integer = int(value) if float(value).is_integer() else 0
    step = 1.0
    while integer and integer % (step * 10) == 0:
        step *= 10
    if not integer:
        step = 0.1
    return abs(actual - value) <= max(step / 2, _ROUNDING * abs(value)) + 1e-9 and abs(actual - value) <= 0.1 * abs(
        value
    )


def same_value(number: Quantity, other: Quantity) -> bool:
    return any(compares(value, number) for value in other.values)


def same_thing(number: Quantity, other: Quantity, attribute: str, ground: Grounding) -> bool:
    """The same number of the same thing in the evidence."""
    if number.span.negative != other.span.negative and number.operator in ("", "equal"):
        return False
    if not _same_amount(number, other):
        return False
    return _same_measure(number, other, attribute, ground)


def _same_amount(number: Quantity, other: Quantity) -> bool:
    if (
        number.operator in ("above", "at_least", "below", "within")
        and number.operator == other.operator
        and set(number.values) & set(other.values)
        and not number.units
    ):
        return True
    if other.operator in ("within", "below") and number.operator in ("above", "at_least"):
        return False
    if number.money or other.money:
        return bool(number.money and other.money and same_money(number.money, other.money)) and same_value(
            number, other
        )
    if not number.units and not other.units:
        return same_value(number, other)
    if not number.units or not other.units:
        return False
    return any(_same_in_units(number, unit, other, other_unit) for unit in number.units for other_unit in other.units)


def _same_in_units(number: Quantity, unit: Unit, other: Quantity, other_unit: Unit) -> bool:
    dimensions = {unit.dimension, other_unit.dimension}
    if dimensions == {"time", "age"}:
        unit = other_unit = Unit("age", 1)
    elif len(dimensions) > 1:
        return False
    ratio = other_unit.factor / unit.factor
    if dimensions & {"age"} and other.operator == "at_least" and number.operator == "":
        return max(number.values) >= min(other.values)
    return any(
        compares(round(value * ratio, 9), number) or (number.about and compares(value * ratio, number))
        for value in other.values
    )


def _same_measure(number: Quantity, other: Quantity, attribute: str, ground: Grounding) -> bool:
    measures = set(other.measures)
    if (
        number.counted == "people"
        and number.counted != other.counted
        and not _share_word(number.following + number.before, other.following + other.before)
    ):
        return other.counted in ("", "people") and _touch(number, other)
    if number.measures:
        if measures:
            if number.measures & measures:
                return True
            return bool(number.units) and _about_attribute(number, attribute, ground)
        if number.units and other.units:
            dimensions = {unit.dimension for unit in other.units}
            narrow = number.measures & {
                "width",
                "height",
                "depth",
                "diameter",
                "length",
                "weight",
                "capacity",
                "power",
                "duration",
                "warranty",
                "age",
                "temperature",
            }
            if narrow and not any(dimensions & _MEASURED[measure] for measure in narrow):
                return False
            return not (narrow & {"width", "height", "depth", "diameter", "warranty"}) or _about_attribute(
                number, attribute, ground
            )
        return _about_attribute(number, attribute, ground) or _touch(number, other)
    if number.units:
        return _same_part(number, other, attribute, ground)
    if number.counted and number.counted == other.counted and not number.following:
        return True
    if _touch(number, other) or _about_attribute(number, attribute, ground):
        return True
    return number.is_bare and not number.following and not number.before and other.is_bare


def _same_part(number: Quantity, other: Quantity, attribute: str, ground: Grounding) -> bool:
    """ "55 Nm of torque" may not be another thing's 55 Nm; what is said of nothing in particular may be."""
    subject = number.following[:1] or []
    if not subject:
        return True
    if _touch(number, other) or _about_attribute(number, attribute, ground):
        return True
    if _is_only_one(number, ground):
        return True
    keys = _keys(number.following)
    return bool(keys & ground.title) or (
        not any(_keys(quantity.following[:1]) & keys for quantity, _ in ground.numbers if quantity.following)
        and not attribute
    )


def _is_only_one(number: Quantity, ground: Grounding) -> bool:
    """True when the evidence has one number of this dimension: it can be no other thing's."""
    dimensions = {unit.dimension for unit in number.units}
    amounts = {
        round(value * unit.factor, 6)
        for other, _ in ground.numbers
        for unit in other.units
        if unit.dimension in dimensions
        for value in other.values
    }
    return len(amounts) == 1


def _about_attribute(number: Quantity, attribute: str, ground: Grounding) -> bool:
    """The attribute's name is a word beside the number."""
    if not attribute:
        return False
    keys = {key for hit in ground.occurrences if hit.attribute == attribute for key in _keys([hit.span])}
    return bool(_keys(number.following + number.before) & keys)


def _touch(number: Quantity, other: Quantity) -> bool:
    return _share_word(number.following + number.before, other.following + other.before)


def _share_word(first: list[Span], second: list[Span]) -> bool:
    return bool(_keys(first) & _keys(second))


def _keys(spans: list[Span]) -> set[str]:
    from assistant.claims.dictionary import gloss_keys  # only Chinese sentences need it

    keys = {f"c:{name}" for span in spans for name in span.concepts} | {
        key for span in spans for part in span.parts for key in part
    }
    for span in spans:
        if has_cjk(span.text):
            keys |= {key for parts in gloss_keys(span.text) for part in parts for key in part}
    return keys
