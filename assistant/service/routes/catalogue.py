"""The catalogue over HTTP: reading, writing that goes through ingestion, imports as jobs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, FastAPI, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse

from assistant.service.context import Service, TheService
from assistant.service.http.exact_route import ExactRoute
from assistant.service.http.problems import Refused
from assistant.service.http.roles import ADMINS, EVERYBODY, KEY_HOLDERS, PEOPLE, allow
from assistant.service.item_links import PICTURES, is_picture_token
from assistant.service.pictures import SHOWN_WIDTH, PictureFile, Pictures
from assistant.service.routes import catalogue_reading as reading
from assistant.service.routes.catalogue_map import Map, Maps, MapSpace, Method
from assistant.service.routes.catalogue_views import (
    ItemCards,
    ItemOut,
    Neighbours,
    StatsOut,
    item_out,
    stats_out,
)
from assistant.service.runs.catalogue_writing import CatalogueWriting, Written
from assistant.service.runs.feeds import Feeds
from assistant.service.runs.jobs import ImportJob, Imports, Jobs
from tools.bounds import split_array
from tools.engines.parts import Engines
from tools.records import Filters

LINES = 1_000
"""Lines of one request; more are an import."""
CACHED = "private, max-age=300"


@dataclass(frozen=True)
class CatalogueService:
    """What these handlers work with."""

    engines: Engines
    pictures: Pictures
    maps: Maps
    writing: CatalogueWriting
    imports: Imports
    feeds: Feeds


@asynccontextmanager
async def _open(app: FastAPI) -> AsyncIterator[None]:
    """The desk, as long as the service runs."""
    service: Service = app.state.service
    engines, settings = service.assistant.engines, service.settings
    writing = CatalogueWriting(settings, engines)
    pictures = Pictures.of(engines, settings)
    imports = Imports(writing)
    feeds = Feeds(writing, imports, settings.data_folder, settings.service.bounds)
    desk = CatalogueService(engines, pictures, Maps(engines), writing, imports, feeds)
    await asyncio.to_thread(desk.imports.load)
    await asyncio.to_thread(pictures.tidy)
    app.state.catalogue_desk = desk
    again = asyncio.create_task(feeds.keep_importing())
    try:
        yield
    finally:
        again.cancel()
        await asyncio.gather(again, return_exceptions=True)
        await desk.imports.close()
        desk.maps.close()
        await asyncio.to_thread(writing.close)


def _the_desk(request: Request) -> CatalogueService:
    desk: CatalogueService = request.app.state.catalogue_desk
    return desk


TheDesk = Annotated[CatalogueService, Depends(_the_desk)]
Names = Annotated[list[Annotated[str, Query(max_length=100)]], Query(max_length=50)]
Price = Annotated[float | None, Query(ge=0, allow_inf_nan=False)]
Line = dict[str, Any]
LINE: Line = {
    "title": "Oak Chair",
    "description": "A solid chair of oak.",
    "price": 80,
    "currency": "USD",
    "category": "Home > Chairs",
    "in_stock": True,
    "color": "brown",
}
"""What a line looks like, for the OpenAPI document."""

router = APIRouter(
    prefix="/api/catalogue", tags=["catalogue"], route_class=ExactRoute, lifespan=_open, dependencies=[allow(PEOPLE)]
)
pictures_router = APIRouter(
    prefix=PICTURES, tags=["catalogue"], route_class=ExactRoute, dependencies=[allow(EVERYBODY)]
)
"""The token in an address stands for the right to see one picture."""
jobs_router = APIRouter(prefix="/api/jobs", tags=["catalogue"], dependencies=[allow(ADMINS)])


# Reading -------------------------------------------------------------------------------------------------------------


@router.get("/stats")
async def stats(desk: TheDesk) -> StatsOut:
    """Counts of items, pictures and vectors, categories, brands, prices, encoders."""
    return await asyncio.to_thread(lambda: stats_out(desk.engines.catalogue))


@router.get("/items")
async def items(
    desk: TheDesk,
    query: Annotated[str, Query(max_length=2_000, description="words; ranked by meaning and by the words")] = "",
    category: Names = [],  # noqa: B006 - FastAPI copies it
    brand: Names = [],  # noqa: B006
    attribute: Annotated[
        list[Annotated[str, Query(max_length=201, pattern="^[^=]{1,100}=.{1,100}$")]],
        Query(max_length=20, description="name=value, such as size=43; values of one name are alternatives"),
    ] = [],  # noqa: B006
    min_price: Price = None,
    max_price: Price = None,
    in_stock: Annotated[bool, Query(description="true: only items known to be in stock")] = False,
    sort: reading.Sort = "relevance",
    limit: Annotated[int, Query(ge=1, le=100)] = 24,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> ItemCards:
    """Items that meet every condition, decided before anything is ranked. Without a query the newest come first."""
    filters = Filters(
        categories=[name for name in category if name.strip()],
        brands=[name for name in brand if name.strip()],
        min_price=min_price,
        max_price=max_price,
        in_stock=in_stock or None,
        attributes=_by_name(attribute),
    )
    if not query.strip():
        return await asyncio.to_thread(lambda: reading.browsed(desk.engines.catalogue, filters, sort, limit, offset))
    if sort == "newest":
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "With a query, sort by relevance, price, -price or title.")
    return await asyncio.to_thread(reading.searched, desk.engines, query.strip(), filters, sort, limit, offset)


def _by_name(pairs: list[str]) -> dict[str, list[str]]:
    by_name: dict[str, list[str]] = {}
    for name, _, value in (pair.partition("=") for pair in pairs):
        by_name.setdefault(name, []).append(value)
    return by_name


@router.get("/items/{item_id}")
async def item(desk: TheDesk, item_id: str) -> ItemOut:
    """One item with its pictures and vectors."""

    def read() -> ItemOut:
        catalogue = desk.engines.catalogue
        return item_out(catalogue, reading.the_item(catalogue, item_id))

    return await asyncio.to_thread(read)


@router.get(
    "/items/{item_id}/images/{n}",
    response_class=FileResponse,
    responses={200: {"content": {"image/*": {}}}, 304: {"description": "the picture is as it was"}},
)
async def image(
    request: Request,
    desk: TheDesk,
    item_id: str,
    n: int,
    width: Annotated[
        int | None, Query(ge=1, le=4_096, description="pixels; 96, 160, 320, 640 or 1280 are made")
    ] = None,
) -> Response:
    """A picture that is stored here, as it is or made smaller; a width between two that are made gets the wider one."""
    return _sent(request, await desk.pictures.show(item_id, n, width), CACHED)


@router.get(
    "/items/{item_id}/video/{n}",
    response_class=FileResponse,
    responses={200: {"content": {"video/*": {}}}, 206: {"description": "the bytes of the Range header"}},
)
async def video(desk: TheDesk, item_id: str, n: int) -> Response:
    """A video that is stored here, or a range of its bytes."""
    return _media(*await asyncio.to_thread(desk.pictures.video, item_id, n))


@router.get(
    "/items/{item_id}/audio/{n}",
    response_class=FileResponse,
    responses={200: {"content": {"audio/*": {}}}, 206: {"description": "the bytes of the Range header"}},
)
async def audio(desk: TheDesk, item_id: str, n: int) -> Response:
    """A recording that is stored here, or a range of its bytes."""
    return _media(*await asyncio.to_thread(desk.pictures.audio, item_id, n))


def _media(path: Path, media_type: str) -> Response:
    headers = {"Cache-Control": CACHED, "Content-Security-Policy": "sandbox; default-src 'none'"}
    return FileResponse(path, media_type=media_type, headers=headers)


@pictures_router.get(
    "/{token}/{item_id}",
    response_class=FileResponse,
    responses={200: {"content": {"image/*": {}}}, 304: {"description": "the picture is as it was"}},
)
async def shown_picture(request: Request, service: TheService, desk: TheDesk, token: str, item_id: str) -> Response:
    """An item's first picture, made smaller, for pages and programs without a key; answers have its address."""
    if not await asyncio.to_thread(is_picture_token, service.settings, item_id, token):
        raise Refused(HTTPStatus.NOT_FOUND, "There is no such picture.")
    answer = _sent(request, await desk.pictures.show(item_id, 0, SHOWN_WIDTH), "public, max-age=3600")
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer


