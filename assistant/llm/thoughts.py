"""Keeping a reasoning model's thoughts out of its answers.

Servers with a reasoning parser send thoughts in a field of their own, which nobody reads here. Without one they stand
in the text between ``<think>`` and ``</think>``; some chat templates open the tag in the prompt, so that only its end
is seen.
"""

import re

OPEN, CLOSE = "<think>", "</think>"
_THOUGHT = re.compile(rf"{OPEN}.*?(?:{CLOSE}|\Z)", re.DOTALL)


def without_thoughts(text: str) -> str:
    """The answer alone, stripped of blanks around it; empty when the model only thought."""
    return _THOUGHT.sub("", text).rpartition(CLOSE)[2].strip()
