"""Lines of catalogues and of events, plausible ones beside all that a shop's export may hold, as JSONL and as CSV."""

import csv
import io
import json

from hypothesis import strategies as st

from eval.fuzzing.values import NAMES, broken, encoded, json_objects, json_values, mostly, texts

PRICES = (
    "12.5", "1.299", "1.299,00", "1,299.00", "$1,299", "CHF 49.-", "49,-", "ab 49,00 €", "$20.00 - $30.00",
    "$19.99 USD", "R$ 199,90", "kr 199", "1 299,99 zł", "₹1,29,999", "free", "-5", "0", "１２", "٩٩", "1e5", "1e400",
    "nan", "inf", "9" * 400, "", "n/a", "from 5", "USD", "½",
)  # fmt: skip
STOCK = (
    "true", "no", "ja", "nein", "preorder", "backorder", "low stock", "limited availability", "schema.org/InStock",
    "https://schema.org/OutOfStock", "1", "0", "-1", "²", "٣", "9" * 5_000, "有货", "", "maybe", "in stock (3)",
)  # fmt: skip
IMAGES = (
    "images/a.png", "a.jpg|b.jpg", "../../etc/passwd", "/etc/passwd", "https://example.org/a.png",
    "data:image/png;base64,AAAA", "a\x00b", "x" * 5_000, "%", "C:\\a.png",
)  # fmt: skip
LINKS = ("https://example.org/a", "javascript:alert(1)", "http://[", "ftp://a", "https://" + "a" * 3_000)
TITLES = ("Oak chair", "Running shoe", "跑鞋", "[click](javascript:alert(1))", "<b>Bold</b>", "=1+1")
TEXTS = ("A solid oak chair.", "Light, for running.", "轻便的跑鞋。", "<script>1</script>", "x " * 12_000)
CATEGORIES = ("Shoes", "Home > Chairs", " > ", ">", "a > " * 300, "鞋", "x" * 900, "Furniture > Chairs > Oak", "Größe")


