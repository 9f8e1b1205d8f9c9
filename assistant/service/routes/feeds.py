"""Feeds over HTTP, for admins: looked at first, then taken in; and one that is taken in again every so many hours."""

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from assistant.service.http.roles import ADMINS, allow
from assistant.service.routes.catalogue import TheDesk, check_form
from assistant.service.runs.catalogue_writing import FeedReading
from assistant.service.runs.feeds import Feed, Schedule, ScheduleState
from assistant.service.runs.jobs import ImportJob

router = APIRouter(prefix="/api/admin/feeds", tags=["catalogue"], dependencies=[allow(ADMINS)])
schedule_router = APIRouter(prefix="/api/admin/schedule", tags=["catalogue"], dependencies=[allow(ADMINS)])


@router.post(
    "",
    status_code=201,
    openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": {}}}},
)
async def receive(
    request: Request,
    desk: TheDesk,
    name: Annotated[str, Query(min_length=1, max_length=200, description="the file's name; its ending counts")],
) -> Feed:
    """Send a feed as the body, of any form that `assistant ingest` reads, and see what is understood of it."""
    check_form(request)
    return await desk.feeds.receive(name, request.stream(), FeedReading())


@router.post("/{feed_id}/check")
async def look(desk: TheDesk, feed_id: str, body: FeedReading) -> Feed:
    """See what is understood with other columns or another currency."""
    return await desk.feeds.look(feed_id, body)


@router.post("/{feed_id}/import", status_code=202, response_model=ImportJob)
async def take_in(desk: TheDesk, feed_id: str, body: FeedReading) -> JSONResponse:
    """Take the feed in; the answer is a job to be asked for at /api/jobs."""
    job = desk.feeds.take_in(feed_id, body)
    return JSONResponse(job.model_dump(), HTTPStatus.ACCEPTED, headers={"Location": f"/api/jobs/{job.job_id}"})


@router.delete("/{feed_id}", status_code=204)
async def drop(desk: TheDesk, feed_id: str) -> None:
    """Delete a feed that was sent."""
    await asyncio.to_thread(desk.feeds.drop, feed_id)


@schedule_router.get("")
async def schedule(desk: TheDesk) -> ScheduleState:
    """What is taken in again and how often, how the last run went, when the next is."""
    return await asyncio.to_thread(desk.feeds.state)


@schedule_router.put("")
async def put(desk: TheDesk, body: Schedule) -> ScheduleState:
    """Take a feed in every so many hours, the first time within a minute."""
    return await asyncio.to_thread(desk.feeds.set_schedule, body)


@schedule_router.delete("")
async def stop(desk: TheDesk) -> ScheduleState:
    """Take nothing in by itself any more."""
    return await asyncio.to_thread(desk.feeds.set_schedule, None)


@schedule_router.post("/run", status_code=202)
async def run(desk: TheDesk) -> ScheduleState:
    """Take the scheduled feed in now."""
    return await desk.feeds.run_now()
