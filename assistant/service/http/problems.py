"""Errors as RFC 9457 problem details: one clear sentence, never a traceback."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Match

from assistant.errors import (
    BadInput,
    CatalogueBusy,
    EncoderMismatch,
    LLMBadReply,
    MediaError,
    ProductError,
    ServiceMissing,
    SessionError,
    StoreError,
    UnknownItem,
)
from tools.records import Record

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


class Problem(Record):
    """Problem details as RFC 9457 names them, and the id under which the log has more."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    request_id: str | None = None


class Refused(Exception):
    """A request that the service itself refuses, with the status that says why."""

    def __init__(self, status: HTTPStatus, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers or {}


RETRY_SECONDS: Final = "5"
SHARED_SECONDS = 5.0
"""How long the server that workers share may take for an answer."""


def shared_server_away() -> Refused:
    """For a request that needs what is in the Redis server, which is away."""
    detail = "The Redis server that the workers share does not answer; try again soon."
    return Refused(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": RETRY_SECONDS})


_STATUS: tuple[tuple[type[ProductError], HTTPStatus], ...] = (
    (MediaError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (SessionError, HTTPStatus.NOT_FOUND),
    (UnknownItem, HTTPStatus.NOT_FOUND),
    (EncoderMismatch, HTTPStatus.CONFLICT),
    (CatalogueBusy, HTTPStatus.CONFLICT),
    (BadInput, HTTPStatus.BAD_REQUEST),
    (ServiceMissing, HTTPStatus.SERVICE_UNAVAILABLE),
    (StoreError, HTTPStatus.SERVICE_UNAVAILABLE),
    (LLMBadReply, HTTPStatus.BAD_GATEWAY),
)


def problem_of(error: Exception, request_id: str | None = None) -> Problem:
    """What a caller is told of an error; an unexpected one is logged and told without its inside."""
    if isinstance(error, Refused):
        return _problem(error.status, str(error), request_id)
    if isinstance(error, ProductError):
        status = next((status for kind, status in _STATUS if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
        return _problem(status, str(error), request_id)
    logger.error("unexpected error", exc_info=error)
    return _problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Something went wrong here; the log has more under the request id.",
        request_id,
    )


FORMS: dict[str, Callable[[Problem], tuple[int, dict[str, Any]] | None]] = {}
"""Status and body of errors where another protocol prescribes them, by the beginning of the address; None
for a problem that is told as everywhere."""


def as_response(problem: Problem, headers: dict[str, str] | None = None, *, path: str = "") -> Response:
    """The problem as an HTTP answer at an address; what is not there now may be tried again."""
    if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers = {"Retry-After": RETRY_SECONDS} | (headers or {})
    for beginning, form in FORMS.items():
        if path.startswith(beginning) and (response := form(problem)):
            return JSONResponse(response[1], response[0], headers=headers)
    return JSONResponse(problem.model_dump(), problem.status, headers=headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Have every error of the app answered as a problem."""

    async def product(request: Request, error: Exception) -> Response:
        headers = error.headers if isinstance(error, Refused) else None
        return as_response(problem_of(error, request_id(request)), headers, path=request.url.path)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - as registered
        if isinstance(error.__cause__, Refused):  # FastAPI takes whatever ends its reading of a body for a bad body
            return await product(request, error.__cause__)
        status = HTTPStatus(error.status_code)
        text = (
            error.detail if error.detail and error.detail != status.phrase else _PLAIN.get(status, status.description)
        )
        detail = text or status.phrase
        headers = dict(error.headers or {})
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(_methods_here(request))
        return as_response(_problem(status, detail, request_id(request)), headers, path=request.url.path)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - as registered
        problem = _problem(HTTPStatus.UNPROCESSABLE_ENTITY, first_fault(error.errors()), request_id(request))
        return as_response(problem, path=request.url.path)

    app.add_exception_handler(Refused, product)
    app.add_exception_handler(ProductError, product)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, product)


def _methods_here(request: Request) -> list[str]:
    """What an address takes; each route knows only its own method."""
    matching = (route for route in request.app.routes if route.matches(request.scope)[0] != Match.NONE)
    return sorted({method for route in matching for method in getattr(route, "methods", None) or ()})


def request_id(request: Request) -> str | None:
    """The id that this request's answer and log lines carry."""
    value: str | None = request.scope.get("request_id")
    return value


def first_fault(errors: Any) -> str:  # noqa: ANN401 - pydantic's list of dictionaries
    """The first thing that is wrong with a request, in one sentence."""
    first = errors[0]
    location = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path", "header"))
    reason = str(first["msg"]).removeprefix("Value error, ").rstrip(".")
    reason = f"{reason[:1].lower()}{reason[1:]}"
    return f"{location} is wrong: {reason}." if location else f"The request is wrong: {reason}."


_PLAIN = {
    HTTPStatus.NOT_FOUND: "There is nothing at this address.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not take that method.",
}


def _problem(status: HTTPStatus, detail: str, request: str | None) -> Problem:
    return Problem(title=status.phrase, status=status, detail=" ".join(detail.split()), request_id=request)
