"""JSON as text, so that it can hold what no Python value writes: 1e999, 5,000 digits, nesting of any depth."""

import json
from collections.abc import Mapping

from hypothesis import strategies as st

HOSTILE_CHARACTERS = "\x00\x07\x1b\x7f\u200b\u2028\u202e\u0301\ufeff\ufffe\ufffd\ue000\r\n\t\"'\\<>&;|=,"
TEXTS = st.one_of(
    st.text(max_size=30),
    st.text(alphabet=st.sampled_from(HOSTILE_CHARACTERS) | st.characters(), max_size=20),
    st.text(alphabet=st.characters(categories=["Cs"]), min_size=1, max_size=3),
    st.sampled_from(["x" * 300, "长" * 2_000, "𝟗" * 50, "<a <a " * 200, "e\u0301" * 300, " " * 400, "x" * 25_000]),
    st.sampled_from(
        ["", " ", ".", "..", "null", "None", "NaN", "inf", "Infinity", "1e999", "-0", "0x1f", "true", "../a"]
    ),
)
"""Texts of every script, with control characters, lone surrogates, markup, and very long ones."""

NUMBERS = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e-999", "-0", "-0.0", "1e15", "1e300"]),
    st.sampled_from(["9" * 30, "9" * 400, "9" * 5_000, "-" + "9" * 400, "0." + "9" * 400, "9223372036854775808"]),
)
"""Numbers as JSON or lenient writers of it put them."""

SCALARS = st.one_of(TEXTS.map(json.dumps), NUMBERS, st.sampled_from(["true", "false", "null"]))


def array(items: list[str]) -> str:
    return f"[{', '.join(items)}]"


def object_of(pairs: list[tuple[str, str]] | Mapping[str, str]) -> str:
    """Of keys as they are and values as JSON; keys may repeat."""
    listed = pairs.items() if isinstance(pairs, Mapping) else pairs
    return "{" + ", ".join(f"{json.dumps(key)}: {value}" for key, value in listed) + "}"


def nested(depth: int, inside: str, *, in_lists: bool) -> str:
    """The value inside so many lists or objects."""
    begin, end = ("[", "]") if in_lists else ('{"a": ', "}")
    return begin * depth + inside + end * depth


DEEP = st.builds(nested, st.sampled_from([5, 9, 20, 200, 260, 300, 2_000]), SCALARS, in_lists=st.booleans())
WIDE = st.sampled_from([array(["0"] * 6_000), object_of([(f"k{n}", "1") for n in range(6_000)])])


def values() -> st.SearchStrategy[str]:
    """Any JSON value as text: mostly small, at times deep, wide, long or with numbers that cannot be held."""
    small = st.recursive(
        SCALARS,
        lambda inner: (
            st.lists(inner, max_size=4).map(array) | st.lists(st.tuples(TEXTS, inner), max_size=4).map(object_of)
        ),
        max_leaves=8,
    )
    return st.one_of(small, small, small, small, small, DEEP, WIDE)
