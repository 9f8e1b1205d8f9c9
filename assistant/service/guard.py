"""What every request passes first: its id, where it comes from, who sends it, how often, and how large it may be.

A pure ASGI middleware, because it must count a body's bytes as they arrive and must not hold up streams.
"""

import ipaddress
import re
import uuid
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistant.errors import ProductError
from assistant.privacy.pseudonyms import pseudonym
from assistant.service.context import KEY_OWNER, LOCAL_USER, REQUEST_ID, User
from assistant.service.keys import PREFIX, KeyStore
from assistant.service.problems import Refused, as_response, problem_of
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

NOBODY = User(id="", name="", key="")

_GIVEN_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MESSAGES = re.compile(r"/api/sessions/[^/]+/messages$|/v1/chat/completions$|/api/uploads$|/mcp$")
_OPEN = re.compile(r"/(healthz|readyz|api/login|api/info)$")
_NEEDS_USER = re.compile(r"/(api|v1|mcp|metrics|docs|openapi\.json)(/|$)")


def is_loopback(host: str) -> bool:
    """True for this machine's own addresses and ``localhost``."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.casefold() == "localhost"


class Guard:
    """The middleware."""

    def __init__(self, app: ASGIApp, settings: Settings, keys: KeyStore, *, needs_key: bool) -> None:
        self._app = app
        self._all_settings = settings
        self._settings = settings.service
        self._keys = keys
        self._needs_key = needs_key
        self._rate = RateLimitItemPerMinute(settings.service.requests_per_minute)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a refused request; pass on every other, its answer with the security headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
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
        self._check_origin(headers, method)
        if method == "OPTIONS" and "access-control-request-method" in headers:
            return NOBODY  # browsers ask without a key whether they may send one
        user = self._user(headers, path)
        if _NEEDS_USER.match(path):
            client = scope.get("client")
            self._check_rate(user.id if self._needs_key else str(client[0] if client else ""))
        limit, length = self._limit(scope, headers), headers.get("content-length", "")
        if length.isdecimal() and int(length) > limit:
            raise _too_large(limit)
        return user

    def _check_origin(self, headers: Headers, method: str) -> None:
        """Names that are not ours (DNS rebinding), and writing requests from other web sites."""
        host = headers.get("host", "")
        name = urlsplit(f"//{host}").hostname or ""
        known = {self._settings.host, *self._settings.hosts}
        if not self._needs_key and not (is_loopback(name) or name in known):
            raise Refused(HTTPStatus.MISDIRECTED_REQUEST, "This service does not answer under that host name.")
        origin = headers.get("origin")
        if method in SAFE_METHODS or origin in self._settings.cors:
            return
        if (origin and urlsplit(origin).netloc != host) or headers.get("sec-fetch-site") == "cross-site":
            raise Refused(HTTPStatus.FORBIDDEN, "Requests from other web sites are not taken.")

    def _user(self, headers: Headers, path: str) -> User:
        secret = _secret(headers)
        key = self._keys.find(secret) if secret else None
        if key:
            owner = KEY_OWNER + key.id
            return User(id=pseudonym(self._all_settings, owner), name=key.name, key=owner)
        # OpenAI's clients always send some key; where none is needed, one that is not of our making means nothing
        means_us = headers.get("authorization") and (secret or "").startswith(PREFIX if path.startswith("/v1/") else "")
        if secret and not _OPEN.match(path) and (self._needs_key or means_us):
            raise _unauthorized("This key is unknown, revoked or past its end.")
        if self._needs_key and _NEEDS_USER.match(path) and not _OPEN.match(path):
            raise _unauthorized("A key is needed here: Authorization: Bearer KEY.")
        return LOCAL_USER if not self._needs_key else NOBODY

    def _check_rate(self, who: str) -> None:
        if not self._limiter.hit(self._rate, who):
            seconds = max(1, round(self._limiter.get_window_stats(self._rate, who).reset_time - _now()))
            raise Refused(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"Too many requests: at most {self._rate.amount} a minute.",
                {"Retry-After": str(seconds)},
            )

    def _limit(self, scope: Scope, headers: Headers) -> int:
        path, settings = scope["path"], self._settings
        if path == "/api/catalogue/import":
            return settings.import_bytes
        if not _MESSAGES.match(path):
            return settings.json_bytes
        multipart = headers.get("content-type", "").startswith("multipart/")
        return settings.body_bytes if multipart else min(settings.body_bytes, JSON_MESSAGE_BYTES)


def _now() -> float:
    import time

    return time.time()


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex


def _secret(headers: Headers) -> str | None:
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    if scheme.casefold() == "bearer" and secret.strip():
        return secret.strip()
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return cookie.value if cookie else None


def _unauthorized(detail: str) -> Refused:
    return Refused(HTTPStatus.UNAUTHORIZED, detail, {"WWW-Authenticate": "Bearer"})


def _too_large(limit: int) -> Refused:
    size = f"{limit / 2**20:.0f} MiB" if limit >= 2**20 else f"{limit:,} bytes"
    return Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The request is larger than {size}, the most that is read.")


def _bounded(receive: Receive, limit: int) -> Receive:
    """The same body, refused as soon as it is longer than the limit."""
    read = 0

    async def counted() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > limit:
            raise _too_large(limit)
        return message

    return counted


def _with_headers(send: Send, request_id: str) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = request_id
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
