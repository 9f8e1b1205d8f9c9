"""The outermost and the innermost of what a request passes: it is timed from outside, and from within it is neither
waited for without end nor answered with anything but a problem.

Pure ASGI middlewares, as the guard is, because streams must not be held up.
"""

import asyncio
import time
from http import HTTPStatus

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistant.service.context import CLIENT_GONE
from assistant.service.http.problems import Refused, as_response, problem_of
from assistant.service.telemetry.observers import Observer, RequestEnded
from assistant.settings import ServiceBounds

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NO_ROUTE = "none"
IMPORTS = frozenset({"/api/catalogue/import", "/api/admin/feeds"})
"""Where a catalogue is sent as one stream."""


class AccessMiddleware:
    """The outermost: tells the observer of every request that has ended."""

    def __init__(self, app: ASGIApp, observer: Observer) -> None:
        self._app = app
        self._observer = observer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and tell of it however it ends."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, size = time.perf_counter(), CLIENT_GONE, 0

        async def send_counted(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                self._observer.answer_begun(scope.get("request_id", ""), _user(scope))
            size += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, send_counted)
        finally:
            self._observer.request_ended(_served(scope, status, time.perf_counter() - began, size))


def _served(scope: Scope, status: int, seconds: float, size: int) -> RequestEnded:
    return RequestEnded(
        method=scope["method"] if scope["method"] in METHODS else "other",
        route=NO_ROUTE if status == HTTPStatus.NOT_FOUND and "route" not in scope else route_of(scope),
        status=status,
        seconds=seconds,
        size=size,
        user=_user(scope),
        request_id=scope.get("request_id", ""),
    )


def _user(scope: Scope) -> str:
    return getattr(scope.get("user"), "id", "")  # nobody yet where the guard refused


def route_of(scope: Scope) -> str:
    """The template of the route that took the request, so that there are few of them."""
    route = scope.get("route")
    if route is not None:
        return str(getattr(route, "path", NO_ROUTE))
    return str(scope.get("root_path") or "/") if "endpoint" in scope else NO_ROUTE


class BodyTimeout:
    """Within the guard: a body that stalls or takes too long, one that is too large and an error that nobody expected
    become problems.

    What reading the body raised is the answer, whatever a handler made of it on the way: FastAPI turns every error
    there into its own 400.
    """

    def __init__(self, app: ASGIApp, bounds: ServiceBounds) -> None:
        self._app = app
        self._bounds = bounds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a bounded wait for each part of its body and for the whole."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        imports = scope["path"] in IMPORTS
        total = self._bounds.import_total_seconds if imports else self._bounds.body_total_seconds
        body, answer = _Body(receive, self._bounds.body_seconds, total), _Answer(send)

        async def sending(message: Message) -> None:
            if body.fault is None or answer.started:
                await answer.send(message)

        try:
            await self._app(scope, body.receive, sending)
            fault: Exception | None = body.fault
        except ClientDisconnect:  # nobody is left to be answered
            fault = None
        except Exception as exc:  # nothing of it may reach the client, and the log has it once
            fault = body.fault or exc
        if fault is not None:
            await answer.fail(fault, scope, receive)


class _Body:
    """A request's body as it comes in, and what went wrong with it."""

    def __init__(self, receive: Receive, seconds: float, total_seconds: float) -> None:
        self._receive = receive
        self._seconds = seconds
        self._total = total_seconds
        self._end = time.monotonic() + total_seconds
        self._complete = False
        self.fault: Refused | None = None

    async def receive(self) -> Message:
        """The next part; waiting for the client's hanging up, after the body, has no bound."""
        remaining_seconds = self._end - time.monotonic()
        try:
            async with asyncio.timeout(None if self._complete else min(self._seconds, remaining_seconds)):
                message = await self._receive()
        except TimeoutError as exc:
            detail = f"The request's body brought nothing for {self._seconds:g} seconds."
            if remaining_seconds < self._seconds:
                detail = f"The request's body took longer than {self._total:g} seconds."
            self.fault = Refused(HTTPStatus.REQUEST_TIMEOUT, detail, {"Connection": "close"})
            raise self.fault from exc
        except Refused as exc:
            self.fault = exc
            raise
        self._complete = not message.get("more_body", False)
        return message


class _Answer:
    """An answer on its way out."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def send(self, message: Message) -> None:
        """Pass a part on."""
        self.started = self.started or message["type"] == "http.response.start"
        await self._send(message)

    async def fail(self, error: Exception, scope: Scope, receive: Receive) -> None:
        """Answer with the problem; when an answer has begun, there is only the log, and the server breaks it off."""
        problem = problem_of(error, scope.get("request_id"))
        if not self.started:
            extra = error.headers if isinstance(error, Refused) else None
            await as_response(problem, extra, path=scope["path"])(scope, receive, self._send)
