"""A part of a turn that does not work: the customer is told what is missing, the log why and what mends it."""

import logging
from contextvars import ContextVar
from typing import Final

from prompts import say

logger = logging.getLogger(__name__)

REHEARSING: Final[ContextVar[bool]] = ContextVar("rehearsing", default=False)
"""Whether the turn is a rehearsal, whose failures are no news."""


def say_without(key: str, language: str, reason: str, **variables: str) -> str:
    """The sentence for the customer; the reason, which may name settings and commands, goes to the log."""
    logger.log(logging.DEBUG if REHEARSING.get() else logging.WARNING, "answered without a part (%s): %s", key, reason)
    return say(key, language, **variables)
