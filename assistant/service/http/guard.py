"""What every request passes first: its id, where it comes from, who sends it, how often, and how large it may be.

A pure ASGI middleware, because it must count a body's bytes as they arrive and must not hold up streams.
"""

import asyncio
import ipaddress
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus
from urllib.parse import SplitResult, urlsplit

from limits import RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistant.errors import ProductError, StoreError
from assistant.privacy.pseudonyms import pseudonym
from assistant.records import LOCAL
from assistant.service.context import KEY_OWNER, LOCAL_USER, NOBODY, REQUEST_ID, User
from assistant.service.http import cookies
from assistant.service.http.access import IMPORTS
from assistant.service.http.customers import customer_of
from assistant.service.http.problems import SHARED_SECONDS, Refused, as_response, problem_of, shared_server_away
from assistant.service.keys import PREFIX, Key, KeyStore, Role
from assistant.settings import ANY_SITE, Settings
from assistant.visitors import VisitorStore

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
JSON_MESSAGE_BYTES = 48 * 2**20
"""A message with its files in base64, which has to be in memory as a whole."""

CSP = (
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors "
)
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=()",
}

LOGINS_PER_MINUTE = 20
"""Attempts to log in from one address."""
NETWORK_BITS = 64
"""Of an IPv6 address: what a provider gives one customer, who may use every address in it."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MESSAGES = re.compile(r"/api/sessions/[^/]+/messages$|/v1/(chat/completions|responses)$|/api/uploads$|/mcp$")
_LOGIN = "/api/login"
_VISITORS = "/api/visitors"
_TURN = re.compile(r"/api/sessions/[^/]+/messages$")
_OPEN = re.compile(r"/(healthz|readyz|api/login|api/info|api/visitors|api/shop(/logo)?)$")
_NEEDS_USER = re.compile(r"/(api|v1|mcp|metrics|docs|openapi\.json)(/|$)")
_OUR_COOKIES = [
    re.compile(rb"(?:^|[;\s])(" + name.encode() + rb"=[A-Za-z0-9_-]{1,100})(?=[;\s]|$)")
    for name in (cookies.LOGIN, cookies.VISITOR)
]
_FORWARDED = re.compile(
    r"forwarded|via|x-forwarded(-.*)?|x-(real|client|cluster-client|envoy-external)-(ip|address)|"
    r"(true-client|cf-connecting|fastly-client)-ip"
)


def is_loopback(host: str) -> bool:
    """True for this machine's own addresses and ``localhost``."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.casefold() == "localhost"


