"""Limits for values from outside."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.bounds import Bounds, OutOfBounds, bounded, check, depth_of, finite, read_json, split_array

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def nested(levels: int, inside: object = 1) -> object:
    for _ in range(levels):
        inside = {"a": inside}
    return inside


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 5_000, "-" + "9" * 5_000])
def test_numbers_that_cannot_be_held_are_read_as_not_finite(text: str) -> None:
    number = read_json(f'{{"x": {text}}}')["x"]
    assert isinstance(number, float)
    assert not math.isfinite(number)


def test_what_is_no_json_or_nested_out_of_reach_is_one_sentence() -> None:
    with pytest.raises(OutOfBounds, match="nested too deeply"):
        read_json("[" * 100_000)
    with pytest.raises(ValueError, match="Expecting"):
        read_json("{")
    with pytest.raises(UnicodeDecodeError):
        read_json(b'"\xff"')


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (nested(9), "8 levels"),
        (nested(100_000), "8 levels"),
        ([0] * 5_001, "5,000 values"),
        ({"k" * 101: 1}, "key longer"),
        ({"k\x00": 1}, "control characters"),
        ("x" * 20_001, "text longer"),
        (["a\ud800b"], "halves of characters"),
        (["a\x00b"], "control characters"),
        ([math.inf], "not a finite number"),
        ([math.nan], "not a finite number"),
        ([10**30], "out of range"),
        ([10**400], "out of range"),
        ([-1e30], "out of range"),
    ],
)
def test_a_value_that_breaks_a_limit_is_refused_and_what_is_kept_of_it_is_not(value: object, reason: str) -> None:
    with pytest.raises(OutOfBounds, match=reason):
        check(value)
    reasons: list[str] = []
    result = bounded(value, lambda text: text.replace("\x00", "").replace("\ud800", ""), reasons.append)
    check(result)
    assert reasons or "control" in reason or "halves" in reason


def test_limits_can_be_set_for_each_use() -> None:
    check(nested(9), Bounds(depth=9))
    with pytest.raises(OutOfBounds):
        check([1, 2, 3, 4], Bounds(values=3))


@pytest.mark.parametrize(("value", "expected"), [(1, 1.0), (2.5, 2.5), (True, None), ("1", None), (None, None)])
def test_only_numbers_are_finite_numbers(value: object, expected: float | None) -> None:
    assert finite(value) == expected


@given(st.integers() | st.floats())
def test_a_finite_number_is_within_its_limit(value: float) -> None:
    number = finite(value, limit=1e6)
    assert number is None or (math.isfinite(number) and abs(number) < 1e6)


@given(JSON)
def test_what_is_kept_keeps_every_limit_and_can_be_written_and_read(value: object) -> None:
    limits = Bounds(depth=2, values=6, key=3, text=5)
    result = bounded(value, lambda text: "".join(filter(str.isprintable, text)), lambda _: None, limits)
    assert depth_of(result) <= 2
    check(result, limits)
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert bounded(result, str, lambda _: pytest.fail("a second pass changes something"), limits) == result


@given(st.lists(JSON))
def test_the_elements_of_an_array_are_told_apart(values: list[object]) -> None:
    text = json.dumps(values)
    assert [json.dumps(read_json(part)) for part in split_array(text)] == [json.dumps(each) for each in values]


@pytest.mark.parametrize("text", ["", "{}", "1", "[", "[1", "[[1]", "[1] 2", "[" * 100_000])
def test_what_is_no_array_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="not a JSON array"):
        split_array(text)


def test_an_element_that_is_no_json_spoils_no_other() -> None:
    assert split_array('[1, {"a": oops}, NaN, "x,]", [[2]] ]') == ["1", '{"a": oops}', "NaN", '"x,]"', "[[2]]"]
