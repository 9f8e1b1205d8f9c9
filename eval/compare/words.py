"""A comparison in words: one sentence a measure, never a bare mean."""

from eval.compare.records import Difference, RunComparison


def sentence(difference: Difference, before: str, after: str) -> str:
    """The verdict of one measure, with what it rests on."""
    name = "passing" if difference.measure == "passed" else difference.measure
    values = f"{number(difference.after)} against {number(difference.before)} ({change(difference)})"
    cases = count(difference.cases, "case")
    if difference.verdict == "can't tell":
        these = "this" if difference.cases == 1 else "these"
        return (
            f"Can't tell with {these} {cases} whether {after} and {before} differ in {name}: {values}. "
            f"{needed_in_words(difference)}"
        )
    differs = (
        f"differs from {before}" if difference.verdict == "different" else f"is {difference.verdict} than {before}"
    )
    return f"{after} {differs} in {name}: {values}, over {cases}."


def needed_in_words(difference: Difference) -> str:
    """How many cases would show the difference asked about."""
    if difference.needed is None or difference.detect is None:
        return "How many would tell can't be said: there is no difference, or no spread to reckon with."
    return f"To see a difference of {number(abs(difference.detect))} takes about {count(difference.needed, 'case')}."


def count(amount: int, thing: str) -> str:
    """ "1 case", "1,200 cases"."""
    return f"{amount:,} {thing}{'' if amount == 1 else 's'}"


def change(difference: Difference) -> str:
    """ "+0.075, 95 % interval +0.021 to +0.129, p = 0.012"."""
    interval = f", 95 % interval {span(difference)}" if difference.low is not None else ""
    corrected = f", {p_in_words(difference.p_holm)} corrected" if difference.p_holm != difference.p else ""
    return f"{signed(difference.difference)}{interval}, {p_in_words(difference.p)}{corrected}"


def span(difference: Difference) -> str:
    """ "+0.021 to +0.129", or a dash."""
    low, high = difference.low, difference.high
    return "–" if low is None or high is None else f"{signed(low)} to {signed(high)}"


def p_in_words(p_value: float) -> str:
    """ "p = 0.012", and never "p = 0.000"."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"


def number(value: float | None) -> str:
    """A value at a glance: three digits after the point below ten, fewer above; a dash for none."""
    if value is None:
        return "–"
    return f"{value:,.{decimals(value)}f}"


def signed(value: float) -> str:
    """The same with its sign; zero has none."""
    text = number(abs(value))
    return text if not value else f"{'+' if value > 0 else '−'}{text}"


def decimals(value: float) -> int:
    """Digits after the point."""
    size = abs(value)
    return 0 if size >= 100 else 1 if size >= 10 else 3


def headline(comparison: RunComparison) -> str:
    """The first sentence of a comparison: what became of passing, and how many cases flipped."""
    verdict = sentence(comparison.passed, comparison.before, comparison.after)
    return f"{verdict} {count(len(comparison.gained), 'case')} gained, {len(comparison.lost)} lost."
