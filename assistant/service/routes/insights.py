"""What was asked, found and done, for admins: as JSON, and each table as CSV."""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from assistant.insights.report import MOST_DAYS, Insights, as_csv, report
from assistant.service.context import Service, TheService
from assistant.service.http.roles import ADMINS, allow

router = APIRouter(prefix="/api/admin/insights", tags=["insights"], dependencies=[allow(ADMINS)])

Days = Annotated[int, Query(ge=1, le=MOST_DAYS, description="so many days, today included")]


@router.get("")
async def insights(service: TheService, days: Days = 30) -> Insights:
    """Turns, conversations and what people did with items by day; the wishes and items of most people."""
    return await asyncio.to_thread(_report, service, days)


@router.get("/{table}.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def table_as_csv(
    service: TheService,
    table: Literal["days", "wishes", "wishes_without_result", "refused", "items"],
    days: Days = 30,
) -> Response:
    """One table as a file for spreadsheets."""
    text = await asyncio.to_thread(lambda: as_csv(_report(service, days), table))
    headers = {"Content-Disposition": f'attachment; filename="{table.replace("_", "-")}.csv"'}
    return Response(text.encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=headers)


def _report(service: Service, days: int) -> Insights:
    catalogue = service.assistant.engines.catalogue
    return report(
        service.settings, lambda ids: {one: item.title for one, item in catalogue.get_many(ids).items()}, days
    )
