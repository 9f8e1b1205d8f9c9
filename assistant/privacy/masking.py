"""Masks personal data at the border: before a turn begins, and before a transcript is handed to one.

Everything behind the border (prompts, searches, sessions, checkpoints, logs, traces, titles) has only ever the masked
words. Pictures and recordings themselves are kept as they were sent.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from assistant.privacy.recognizing import find
from assistant.settings import Settings
from prompts import say

MARK = "███"
"""Stands for what was masked. It is no word, so that no search finds anything by it."""


def mask(text: str) -> str:
    """The text with every stretch of personal data replaced by `MARK`; masking twice changes nothing more."""
    parts, offset = [], 0
    for span in find(text):
        parts += [text[offset : span.start], MARK]
        offset = span.end
    return "".join([*parts, text[offset:]])


def unmarked(text: str) -> str:
    """The masked text as prompts have it: a model would make something of the marks."""
    return " ".join(text.replace(MARK, " ").split()) if MARK in text else text


class PiiMasker:
    """What comes in is masked here, unless ``privacy.mask`` is off."""

    def __init__(self, settings: Settings) -> None:
        self._on = settings.privacy.mask
        self._longest = settings.limits.message_characters

    def warm_up(self) -> None:
        """Read the numbering plans now, which takes a third of a second, and not while the first message waits."""
        self.text("+1 212-555-0123")

    def text(self, text: str) -> str:
        """A message or a title; one that is too long is refused later and passes as it is."""
        return mask(text) if self._on and len(text) <= self._longest else text

    def names(self, names: Mapping[str, str], files: Iterable[Path]) -> dict[str, str]:
        """What the user calls the files, by path; also for files without a name of their own in ``names``."""
        display_names = {str(path): names.get(str(path), path.name) for path in files} if self._on else {}
        masked = {path: self.text(name) for path, name in display_names.items()}
        return dict(names) | {path: name for path, name in masked.items() if name != display_names[path]}

    def outcome(self, tool: str, result: dict[str, Any] | None) -> dict[str, Any] | None:
        """A tool's result: masked where it is what the user said, or words in a picture, which may be anybody's."""
        if result is None or not self._on:
            return result
        match tool:
            case "transcribe_audio":
                return _masked(result)
            case "describe_video" if result["transcript"]:
                return {**result, "transcript": _masked(result["transcript"])}
            case "read_text":
                return {**result, "lines": [{**line, "text": mask(line["text"])[:200]} for line in result["lines"]]}
        return result


def _masked(transcript: dict[str, Any]) -> dict[str, Any]:
    segments = [{**segment, "text": mask(segment["text"])} for segment in transcript["segments"]]
    return {**transcript, "text": mask(transcript["text"]), "segments": segments}


def with_note(message: str, texts: Iterable[str], language: str) -> str:
    """The reply's message, with a sentence where something in the user's words was masked."""
    if not any(MARK in words for words in texts):
        return message
    return say("sentence_separator", language).join([message, say("masked", language)])