class AuthMiddleware:
    """The middleware.

    Keys are needed where the service listens beyond this machine, where ``service.require_key`` says so, where there is
    a key, and for each request that came through a proxy: one with headers that proxies add, or for another host name
    than this machine's own.
    """

    def __init__(self, app: ASGIApp, settings: Settings, keys: KeyStore) -> None:
        self._app = app
        self._all_settings = settings
        self._settings = settings.service
        self._keys = keys
        self._own_names = is_loopback(settings.service.host)
        self._always = settings.service.require_key or not self._own_names
        self._visitors = VisitorStore(settings.visitors_place)
        bounds, rate = settings.service.bounds, settings.service.requests_per_minute
        self._rate = RateLimitItemPerMinute(rate)
        self._visitor_rate = RateLimitItemPerMinute(min(rate, bounds.visitor_requests))
        self._turn_rate = RateLimitItemPerMinute(bounds.visitor_messages)
        self._address_turn_rate = RateLimitItemPerMinute(4 * bounds.visitor_messages)
        self._asks_servers = bool(settings.state.url or settings.redis_url)
        self._limiter = SlidingWindowCounterRateLimiter(
            _shared_counts(settings.redis_url) if settings.redis_url else MemoryStorage()
        )
        self._headers = security_headers(settings.service.cors)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a refused request; pass on every other, its answer with the security headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        _keep_our_cookies(scope)
        headers = Headers(scope=scope)
        scope["request_id"] = _request_id(headers)
        token = REQUEST_ID.set(scope["request_id"])
        sending = _with_headers(send, {"X-Request-ID": scope["request_id"]}, self._headers)
        try:
            check = partial(self._check, scope, headers)  # it asks servers, where there are any, which may be slow
            scope["user"] = await asyncio.to_thread(check) if self._asks_servers else check()
            await self._app(scope, _bounded(receive, self._limit(scope, headers)), sending)
        except (Refused, ProductError) as exc:  # those of handlers are answered further in
            extra = exc.headers if isinstance(exc, Refused) else None
            await as_response(problem_of(exc, scope["request_id"]), extra, path=scope["path"])(scope, receive, sending)
        finally:
            REQUEST_ID.reset(token)

    def _check(self, scope: Scope, headers: Headers) -> User:
        path, method = scope["path"], scope["method"]
        host = _host_name(headers)
        self._check_origin(headers, method, host)
        scope["needs_key"] = needs_key = (
            self._always or not is_loopback(host) or _came_through_a_proxy(headers) or self._any_key(path)
        )
        if method == "OPTIONS" and "access-control-request-method" in headers:
            return NOBODY  # browsers ask without a key whether they may send one
        key = self._key(headers)
        user = self._owner(key) if key else self._without_key(scope, headers) if needs_key else LOCAL_USER
        user = customer_of(self._all_settings, user, headers)
        if _NEEDS_USER.match(path):
            self._check_rates(user, scope)
        if not key and user.role is not Role.VISITOR and not _OPEN.match(path):
            self._refuse_without_key(headers, path, needs_key=needs_key)
        limit, length = self._limit(scope, headers), headers.get("content-length", "")
        if length.isdecimal() and int(length) > limit:
            raise _too_large(limit)
        return user

    def _any_key(self, path: str) -> bool:
        try:
            return self._keys.any()
        except StoreError:  # where it matters, the sentence is the answer
            if _NEEDS_USER.match(path) and not _OPEN.match(path):
                raise
            return True

    def _check_origin(self, headers: Headers, method: str, name: str) -> None:
        """Names that are not ours (DNS rebinding), and writing requests from other web sites."""
        if self._own_names and not (is_loopback(name) or name in (self._settings.host, *self._settings.hosts)):
            raise Refused(HTTPStatus.MISDIRECTED_REQUEST, "This service does not answer under that host name.")
        origin = headers.get("origin")
        if method in SAFE_METHODS or origin in self._settings.cors:
            return
        if (origin and _netloc(origin) != headers.get("host")) or headers.get("sec-fetch-site") == "cross-site":
            raise Refused(HTTPStatus.FORBIDDEN, "Requests from other web sites are not taken.")

    def _check_rates(self, user: User, scope: Scope) -> None:
        """Count the request; a visitor's also by address, so that more cookies bring no more requests."""
        path, is_post, network = scope["path"], scope["method"] == "POST", _network(scope)
        if user.role is Role.VISITOR:
            self._check_rate(self._visitor_rate, user.id)
            if is_post and _TURN.match(path):
                self._check_rate(self._turn_rate, f"turns {user.id}")
                self._check_rate(self._address_turn_rate, f"turns {network}")
        has_key = user.role not in (Role.VISITOR, Role.NOBODY) and user.key != LOCAL
        self._check_rate(self._rate, user.key if has_key else network)
        if is_post and path in (_LOGIN, _VISITORS) and user.role is not Role.VISITOR:
            self._check_rate(_LOGIN_RATE, f"{path} {network}")

    def _without_key(self, scope: Scope, headers: Headers) -> User:
        """The visitor whose cookie comes with a request, or nobody."""
        token = _cookie(headers, cookies.VISITOR)
        if not token or not self._settings.visitors or "authorization" in headers:
            return NOBODY
        visitor = self._visitors.find(token)
        if visitor is None:
            return NOBODY
        return User(id=visitor.owner, name=Role.VISITOR, key=f"visitors:{_network(scope)}", role=Role.VISITOR)

    def _key(self, headers: Headers) -> Key | None:
        secret = _secret(headers)
        return self._keys.find(secret) if secret else None

    def _owner(self, key: Key) -> User:
        owner = KEY_OWNER + key.id
        return User(id=pseudonym(self._all_settings, owner), name=key.name, key=owner, role=key.role)

    def _refuse_without_key(self, headers: Headers, path: str, *, needs_key: bool) -> None:
        secret = _secret(headers)
        # OpenAI's clients always send some key; where none is needed, one that is not of our making means nothing
        means_us = headers.get("authorization") and (secret or "").startswith(PREFIX if path.startswith("/v1/") else "")
        if secret and (needs_key or means_us):
            raise _unauthorized("This key is unknown, revoked or past its end.")
        if needs_key and _NEEDS_USER.match(path):
            raise _unauthorized("A key is needed here: Authorization: Bearer KEY.")

    def _check_rate(self, rate: RateLimitItemPerMinute, identity: str) -> None:
        try:
            if self._limiter.hit(rate, identity):
                return
            seconds = max(1, round(self._limiter.get_window_stats(rate, identity).reset_time - time.time()))
        except StorageError as exc:
            raise shared_server_away() from exc
        raise Refused(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"Too many requests: at most {rate.amount} a minute.",
            {"Retry-After": str(seconds)},
        )

    def _limit(self, scope: Scope, headers: Headers) -> int:
        path, bounds = scope["path"], self._settings.bounds
        if path in IMPORTS:
            return bounds.import_bytes
        if not _MESSAGES.match(path):
            return bounds.json_bytes
        multipart = headers.get("content-type", "").startswith("multipart/")
        return bounds.body_bytes if multipart else min(bounds.body_bytes, JSON_MESSAGE_BYTES)


