"""Who needs a key, whose requests are counted together, and what no body or header may be; over a tiny application."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from assistant.service.http import problems
from assistant.service.http.access import BodyTimeout
from assistant.service.http.guard import LOGINS_PER_MINUTE, AuthMiddleware
from assistant.service.http.json_bodies import JsonBodies
from assistant.service.http.no_paths import NoPaths
from assistant.service.keys import KeyStore
from assistant.settings import ServiceBounds, Settings, load_settings
from assistant.visitors import VisitorStore

HOME = "127.0.0.1"
FORWARDING = [
    {"X-Forwarded-For": "9.9.9.9"}, {"X-Forwarded-Host": "shop.example"}, {"X-Forwarded-Proto": "https"},
    {"X-Forwarded": "for=9.9.9.9"}, {"Forwarded": "for=9.9.9.9"}, {"Via": "1.1 proxy"}, {"X-Real-IP": "9.9.9.9"},
    {"True-Client-IP": "9.9.9.9"}, {"CF-Connecting-IP": "9.9.9.9"}, {"X-Client-IP": "9.9.9.9"}, {"x-forwarded-for": ""},
]  # fmt: skip


async def who(request: Request) -> JSONResponse:
    """Who asks, and what was sent."""
    sent = (await request.body()).decode() if request.method == "POST" else ""
    told = {"user": request.scope["user"].id, "needs_key": request.scope["needs_key"], "sent": sent}
    return JSONResponse({**told, "cookie": request.headers.get("cookie")})


def guarded(settings: Settings, bounds: ServiceBounds | None = None) -> ASGIApp:
    """The service's middlewares, in its order, before an application that answers everything."""
    paths = ["/", "/healthz", "/api/{rest:path}", "/v1/{rest:path}", "/mcp", "/metrics", "/docs", "/openapi.json"]
    app: ASGIApp = Starlette(routes=[Route(path, who, methods=["GET", "POST", "DELETE"]) for path in paths])
    app = BodyTimeout(JsonBodies(app), bounds or settings.service.bounds)
    app = NoPaths(AuthMiddleware(app, settings, KeyStore(settings.keys_place)), settings)
    proxies = [str(network) for network in settings.service.proxies]
    return ProxyHeadersMiddleware(app, proxies) if proxies else app  # type: ignore[arg-type, return-value]


def client(app: ASGIApp, address: str = HOME, host: str = HOME) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url=f"http://{host}")


def settings(tmp_path: Path, **service: object) -> Settings:
    return load_settings(data=tmp_path, service=service)


GUARDED = [
    "/api/sessions",
    "/api/me",
    "/api/catalogue/items",
    "/v1/models",
    "/mcp",
    "/metrics",
    "/docs",
    "/openapi.json",
]


async def statuses(caller: httpx.AsyncClient, **given: object) -> set[int]:
    return {(await caller.get(path, **given)).status_code for path in GUARDED}  # type: ignore[arg-type]


async def test_on_this_machine_alone_and_without_keys_none_is_needed(tmp_path: Path) -> None:
    for host in (HOME, "localhost", "[::1]", "127.0.0.2:8080"):
        async with client(guarded(settings(tmp_path)), host=host) as caller:
            assert await statuses(caller) == {200}


@pytest.mark.parametrize("forwarding", FORWARDING, ids=str)
async def test_what_comes_through_a_proxy_needs_a_key(tmp_path: Path, forwarding: dict[str, str]) -> None:
    async with client(guarded(settings(tmp_path))) as caller:
        assert await statuses(caller, headers=forwarding) == {401}
        assert (await caller.get("/healthz", headers=forwarding)).status_code == 200
        assert (await caller.get("/api/info", headers=forwarding)).json()["needs_key"]


async def test_a_host_of_service_hosts_needs_a_key_and_a_forged_one_is_refused(tmp_path: Path) -> None:
    app = guarded(settings(tmp_path, hosts=["shop.example"]))
    async with client(app, host="shop.example") as caller:
        assert await statuses(caller) == {401}
    async with client(app, host="evil.example") as caller:
        assert await statuses(caller) == {421}


