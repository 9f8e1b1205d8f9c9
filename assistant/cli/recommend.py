"""assistant recommend: one message in, one explained ranking out."""

import asyncio
import sys
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.background import THREAD
from assistant.errors import ProductError
from assistant.settings import load_settings

if TYPE_CHECKING:
    from tools.engines.parts import Engines


def recommend(
    text: Annotated[str, typer.Option(help="What you are looking for, in any language.")] = "",
    image: Annotated[list[Path] | None, typer.Option(help="A picture; may be repeated.")] = None,
    audio: Annotated[list[Path] | None, typer.Option(help="A voice note; may be repeated.")] = None,
    video: Annotated[list[Path] | None, typer.Option(help="A video; may be repeated.")] = None,
    session: Annotated[str | None, typer.Option(help="Go on with this session.")] = None,
    top: Annotated[int | None, typer.Option(min=1, max=20, help="How many recommendations.")] = None,
    user: Annotated[str, typer.Option(metavar="ID", help="Whose message it is, by their own id.")] = "local",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Also print seconds, model calls and tokens.")
    ] = False,
) -> None:
    """Recommend items for a message of text, pictures, voice notes and videos."""
    from assistant.understanding.language import told_apart

    with told_apart(text):
        files = {"images": image or [], "audio": audio or [], "video": video or []}
        asyncio.run(_recommend(text, files, session, top, user, as_json=as_json, verbose=verbose))


async def _recommend(
    text: str,
    files: dict[str, list[Path]],
    session: str | None,
    top: int | None,
    user: str,
    *,
    as_json: bool,
    verbose: bool,
) -> None:
    from assistant.engines import open_engines

    settings = load_settings()
    engines = open_engines(settings)
    if text:  # beside the imports that follow, which take about a second
        Thread(target=_load, args=(engines, text), name=THREAD, daemon=True).start()

    from rich.console import Console

    from assistant.agent.receive import check_request
    from assistant.agent.state import Request
    from assistant.front import Assistant
    from assistant.privacy.pseudonyms import pseudonym
    from assistant.records import Done, Reply
    from assistant.render import EventPrinter, reply_view
    from assistant.sessions import check_owner

    check_request(Request(session_id="new", text=text, **files), settings.limits)
    console, progress = Console(), Console(stderr=True)
    reply: Reply | None = None
    async with Assistant(settings, engines=engines) as assistant:
        owner = pseudonym(settings, user)
        if session is not None:
            check_owner(assistant.log, session, owner)
        events = assistant.stream(text, **files, session_id=session, top_n=top, owner=owner, door="terminal")
        with EventPrinter(progress, verbose=verbose) as printer:
            async for event in events:
                if isinstance(event, Done):
                    reply = event.reply
                elif not as_json or progress.is_terminal:
                    printer.show(event)
        if reply and as_json:
            sys.stdout.write(reply.model_dump_json(indent=1) + "\n")
        elif reply:
            console.print(reply_view(reply, verbose=verbose))


def _load(engines: "Engines", text: str) -> None:
    """Load what reading the text needs, unless it isn't there, which the turn says.

    Picture encoders and Whisper are left to the turn: nearly all their time is Python's, importing torch and others,
    and runs beside nothing.
    """
    with suppress(ProductError):
        engines.text.load([text])
