"""Waiting for a turn on behalf of a client that may hang up."""

import asyncio

from fastapi import Request

from assistant.service.runs.running import Running
from assistant.service.runs.turns import Turns


async def until_ended(request: Request, turns: Turns, running: Running) -> None:
    """Wait until the turn has ended or the client has hung up, which then counts as a listener that left."""

    async def listen() -> None:
        async for _ in turns.listen(running):
            pass

    waiting, hang_up = asyncio.create_task(listen()), asyncio.create_task(_hung_up(request))
    try:
        await asyncio.wait([waiting, hang_up], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (waiting, hang_up):
            task.cancel()
        await asyncio.gather(waiting, hang_up, return_exceptions=True)


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
