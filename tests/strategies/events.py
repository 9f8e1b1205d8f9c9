"""Lines of interaction files, plausible and hostile; JSON texts without their line feed."""

import json

from hypothesis import strategies as st

from tests.strategies import json_texts
from tests.strategies.catalogue import text

KINDS = st.sampled_from(
    ["view", "like", "dislike", "more_like_this", "not_this", "cart", "purchase", "rating", "LIKE", " view ", "buy", ""]
)
TIMES = st.one_of(
    st.integers(0, 2 * 10**9).map(str),
    st.integers(0, 2 * 10**15).map(str),
    st.datetimes().map(lambda moment: json.dumps(moment.isoformat())),
    st.sampled_from(
        [
            "-1",
            "1e12",
            "1e999",
            "NaN",
            "9" * 400,
            "9" * 5_000,
            "true",
            '"2024-05-31T12:00:00Z"',
            '"9999-12-31T23:59:59-23:59"',
        ]
    ),
    st.sampled_from(
        ['"0001-01-01"', '"inf"', '"nan"', '"1717156800"', '"1_000"', '"١٢٣"', '"yesterday"', '"2024-13-01"']
    ),
)
VALUES = st.one_of(
    st.integers(0, 6).map(str),
    st.floats(0, 6).map(repr),
    json_texts.NUMBERS,
    st.sampled_from(['"4.5"', '"inf"', "true"]),
)
NAMES = st.one_of(
    text(st.sampled_from(["ann", "bo b", "红", "x" * 600, " ", "a\x00b", "key:1", "local"])),
    st.integers().map(str),
    json_texts.SCALARS,
)
ITEMS = st.one_of(text(st.sampled_from(["chair-1", " lamp 2 ", "x" * 300, "a\nb", ".."])), NAMES)
FIELDS: dict[str, st.SearchStrategy[str]] = {
    "user_id": NAMES,
    "item_id": ITEMS,
    "event": text(KINDS),
    "value": VALUES,
    "timestamp": TIMES,
}


@st.composite
def lines(draw: st.DrawFn) -> str:
    """One line: mostly an event with one odd field."""
    pairs = [(name, draw(FIELDS[name])) for name in FIELDS if draw(st.integers(0, 9)) or name in ("user_id", "event")]
    if not draw(st.integers(0, 3)):
        odd = draw(st.sampled_from(sorted(FIELDS)))
        pairs = [(name, draw(json_texts.values()) if name == odd else value) for name, value in pairs]
    pairs += draw(st.lists(st.tuples(json_texts.TEXTS, json_texts.values()), max_size=2))
    return json_texts.object_of(pairs)
