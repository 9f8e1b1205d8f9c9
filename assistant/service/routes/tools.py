"""Tools and uploads over HTTP: the same tools, checks, deadlines and sentences as when the model calls them."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from starlette.datastructures import UploadFile

from assistant.service.context import TheService, TheUser
from assistant.service.http.problems import MEDIA_TYPE, Problem, Refused, request_id
from assistant.service.http.roles import KEY_HOLDERS, allow
from assistant.service.tool_service import ToolOut, ToolService
from assistant.service.uploads.bodies import read_form, store
from assistant.service.uploads.store import Upload
from assistant.storage import INCOMING
from tools.records import FailureKind, Record, ToolOutcome

router = APIRouter(prefix="/api", tags=["tools"], dependencies=[allow(KEY_HOLDERS)])

MOST_CALLS = 8
"""How many calls one request may bring."""


def the_toolbench(request: Request) -> ToolService:
    """The tools, for handlers."""
    bench: ToolService = request.app.state.toolbench
    return bench


TheToolbench = Annotated[ToolService, Depends(the_toolbench)]


class ToolsOut(Record):
    """Every tool."""

    tools: list[ToolOut]


class CallIn(Record):
    """The arguments of one call, as the tool's schema has them."""

    arguments: dict[str, Any] = Field({}, examples=[{"query": "black chair", "k": 3, "filters": {"max_price": 100}}])


class NamedCall(CallIn):
    """One call of several; ``id`` is the caller's own and comes back with the result."""

    id: str | None = Field(None, max_length=100)
    name: str = Field(max_length=100)


class CallsIn(Record):
    """Calls that run side by side."""

    calls: list[NamedCall] = Field(min_length=1, max_length=MOST_CALLS)


class NamedOutcome(ToolOutcome):
    """What one call of several gave."""

    id: str | None
    name: str


class OutcomesOut(Record):
    """What the calls gave, in the order of the calls."""

    results: list[NamedOutcome]


class ToolProblem(Problem):
    """Problem details of a call that failed, with the outcome's own fields."""

    ok: Literal[False] = False
    error: str
    seconds: float


_STATUS: dict[FailureKind, HTTPStatus] = {
    "input": HTTPStatus.BAD_REQUEST,
    "unknown": HTTPStatus.NOT_FOUND,
    "media": HTTPStatus.UNPROCESSABLE_ENTITY,
    "missing": HTTPStatus.SERVICE_UNAVAILABLE,
    "late": HTTPStatus.GATEWAY_TIMEOUT,
    "failed": HTTPStatus.INTERNAL_SERVER_ERROR,
}


@router.get("/tools")
async def list_tools(bench: TheToolbench) -> ToolsOut:
    """Names, descriptions, and JSON schemas of arguments and results."""
    return ToolsOut(tools=bench.tools)


@router.get("/tools/openai")
async def openai_tools(bench: TheToolbench) -> list[dict[str, Any]]:
    """The tools as OpenAI's chat completions take them in ``tools``."""
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": tool.arguments},
        }
        for tool in bench.tools
    ]


@router.post("/tools/{name}", response_model=ToolOutcome)
async def call(
    request: Request, bench: TheToolbench, user: TheUser, name: str, body: CallIn | None = None
) -> JSONResponse:
    """Call one tool; a failure is answered with a status that says whose it is."""
    outcome = await bench.call(user, name, body.arguments if body else {})
    if outcome.ok:
        return JSONResponse(outcome.model_dump(mode="json"))
    problem = _problem(outcome, request_id(request))
    return JSONResponse(problem.model_dump(), problem.status, media_type=MEDIA_TYPE)


@router.post("/tools")
async def call_several(bench: TheToolbench, user: TheUser, body: CallsIn) -> OutcomesOut:
    """Call several tools side by side; each has its own ``ok``, and the status is 200 whatever they say."""
    outcomes = await asyncio.gather(*(bench.call(user, entry.name, entry.arguments) for entry in body.calls))
    results = [
        NamedOutcome(id=entry.id, name=entry.name, **dict(outcome))
        for entry, outcome in zip(body.calls, outcomes, strict=True)
    ]
    return OutcomesOut(results=results)


@router.post(
    "/uploads",
    status_code=201,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["file"],
                        "properties": {"file": {"type": "string", "format": "binary"}},
                    }
                }
            },
        }
    },
)
async def upload(request: Request, service: TheService, bench: TheToolbench, user: TheUser) -> Upload:
    """Store a picture or recording for a day; the id is what tools take as ``image`` or ``audio``."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
    if kind != "multipart/form-data":
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send multipart/form-data with one file named 'file'.")
    form = await read_form(request, service.settings.limits)
    try:
        parts = form.multi_items()
        if len(parts) != 1 or parts[0][0] != "file" or not isinstance(parts[0][1], UploadFile):
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "Send one file, named 'file', and nothing else.")
        path, name = await store(parts[0][1], service.settings.data_folder / INCOMING)
    finally:
        await form.close()
    return await asyncio.to_thread(bench.uploads.add, user, path, name)


@router.delete("/uploads/{upload_id}", status_code=204)
async def remove(bench: TheToolbench, user: TheUser, upload_id: str) -> None:
    """Delete an upload before its day is over."""
    if not await asyncio.to_thread(bench.uploads.remove, user, upload_id):
        raise Refused(HTTPStatus.NOT_FOUND, "There is no such upload.")


def _problem(outcome: ToolOutcome, request: str | None) -> ToolProblem:
    status = _STATUS[outcome.failure or "failed"]
    error = outcome.error or status.phrase
    sentence = error if error.endswith((".", "!", "?")) else f"{error[:1].upper()}{error[1:]}."
    return ToolProblem(
        title=status.phrase, status=status, detail=sentence, request_id=request, error=error, seconds=outcome.seconds
    )
