"""Every check of one case's answer: what was expected, and what must hold of any answer."""

from collections.abc import Iterable

from eval.measures.expectations import EXPECTATIONS
from eval.measures.invariants import claims, exists, price, violation
from eval.measures.turns import HeldTurn
from eval.runs.records import Check

INVARIANTS = (exists, price, violation, claims)


def checks_of(turns: Iterable[HeldTurn]) -> list[Check]:
    """The checks that apply, turn by turn.

    A baseline that only ranks is held to its items alone (exists, violation, never, first, must, any): it says nothing
    else. A turn that failed has its ``answered`` check fail.
    """
    found = []
    for held in turns:
        asked = [check(held) for check in (*EXPECTATIONS, *INVARIANTS)]
        found += [check for check in asked if check is not None]
    return found
