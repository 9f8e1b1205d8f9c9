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


class ThoughtFilter:
    """The same for text that arrives piece by piece; it knows thoughts by their opening tag, at the start."""

    def __init__(self) -> None:
        self._held = ""
        self._state = "start"

    def feed(self, piece: str) -> str:
        """What of the text so far may be shown now."""
        if self._state == "answer":
            return piece
        self._held += piece
        if self._state == "start":
            begun = self._held.lstrip()
            if begun.startswith(OPEN):
                self._state = "thought"
            elif not OPEN.startswith(begun):
                return self._release(begun)
        if self._state == "thought" and CLOSE in self._held:
            return self._release(self._held.partition(CLOSE)[2].lstrip())
        return ""

    def end(self) -> str:
        """What was held back and turned out to be no thought."""
        return self._held.lstrip() if self._state == "start" else ""

    def _release(self, text: str) -> str:
        if text or self._state == "start":
            self._state = "answer"
        else:  # the answer's first characters are still to come, perhaps blanks
            self._held, self._state = "", "start"
        return text
