"""Attribute values written in different ways compare alike, and different values never do."""

import pytest
from babel.numbers import format_decimal
from babel.units import format_unit
from hypothesis import given
from hypothesis import strategies as st

from tools.store.values import LOCALES, attribute_key, value_key


@pytest.mark.parametrize(
    ("written", "alike"),
    [
        ("32GB", ["32 GB", "32 gb", "32-GB", "32 Gigabyte", "32 gigabytes", "32 Go", "３２ＧＢ", "0.032 TB"]),
        ("1.5 L", ["1,5 l", "1.5L", "1,5 Liter", "1500 ml", "150 cl", "1,5 litros", "1.5升"]),
        ('27"', ["27 inch", "27-inch", "27 Zoll", "27 pouces", "27英寸", "27.0 in", "27″"]),
        ("2 kg", ["2000 g", "2 Kilogramm", "2.0kg", "2公斤"]),
        ("120x60 cm", ["120 x 60 cm", "120 × 60 cm"]),
        ("42.5", ["42,5", "42½", "42 1/2", "42 ½"]),
        ("42 2/3", ["42⅔"]),
        ("1,500 W", ["1500 W", "1.5 kW"]),
        ("Navy  Blue", ["navy blue", "NAVY BLUE"]),
        ("Café", ["cafe"]),
        ("120GB SSD", ["120 GB SSD"]),
    ],
)
def test_one_value_in_several_ways(written: str, alike: list[str]) -> None:
    assert {value_key(other) for other in alike} == {value_key(written)}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("32 GB", "32 MB"), ("32 GB", "32"), ("1.5 L", "15 L"), ("43", "43.5"), ("XL", "L"), ("i7-8700", "i7-870"),
        ("4006381333931", "4006381333930"), ("27 inch", "27 cm"), ("5 m", "5 mm"), ("red", "dark red"),
    ],
)  # fmt: skip
def test_different_values_stay_apart(first: str, second: str) -> None:
    assert value_key(first) != value_key(second)


@pytest.mark.parametrize(
    ("value", "name", "alone"),
    [
        ("Size 43", "size", "43"),
        ("Größe 43", "Größe", "43"),
        ("größe: 43", "Größe", "43"),
        ("Screen Size 13 inch", "screen_size", "13 inch"),
        ("sizeable", "size", "sizeable"),
        ("size", "size", "size"),
    ],
)
def test_the_attribute_is_left_out_of_its_value(value: str, name: str, alone: str) -> None:
    assert value_key(value, name) == value_key(alone, name)


def test_names_compare_without_case_and_marks() -> None:
    assert len({attribute_key(name) for name in ("Screen_Size", "screen size", "SCREEN-SIZE")}) == 1


@given(
    st.sampled_from(LOCALES),
    st.sampled_from(["digital-gigabyte", "mass-kilogram", "length-inch", "volume-liter", "length-centimeter"]),
    st.sampled_from(["long", "short"]),
    st.integers(1, 9_999).map(lambda tenths: tenths / 10),
)
def test_the_writing_of_every_locale_is_read(locale: str, unit: str, length: str, amount: float) -> None:
    written = format_unit(amount, unit, length, format="0.#", locale=locale)  # type: ignore[arg-type]
    if unit not in written:  # the CLDR has no name for it
        assert value_key(written) == value_key(format_unit(amount, unit, "long", format="0.#", locale="en"))


@given(st.sampled_from(LOCALES), st.integers(0, 99_999).map(lambda tenths: tenths / 10))
def test_decimals_of_every_locale_are_one_number(locale: str, amount: float) -> None:
    assert value_key(format_decimal(amount, format="0.#", locale=locale)) == value_key(f"{amount:g}")


@given(st.text(max_size=30), st.text(max_size=10))
def test_any_text_has_a_form_that_stays(value: str, name: str) -> None:
    assert value_key(value, name) == value_key(value, name)
