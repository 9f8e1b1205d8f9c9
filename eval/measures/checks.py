"""Every check of one case's answer: what was expected, and what must hold of any answer."""

from collections.abc import Iterable

from eval.measures.expectations import EXPECTATIONS
from eval.measures.invariants import claims, exists, price, violation
from eval.measures.outcomes import OUTCOMES
from eval.measures.turns import ScoredTurn
from eval.runs.records import Check

INVARIANTS = (exists, price, violation, claims)


def checks_of(turns: Iterable[ScoredTurn]) -> list[Check]:
    """The checks that apply, turn by turn; of a case that is judged by its outcome, those of the last turn alone.

    A baseline that only ranks is held to its items alone (exists, violation, never, first, must, any): it says nothing
    else. A turn that failed has its ``answered`` check fail.
    """
    checks, turns = list[Check](), list(turns)
    for turn in turns[-1:] if turns and turns[-1].outcome else turns:
        invariants = (exists, price) if turn.outcome else INVARIANTS
        results = [check(turn) for check in (*EXPECTATIONS, *OUTCOMES, *invariants)]
        checks += [check for check in results if check is not None]
    return checks
