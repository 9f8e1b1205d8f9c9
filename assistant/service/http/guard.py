"""What every request passes first: its id, where it comes from, who sends it, how often, and how large it may be.

A pure ASGI middleware, because it must count a body's bytes as they arrive and must not hold up streams.
"""

import ipaddress
import re
import time
import uuid
from http import HTTPStatus
from urllib.parse import SplitResult, urlsplit

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistant.errors import ProductError
from assistant.privacy.pseudonyms import pseudonym
from assistant.service.context import KEY_OWNER, LOCAL_USER, NOBODY, REQUEST_ID, User
from assistant.service.http.access import IMPORT
from assistant.service.http.problems import Refused, as_response, problem_of
from assistant.service.keys import PREFIX, Key, KeyStore
from assistant.settings import Settings

COOKIE = "assistant_login"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
JSON_MESSAGE_BYTES = 48 * 2**20
"""A message with its files in base64, which has to be in memory as a whole."""

CSP = (
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
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
_OPEN = re.compile(r"/(healthz|readyz|api/login|api/info)$")
_NEEDS_USER = re.compile(r"/(api|v1|mcp|metrics|docs|openapi\.json)(/|$)")
_OUR_COOKIE = re.compile(rb"(?:^|[;\s])(" + COOKIE.encode() + rb"=[A-Za-z0-9_-]{1,100})(?=[;\s]|$)")
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
        self._rate = RateLimitItemPerMinute(settings.service.requests_per_minute)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a refused request; pass on every other, its answer with the security headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        _keep_our_cookie(scope)
        headers = Headers(scope=scope)
        scope["request_id"] = _request_id(headers)
        token = REQUEST_ID.set(scope["request_id"])
        sending = _with_headers(send, scope["request_id"])
        try:
            scope["user"] = self._check(scope, headers)
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
            self._always or not is_loopback(host) or _came_through_a_proxy(headers) or self._keys.any()
        )
        if method == "OPTIONS" and "access-control-request-method" in headers:
            return NOBODY  # browsers ask without a key whether they may send one
        key = self._key(headers)
        user = self._owner(key) if key else NOBODY if needs_key else LOCAL_USER
        if _NEEDS_USER.match(path):
            self._check_rate(self._rate, user.id if key else _network(scope))
        if path == _LOGIN and method == "POST":
            self._check_rate(_LOGIN_RATE, f"login {_network(scope)}")
        if not key and not _OPEN.match(path):
            self._refuse_without_key(headers, path, needs_key=needs_key)
        limit, length = self._limit(scope, headers), headers.get("content-length", "")
        if length.isdecimal() and int(length) > limit:
            raise _too_large(limit)
        return user

    def _check_origin(self, headers: Headers, method: str, name: str) -> None:
        """Names that are not ours (DNS rebinding), and writing requests from other web sites."""
        if self._own_names and not (is_loopback(name) or name in (self._settings.host, *self._settings.hosts)):
            raise Refused(HTTPStatus.MISDIRECTED_REQUEST, "This service does not answer under that host name.")
        origin = headers.get("origin")
        if method in SAFE_METHODS or origin in self._settings.cors:
            return
        if (origin and _netloc(origin) != headers.get("host")) or headers.get("sec-fetch-site") == "cross-site":
            raise Refused(HTTPStatus.FORBIDDEN, "Requests from other web sites are not taken.")

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
        if not self._limiter.hit(rate, identity):
            seconds = max(1, round(self._limiter.get_window_stats(rate, identity).reset_time - time.time()))
            raise Refused(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"Too many requests: at most {rate.amount} a minute.",
                {"Retry-After": str(seconds)},
            )

    def _limit(self, scope: Scope, headers: Headers) -> int:
        path, bounds = scope["path"], self._settings.bounds
        if path == IMPORT:
            return bounds.import_bytes
        if not _MESSAGES.match(path):
            return bounds.json_bytes
        multipart = headers.get("content-type", "").startswith("multipart/")
        return bounds.body_bytes if multipart else min(bounds.body_bytes, JSON_MESSAGE_BYTES)


_LOGIN_RATE = RateLimitItemPerMinute(LOGINS_PER_MINUTE)


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
    return headers.get("cookie", "").removeprefix(f"{COOKIE}=") or None


def _keep_our_cookie(scope: Scope) -> None:
    """Drop every cookie but ours from a request.

    Python's parser, which other libraries use further in, takes 20 seconds for 60 kB of backslashes (CVE-2024-7592).
    """
    cookies = [
        match for name, value in scope["headers"] if name == b"cookie" for match in [_OUR_COOKIE.search(value)] if match
    ]
    other_headers = [(name, value) for name, value in scope["headers"] if name != b"cookie"]
    scope["headers"] = other_headers + [(b"cookie", match[1]) for match in cookies[:1]]


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


def _with_headers(send: Send, request_id: str) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = request_id
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
