import asyncio
import sys
from pathlib import Path

from assistant import Assistant, load_settings


async def main(text: str, *photos: str) -> None:
    async with Assistant(load_settings()) as assistant:
        reply = await assistant.reply(text, images=[Path(photo) for photo in photos])
    print(reply.message)
    for item in reply.recommendations:
        print(item.rank, item.title, item.price, item.explanation)


asyncio.run(main(*sys.argv[1:]))