async def test_once_there_is_a_key_it_is_needed_from_everywhere(tmp_path: Path) -> None:
    app = guarded(settings(tmp_path, hosts=["shop.example"]))
    async with client(app) as caller:
        assert await statuses(caller) == {200}
        keys = KeyStore(tmp_path / "keys.sqlite")
        _, secret = keys.create("ann")
        assert await statuses(caller) == {401}
        mine = await caller.get("/api/sessions", headers={"Authorization": f"Bearer {secret}"})
        assert (mine.status_code, mine.json()["user"] == "local") == (200, False)
        keys.create("old", days=-1)
        keys.revoke("ann")
        assert await statuses(caller) == {401}  # one that is past its end is a key, too
    async with client(app, host="shop.example") as caller:
        assert await statuses(caller) == {401}


async def test_a_file_of_keys_that_cannot_be_read_opens_nothing(tmp_path: Path) -> None:
    (tmp_path / "keys.sqlite").write_bytes(b"no database" * 100)
    async with client(guarded(settings(tmp_path))) as caller:
        assert await statuses(caller) == {401}
        assert (await caller.get("/healthz")).status_code == 200
        broken = await caller.get("/api/sessions", headers={"Authorization": "Bearer rak_x"})
    assert broken.status_code == 503
    assert str(tmp_path) not in broken.text


async def test_a_setting_asks_for_keys_in_any_case(tmp_path: Path) -> None:
    async with client(guarded(settings(tmp_path, require_key=True))) as caller:
        assert await statuses(caller) == {401}


async def test_who_has_no_key_is_counted_by_address_and_locks_nobody_else_out(tmp_path: Path) -> None:
    app = guarded(settings(tmp_path, require_key=True, requests_per_minute=5))
    secret = {"Authorization": f"Bearer {KeyStore(tmp_path / 'keys.sqlite').create('ann')[1]}"}
    async with client(app, "9.9.9.9") as caller, client(app, "8.8.8.8") as other:
        answers = [(await caller.get("/api/sessions")).status_code for _ in range(8)]
        assert answers == [401] * 5 + [429] * 3
        assert (await other.get("/api/sessions")).status_code == 401
        assert (await other.post("/api/login", json={})).status_code == 200
        assert (await caller.get("/api/sessions", headers=secret)).status_code == 200  # a key has a count of its own


async def test_attempts_to_log_in_are_counted_by_address(tmp_path: Path) -> None:
    app = guarded(settings(tmp_path, require_key=True))
    async with client(app, "9.9.9.9") as caller, client(app, "8.8.8.8") as other:
        answers = [
            (await caller.post("/api/login", json={"key": "x"})).status_code for _ in range(LOGINS_PER_MINUTE + 5)
        ]
        assert answers == [200] * LOGINS_PER_MINUTE + [429] * 5
        assert (await other.post("/api/login", json={})).status_code == 200


async def test_one_customer_s_ipv6_addresses_are_counted_as_one(tmp_path: Path) -> None:
    app = guarded(settings(tmp_path, requests_per_minute=2))
    answers = []
    for n in range(4):
        async with client(app, f"2001:db8:1:2::{n}") as caller:
            answers.append((await caller.get("/api/sessions")).status_code)
    assert answers == [200, 200, 429, 429]


async def test_forwarded_addresses_are_believed_from_configured_proxies_alone(tmp_path: Path) -> None:
    async def answers(app: ASGIApp, address: str) -> list[int]:
        found = []
        for n in range(4):
            async with client(app, address) as caller:
                given = {"X-Forwarded-For": f"1.2.3.{n}"}
                found.append((await caller.get("/api/info", headers=given)).status_code)
        return found

    nobody = guarded(settings(tmp_path, requests_per_minute=2))
    assert await answers(nobody, HOME) == [200, 200, 429, 429]
    some = guarded(settings(tmp_path, requests_per_minute=2, proxies=["10.0.0.0/8"]))
    assert await answers(some, HOME) == [200, 200, 429, 429]
    assert await answers(some, "10.1.2.3") == [200] * 4


