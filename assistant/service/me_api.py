"""What is stored of whoever asks: counted, given out, forgotten."""

import asyncio

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from assistant.privacy.forgetting import Forgotten, Stored, export_of, forget, stored_of
from assistant.service.context import TheService, TheUser

router = APIRouter(prefix="/api/me", tags=["users"])


@router.get("")
async def me(service: TheService, user: TheUser) -> Stored:
    """How much is stored of you, by place."""
    return await asyncio.to_thread(stored_of, service.settings, user.id)


@router.get("/export", response_class=JSONResponse)
async def export(service: TheService, user: TheUser) -> Response:
    """All that is stored of you, as a file."""
    headers = {"Content-Disposition": 'attachment; filename="my-data.json"'}
    return JSONResponse(await asyncio.to_thread(export_of, service.settings, user.id), headers=headers)


@router.delete("")
async def forget_me(service: TheService, user: TheUser) -> Forgotten:
    """Delete all that is stored of you, and the model that learned from it. Running turns of yours are stopped."""
    for running in service.turns.running_for(user):
        await service.turns.stop(running)
    for session in await asyncio.to_thread(service.assistant.log.of_owner, user.id, -1):
        service.turns.forget(session.session_id)
    return await asyncio.to_thread(forget, service.settings, user.id)
