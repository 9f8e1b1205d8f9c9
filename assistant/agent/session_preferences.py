"""Which preferences a conversation holds: what is likely wanted moves the ranking until it is taken back."""

from typing import Final

from assistant.records import Constraint, Memory
from assistant.understanding import GATHERED, Understanding, within_limits

MOST_PREFERENCES: Final = 10
"""How many preferences count together; of more, the latest do."""


def preferences_in_force(
    memory: Memory, understanding: Understanding, constraints: list[Constraint]
) -> tuple[list[Constraint], list[Constraint]]:
    """The preferences that count, and those that are too many or that no filter can hold.

    A refinement keeps the earlier ones that the message neither takes back nor speaks of anew; a new topic keeps none.

    Args:
        memory: the session so far.
        understanding: what the message says.
        constraints: those in force; what is one of them is no preference as well.
    """
    message_constraints = [*understanding.constraints, *understanding.preferences]
    earlier = [
        preference
        for preference in memory.preferences
        if understanding.refines and preference not in understanding.dropped
    ]
    earlier = [
        preference for preference in earlier if not any(_replaces(new, preference) for new in message_constraints)
    ]
    keys = {_key(constraint) for constraint in constraints}
    usable, unused = within_limits(
        [preference for preference in [*earlier, *understanding.preferences] if _key(preference) not in keys]
    )
    return usable[-MOST_PREFERENCES:], [*unused, *usable[:-MOST_PREFERENCES]]


def _replaces(new: Constraint, old: Constraint) -> bool:
    """Whether both are about the same field or attribute, of which one counts, or about the same value."""
    same_field = (new.field, new.attribute) == (old.field, old.attribute)
    return (same_field and new.field not in GATHERED) or str(new.value).casefold() == str(old.value).casefold()


def _key(constraint: Constraint) -> tuple[str, str | None, str]:
    return constraint.field, constraint.attribute, str(constraint.value).casefold()
