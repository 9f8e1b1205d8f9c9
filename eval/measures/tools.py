"""Which tools were called, held to those that must and may be."""

from eval.measures.constraints import same
from eval.measures.turns import HeldTurn
from eval.suite.records import ToolExpectation


def missing_calls(held: HeldTurn) -> list[ToolExpectation]:
    """Expected calls that no step made with the expected arguments."""
    return [wanted for wanted in held.expect.tools if not is_called(held, wanted)]


def is_called(held: HeldTurn, wanted: ToolExpectation) -> bool:
    """True when a step called the tool with at least these arguments."""
    return any(step.tool == wanted.tool and _holds(wanted.arguments, step.arguments) for step in held.called)


def unasked_tools(held: HeldTurn) -> list[str]:
    """Tools that were called and neither must nor may be; none where any may be."""
    if held.expect.further_tools is None:
        return []
    may = {*held.expect.further_tools, *(one.tool for one in held.expect.tools)}
    return sorted({step.tool for step in held.called} - may)


def _holds(wanted: object, got: object) -> bool:
    """Objects hold at least the wanted keys; everything else is the same, value by value."""
    if isinstance(wanted, dict):
        return isinstance(got, dict) and all(_holds(value, got.get(key)) for key, value in wanted.items())
    return same(wanted, got)
