"""What is stored of whoever asks: counted, given out, forgotten; and the profile made of it, to be corrected."""

import asyncio
import time
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import Field, model_validator

from assistant.errors import BadInput
from assistant.service.context import Service, TheService, TheUser
from assistant.service.http.cookies import VISITOR, drop_cookie
from assistant.service.http.roles import PEOPLE, allow
from assistant.service.keys import Role
from assistant.user_data import Forgotten, StoredCounts, export_of, forget, forget_visitors, stored_of
from tools.records import Record
from tools.taste.records import EventKind, Identifier, Interaction, Preference
from tools.taste.taste import Taste
from tools.tool import Context
from tools.user_history import History, UserHistory, user_history

router = APIRouter(prefix="/api/me", tags=["users"], dependencies=[allow(PEOPLE)])

HISTORY_ITEMS = 20
"""How many liked and how many disliked items a profile names."""


class EventIn(Record):
    """Something that you did with an item, now."""

    item_id: Identifier
    event: EventKind
    value: float | None = Field(None, ge=1, le=5, description="of a rating, which needs one")

    @model_validator(mode="after")
    def _rating_says_how_much(self) -> "EventIn":
        if self.event == "rating" and self.value is None:
            raise ValueError("a rating needs a value, 1 to 5")
        return self


class EventsIn(Record):
    """What you did, in order."""

    events: Annotated[list[EventIn], Field(min_length=1, max_length=1_000)]


@router.get("")
async def me(service: TheService, user: TheUser) -> StoredCounts:
    """How much is stored of you, by place."""
    return await asyncio.to_thread(stored_of, service.settings, user.id)


@router.get("/export", response_class=JSONResponse)
async def export(service: TheService, user: TheUser) -> Response:
    """All that is stored of you, as a file."""
    headers = {"Content-Disposition": 'attachment; filename="my-data.json"'}
    await asyncio.to_thread(stored_of, service.settings, user.id)  # a file that cannot be read is a problem, not a cut
    parts = export_of(service.settings, user.id)
    return StreamingResponse(parts, media_type="application/json", headers=headers)


@router.delete("")
async def forget_me(response: Response, service: TheService, user: TheUser) -> Forgotten:
    """Delete all that is stored of you, and the model that learned from it. Running turns of yours are stopped.

    A visitor is nobody afterwards, and the model stays.
    """
    await service.turns.stop_all(user.id)
    for session_id in await asyncio.to_thread(service.assistant.log.ids_of, user.id):
        await service.turns.forget(session_id)
    if user.role is Role.VISITOR:
        had = await asyncio.to_thread(stored_of, service.settings, user.id)
        await asyncio.to_thread(forget_visitors, service.settings, [user.id])
        drop_cookie(response, VISITOR)
        return Forgotten(**had.model_dump(), model_removed=False)
    return await asyncio.to_thread(forget, service.settings, user.id)


@router.post("/events", status_code=204)
async def note_events(service: TheService, user: TheUser, body: EventsIn) -> None:
    """Keep what you did outside a conversation, in a shop's pages for instance; unknown items may still come."""
    now = time.time()
    interactions = [
        Interaction(user=user.id, at=now + n / 1e6, **event.model_dump()) for n, event in enumerate(body.events)
    ]
    await asyncio.to_thread(_taste(service).events.add, interactions)


@router.get("/profile")
async def profile(service: TheService, user: TheUser) -> History:
    """What you liked and disliked lately, and what follows from it; the model is told the same."""
    _taste(service)
    context = Context(service.assistant.engines, _no_files, user.id)
    return await asyncio.to_thread(user_history, context, UserHistory(k=HISTORY_ITEMS))


@router.put("/profile", status_code=204)
async def correct(service: TheService, user: TheUser, body: Preference) -> None:
    """Say yourself how much you like a value of an attribute; it counts in the place of what was learned."""
    await asyncio.to_thread(_taste(service).events.set_preference, user.id, body)


@router.delete("/profile", status_code=204)
async def take_back(
    service: TheService,
    user: TheUser,
    attribute: Annotated[str, Query(max_length=100)],
    value: Annotated[str, Query(max_length=500)],
) -> None:
    """Take back what you said of a value; what was learned of it counts again."""
    await asyncio.to_thread(_taste(service).events.drop_preference, user.id, attribute, value)


@router.delete("/tastes", status_code=204)
async def drop_taste(
    service: TheService, user: TheUser, catalogue: Annotated[str, Query(min_length=1, max_length=100)]
) -> None:
    """Delete what was brought here of your taste in another catalogue."""
    await asyncio.to_thread(_taste(service).events.drop_imported, catalogue, user=user.id)


def _no_files(reference: str) -> Path:
    raise BadInput(f"There is no file {reference!r} here.")


def _taste(service: Service) -> Taste:
    """What is known of users.

    Raises:
        BadInput: the service keeps nothing of the kind.
    """
    taste = service.assistant.engines.taste
    if taste is None:
        raise BadInput("This service keeps no events: the setting taste.enabled is false.")
    return taste
