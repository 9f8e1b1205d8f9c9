"""The shop's own pages over HTTP: listing for everybody who may ask, writing and removing as with the catalogue."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from assistant.ingest.pages import Format, page_of
from assistant.service.context import Service, TheService
from assistant.service.http.exact_route import ExactRoute
from assistant.service.http.problems import Refused
from assistant.service.http.roles import ADMINS, KEY_HOLDERS, allow
from tools.errors import BadInput
from tools.records import Record
from tools.store.pages import Change, PageInfo, PageStore

router = APIRouter(prefix="/api/pages", tags=["catalogue"], route_class=ExactRoute, dependencies=[allow(KEY_HOLDERS)])

FORMS: dict[str, Format] = {"text/markdown": "markdown", "text/html": "html", "text/plain": "text"}
_BODY: dict[str, Any] = {"requestBody": {"required": True, "content": {form: {} for form in FORMS}}}
"""Any bytes may be the text of a page: without a schema, as OpenAPI 3.1 has it for bodies that are not structured."""

Name = Annotated[str, Path(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class PagesOut(Record):
    """Every page, by name."""

    pages: list[PageInfo]


class PageWritten(Record):
    """What became of a page that was sent."""

    name: str
    title: str
    passages: int
    change: Change


@router.get("")
async def pages(service: TheService) -> PagesOut:
    """Every page: name, title, passages, characters."""
    return PagesOut(pages=await asyncio.to_thread(_store(service).pages))


@router.put("/{name}", dependencies=[allow(ADMINS)], openapi_extra=_BODY, responses={201: {"model": PageWritten}})
async def put(request: Request, response: Response, service: TheService, name: Name) -> PageWritten:
    """Store a page in the place of the one of its name: 201 when it is new."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
    if kind not in FORMS:
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Send a page as one of: {', '.join(FORMS)}.")
    content = await request.body()
    try:
        page = await asyncio.to_thread(page_of, content, name, FORMS[kind])
        changes = await asyncio.to_thread(_store(service).put, [page], service.assistant.engines.text)
    except BadInput as exc:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, str(exc)) from exc
    response.status_code = HTTPStatus.CREATED if changes[name] == "new" else HTTPStatus.OK
    return PageWritten(name=name, title=page.title, passages=len(page.passages), change=changes[name])


@router.delete("/{name}", dependencies=[allow(ADMINS)], status_code=204)
async def delete(service: TheService, name: Name) -> None:
    """Remove a page."""
    if not await asyncio.to_thread(_store(service).drop, [name]):
        raise Refused(HTTPStatus.NOT_FOUND, f"There is no page {name!r}.")


def _store(service: Service) -> PageStore:
    store = service.assistant.engines.pages
    if store is None:
        raise Refused(HTTPStatus.NOT_FOUND, "This service keeps no pages.")
    return store
