"""One raw record to one event: the contract in docs/interactions.md, field by field."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, get_args

from assistant.ingest.prices import short_repr
from assistant.ingest.texts import clean
from assistant.ingest.validate import MAX_ID, LineError
from tools.bounds import finite, number_problem
from tools.taste.records import EventKind, Interaction

FIELDS: Final = ("user_id", "item_id", "event", "value", "timestamp")
MAX_USER: Final = 500
SECONDS_BELOW: Final = 1e11
"""Numbers below it are seconds (until the year 5138); up to a thousandfold of it milliseconds (from 1973 on), then
microseconds. So the units need not be said and may be mixed."""
AHEAD_SECONDS: Final = 86_400.0
"""How far a clock may be ahead of ours."""

MAX_DIGITS: Final = 100

_KINDS: Final[dict[str, EventKind]] = {kind: kind for kind in get_args(EventKind)}


@dataclass(frozen=True)
class EventRules:
    """What a line is checked by.

    Attributes:
        now: seconds since 1970; events more than a day later are refused.
        undated: the time of lines that have none; they are refused when it is None.
        pseudonym: what a user's id is kept as.
        leave_out: told why a value was left out; the event is kept without it.
    """

    now: float
    undated: float | None
    pseudonym: Callable[[str], str]
    leave_out: Callable[[str, str], None] = lambda item_id, reason: None


def validate(values: dict[str, Any], rules: EventRules) -> Interaction:
    """Check one record.

    Raises:
        LineError: why it cannot be taken, in words without the user's id.
    """
    fields = values if "user_id" in values else _in_small_letters(values)
    item_id = _item(fields.get("item_id"))
    try:
        user, event = _user(fields.get("user_id")), _event(fields.get("event"))
        value, problem = _value(fields.get("value"), event)
        at = _time(fields.get("timestamp"), rules)
    except LineError as exc:
        raise LineError(str(exc), item_id) from None
    if problem:
        rules.leave_out(item_id, problem)
    # everything is checked already, and a second check would take as long as all the others
    return Interaction.model_construct(user=rules.pseudonym(user), item_id=item_id, event=event, value=value, at=at)


def _in_small_letters(values: dict[str, Any]) -> dict[str, Any]:
    return {name.strip().lower(): value for name, value in values.items()}


def _id(value: object, name: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise LineError(f"it has no {name}" if value is None else f"its {name} is neither text nor a whole number")
    if number_problem(value):
        raise LineError(f"its {name} is a number out of range")
    return str(value)


def _item(value: object) -> str:
    """The item's id as the catalogue has it, which sets spaces around it aside."""
    text = _id(value, "item_id").strip()
    if not text:
        raise LineError("its item_id is empty")
    if len(text) > MAX_ID:
        raise LineError(f"its item_id is longer than {MAX_ID} characters")
    if not text.isprintable() and (clean(text) != text or "\n" in text or "\t" in text):
        raise LineError("its item_id holds control characters")
    return text


def _user(value: object) -> str:
    text = _id(value, "user_id")
    if not text.strip():
        raise LineError("its user_id is empty")
    if len(text) > MAX_USER:
        raise LineError(f"its user_id is longer than {MAX_USER} characters")
    return text


def _event(value: object) -> EventKind:
    if value is None:
        raise LineError("it has no event")
    kind = _KINDS.get(value) if isinstance(value, str) else None
    kind = kind or (_KINDS.get(value.strip().lower()) if isinstance(value, str) else None)
    if kind is None:
        raise LineError(f"its event is {short_repr(value)}; known: {', '.join(_KINDS)}")
    return kind


def _value(value: object, event: EventKind) -> tuple[float | None, str | None]:
    """The value, and why it was left out; a rating is nothing without one.

    Raises:
        LineError: it is a rating, and its value cannot be used.
    """
    if value is None and event != "rating":
        return None, None
    number = _number(value)
    problem = "its value is not a number" if number is None else "its value is below zero" if number < 0 else None
    if event == "rating":
        if value is None or number is None:
            raise LineError("it is a rating without a value" if value is None else "its value is not a number")
        if not 1 <= number <= 5:
            raise LineError(f"its rating is {number:g}; ratings go from 1 to 5")
    return (None if problem else number), problem


def _time(value: object, rules: EventRules) -> float:
    """Seconds since 1970, UTC."""
    if value is None:
        if rules.undated is None:
            raise LineError("it has no timestamp; --undated TIME gives such lines one")
        return rules.undated
    at = read_time(value)
    if at is None:
        raise LineError(
            f"its timestamp {short_repr(value)} is neither a number nor a date such as 2024-05-31T12:00:00Z"
        )
    if at < 0:
        raise LineError("its timestamp is before 1970")
    if at > rules.now + AHEAD_SECONDS:
        raise LineError(f"its timestamp {short_repr(value)} is in the future")
    return at


def read_time(value: object) -> float | None:
    """Seconds since 1970 of a number of seconds, milli- or microseconds, or of an ISO 8601 date, UTC without a zone."""
    number = _number(value)
    if number is not None:
        for scale in (1.0, 1e3, 1e6):
            if number < SECONDS_BELOW * scale:
                return number / scale
        return number / 1e6
    try:
        moment = datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() if moment else None
    except (ValueError, OverflowError):
        return None


def _number(value: object) -> float | None:
    """A finite number in range, also one in a text; None for anything else."""
    if not isinstance(value, str):
        return finite(value)
    try:
        return finite(float(value)) if len(value) <= MAX_DIGITS else None
    except ValueError:
        return None
