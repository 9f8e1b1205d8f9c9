"""assistant demo: one real question as text, photo and voice note, over the sample catalogue."""

import asyncio
from typing import Annotated

import typer

from assistant.errors import ServiceMissing
from assistant.settings import load_settings


def demo(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Answer one question given as text, photo and voice note."""
    asyncio.run(_demo(as_json=as_json))


async def _demo(*, as_json: bool) -> None:
    import sys

    from rich.console import Console

    from assistant.demo import TEXT, photo, voice_note
    from assistant.front import Assistant
    from assistant.records import Done, Reply
    from assistant.render import EventPrinter, reply_view

    settings = load_settings()
    folder = settings.data_folder / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    image, audio = photo(settings, folder), voice_note(folder)
    console, progress = Console(), Console(stderr=True)
    reply: Reply | None = None
    async with Assistant(settings) as assistant:
        if not assistant.count():
            raise ServiceMissing(
                "The catalogue is empty; fill it with: assistant ingest .assistant/sample/products.jsonl"
            )
        progress.print(f"You write: {TEXT}\nYou show:  {image}\nYou say:   {audio}", highlight=False, markup=False)
        await assistant.warm_up()
        with EventPrinter(progress) as printer:
            async for event in assistant.stream(TEXT, images=[image], audio=[audio], door="terminal"):
                if isinstance(event, Done):
                    reply = event.reply
                else:
                    printer.show(event)
        if reply and as_json:
            sys.stdout.write(reply.model_dump_json(indent=1) + "\n")
        elif reply:
            console.print(reply_view(reply))