def _usual(options: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Mostly one of these, as a JSON text; sometimes any value."""
    return mostly(
        st.sampled_from(options).map(json.dumps), st.one_of(texts(40).map(json.dumps), json_values()), one_in=6
    )


ids = st.one_of(
    st.integers(0, 400).map(lambda n: f"item-{n}"),
    st.sampled_from(["a/b", "a b", "é", "%2e", "..", "😀", "a?b#c", "item:1", "0", "x" * 200]),
)
line_fields: dict[str, st.SearchStrategy[str]] = {
    "title": st.one_of(st.sampled_from(TITLES).map(json.dumps), texts(80).map(json.dumps)),
    "description": _usual(TEXTS),
    "price": st.one_of(st.floats(0, 1e4).map(lambda value: f"{value:.2f}"), _usual(PRICES)),
    "currency": _usual(("USD", "EUR", "eur", "元", "XXX", "US Dollar of the longest kind")),
    "category": st.one_of(_usual(CATEGORIES), st.lists(st.sampled_from(CATEGORIES), max_size=4).map(json.dumps)),
    "brand": _usual(NAMES),
    "url": _usual(LINKS),
    "image": _usual(IMAGES),
    "images": st.one_of(_usual(IMAGES), st.lists(st.sampled_from(IMAGES), max_size=60).map(json.dumps)),
    "audio": _usual(("a.mp3",)),
    "in_stock": st.one_of(st.sampled_from(["true", "false", "null", "3", "0", "-1", "0.5"]), _usual(STOCK)),
    "attributes": json_values(),
    "color": _usual(("black", "黑色", "noir", "Black / White")),
    "size": st.one_of(st.lists(st.integers(30, 50), max_size=5).map(json.dumps), json_values()),
    "specs": json_values(),
}  # fmt: skip


def _with_id(pair: tuple[str, str]) -> str:
    identity, line = pair
    return '{"id": ' + json.dumps(identity) + ("}" if line == "{}" else ", " + line[1:])


_whole_line = st.tuples(ids, json_objects(line_fields, required=["title", "price", "brand"])).map(_with_id)
_odd_line = st.one_of(json_objects(line_fields | {"id": json_values()}), json_values())
catalogue_lines: st.SearchStrategy[bytes] = broken(mostly(_whole_line, _odd_line, one_in=8)).map(
    lambda line: line.replace(b"\n", b" ")
)
"""One JSONL line without its line feed: mostly an object with an id."""

EVENTS = ("view", "like", "dislike", "cart", "purchase", "rating", "more_like_this", "not_this", "LIKE ", "click", "")
TIMES = (
    "1700000000", "1700000000000", "2024-05-31T12:00:00Z", "2024-05-31", "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-12:00", "-1", "1e400", "nan", "now", "2024-02-30", "١٧٠٠٠٠٠٠٠٠",
)  # fmt: skip
event_fields: dict[str, st.SearchStrategy[str]] = {
    "user_id": st.one_of(
        st.integers(0, 50).map(lambda n: json.dumps(f"u{n}")), _usual(("u 1", "é", "x" * 501, "a\x00b", "𝟗"))
    ),
    "item_id": st.one_of(ids.map(json.dumps), _usual(("item-1",))),
    "event": _usual(EVENTS),
    "value": mostly(st.integers(1, 5).map(str), json_values(), one_in=5),
    "timestamp": mostly(st.integers(0, 1_760_000_000).map(str), _usual(TIMES), one_in=3),
}
_whole_event = st.fixed_dictionaries(
    {
        "user_id": st.integers(0, 50).map(lambda n: json.dumps(f"u{n}")),
        "item_id": ids.map(json.dumps),
        "event": st.sampled_from(["view", "like", "cart", "purchase", "rating", "dislike"]).map(json.dumps),
        "value": event_fields["value"],
        "timestamp": event_fields["timestamp"],
    }
).map(lambda fields: "{" + ", ".join(f"{json.dumps(name)}: {value}" for name, value in fields.items()) + "}")
event_lines: st.SearchStrategy[bytes] = broken(
    mostly(_whole_event, st.one_of(json_objects(event_fields), json_values()), one_in=5)
).map(lambda line: line.replace(b"\n", b" "))


def _cell(options: tuple[str, ...]) -> st.SearchStrategy[str]:
    return mostly(st.sampled_from(options), st.one_of(texts(20), json_values()), one_in=5)


CATALOGUE_COLUMNS: dict[str, st.SearchStrategy[str]] = {
    "id": st.one_of(ids, ids, texts(10)),
    "title": _cell(("Oak chair", "跑鞋", "")),
    "price": _cell(PRICES),
    "brand": _cell(NAMES),
    "category": _cell(CATEGORIES),
    "in_stock": _cell(STOCK),
    "images": _cell(IMAGES),
    "color": _cell(("black", "")),
}
EVENT_COLUMNS: dict[str, st.SearchStrategy[str]] = {
    "user_id": st.one_of(st.integers(0, 50).map(lambda n: f"u{n}"), texts(10)),
    "item_id": st.one_of(ids, texts(10)),
    "event": _cell(EVENTS),
    "value": _cell(("", "3", "5", "9")),
    "timestamp": _cell(TIMES),
}


@st.composite
def csv_rows(draw: st.DrawFn, columns: dict[str, st.SearchStrategy[str]]) -> bytes:
    """One CSV row with its line feed; in one of sixteen cases broken, or with too many or too few cells."""
    cells = [draw(cell) for cell in columns.values()]
    kind = draw(st.integers(0, 15))
    if kind == 0:
        cells = cells[: draw(st.integers(0, len(cells)))]
    elif kind == 1:
        cells += draw(st.lists(texts(5), max_size=3))
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", escapechar="\\").writerow(cells)
    row = encoded(out.getvalue())
    return row[: draw(st.integers(0, len(row)))] + b"\n" if kind == 2 else row
