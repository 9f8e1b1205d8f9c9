"""Visitors, people without a key: their cookie, and what becomes of theirs when they log in at the shop."""

import asyncio
from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from pydantic import Field

from assistant.service.context import TheService, TheUser
from assistant.service.http import cookies
from assistant.service.http.customers import NAME_CHARACTERS, customer
from assistant.service.http.problems import Refused
from assistant.service.http.roles import EVERYBODY, SHOPS, VISITORS, allow
from assistant.service.keys import Role
from assistant.settings import ANY_SITE
from assistant.user_data import StoredCounts, merge_visitor
from assistant.visitors import DAY_SECONDS, VisitorTicket
from tools.records import Record

router = APIRouter(prefix="/api/visitors", tags=["visitors"], dependencies=[allow(EVERYBODY)])


class MergeIn(Record):
    """Who a visitor is."""

    token: str = Field(max_length=200, description="of POST /api/visitors/token, which the visitor's browser has asked")
    customer: str = Field(min_length=1, max_length=NAME_CHARACTERS, description="the customer's id")


@router.post("", status_code=204)
async def begin(request: Request, service: TheService, user: TheUser) -> Response:
    """Become a visitor: the answer sets a cookie that scripts cannot read. A visitor stays who they are."""
    settings = service.settings.service
    if not settings.visitors:
        raise Refused(HTTPStatus.FORBIDDEN, "This service takes no visitors: the setting service.visitors is false.")
    response = Response(status_code=204)
    if user.role is Role.NOBODY:
        _, token = await asyncio.to_thread(service.visitors.begin, settings.visitor_days)
        seconds, framed = settings.visitor_days * DAY_SECONDS, any(site != ANY_SITE for site in settings.cors)
        cookies.set_cookie(request, response, cookies.VISITOR, token, seconds, in_frames=framed)
    return response


@router.post("/token", dependencies=[allow(VISITORS)])
async def token(response: Response, service: TheService, user: TheUser) -> VisitorTicket:
    """A token that names you once to the shop's back end, for ten minutes; an earlier one ends."""
    response.headers["Cache-Control"] = "no-store"
    return await asyncio.to_thread(service.visitors.ticket, user.id)


@router.post("/merge", dependencies=[allow(SHOPS)])
async def merge(service: TheService, user: TheUser, body: MergeIn) -> StoredCounts:
    """Give everything of a visitor to a customer. The visitor's cookie ends, and running turns are stopped."""
    into = customer(service.settings, user, body.customer)
    owner = await asyncio.to_thread(service.visitors.redeem, body.token, into.id)
    if owner is None:
        raise Refused(HTTPStatus.NOT_FOUND, "There is no such token of a visitor: it is unknown, used or expired.")
    await service.turns.stop_all(owner)
    return await asyncio.to_thread(merge_visitor, service.settings, owner, into.id)