def _sent(request: Request, picture: PictureFile, cached: str) -> Response:
    headers = {
        "ETag": f'"{picture.tag}"',
        "Cache-Control": cached,
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    if _is_known(request, picture.tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return FileResponse(picture.path, media_type=picture.media_type, headers=headers)


def _is_known(request: Request, tag: str) -> bool:
    tags = [value.strip().removeprefix("W/") for value in request.headers.get("if-none-match", "").split(",")]
    return f'"{tag}"' in tags or "*" in tags


@router.get("/items/{item_id}/neighbours")
async def neighbours(
    desk: TheDesk,
    item_id: str,
    by: Literal["text", "picture"] = "text",
    k: Annotated[int, Query(ge=1, le=50)] = 10,
) -> Neighbours:
    """The items nearest to one, itself left out."""
    return await asyncio.to_thread(lambda: reading.neighbours(desk.engines.catalogue, item_id, by, k))


@router.get("/map", dependencies=[allow(KEY_HOLDERS)])
async def catalogue_map(desk: TheDesk, space: MapSpace = "text", method: Method | None = None) -> Map:
    """Every item (above 5,000 a sample) as a point: by t-SNE up to 1,000 items, else by PCA, unless you say which."""
    return await desk.maps.get(space, method)


# Writing -------------------------------------------------------------------------------------------------------------


@router.put("/items/{item_id}", dependencies=[allow(ADMINS)], responses={201: {"model": Written}})
async def put(desk: TheDesk, response: Response, item_id: str, line: Annotated[Line, Body(examples=[LINE])]) -> Written:
    """Write one item: 201 when it is new. The id may be left out of the line."""
    result = await desk.writing.put(item_id, line)
    response.status_code = HTTPStatus.CREATED if result.summary.new else HTTPStatus.OK
    return result


@router.delete("/items/{item_id}", dependencies=[allow(ADMINS)], status_code=204)
async def delete(desk: TheDesk, item_id: str) -> None:
    """Delete one item; sessions that have shown it go on."""
    await desk.writing.remove(item_id)


_LINES: dict[str, Any] = {
    "type": "array", "minItems": 1, "maxItems": LINES, "items": {"type": "object"},
    "examples": [[{"id": "oak-chair", **LINE}]],
}  # fmt: skip


@router.post(
    "/items",
    dependencies=[allow(ADMINS)],
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": _LINES}}}},
)
async def post(request: Request, desk: TheDesk) -> Written:
    """Write up to 1,000 items; a line's number in the answer counts from 1. One that cannot be used spoils no other."""
    body = await request.body()
    try:
        lines = await asyncio.to_thread(lambda: split_array(body.decode("utf-8")))
    except ValueError as exc:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "The body should be a JSON array of objects in UTF-8.") from exc
    if not 1 <= len(lines) <= LINES:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"Send at least one line and at most {LINES} lines.")
    return await desk.writing.write(lines)


