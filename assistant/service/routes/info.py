"""What the service is and whether it is well: version, models, limits, health, and logging in from the web page."""

import asyncio
from http import HTTPStatus
from importlib.metadata import version
from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from assistant.agent.receive import ATTACHMENTS
from assistant.agent.steps import StepsInForce, steps_in_force
from assistant.front import model_names
from assistant.service.context import TheService, TheUser
from assistant.service.http import cookies
from assistant.service.http.problems import Refused
from assistant.service.http.roles import EVERYBODY, KEY_HOLDERS, allow
from assistant.service.keys import LOGIN_SECONDS, Role
from assistant.service.readiness import OK, Readiness, Ready
from tools.records import Record

router = APIRouter(tags=["service"], dependencies=[allow(EVERYBODY)])


class LimitsOut(Record):
    """What a message may bring; sizes in bytes, lengths in seconds."""

    message_characters: int
    attachments: int
    image_bytes: int
    audio_bytes: int
    audio_seconds: float
    video_bytes: int
    video_seconds: float
    video_frames: int


class Info(Record):
    """The service in a few words."""

    version: str
    auth: Literal["none", "key"]
    user: str | None = Field(description="whose key is in use, or visitor; null when nobody is logged in")
    role: Role
    visitors: bool = Field(description="whether people without a key may become visitors")
    models: dict[str, str]
    steps: StepsInForce | None = Field(description="what the language model does in a turn; null without a key")
    items: int | None = Field(description="items of the catalogue; null before logging in")
    languages: list[str] = ["en", "zh"]
    limits: LimitsOut


class LoginIn(Record):
    """A key, exchanged for a cookie."""

    key: str = Field(max_length=200)


@router.get("/api/info")
async def info(request: Request, service: TheService, user: TheUser) -> Info:
    """Version, models, limits, and whether a key is needed."""
    has_user, has_key = bool(user.id), user.role in KEY_HOLDERS
    return Info(
        version=version("recommendation-assistant"),
        auth="key" if request.scope["needs_key"] else "none",
        user=user.name if has_user else None,
        role=user.role,
        visitors=service.settings.service.visitors,
        models=model_names(service.settings) if has_key else {},
        steps=await asyncio.to_thread(steps_in_force, service.settings) if has_key else None,
        items=await asyncio.to_thread(service.assistant.count) if has_user else None,
        limits=LimitsOut(attachments=ATTACHMENTS, **service.settings.limits.model_dump()),
    )


@router.post("/api/login", status_code=204)
async def login(request: Request, service: TheService, body: LoginIn) -> Response:
    """Exchange a key for a cookie that scripts cannot read and other sites cannot use."""
    token = await asyncio.to_thread(service.keys.log_in, body.key.strip())
    if token is None:
        raise Refused(HTTPStatus.UNAUTHORIZED, "This key is unknown, revoked or past its end.")
    response = Response(status_code=204)
    cookies.set_cookie(request, response, cookies.LOGIN, token, LOGIN_SECONDS)
    return response


@router.delete("/api/login", status_code=204)
async def logout(request: Request, service: TheService) -> Response:
    """End the cookie's login."""
    if token := request.cookies.get(cookies.LOGIN):
        await asyncio.to_thread(service.keys.log_out, token)
    response = Response(status_code=204)
    cookies.drop_cookie(response, cookies.LOGIN)
    return response


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process lives."""
    return {"status": "ok"}


@router.get("/readyz", response_model=Ready, responses={503: {"model": Ready}})
async def readyz(request: Request, user: TheUser) -> JSONResponse:
    """Whether the service can answer; 503 while something that every turn needs is missing.

    Other parts that are missing are named, and turns go on without them. Who brings no key where one is needed is told
    which parts are missing, and no more.
    """
    readiness: Readiness = request.app.state.readiness
    ready = await readiness.look()
    if user.role not in KEY_HOLDERS:
        ready = ready.model_copy(update={"parts": {n: s if s == OK else "missing" for n, s in ready.parts.items()}})
    return JSONResponse(ready.model_dump(), HTTPStatus.OK if ready.ready else HTTPStatus.SERVICE_UNAVAILABLE)
