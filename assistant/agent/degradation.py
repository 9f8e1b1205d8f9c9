"""A part of a turn that does not work: the customer is told what is missing, the log why and what mends it."""

import logging
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Final

from prompts import say

logger = logging.getLogger(__name__)

_INTERNAL = ("no_ranking_model", "no_planning_model", "no_explaining_model", "planning_cut")

REHEARSING: Final[ContextVar[bool]] = ContextVar("rehearsing", default=False)
"""Whether the turn is a rehearsal, whose failures are no news."""


def say_without(key: str, language: str, reason: str, **variables: str) -> str:
    """The sentence for the customer; the reason, which may name settings and commands, goes to the log."""
    logger.log(logging.DEBUG if REHEARSING.get() else logging.WARNING, "answered without a part (%s): %s", key, reason)
    return say(key, language, **variables)


def internal(notes: Sequence[str], language: str, items: int) -> list[str]:
    """Those of the notes on a ranking of so many items that are about the language model, of no use to a customer."""
    about_model = {say(key, language) for key in _INTERNAL}
    about_model |= {say("explanations_by_template", language, count=count) for count in range(1, items + 1)}
    return [note for note in notes if note in about_model]
