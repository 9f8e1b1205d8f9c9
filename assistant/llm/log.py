"""Reading vLLM's log: the last line worth showing, and the cause of a failed start."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_PROCESS = re.compile(r"^\([^()]* pid=\d+\)\s*")
_LEVEL = re.compile(r"^(DEBUG|INFO|WARNING|ERROR|CRITICAL)\s+\d\d-\d\d \d\d:\d\d:\d\d\s+(?:\[[^\]]*\]\s*)?")
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_ERROR = re.compile(r"^(?:[a-z_]\w*\.)*([A-Z]\w*(?:Error|Exception|Exit|Interrupt)): (.+)")
_VALUE_ERROR = re.compile(r"^Value error, (.+?)\s*(?:\[type=.*)?$")
_ARGUMENTS = re.compile(r"^\S*api_server\S*: error: (.+)")

# What vLLM's outer processes say when an inner one has died: never the cause itself.
_ECHOES: Final = (
    "validation error for",
    "ngine core initialization failed",
    "ee root cause",
    "cancelled",
    "WorkerProc initialization failed",
)
_DULL: Final = ("non-default args", "LD_PRELOAD", "deprecated", "is not found in", "Warning", "warnings.warn")
TAIL_BYTES: Final = 256 * 1024


def tail_lines(path: Path, *, limit: int = TAIL_BYTES) -> list[str]:
    """The complete and incomplete lines in the last `limit` bytes; empty when there is no file."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - limit))
            raw = file.read()
    except OSError:
        return []
    text = _ESCAPES.sub("", raw.decode("utf-8", errors="replace"))
    return [part for line in text.split("\n") for part in line.rstrip("\r").split("\r")[-1:]]


def last_meaningful(path: Path, *, width: int = 100) -> str:
    """The newest line that says what the server is doing, without its prefix; empty when there is none."""
    for line in reversed(tail_lines(path, limit=16 * 1024)):
        level, text = _split(line)
        if level == "INFO" and text and not any(word in text for word in _DULL):
            return text if len(text) <= width else text[: width - 1] + "…"
    return ""


def failure_cause(path: Path) -> str:
    """The first error in the log that is not an echo of another one; empty when none is recognised."""
    errors = list(_errors(path))
    for cause in errors:
        if not any(echo in cause for echo in _ECHOES):
            return cause
    return errors[0] if errors else ""


def _errors(path: Path) -> Iterator[str]:
    for line in tail_lines(path):
        _, text = _split(line)
        if match := _ERROR.match(text):
            yield _plain(f"{match[1]}: {match[2]}")
        elif match := _ARGUMENTS.match(text) or _VALUE_ERROR.match(text):
            yield _plain(match[1])


def _split(line: str) -> tuple[str, str]:
    """The level (empty when the line has none) and the text of a log line."""
    text = _PROCESS.sub("", line.strip())
    if match := _LEVEL.match(text):
        return match[1], text[match.end() :].strip()
    return "", text


def _plain(text: str, *, width: int = 300) -> str:
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"
