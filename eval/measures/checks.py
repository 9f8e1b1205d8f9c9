"""Every check of one case's answer: what was expected, and what must hold of any answer."""

from collections.abc import Iterable

from eval.measures.expectations import EXPECTATIONS
from eval.measures.invariants import claims, exists, price, violation
from eval.measures.outcomes import OUTCOMES
from eval.measures.turns import HeldTurn
from eval.runs.records import Check

INVARIANTS = (exists, price, violation, claims)


def checks_of(turns: Iterable[HeldTurn]) -> list[Check]:
    """The checks that apply, turn by turn; of a case that is judged by its outcome, those of the last turn alone.

    A baseline that only ranks is held to its items alone (exists, violation, never, first, must, any): it says nothing
    else. A turn that failed has its ``answered`` check fail.
    """
    found, turns = list[Check](), list(turns)
    for held in turns[-1:] if turns and turns[-1].outcome else turns:
        invariants = (exists, price) if held.outcome else INVARIANTS
        asked = [check(held) for check in (*EXPECTATIONS, *OUTCOMES, *invariants)]
        found += [check for check in asked if check is not None]
    return found