@pytest.mark.parametrize(
    "headers",
    [{"Host": "[::1"}, {"Host": "["}, {"Host": "]:80"}, {"Origin": "http://["}, {"Origin": "http://[x]"}],
    ids=str,
)
async def test_headers_that_are_no_addresses_are_bad_requests(tmp_path: Path, headers: dict[str, str]) -> None:
    async with client(guarded(settings(tmp_path))) as caller:
        answer = await caller.post("/api/sessions", json={}, headers=headers)
    assert answer.status_code in (400, 403, 421)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"title": "\\ud800"}', "surrogates"),
        (b'{"\\udfff": 1}', "surrogates"),
        (b'{"title": "\xed\xa0\x80"}', "not JSON"),
        (b"\xff\xfe{\x00}\x00", "not JSON"),
        (b"NaN", "finite"),
        (b'{"value": Infinity}', "finite"),
        (b'{"value": -1e999}', "finite"),
        (b'{"value": ' + b"9" * 5000 + b"}", "finite"),
        (b'{"value": 1e300}', "out of range"),
        (b"[" * 40 + b"]" * 40, "levels deep"),
        (b"[" * 100_000 + b"]" * 100_000, "deep"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "deep"),
        (b"[" + b"1," * 60_000 + b"1]", "values"),
        (b"{", "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
    ],
    ids=lambda value: str(value[:20]),
)
@pytest.mark.parametrize("path", ["/api/sessions", "/api/me/events", "/v1/chat/completions", "/mcp", "/api/tools/x"])
async def test_bodies_are_bounded_before_any_handler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, body: bytes, why: str
) -> None:
    monkeypatch.setattr(problems, "FORMS", {})  # those of other protocols, which any whole service brings
    async with client(guarded(settings(tmp_path))) as caller:
        kinds = ["application/json", "Application/JSON; charset=utf-16", "application/problem+json", None]
        for kind in kinds + (["text/plain", "x"] if path in ("/mcp", "/v1/chat/completions") else []):
            answer = await caller.post(path, content=body, headers={"Content-Type": kind} if kind else {})
            assert answer.status_code == 422
            assert why in answer.text


async def test_lines_of_a_catalogue_lose_their_values_one_by_one_later(tmp_path: Path) -> None:
    async with client(guarded(settings(tmp_path))) as caller:
        sent = '[{"title": "a", "price": 1e300, "specs": ' + '{"a":' * 60 + "1" + "}" * 60 + "}]"
        answer = await caller.post("/api/catalogue/items", content=sent)
        assert answer.json()["sent"] == sent


async def test_a_body_arrives_as_it_was_sent(tmp_path: Path) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for byte in '{"title": "Schöne Lampe 🙂", "n": [1, 2.5, null, true, -3]}'.encode():
            yield bytes([byte])

    async with client(guarded(settings(tmp_path))) as caller:
        answer = await caller.post("/api/sessions", content=parts(), headers={"Content-Type": "application/json"})
    assert answer.json()["sent"] == '{"title": "Schöne Lampe 🙂", "n": [1, 2.5, null, true, -3]}'


async def test_a_body_that_trickles_has_a_total_time(tmp_path: Path) -> None:
    async def trickle() -> AsyncIterator[bytes]:
        for _ in range(100):
            await asyncio.sleep(0.05)
            yield b" "

    async with client(guarded(settings(tmp_path), ServiceBounds(body_seconds=5, body_total_seconds=0.3))) as caller:
        answer = await caller.post("/api/sessions", content=trickle())
    assert answer.status_code == 408
    assert answer.json()["detail"] == "The request's body took longer than 0.3 seconds."


HOSTILE_COOKIES = [
    'a="' + "\\" * 50_000 + '"', 'a="' + "\\1" * 25_000 + '"', "a=b;" * 12_000, "=" * 50_000,
    "assistant_login=" * 3_000,
]  # fmt: skip


@pytest.mark.parametrize("cookie", HOSTILE_COOKIES, ids=lambda value: value[:6])
async def test_no_cookie_but_ours_reaches_a_parser(tmp_path: Path, cookie: str) -> None:
    """Python's takes 20 seconds for some of these, on the event loop."""
    async with client(guarded(settings(tmp_path))) as caller:
        answer = await caller.get("/api/sessions", headers={"Cookie": cookie})
    assert answer.json()["cookie"] is None