_LOGIN_RATE = RateLimitItemPerMinute(LOGINS_PER_MINUTE)


def _shared_counts(url: str) -> RedisStorage:
    """Counts of requests that all workers share."""
    seconds = SHARED_SECONDS
    return RedisStorage(url, wrap_exceptions=True, socket_timeout=seconds, socket_connect_timeout=seconds)


def _host_name(headers: Headers) -> str:
    return _split(f"//{headers.get('host', '')}", "Host").hostname or ""


def _netloc(origin: str) -> str:
    return _split(origin, "Origin").netloc


def _split(url: str, header: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as exc:
        raise Refused(HTTPStatus.BAD_REQUEST, f"The header {header} cannot be read.") from exc


def _came_through_a_proxy(headers: Headers) -> bool:
    return any(_FORWARDED.fullmatch(name) for name in headers)


def _network(scope: Scope) -> str:
    """Where a request comes from, as it is counted."""
    address = str(scope["client"][0]) if scope.get("client") else ""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, NETWORK_BITS), strict=False))
    return address


def _request_id(headers: Headers) -> str:
    value = headers.get("x-request-id", "")
    return value if _REQUEST_ID.fullmatch(value) else uuid.uuid4().hex


def _secret(headers: Headers) -> str | None:
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    if scheme.casefold() == "bearer" and secret.strip():
        return secret.strip()
    return _cookie(headers, cookies.LOGIN)


def _cookie(headers: Headers, name: str) -> str | None:
    """One of our cookies, as `_keep_our_cookies` has left them."""
    pairs = (pair.partition("=") for pair in headers.get("cookie", "").split("; "))
    return next((value for given, _, value in pairs if given == name), None)


def _keep_our_cookies(scope: Scope) -> None:
    """Drop every cookie but the first of each of ours from a request.

    Python's parser, which other libraries use further in, takes 20 seconds for 60 kB of backslashes (CVE-2024-7592).
    """
    sent = b";".join(value for name, value in scope["headers"] if name == b"cookie")
    ours = [match[1] for cookie in _OUR_COOKIES if (match := cookie.search(sent))]
    other_headers = [(name, value) for name, value in scope["headers"] if name != b"cookie"]
    scope["headers"] = other_headers + ([(b"cookie", b"; ".join(ours))] if ours else [])


def _unauthorized(detail: str) -> Refused:
    return Refused(HTTPStatus.UNAUTHORIZED, detail, {"WWW-Authenticate": "Bearer"})


def _too_large(limit: int) -> Refused:
    size = f"{limit / 2**20:.0f} MiB" if limit >= 2**20 else f"{limit:,} bytes"
    return Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The request is larger than {size}, the most that is read.")


def _bounded(receive: Receive, limit: int) -> Receive:
    """The same body, refused as soon as it is longer than the limit."""
    read = 0

    async def receive_bounded() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > limit:
            raise _too_large(limit)
        return message

    return receive_bounded


def security_headers(sites: Sequence[str]) -> dict[str, str]:
    """What every answer has, unless it brings its own; the sites may show the page in a frame, but not any site."""
    sites = [site for site in sites if site != ANY_SITE]
    framing = {} if sites else {"X-Frame-Options": "DENY"}  # it cannot name sites; frame-ancestors does
    return {**SECURITY_HEADERS, **framing, "Content-Security-Policy": CSP + (" ".join(sites) or "'none'")}


def _with_headers(send: Send, own: Mapping[str, str], usual: Mapping[str, str]) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(own)
            for name, value in usual.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
