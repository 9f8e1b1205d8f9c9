"""Sale prices that hold for a while: whether one is in force."""

from datetime import UTC, datetime, time
from typing import Any

from assistant.ingest.prices import short_repr


class SaleError(ValueError):
    """A date of the sale cannot be read; the text is the reason."""


def in_force(starts: Any, ends: Any, now: datetime | None = None) -> bool:  # noqa: ANN401 - as it stands in the file
    """Whether a sale is on: from the beginning of its first day, or minute, to the end of its last.

    Args:
        starts: an ISO 8601 date, with a time where one is given; UTC without an offset; empty: there is no beginning.
        ends: likewise.
        now: default: the current time.

    Raises:
        SaleError: one of them is no such date.
    """
    moment = now or datetime.now(UTC)
    first, last = _moment(starts, time.min), _moment(ends, time.max)
    return (first is None or first <= moment) and (last is None or moment <= last)


def period(text: Any) -> tuple[str, str]:  # noqa: ANN401 - as it stands in the file
    """The two ends of "2026-02-24T13:00-0800/2026-02-29T15:30-0800"."""
    starts, _, ends = str(text or "").partition("/")
    return starts, ends


def _moment(value: Any, of_day: time) -> datetime | None:  # noqa: ANN401 - as it stands in the file
    text = str(value or "").strip()
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise SaleError(f"its sale has the date {short_repr(text)}, which is not like 2026-11-30") from None
    if len(text) <= len("2026-11-30"):
        moment = datetime.combine(moment, of_day)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
