"""HTTP requests of every door, plausible and hostile: method, address, headers and the body's bytes.

`requests` draws whole requests; ``{session}`` in an address stands for a session that is there. `json_bodies` draws
bodies alone. Nothing of them may end in a 5xx, a traceback or a hang.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from hypothesis import strategies as st

from tests.strategies import json_texts

Texts = st.SearchStrategy[str]


@dataclass(frozen=True)
class Sent:
    """A request."""

    method: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def text(*values: str) -> Texts:
    """One of some texts, or a hostile one, as JSON."""
    return st.one_of(st.sampled_from(values), st.sampled_from(values), json_texts.TEXTS).map(json.dumps)


def json_object(fields: Mapping[str, Texts]) -> Texts:
    """An object with some of these fields, at times with a value of any other kind, or with a field too many."""
    usual = st.fixed_dictionaries({}, optional=dict(fields)).map(json_texts.object_of)
    one = st.sampled_from(sorted(fields))
    odd = st.tuples(one | json_texts.TEXTS, json_texts.values()).map(lambda pair: json_texts.object_of([pair]))
    mixed = st.tuples(st.fixed_dictionaries({}, optional=dict(fields)), one, json_texts.values()).map(
        lambda parts: json_texts.object_of({**parts[0], parts[1]: parts[2]})
    )
    return st.one_of(usual, usual, usual, mixed, odd, json_texts.values())


def list_of(items: Texts) -> Texts:
    return st.lists(items, max_size=3).map(json_texts.array)


WORDS = text(
    "a red chair under 100 dollars",
    "cheaper",
    "shoes, not black",
    "不要红色的鞋",
    "",
    " ",
    "why?",
    "\ud800",
    "x" * 9_000,
)
FLAGS = st.sampled_from(["true", "false", "null"])
FILE = json_object({"name": text("a.png", "../../a.png"), "data": text("AAAA", "data:image/png;base64,AAAA", "!")})
DROPPED = json_object(
    {
        "field": text("max_price", "colors", "exclude_terms"),
        "value": st.one_of(text("black", "\udfff"), json_texts.NUMBERS, FLAGS),
    }
)
MESSAGE = json_object(
    {
        "text": WORDS, "images": list_of(FILE), "audio": list_of(FILE), "top_n": json_texts.NUMBERS,
        "message_id": text("m1", "a b"), "keep_seconds": json_texts.NUMBERS, "language": text("de", "?"),
        "drop_constraints": list_of(DROPPED),
    }
)  # fmt: skip
FILTERS = json_object(
    {
        "max_price": json_texts.NUMBERS, "min_price": json_texts.NUMBERS, "colors": list_of(text("red")),
        "exclude_terms": list_of(text("wood")), "exclude_ids": list_of(text("chair-1")), "currency": text("USD"),
    }
)  # fmt: skip
ARGUMENTS = json_object(
    {
        "query": WORDS, "k": json_texts.NUMBERS, "filters": FILTERS, "item_id": text("chair-1", "no such"),
        "image": text("item:chair-1", "/etc/passwd"), "item_ids": list_of(text("chair-1")),
    }
)  # fmt: skip
CHAT = json_object(
    {
        "model": st.just('"recommendation-assistant"') | text("gpt-4"),
        "messages": list_of(
            json_object(
                {"role": text("user", "assistant", "system"), "content": WORDS | list_of(json_object({"text": WORDS}))}
            )
        ),
        "stream": FLAGS, "top_n": json_texts.NUMBERS, "n": json_texts.NUMBERS, "user": text("ann"),
    }
)  # fmt: skip
MCP = json_object(
    {
        "jsonrpc": st.just('"2.0"'), "id": json_texts.NUMBERS, "method": text("tools/call", "tools/list", "initialize"),
        "params": json_object({"name": text("recommend", "search_by_text"), "arguments": ARGUMENTS}),
    }
)  # fmt: skip
EVENT = json_object({"item_id": text("chair-1"), "event": text("like", "rating", "view"), "value": json_texts.NUMBERS})
PREFERENCE = json_object({"attribute": text("brand", "color"), "value": text("Acme"), "weight": json_texts.NUMBERS})
ITEM = json_object(
    {
        "id": text("chair-1", "a/b"), "title": text("A chair"), "price": json_texts.NUMBERS | text("1.299,00"),
        "currency": text("USD"), "in_stock": FLAGS | json_texts.NUMBERS, "images": list_of(text("a.png")),
        "attributes": json_texts.values(),
    }
)  # fmt: skip

JSON_DOORS: Mapping[tuple[str, str], Texts] = {
    ("POST", "/api/sessions"): json_object({"title": WORDS}),
    ("PATCH", "/api/sessions/{session}"): json_object({"title": WORDS}),
    ("POST", "/api/sessions/{session}/messages"): MESSAGE,
    ("POST", "/api/sessions/{session}/feedback"): EVENT,
    ("POST", "/api/me/events"): json_object({"events": list_of(EVENT)}),
    ("PUT", "/api/me/profile"): PREFERENCE,
    ("POST", "/api/login"): json_object({"key": text("rak_x")}),
    ("POST", "/api/tools/search_by_text"): json_object({"arguments": ARGUMENTS}),
    ("POST", "/api/tools"): json_object(
        {"calls": list_of(json_object({"name": text("browse"), "arguments": ARGUMENTS}))}
    ),
    ("POST", "/v1/chat/completions"): CHAT,
    ("POST", "/mcp"): MCP,
    ("POST", "/api/catalogue/items"): list_of(ITEM) | json_object({"items": list_of(ITEM)}),
    ("PUT", "/api/catalogue/items/chair-1"): ITEM,
}
"""What each address takes, by method and address."""

BYTES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([b"", b"{", b"NaN", b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}", b'"\xed\xa0\x80"', b"[" * 50_000]),
)
"""Bodies that are no JSON."""

KINDS = st.sampled_from(
    ["application/json"] * 6 + ["text/plain", "application/xml", "application/json; charset=utf-16", ""]
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Accept": st.sampled_from(
            ["application/json", "text/event-stream", "application/json, text/event-stream", "*"]
        ),
        "Host": st.sampled_from(
            ["127.0.0.1", "localhost:1", "[::1", "[::1]", "evil.example", "", "a" * 300, "127.0.0.1:x"]
        ),
        "Origin": st.sampled_from(["http://[", "null", "http://127.0.0.1", "https://evil.example", ""]),
        "Authorization": st.sampled_from(["Bearer x", "Bearer", "Basic eDp4", "Bearer rak_" + "x" * 900]),
        "Cookie": st.sampled_from(["assistant_login=x", "=;=", "a=\x7f"]),
        "X-Request-ID": st.sampled_from(["mine", "x" * 300, "a b"]),
        "Last-Event-ID": st.sampled_from(["m1:1", "m1:99999999999999", ":", "m1:x"]),
        "X-Forwarded-For": st.sampled_from(["1.2.3.4", "x, y", "[::1"]),
        "Content-Length": st.sampled_from(["9" * 30, "-1", "x"]),
    },
)


def json_bodies(fields: Texts) -> st.SearchStrategy[bytes]:
    """JSON as it is sent; lone surrogates stay as escapes."""
    return fields.map(lambda body: body.encode("utf-8", "backslashreplace"))


@st.composite
def requests(draw: st.DrawFn) -> Sent:
    """A request to one of the doors; odd headers are rare."""
    (method, path), fields = draw(st.sampled_from(sorted(JSON_DOORS.items(), key=lambda door: door[0])))
    body = draw(st.one_of(*[json_bodies(fields)] * 5, BYTES))
    odd = draw(HEADERS) if draw(st.integers(0, 3)) == 0 else {}
    kind = draw(KINDS)
    return Sent(method, path, body, odd | ({"Content-Type": kind} if kind else {}))
