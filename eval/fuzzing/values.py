"""Texts and JSON values as no well-meaning client sends them; JSON comes as text, so that it may also be broken."""

import json
from collections.abc import Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st

NAMES = (
    "Apple", "Fairphone", "Always", "On", "Under Armour", "New Look", "Only", "Next", "Gap", "Boss", "Black",
    "The Ordinary", "耐克", "小米", "红双喜", "好", "L'Oréal", "Citroën", "Ø", "Škoda", "Größe 40", "C++ (2)", "A.P.C.",
    "3M", "7 For All Mankind", "100",
)  # fmt: skip
"""Brands of the generated catalogues: words of every day, numbers, Chinese, accents, signs of regular expressions."""

MOST = 8_000

T = TypeVar("T")


def mostly(usual: st.SearchStrategy[T], odd: st.SearchStrategy[T], *, one_in: int) -> st.SearchStrategy[T]:
    """``odd`` once in so many draws; ``one_of`` counts equal strategies once, so that it cannot weigh."""
    return st.integers(1, one_in).flatmap(lambda number: odd if number == one_in else usual)


controls = st.characters(categories=["Cc", "Cf", "Co", "Cn", "Zl", "Zp"])
lone_surrogates = st.characters(categories=["Cs"])


def repeated(unit: st.SearchStrategy[str], most: int = MOST) -> st.SearchStrategy[str]:
    """A short text again and again, up to ``most`` characters."""
    counts = st.one_of(st.integers(1, 40), st.sampled_from([most // 8, most // 2, most]))
    return st.tuples(unit, counts).map(lambda pair: (pair[0] * pair[1])[:most])


def texts(most: int = 60) -> st.SearchStrategy[str]:
    """Texts of any characters, names, controls and lone surrogates among them."""
    return st.one_of(
        st.text(max_size=most),
        st.sampled_from(NAMES),
        st.text(st.one_of(controls, st.characters()), max_size=12),
        st.text(st.one_of(lone_surrogates, st.characters()), min_size=1, max_size=6),
        repeated(st.text(min_size=1, max_size=4)),
    )


def _nested(opening: str, closing: str) -> st.SearchStrategy[str]:
    depths = st.sampled_from([3, 20, 30, 60, 99, 100, 190, 200, 250, 300, 600, 1_000, 5_000, 50_000])
    return depths.map(lambda depth: opening * depth + "1" + closing * depth)


NUMBERS = (
    "NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e-400", "-0", "-0.0", "1E+2", "01", "+1", ".5", "0x10", "1_0",
    "9007199254740993", "18446744073709551616", "-9223372036854775809", "1e308", "5e-324",
)  # fmt: skip
raw_numbers = st.one_of(
    st.sampled_from(NUMBERS),
    st.sampled_from([20, 100, 400, 4_300, 5_000, 100_000]).map(lambda digits: "9" * digits),
    st.integers().map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)

_simple: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts(20)
)
_values: st.SearchStrategy[Any] = st.recursive(
    _simple,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts(10), inner, max_size=4)),
    max_leaves=8,
)


def json_values() -> st.SearchStrategy[str]:
    """One JSON value as text; some hold what Python's reader takes and JSON does not have."""
    return st.one_of(
        _values.map(json.dumps),
        raw_numbers,
        _nested("[", "]"),
        _nested('{"a":', "}"),
        _nested('[{"a":', "}]"),
        st.integers(0, 3_000).map(lambda count: json.dumps(["x"] * count)),
        st.integers(0, 1_500).map(lambda count: json.dumps({f"k{n}": n for n in range(count)})),
    )


def json_objects(fields: dict[str, st.SearchStrategy[str]], required: Sequence[str] = ()) -> st.SearchStrategy[str]:
    """A JSON object as text from fields whose values are JSON texts; now and then with others, doubled, or without."""
    usual = st.fixed_dictionaries(
        {name: fields[name] for name in required},
        optional={name: fields[name] for name in fields if name not in required},
    ).map(lambda texts_by_name: list(texts_by_name.items()))
    odd = st.fixed_dictionaries({}, optional=fields).map(lambda texts_by_name: list(texts_by_name.items()))
    name = st.one_of(st.sampled_from([*fields, "a", ""]), texts(10))
    extra = st.lists(st.tuples(name, json_values()), min_size=1, max_size=2)
    pairs = st.tuples(mostly(usual, odd, one_in=12), mostly(st.just([]), extra, one_in=8))
    return pairs.map(lambda parts: _object([*parts[0], *parts[1]]))


def _object(pairs: list[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{json.dumps(name)}: {value}" for name, value in pairs) + "}"


def encoded(text: str) -> bytes:
    """UTF-8, lone surrogates as the bytes that no reader of UTF-8 takes."""
    return text.encode("utf-8", "surrogatepass")


@st.composite
def broken(draw: st.DrawFn, whole: st.SearchStrategy[str]) -> bytes:
    """A text's bytes; in one of eight cases cut, with a byte changed, in another encoding, or other bytes."""
    content = encoded(draw(whole))
    match draw(st.integers(0, 31)):
        case 0:
            return content[: draw(st.integers(0, max(0, len(content) - 1)))]
        case 1 if content:
            at = draw(st.integers(0, len(content) - 1))
            return content[:at] + draw(st.binary(min_size=1, max_size=2)) + content[at + 1 :]
        case 2:
            return content.decode("utf-8", "replace").encode(
                draw(st.sampled_from(["utf-16", "latin-1", "utf-7"])), "replace"
            )
        case 3:
            return draw(st.binary(max_size=64))
    return content
