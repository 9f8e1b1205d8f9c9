"""HTTP requests as bytes, for every operation of the OpenAPI document and for addresses that it does not name."""

import json
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from eval.fuzzing.values import NAMES, broken, encoded, json_objects, json_values, mostly, texts
from tools.tool import Tool
from tools.toolbox import TOOLS

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc000000301010018dd8db00000000049454e44ae426082"
)
CONTENT_TYPES = (
    "application/json", "application/json; charset=utf-16", "text/plain", "", "multipart/form-data",
    "multipart/form-data; boundary=", "a/b/c", "multipart/form-data; boundary=" + "x" * 300,
    "application/x-www-form-urlencoded", "application/x-ndjson", "text/csv", "é", "application/JSON",
)  # fmt: skip
HEADERS: dict[str, tuple[str, ...]] = {
    "Host": (
        "[::1", "[", "localhost", "evil.example", "", "127.0.0.1:99999", "[::1]:80", "a@b", "x" * 300,
        "127.0.0.1:abc", "\xff", "[v1.x]", "127.0.0.1, b",
    ),
    "Origin": (
        "http://[", "null", "http://evil.example", "", "http://127.0.0.1", "://", "http://[::1", "é", "http://a:b:c",
    ),
    "Range": (
        "bytes=0-", "bytes=-1", "bytes=5-1", "bytes=0-99999999999999999999", "bytes=a-b", "bytes=0-0,1-1,2-2",
        "items=1", "bytes=", "bytes=" + "0-0," * 400, "bytes=--1",
    ),
    "Cookie": (
        "assistant_login=", "a", "=;=;", "assistant_login=\xff", ";" * 500, "assistant_login=\"a\\",
        "a[b]=c; assistant_login=x",
    ),
    "Authorization": (
        "Bearer", "Bearer ", "Bearer x", "Basic Og==", "Bearer \xff", "bearer " + "x" * 5_000, "Bearer ak_x",
    ),
    "Content-Length": ("-1", "abc", "1e3", "99999999999999999999", "0", "+5", "5, 5", "١"),
    "Transfer-Encoding": ("chunked", "gzip, chunked", "x"),
    "Content-Encoding": ("gzip", "br", "x"),
    "Accept": ("text/event-stream", "*/*", "", "application/json, text/event-stream", "text/html;q=x", "é"),
    "Accept-Encoding": ("gzip", "gzip;q=0", "*", "identity;q=0"),
    "If-None-Match": ('"x"', "*", "W/", "\xff"),
    "If-Modified-Since": ("yesterday", "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 32 Foo 99999 00:00:00 GMT"),
    "If-Range": ("x",),
    "Last-Event-ID": ("x", "a:1", "a:99999999999999999999", ":", "m:-1"),
    "X-Request-ID": ("x", "é", "a b", "x" * 100),
    "X-Forwarded-For": ("1.2.3.4", "[", "unknown", "é"),
    "X-Forwarded-Proto": ("https", "x"),
    "Forwarded": ("for=[", "host=\"", "x"),
    "Sec-Fetch-Site": ("cross-site", "same-origin", "x"),
    "Access-Control-Request-Method": ("PUT", "x"),
    "Idempotency-Key": ("x",),
    "Mcp-Session-Id": ("x", "é"),
    "MCP-Protocol-Version": ("2025-06-18", "x", "1999-01-01"),
    "Expect": ("100-continue", "x"),
    "Upgrade": ("websocket", "h2c"),
    "traceparent": ("x", "00-0-0-0"),
    "Accept-Language": ("zh", "x" * 500, "é"),
}  # fmt: skip
ODD_PATHS = (
    "/", "//", "/..", "/../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/assets/..%2f..%2fapp.py", "/assets/%00",
    "/assets/", "/assets/%ff", "/%", "/%zz", "/%00", "/api", "/api/", "/API/info", "/api//sessions",
    "/api/sessions/", "/api/sessions/../me", "/api/sessions/%2e%2e/export", "/openapi.json", "/docs", "/docs/..",
    "/metrics", "/v1", "/v1/", "/v1/embeddings", "/mcp/", "/favicon.ico", "/index.html", "/api/catalogue/items/..",
    "/api/catalogue/items/%2F", "/api/catalogue/items/%00", "/api/catalogue/items/%ED%A0%80", "/" + "a" * 5_000,
    "/?" + "a=b&" * 2_000, "*", "http://evil.example/api/info", "/api/info?%", "/api/info#x", "/;a=b", "/\\..",
)  # fmt: skip
SEGMENTS = (
    "item-0", "item-3", "item-0%2f", "..", "%2e%2e", ".", "%00", "%ff", "%ED%A0%80", "x" * 300, "a%2Fb", "%25", "é",
    "0", "-1", "99999999999999999999", "null", "%0d%0a", "recommend", "search", "browse", "similar", "web-1",
    "recommendation-assistant", "%F0%9F%98%80", "a b", "'", "%22", "item-0?x=1", "1e5", "%E2%80%AE",
)  # fmt: skip
SESSION = "SESSION"
"""Stands for the id of a session that there is."""
ITEMS = tuple(f"item-{number}" for number in range(12))
PATH_VALUES = {
    "{session_id}": (SESSION,),
    "{item_id}": ITEMS,
    "{name}": (*(tool.name for tool in TOOLS), "recommendation-assistant"),
    "{n}": ("0", "1"),
}
"""What mostly stands in the place of a path's parameter."""
STRINGS = (
    SESSION,
    "item:item-0",
    "data:image/png;base64,AAAA",
    *ITEMS[:3],
    "black shoes under 100",
    "cheaper",
    "",
    "price",
    "text",
    "view",
    "like",
    *NAMES[:4],
)
DEEPEST = 4
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "X")


