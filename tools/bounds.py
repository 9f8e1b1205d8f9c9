"""Limits for values that come from outside: depth, length, number and range, for files and JSON bodies alike.

`read_json` reads; what no number can hold comes out as infinity or NaN. Then either `check` refuses the whole value
(a request), or `bounded` drops the parts that cannot be used and says why (a catalogue line).
"""

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

MAX_DEPTH: Final = 8
"""Lists and objects inside one another, the outermost included."""
MAX_VALUES: Final = 5_000
"""Scalars, lists and objects within one value, all levels together."""
MAX_KEY: Final = 100
MAX_TEXT: Final = 20_000
MAX_NUMBER: Final = 2**63
"""Numbers are smaller than this, either way: what SQLite, JSON readers and 64-bit integers hold."""

_STRUCTURE: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*"|[\[\]{},]', re.DOTALL)
_DIGITS_READ: Final = 400
"""Longer integers are out of range in any case; reading them would take quadratic time."""
_HALVES: Final = "\ud800-\udfff"
_UNUSABLE: Final = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f{_HALVES}]")
_HALF: Final = re.compile(f"[{_HALVES}]")


class OutOfBounds(ValueError):
    """A value from outside breaks a limit; the text says which, as the end of "it is ..." or "its x is ..."."""


@dataclass(frozen=True)
class Bounds:
    """The limits that one value must keep; a request may have tighter or wider ones than a catalogue line.

    ``controls`` says whether `check` lets control characters pass: of a request, its reader turns them into blanks.
    """

    depth: int = MAX_DEPTH
    values: int = MAX_VALUES
    key: int = MAX_KEY
    text: int = MAX_TEXT
    number: float = MAX_NUMBER
    controls: bool = False


DEFAULT: Final = Bounds()


def read_json(text: str | bytes) -> Any:  # noqa: ANN401 - any JSON value
    """The JSON value of a text; NaN, Infinity, 1e999 and very long integers become floats that are not finite.

    Raises:
        OutOfBounds: it is nested too deeply to be read at all.
        ValueError: it is not JSON, or not UTF-8.
    """
    try:
        return _DECODER.decode(text.decode("utf-8") if isinstance(text, bytes) else text)
    except RecursionError:
        raise OutOfBounds("nested too deeply") from None


def split_array(text: str) -> list[str]:
    """The elements of a JSON array as texts, whatever stands in each: one that is no JSON spoils no other.

    Raises:
        ValueError: it is no array, or its end is missing.
    """
    if not text.lstrip().startswith("["):
        raise ValueError("not a JSON array")
    elements, depth, start = list[str](), 0, 0
    for token in _STRUCTURE.finditer(text):
        sign = token[0][0]
        if sign in "[{":
            depth += 1
            start = token.end() if depth == 1 else start
        elif sign != '"' and (depth == 1 or sign != ","):
            if depth == 1:
                elements.append(text[start : token.start()].strip())
                start = token.end()
            depth -= sign in "]}"
            if not depth:
                break
    if depth or text[start:].strip():
        raise ValueError("not a JSON array")
    return [] if elements == [""] else elements


def finite(value: object, *, limit: float = MAX_NUMBER) -> float | None:
    """The number as a float when it is one, finite and smaller than the limit either way; None otherwise.

    A truth value is no number, nor is a text.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if -limit < value < limit else None


def check(value: object, bounds: Bounds = DEFAULT) -> None:
    """Make sure that a value keeps every limit, and that its texts hold no control characters and no lone surrogates.

    Raises:
        OutOfBounds: the first limit that it breaks.
    """
    waiting, count = [(value, 1)], -1
    while waiting:
        part, depth = waiting.pop()
        count += 1
        if count > bounds.values:
            raise OutOfBounds(f"more than {bounds.values:,} values")
        if isinstance(part, dict | list):
            if depth > bounds.depth:
                raise OutOfBounds(f"nested more than {bounds.depth} levels deep")
            for key in part if isinstance(part, dict) else ():
                _check_text(key, bounds.key, "a key", bounds)
            waiting += [(child, depth + 1) for child in (part.values() if isinstance(part, dict) else part)]
        elif isinstance(part, str):
            _check_text(part, bounds.text, "a text", bounds)
        elif problem := number_problem(part, bounds):
            raise OutOfBounds(problem)


def number_problem(value: object, bounds: Bounds = DEFAULT) -> str | None:
    """Why a number cannot be used, None when it can, or when it is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return "not a finite number"
    return None if -bounds.number < value < bounds.number else "a number out of range"