@router.post(
    "/import",
    dependencies=[allow(ADMINS)],
    status_code=202,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/x-ndjson": {"schema": {"type": "string", "description": "one item a line"}}},
        }
    },
    response_model=ImportJob,
)
async def start_import(request: Request, service: TheService, desk: TheDesk) -> JSONResponse:
    """Take in a catalogue of any size, one JSON object a line; the answer is a job to be asked for."""
    check_form(request)
    job = await desk.imports.start(request.stream())
    return JSONResponse(job.model_dump(), HTTPStatus.ACCEPTED, headers={"Location": f"/api/jobs/{job.job_id}"})


def check_form(request: Request) -> None:
    """Refuse a body that is a form or packed: what comes has to be the file itself."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
    packed = request.headers.get("content-encoding", "identity").casefold()
    if kind.startswith("multipart/") or packed != "identity":
        raise Refused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "Send the lines themselves as application/x-ndjson: not in a form, not compressed.",
        )


# Jobs ----------------------------------------------------------------------------------------------------------------


@jobs_router.get("")
async def jobs(desk: TheDesk) -> Jobs:
    """The last 50 imports, latest first."""
    return Jobs(jobs=desk.imports.list())


@jobs_router.get("/{job_id}")
async def job(desk: TheDesk, job_id: str) -> ImportJob:
    """How far an import is, or how it ended."""
    return desk.imports.get(job_id)


@jobs_router.delete("/{job_id}", status_code=204)
async def cancel(desk: TheDesk, job_id: str) -> None:
    """Stop a running import, which keeps what it has written; forget one that has ended."""
    await desk.imports.cancel(job_id)
