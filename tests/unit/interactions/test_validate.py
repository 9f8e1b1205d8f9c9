"""One line of an interactions file: what is taken, and why the rest is not."""

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant.ingest.validate import LineError
from assistant.interactions.validate import FIELDS, EventRules, read_time, validate
from tools.taste.records import Interaction

NOW = 1_750_000_000.0
RULES = EventRules(now=NOW, undated=None, pseudonym=lambda raw: f"<{raw}>")
GOOD: dict[str, Any] = {"user_id": "ann", "item_id": "chair-1", "event": "like", "timestamp": 1_700_000_000}


def taken(**changed: Any) -> Interaction:  # noqa: ANN401 - any JSON value
    return validate({**GOOD, **changed}, RULES)


def test_a_line_becomes_an_event_of_a_pseudonym() -> None:
    assert taken() == Interaction(user="<ann>", item_id="chair-1", event="like", at=1_700_000_000.0)


@pytest.mark.parametrize("name", ["ann lee", "🙂", "a \"b\" 'c'", " ann ", "; drop table users", "è,é", "a\tb"])
def test_a_user_s_id_is_kept_as_it_is(name: str) -> None:
    assert taken(user_id=name).user == f"<{name}>"


@pytest.mark.parametrize(
    ("given", "kept"), [("chair 1", "chair 1"), (" chair ", "chair"), (17, "17"), ("👩‍👧", "👩‍👧"), ("a'b\"", "a'b\"")]
)
def test_an_item_s_id_is_the_one_that_the_catalogue_would_have(given: object, kept: str) -> None:
    assert taken(item_id=given).item_id == kept


@pytest.mark.parametrize(
    "given",
    [
        1_700_000_000, 1_700_000_000.0, "1700000000", " 1700000000 ", 1_700_000_000_000, "1700000000000",
        1_700_000_000_000_000, "2023-11-14T22:13:20Z", "2023-11-14T23:13:20+01:00", "2023-11-14 22:13:20",
        "20231114T221320",
    ],
)  # fmt: skip
def test_times_in_any_unit_are_the_same_moment(given: object) -> None:
    assert taken(timestamp=given).at == 1_700_000_000.0


def test_a_day_of_the_clock_is_forgiven_and_no_more() -> None:
    assert taken(timestamp=NOW + 86_000).at == NOW + 86_000
    with pytest.raises(LineError, match="in the future"):
        taken(timestamp=NOW + 87_000)
    with pytest.raises(LineError, match="in the future"):
        taken(timestamp=(NOW + 87_000) * 1000)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"user_id": None}, "it has no user_id"),
        ({"user_id": "  "}, "its user_id is empty"),
        ({"user_id": 1.5}, "its user_id is neither text nor a whole number"),
        ({"user_id": True}, "its user_id is neither"),
        ({"user_id": "x" * 501}, "its user_id is longer than 500"),
        ({"item_id": None}, "it has no item_id"),
        ({"item_id": ["a"]}, "its item_id is neither"),
        ({"item_id": ""}, "its item_id is empty"),
        ({"item_id": "a\x00b"}, "its item_id holds control characters"),
        ({"item_id": "a\nb"}, "its item_id holds control characters"),
        ({"item_id": "\ud800"}, "its item_id holds control characters"),
        ({"item_id": "x" * 201}, "its item_id is longer than 200"),
        ({"event": None}, "it has no event"),
        ({"event": "buy"}, "its event is 'buy'; known: view, like"),
        ({"event": 3}, "its event is '3'; known"),
        ({"event": "rating"}, "it is a rating without a value"),
        ({"event": "rating", "value": 6}, "its rating is 6; ratings go from 1 to 5"),
        ({"event": "rating", "value": "good"}, "its value is not a number"),
        ({"user_id": 10**400}, "its user_id is a number out of range"),
        ({"event": {"a": [1]}}, "its event is an object; known"),
        ({"timestamp": None}, "it has no timestamp; --undated TIME"),
        ({"timestamp": "yesterday"}, "its timestamp 'yesterday' is neither"),
        ({"timestamp": -5}, "its timestamp is before 1970"),
        ({"timestamp": "1969-12-31"}, "its timestamp is before 1970"),
        ({"timestamp": "inf"}, "its timestamp 'inf' is neither"),
        ({"timestamp": 10**400}, "is neither"),
        ({"timestamp": {}}, "is neither"),
    ],
)
def test_what_is_wrong_is_said_without_the_user_s_id(changed: dict[str, Any], reason: str) -> None:
    with pytest.raises(LineError) as caught:
        taken(**changed)
    assert str(caught.value).startswith(reason) or reason in str(caught.value)
    assert "ann" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (-1, "its value is below zero"), ("nan", "its value is not a number"), (True, "its value is not a number"),
        (math.inf, "its value is not a number"), (10**400, "its value is not a number"),
        ({}, "its value is not a number"),
        ("9" * 5_000, "its value is not a number"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_used_costs_the_value_and_not_the_event(value: object, reason: str) -> None:
    said: list[tuple[str, str]] = []
    rules = EventRules(now=NOW, undated=None, pseudonym=str, leave_out=lambda item_id, why: said.append((item_id, why)))
    assert validate({**GOOD, "event": "view", "value": value}, rules).value is None
    assert said == [(GOOD["item_id"], reason)]


def test_columns_and_events_are_read_in_any_letters() -> None:
    line = {"User_ID": "ann", "ITEM_ID": "i", "Event": " More_Like_This ", "Timestamp": 5.0}
    assert validate(line, RULES) == Interaction(user="<ann>", item_id="i", event="more_like_this", at=5.0)


def test_lines_without_a_time_get_the_one_that_was_given_for_them() -> None:
    given = EventRules(now=NOW, undated=1_000.0, pseudonym=str)
    assert validate({**GOOD, "timestamp": None}, given).at == 1_000.0
    assert validate(GOOD, given).at == 1_700_000_000.0


ANYTHING = st.sampled_from([None, True, "like", "rating", "", "a", "1e999", [1], {}]) | st.integers() | st.floats()


@settings(derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(FIELDS), ANYTHING | st.text(max_size=10)))
def test_whatever_a_line_holds_it_is_a_valid_event_or_refused(values: dict[str, Any]) -> None:
    try:
        event = validate(values, RULES)
    except LineError as exc:
        assert str(exc)
    else:
        assert Interaction.model_validate(event.model_dump()) == event


@settings(derandomize=True, deadline=None)
@given(st.floats(1.01e8, 9e10))
def test_a_moment_from_1973_on_is_read_the_same_in_every_unit(moment: float) -> None:
    assert read_time(moment * 1000) == pytest.approx(moment)
    assert read_time(moment * 1e6) == pytest.approx(moment)
    assert read_time(moment) == moment