@dataclass(frozen=True)
class FuzzRequest:
    """One request; ``headers`` come after the usual ones and replace those of the same name."""

    method: str
    path: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    content_type: str = "application/json"
    body: bytes = b""
    chunked: bool = False

    def as_bytes(self, session: str, port: int) -> bytes:
        """The request as it goes over the wire."""
        usual = {"Host": f"127.0.0.1:{port}", "Connection": "close", "Content-Type": self.content_type}
        usual |= {"Transfer-Encoding": "chunked"} if self.chunked else {"Content-Length": str(len(self.body))}
        headers = {**usual, **dict(self.headers)}
        lines = [
            f"{self.method} {self.path.replace(SESSION, session)} HTTP/1.1",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        head = "\r\n".join(lines).encode("utf-8" if self.method == "X" else "latin-1", "replace")
        return head + b"\r\n\r\n" + (_chunks(self.body) if self.chunked else self.body)

    @property
    def streams_without_end(self) -> bool:
        """Where the protocol of tools keeps a stream open for what may come."""
        return self.method == "GET" and self.path.startswith("/mcp")


def _chunks(body: bytes) -> bytes:
    parts = [body[at : at + 1_000] for at in range(0, len(body), 1_000)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


class Operations:
    """Strategies from an OpenAPI document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._schemas = document.get("components", {}).get("schemas", {})
        self._operations = [
            (path, method.upper(), operation)
            for path, methods in sorted(document["paths"].items())
            for method, operation in sorted(methods.items())
            if (path, method) != ("/api/keys", "post")  # with a key, every later request would only be refused
        ]

    def requests(self) -> st.SearchStrategy[FuzzRequest]:
        """Requests at every operation, at the doors for other protocols, and at addresses that are none."""
        operations = st.sampled_from(self._operations).flatmap(self._of)
        calls = st.sampled_from(TOOLS).flatmap(self._calls)
        return mostly(operations, st.one_of(_mcp, _chat, calls, _anywhere), one_in=2)

    def _calls(self, tool: Tool[Any]) -> st.SearchStrategy[FuzzRequest]:
        """One tool called with arguments near its schema, over HTTP and over the protocol of tools."""
        schema = tool.arguments.model_json_schema(ref_template="#/components/schemas/{model}")
        self._schemas = schema.get("$defs", {}) | self._schemas
        arguments = self._json(schema, 1)
        body = json_objects({"arguments": arguments}, required=["arguments"])
        over_http = st.builds(
            _request,
            st.just("POST"),
            st.just(f"/api/tools/{tool.name}"),
            st.just(""),
            st.tuples(st.just("application/json"), broken(body)),
            _headers,
            st.just(False),
        )
        call = {"name": st.just(json.dumps(tool.name)), "arguments": arguments}
        return st.one_of(over_http, _mcp_with(("tools/call",), json_objects(call, required=["name", "arguments"])))

    def _of(self, operation: tuple[str, str, dict[str, Any]]) -> st.SearchStrategy[FuzzRequest]:
        path, method, described = operation
        queries = [self._query(each) for each in described.get("parameters", []) if each["in"] == "query"]
        usual = st.lists(st.one_of(queries), max_size=3).map("&".join) if queries else st.just("")
        return st.builds(
            _request,
            mostly(st.just(method), st.sampled_from(METHODS), one_in=16),
            _address(path),
            mostly(usual, _odd_query, one_in=10),
            self._bodies(described),
            _headers,
            mostly(st.just(False), st.just(True), one_in=6),
        )

    def _bodies(self, described: dict[str, Any]) -> st.SearchStrategy[tuple[str, bytes]]:
        content = described.get("requestBody", {}).get("content", {})
        usual: list[st.SearchStrategy[tuple[str, bytes]]] = []
        for kind, about in content.items():
            bodies = self._json(about.get("schema", {}), 0)
            usual.append(_forms() if kind == "multipart/form-data" else st.tuples(st.just(kind), broken(bodies)))
        return mostly(st.one_of(usual) if usual else st.just(("application/json", b"")), _odd_body, one_in=10)

    def _json(self, schema: dict[str, Any], depth: int) -> st.SearchStrategy[str]:
        """JSON texts near a schema."""
        return mostly(self._fitting(self._resolved(schema), depth), json_values(), one_in=12)

    def _fitting(self, schema: dict[str, Any], depth: int) -> st.SearchStrategy[str]:
        if depth > DEEPEST:
            return json_values()
        if options := schema.get("anyOf") or schema.get("oneOf"):
            return st.one_of([self._json(option, depth + 1) for option in options])
        if "enum" in schema or "const" in schema:
            return st.sampled_from(schema.get("enum") or [schema["const"]]).map(json.dumps)
        match schema.get("type"):
            case "object" if schema.get("properties"):
                fields = {name: self._json(inner, depth + 1) for name, inner in schema["properties"].items()}
                return json_objects(fields, required=[name for name in schema.get("required", []) if name in fields])
            case "array":
                inner = self._json(schema.get("items", {}), depth + 1)
                return st.lists(inner, min_size=1, max_size=3).map(lambda values: "[" + ", ".join(values) + "]")
            case "string":
                return mostly(st.sampled_from(STRINGS), texts(30), one_in=4).map(json.dumps)
            case "integer" | "number":
                return mostly(st.integers(1, 20).map(json.dumps), st.floats(-5, 500).map(json.dumps), one_in=5)
            case "boolean":
                return st.booleans().map(json.dumps)
        return json_values()

    def _query(self, parameter: dict[str, Any]) -> st.SearchStrategy[str]:
        values = self._json(parameter.get("schema", {}), 1).map(lambda text: _quoted(text.strip('"')[:3_000]))
        return values.map(lambda value: f"{parameter['name']}={value}")

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        reference = schema.get("$ref")
        return self._schemas.get(reference.rsplit("/", 1)[-1], {}) if reference else schema


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(encoded(text))


def _request(
    method: str, path: str, query: str, body: tuple[str, bytes], headers: list[tuple[str, str]], chunked: bool
) -> FuzzRequest:
    return FuzzRequest(method, f"{path}?{query}" if query else path, headers, body[0], body[1], chunked)


def _address(path: str) -> st.SearchStrategy[str]:
    """The path with its parameters filled in."""
    odd = st.one_of(st.sampled_from(SEGMENTS), texts(10).map(_quoted))
    parts = [
        mostly(st.sampled_from(PATH_VALUES.get(part, SEGMENTS)), odd, one_in=6)
        if part.startswith("{")
        else st.just(part)
        for part in path.split("/")
    ]
    filled = st.tuples(*parts).map("/".join)
    bent = st.one_of(filled.map(lambda text: text.replace("/", "//", 2)), filled.map(lambda text: text + "/"))
    return mostly(filled, bent, one_in=24)


_odd_query = st.one_of(
    st.sampled_from(["a=%", "=", "&&", "a=%ff", "%00=1", "limit=1&limit=2", "q=%ED%A0%80", "x[]=1"]),
    texts(20).map(_quoted),
)
_known_headers = st.sampled_from(sorted(HEADERS)).flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from(HEADERS[name]))
)
_latin = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30)
_odd_headers = st.one_of(
    st.lists(_known_headers, min_size=1, max_size=3),
    st.lists(st.tuples(st.sampled_from(sorted(HEADERS)), _latin), min_size=1, max_size=2),
)
_headers = mostly(st.just([]), _odd_headers, one_in=3)
_odd_body = st.tuples(st.sampled_from(CONTENT_TYPES), st.one_of(st.binary(max_size=100), broken(json_values())))


@st.composite
def _forms(draw: st.DrawFn) -> tuple[str, bytes]:
    boundary = draw(st.sampled_from(["b", "b", "b", "-", "x y", '"']))
    names = st.sampled_from(
        ["text", "images", "audio", "file", "top_n", "keep_seconds", "message_id", "drop_constraints", "x", "", "é"]
    )
    parts = draw(
        st.lists(
            st.tuples(names, st.sampled_from([None, "a.png", "../a", "é.wav", "x" * 500, ""]), _contents), max_size=4
        )
    )
    content = b"".join(
        b"--" + boundary.encode() + b'\r\nContent-Disposition: form-data; name="' + name.encode() + b'"'
        + (b'; filename="' + file.encode() + b'"' if file is not None else b"") + b"\r\n\r\n" + body + b"\r\n"
        for name, file, body in parts
    )  # fmt: skip
    ending = draw(st.sampled_from([b"--" + boundary.encode() + b"--\r\n"] * 6 + [b"", b"--" + boundary.encode()]))
    return f"multipart/form-data; boundary={boundary}", content + ending


_FILES = (
    b"", b"black shoes", PNG, PNG[:40], b"RIFF\x24\x00\x00\x00WAVEfmt ", b"GIF89a", b"\xff\xd8\xff", b"[]",
    b'[{"field": "max_price", "value": 1}]', b"fLaC", b"<svg/>",
)  # fmt: skip
_contents = mostly(st.sampled_from(_FILES), st.one_of(st.binary(max_size=200), json_values().map(encoded)), one_in=3)

_MCP_METHODS = (
    "initialize", "tools/list", "tools/call", "tools/call", "tools/call", "resources/list", "resources/read",
    "resources/templates/list", "ping", "prompts/list", "x", "notifications/initialized",
)  # fmt: skip
_URIS = (
    "catalogue://items/item-0", "catalogue://stats", "http://[", "", "catalogue://items/%ff", "file:///etc/passwd",
)  # fmt: skip
_numbers = mostly(st.integers(1, 20).map(str), json_values(), one_in=3)
_files = mostly(st.sampled_from(['["item:item-0"]', "[]", '["data:image/png;base64,AAAA"]']), json_values(), one_in=3)
_recommend = json_objects(
    {
        "text": mostly(st.just('"black shoes"'), st.one_of(texts(30).map(json.dumps), json_values()), one_in=2),
        "images": _files,
        "audio": _files,
        "session_id": json_values(),
        "top_n": _numbers,
    }
)
_parameters = json_objects(
    {
        "name": mostly(st.just('"recommend"'), json_values(), one_in=8),
        "arguments": mostly(_recommend, json_values(), one_in=8),
        "uri": mostly(st.sampled_from(_URIS), texts(20), one_in=4).map(json.dumps),
        "protocolVersion": st.sampled_from(["2025-06-18", "x"]).map(json.dumps),
        "capabilities": mostly(st.just("{}"), json_values(), one_in=4),
        "clientInfo": mostly(st.just('{"name": "x", "version": "1"}'), json_values(), one_in=4),
    },
    required=["name", "arguments", "uri"],
)


def _mcp_with(methods: tuple[str, ...], parameters: st.SearchStrategy[str]) -> st.SearchStrategy[FuzzRequest]:
    """Messages of the protocol of tools, with one of these methods."""
    message = json_objects(
        {
            "jsonrpc": mostly(st.just('"2.0"'), json_values(), one_in=12),
            "id": mostly(st.just("1"), json_values(), one_in=8),
            "method": mostly(st.sampled_from(methods).map(json.dumps), json_values(), one_in=12),
            "params": mostly(parameters, json_values(), one_in=10),
        },
        required=["jsonrpc", "id", "method", "params"],
    )
    return st.builds(
        _request,
        mostly(st.just("POST"), st.sampled_from(METHODS), one_in=16),
        st.just("/mcp"),
        st.just(""),
        st.tuples(mostly(st.just("application/json"), st.sampled_from(CONTENT_TYPES), one_in=12), broken(message)),
        _headers.map(lambda headers: [("Accept", "application/json, text/event-stream"), *headers]),
        st.just(False),
    )


_mcp = _mcp_with(_MCP_METHODS, _parameters)

_urls = ("data:image/png;base64,AAAA", "http://a/b", "data:,", "data:;base64,", "item:item-0")
_parts = json_objects(
    {
        "type": st.sampled_from(["text", "image_url", "input_audio", "x"]).map(json.dumps),
        "text": texts(20).map(json.dumps),
        "image_url": mostly(st.sampled_from(_urls).map(lambda url: json.dumps({"url": url})), json_values(), one_in=4),
        "input_audio": mostly(st.just('{"data": "AAAA", "format": "wav"}'), json_values(), one_in=4),
    },
    required=["type", "text"],
)
_content = mostly(
    st.sampled_from(["black shoes", "cheaper", ""]).map(json.dumps),
    st.one_of(
        texts(40).map(json.dumps),
        st.lists(_parts, max_size=3).map(lambda parts: "[" + ", ".join(parts) + "]"),
        json_values(),
    ),
    one_in=2,
)
_roles = mostly(st.just('"user"'), st.sampled_from(["assistant", "system", "tool", "x"]).map(json.dumps), one_in=2)
_chats = json_objects(
    {
        "model": mostly(st.just('"recommendation-assistant"'), json_values(), one_in=12),
        "messages": st.lists(
            json_objects({"role": _roles, "content": _content}, required=["role", "content"]), min_size=1, max_size=4
        ).map(lambda parts: "[" + ", ".join(parts) + "]"),
        "stream": st.sampled_from(["true", "false", "null", "1", '"x"']),
        "stream_options": mostly(st.just('{"include_usage": true}'), json_values(), one_in=3),
        "n": mostly(st.just("1"), json_values(), one_in=3),
        "temperature": json_values(),
        "user": mostly(st.just('"u"'), json_values(), one_in=3),
        "session_id": mostly(st.just(json.dumps(SESSION)), json_values(), one_in=2),
        "top_n": _numbers,
        "tools": json_values(),
        "response_format": json_values(),
    },
    required=["model", "messages"],
)
_chat = st.builds(
    _request,
    st.just("POST"),
    st.just("/v1/chat/completions"),
    st.just(""),
    st.tuples(mostly(st.just("application/json"), st.sampled_from(CONTENT_TYPES), one_in=12), broken(_chats)),
    _headers,
    st.just(False),
)
_anywhere = st.builds(
    _request,
    st.sampled_from(METHODS),
    mostly(st.sampled_from(ODD_PATHS), texts(20).map(lambda text: "/" + _quoted(text)), one_in=4),
    mostly(st.just(""), _odd_query, one_in=3),
    _odd_body,
    _headers,
    st.booleans(),
)