def _check_text(text: str, longest: int, subject: str, bounds: Bounds) -> None:
    if len(text) > longest:
        raise OutOfBounds(f"{subject} longer than {longest:,} characters")
    if bounds.controls and not text.isascii() and _HALF.search(text):
        raise OutOfBounds(f"{subject} with halves of characters (lone surrogates)")
    if not bounds.controls and _UNUSABLE.search(text):
        raise OutOfBounds(f"{subject} with control characters or halves of characters")


def depth_of(value: object) -> int:
    """How many lists and objects lie inside one another; 0 for a scalar."""
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        part, depth = waiting.pop()
        if isinstance(part, dict | list):
            deepest = max(deepest, depth)
            waiting += [(child, depth + 1) for child in (part.values() if isinstance(part, dict) else part)]
    return deepest


def bounded(
    value: object,
    clean: Callable[[str], str],
    drop: Callable[[str], None],
    bounds: Bounds = DEFAULT,
    *,
    room: Iterator[int] | None = None,
) -> Any:  # noqa: ANN401 - any JSON value
    """The value with the parts that keep every limit; ``drop`` is told why each other part is left out.

    Args:
        value: of JSON's types.
        clean: gives the text that is kept of a text, also of a key.
        drop: told a reason once for each part that is left out or cut.
        bounds: the limits.
        room: shared by several values that may not hold more than its length together; default: ``bounds.values``.
    """
    if depth_of(value) > bounds.depth:
        drop(f"nested more than {bounds.depth} levels deep")
        return None
    return _bounded(value, clean, drop, bounds, iter(range(bounds.values)) if room is None else room)


def _bounded(
    value: object, clean: Callable[[str], str], drop: Callable[[str], None], bounds: Bounds, room: Iterator[int]
) -> Any:  # noqa: ANN401 - any JSON value
    """Of a value whose depth is known to be within the limit."""
    if isinstance(value, str):
        return _bounded_text(clean(value[: 2 * bounds.text]), drop, bounds)
    if isinstance(value, list | dict):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        children: dict[Any, Any] = {}
        for name, child in pairs:
            if next(room, None) is None:
                drop(f"longer than {bounds.values:,} values; the rest is left out")
                break
            key = _bounded_key(name, clean, drop, bounds) if isinstance(value, dict) else name
            if key is not None:
                children[key] = _bounded(child, clean, drop, bounds, room)
        return children if isinstance(value, dict) else list(children.values())
    if problem := number_problem(value, bounds):
        drop(problem)
        return None
    return value


def _bounded_text(text: str, drop: Callable[[str], None], bounds: Bounds) -> str:
    if len(text) > bounds.text:
        drop(f"longer than {bounds.text:,} characters; the rest is left out")
    return text[: bounds.text].strip()


def _bounded_key(name: object, clean: Callable[[str], str], drop: Callable[[str], None], bounds: Bounds) -> str | None:
    key = clean(str(name)[: 2 * bounds.key + 1]).strip()
    if len(key) > bounds.key:
        drop(f"under a name longer than {bounds.key} characters")
        return None
    return key or None


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _DIGITS_READ else math.copysign(math.inf, -1 if digits[0] == "-" else 1)


_DECODER: Final = json.JSONDecoder(parse_int=_integer)
"""Made once: making one takes longer than reading a short line with it."""
