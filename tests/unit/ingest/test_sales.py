"""Sale prices within their dates."""

from datetime import UTC, datetime

import pytest

from assistant.ingest.sales import SaleError, in_force, period

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("starts", "ends", "is_on"),
    [
        (None, None, True),
        ("", "", True),
        ("2026-11-30", "", True),
        ("2026-12-01", "", False),
        ("", "2026-11-30", True),  # to the end of the day
        ("", "2026-11-29", False),
        ("2026-11-30T13:00+0100", "", True),
        ("2026-11-30T12:01Z", "", False),
        ("2026-11-01 00:00:00", "2026-11-30 11:59:59", False),
    ],
)
def test_a_sale_is_on_from_its_first_day_to_its_last(starts: str | None, ends: str | None, is_on: bool) -> None:
    assert in_force(starts, ends, NOON) is is_on


def test_a_period_has_two_ends() -> None:
    assert in_force(*period("2016-02-24T13:00-0800/2016-02-29T15:30-0800"), NOON) is False
    assert in_force(*period("2026-11-01/2026-11-30"), NOON) is True


@pytest.mark.parametrize("value", ["soon", "31/12/2026", "2026-02-30", 7, ["2026-01-01"]])
def test_a_date_that_cannot_be_read_is_named(value: object) -> None:
    with pytest.raises(SaleError, match="its sale has the date"):
        in_force(value, None, NOON)
