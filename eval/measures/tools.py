"""Which tools were called, held to those that must and may be."""

from eval.measures.constraints import same
from eval.measures.turns import ScoredTurn
from eval.suite.records import ToolExpectation


def missing_calls(turn: ScoredTurn) -> list[ToolExpectation]:
    """Expected calls that no step made with the expected arguments."""
    return [expectation for expectation in turn.expect.tools if not is_called(turn, expectation)]


def is_called(turn: ScoredTurn, expectation: ToolExpectation) -> bool:
    """True when a step called the tool with at least these arguments."""
    return any(step.tool == expectation.tool and _holds(expectation.arguments, step.arguments) for step in turn.called)


def unasked_tools(turn: ScoredTurn) -> list[str]:
    """Tools that were called and neither must nor may be; none where any may be."""
    if turn.expect.further_tools is None:
        return []
    may = {*turn.expect.further_tools, *(expectation.tool for expectation in turn.expect.tools)}
    return sorted({step.tool for step in turn.called} - may)


def _holds(expected: object, actual: object) -> bool:
    """Objects hold at least the wanted keys; everything else is the same, value by value."""
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(_holds(value, actual.get(key)) for key, value in expected.items())
    return same(expected, actual)