async def test_our_cookie_is_found_among_others(tmp_path: Path) -> None:
    keys = KeyStore(tmp_path / "keys.sqlite")
    ours = f"assistant_login={keys.log_in(keys.create('ann')[1])}"
    async with client(guarded(settings(tmp_path))) as caller:
        for cookie in (ours, f'x="\\"; {ours}; y=1', f"a=1;{ours}"):
            answer = await caller.get("/api/sessions", headers={"Cookie": cookie})
            assert answer.json()["cookie"] == ours
        for cookie in (f"not_{ours}", f"{ours}x", "assistant_login=", "assistant_login"):
            assert (await caller.get("/api/sessions", headers={"Cookie": cookie})).status_code == 401


async def test_visitors_are_counted_each_and_all_of_one_address(tmp_path: Path) -> None:
    app = guarded(settings(tmp_path, require_key=True, visitors=True, requests_per_minute=6))
    store = VisitorStore(tmp_path / "visitors.sqlite")
    cookies = [{"Cookie": f"assistant_visitor={store.begin(1)[1]}"} for _ in range(20)]
    async with client(app, "9.9.9.9") as caller, client(app, "8.8.8.8") as other:
        answers = [(await caller.get("/api/sessions", headers=cookie)).status_code for cookie in cookies]
        assert answers == [200] * 6 + [429] * 14  # more cookies bring no more requests
        assert [(await other.get("/api/sessions", headers=cookies[0])).status_code for _ in range(7)] == (
            [200] * 5 + [429] * 2  # one visitor has one count, wherever they are
        )
        secret = {"Authorization": f"Bearer {KeyStore(tmp_path / 'keys.sqlite').create('ann')[1]}"}
        assert (await caller.get("/api/sessions", headers=secret)).status_code == 200


async def test_new_visitors_and_their_messages_are_counted_by_address(tmp_path: Path) -> None:
    app = guarded(settings(tmp_path, require_key=True, visitors=True))
    store, most = VisitorStore(tmp_path / "visitors.sqlite"), ServiceBounds().visitor_messages
    async with client(app, "9.9.9.9") as caller, client(app, "8.8.8.8") as other:
        begun = [(await caller.post("/api/visitors")).status_code for _ in range(LOGINS_PER_MINUTE + 5)]
        assert begun == [200] * LOGINS_PER_MINUTE + [429] * 5
        assert (await other.post("/api/visitors")).status_code == 200

        async def say(times: int) -> list[int]:
            cookie = {"Cookie": f"assistant_visitor={store.begin(1)[1]}"}
            return [
                (await caller.post("/api/sessions/s/messages", json={}, headers=cookie)).status_code
                for _ in range(times)
            ]

        assert await say(most + 2) == [200] * most + [429] * 2
        assert [await say(most) for _ in range(3)] == [[200] * most] * 3
        assert await say(2) == [429] * 2


async def test_both_of_our_cookies_are_found_among_others_and_the_login_counts(tmp_path: Path) -> None:
    keys = KeyStore(tmp_path / "keys.sqlite")
    login = f"assistant_login={keys.log_in(keys.create('ann')[1])}"
    visitor, token = VisitorStore(tmp_path / "visitors.sqlite").begin(1)
    cookie = f"assistant_visitor={token}"
    async with client(guarded(settings(tmp_path, visitors=True))) as caller:
        for sent in (f"{login}; {cookie}", f'{cookie}; x="\\"; {login}', f"{cookie};{login};{cookie}x"):
            answer = (await caller.get("/api/sessions", headers={"Cookie": sent})).json()
            assert answer["cookie"] == f"{login}; {cookie}"
            assert answer["user"] not in ("local", visitor.owner)
        apart = await caller.get("/api/sessions", headers=[("Cookie", login), ("Cookie", cookie)])
        assert apart.json()["cookie"] == f"{login}; {cookie}"
        assert (await caller.get("/api/sessions", headers={"Cookie": cookie})).json()["user"] == visitor.owner
        for broken in (f"not_{cookie}", f"{cookie}x", "assistant_visitor="):
            assert (await caller.get("/api/sessions", headers={"Cookie": broken})).status_code == 401
