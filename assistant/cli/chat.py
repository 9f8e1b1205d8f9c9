"""assistant chat: a conversation in the terminal."""

import asyncio
import shlex
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.errors import BadInput, ProductError
from assistant.settings import load_settings

if TYPE_CHECKING:
    from rich.console import Console

    from assistant.front import Assistant
    from assistant.records import Recommendation, Reply
    from tools.taste.records import EventKind

HELP = """\
Write what you are looking for, in any language. Commands:
  /image FILE   add a picture to your next message    /voice FILE   add a voice note
  /video FILE   add a video
  /send         send attachments without text         /why N        evidence for recommendation N
  /like N       tell that you like recommendation N   /dislike N    or that you don't
  /cart N       put recommendation N into your cart   /new          begin a new session
  /save FILE    write this session as Markdown        /help         this list
  /quit         leave (Ctrl-D does too)"""


def chat(
    session: Annotated[str | None, typer.Option(help="Go on with this session.")] = None,
    top: Annotated[int | None, typer.Option(min=1, max=20, help="How many recommendations a turn.")] = None,
    user: Annotated[str, typer.Option(metavar="ID", help="Who talks, by their own id.")] = "local",
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Also print seconds, model calls and tokens.")
    ] = False,
) -> None:
    """Talk to the assistant; what it does, the provisional ranking and explanations appear as they happen."""
    asyncio.run(_chat(session, top, user, verbose=verbose))


async def _chat(session: str | None, top: int | None, user: str, *, verbose: bool) -> None:
    from rich.console import Console

    from assistant.front import Assistant
    from assistant.privacy.pseudonyms import pseudonym
    from assistant.sessions import check_owner

    settings = load_settings()
    async with Assistant(settings) as assistant:
        owner = pseudonym(settings, user)
        if session is not None:
            check_owner(assistant.log, session, owner)
        await ChatSession(assistant, Console(), session, top, owner, verbose=verbose).run()


class ChatSession:
    """One terminal conversation: reads lines, runs commands and turns."""

    def __init__(
        self,
        assistant: "Assistant",
        console: "Console",
        session: str | None,
        top: int | None,
        owner: str,
        *,
        verbose: bool = False,
    ) -> None:
        from assistant.sessions import new_session_id

        self._assistant = assistant
        self._console = console
        self._session = session or new_session_id()
        self._top = top
        self._owner = owner
        self._verbose = verbose
        self._images: list[Path] = []
        self._audio: list[Path] = []
        self._video: list[Path] = []
        self._commands: dict[str, Callable[[str], Awaitable[None]]] = {
            "/image": self._add_image,
            "/voice": self._add_voice,
            "/video": self._add_video,
            "/send": self._send,
            "/why": self._why,
            "/like": partial(self._note, "like"),
            "/dislike": partial(self._note, "dislike"),
            "/cart": partial(self._note, "cart"),
            "/new": self._new,
            "/save": self._save,
            "/help": self._help,
        }

    async def run(self) -> None:
        """Until the user leaves; an expected error is told and the conversation goes on."""
        self._console.print(HELP, markup=False, highlight=False)
        self._console.print(f"session {self._session}", style="dim")
        warming = asyncio.create_task(self._assistant.warm_up())
        while (line := await self._read_line()) is not None:
            try:
                await _stoppable(self._handle(line.strip()))
            except ProductError as exc:
                self._console.print(f"error: {exc}", style="red", markup=False)
            except asyncio.CancelledError:
                self._console.print("Stopped.", style="yellow")
        warming.cancel()
        self._console.print(f"Go on later with: assistant chat --session {self._session}", style="dim", markup=False)

    async def _read_line(self) -> str | None:
        if not sys.stdin.isatty():
            line = await asyncio.to_thread(sys.stdin.readline)
            if line:
                self._console.print(f"> {line.rstrip()}", markup=False, highlight=False)
            return line if line and line.strip() != "/quit" else None
        from prompt_toolkit import PromptSession

        try:
            line = await PromptSession[str]().prompt_async("> ")
        except (EOFError, KeyboardInterrupt):
            return None
        return None if line.strip() == "/quit" else line

    async def _handle(self, line: str) -> None:
        if line.startswith("/"):
            name, _, argument = line.partition(" ")
            if name not in self._commands:
                raise BadInput(f"There is no command {name}; /help lists them.")
            await self._commands[name](argument.strip())
        elif line:
            await self._turn(line)

    async def _turn(self, text: str) -> None:
        from assistant.records import Done
        from assistant.render import EventPrinter

        reply: Reply | None = None
        images, self._images = self._images, []
        audio, self._audio = self._audio, []
        video, self._video = self._video, []
        with EventPrinter(self._console, verbose=self._verbose) as printer:
            async for event in self._assistant.stream(
                text,
                images=images,
                audio=audio,
                video=video,
                session_id=self._session,
                top_n=self._top,
                owner=self._owner,
                door="terminal",
            ):
                printer.show(event)
                reply = event.reply if isinstance(event, Done) else reply
        if reply:
            self._print(reply)

    def _print(self, reply: "Reply") -> None:
        """What has not been printed as it came."""
        from assistant.render import cost_view, group_view

        self._console.print(reply.message, style="bold", markup=False, highlight=False)
        for group, items in reply.sections():
            if group:
                self._console.print(group_view(group, items))
        if reply.question:
            self._console.print(reply.question, style="bold", markup=False, highlight=False)
        for choice in reply.choices:
            self._console.print(f"  - {choice}", markup=False, highlight=False)
        if reply.cart and reply.cart.url:
            self._console.print(reply.cart.url, markup=False, highlight=False)
        for note in reply.degraded:
            self._console.print(f"note: {note}", style="yellow", markup=False, highlight=False)
        self._console.print(cost_view(reply, verbose=self._verbose))

    async def _add_image(self, argument: str) -> None:
        self._images.append(_existing_file(argument))
        self._console.print("Picture added; now write your message, or /send.")

    async def _add_voice(self, argument: str) -> None:
        self._audio.append(_existing_file(argument))
        self._console.print("Voice note added; now write your message, or /send.")

    async def _add_video(self, argument: str) -> None:
        self._video.append(_existing_file(argument))
        self._console.print("Video added; now write your message, or /send.")

    async def _send(self, _: str) -> None:
        await self._turn("")

    async def _why(self, argument: str) -> None:
        from assistant.render import recommendation_view

        self._console.print(recommendation_view(await self._recommendation("/why", argument)))

    async def _note(self, event: "EventKind", argument: str) -> None:
        item = await self._recommendation(f"/{event}", argument)
        await self._assistant.note(self._session, item.item_id, event)
        self._console.print(f"Noted: {event} {item.title}.", markup=False, highlight=False)

    async def _recommendation(self, command: str, argument: str) -> "Recommendation":
        """The recommendation that a command's number names."""
        recommendations = (await self._assistant.memory(self._session)).shown
        if not argument.isdigit() or not 1 <= int(argument) <= len(recommendations):
            raise BadInput(f"{command} takes the number of a recommendation, 1 to {len(recommendations)}.")
        return recommendations[int(argument) - 1]

    async def _new(self, _: str) -> None:
        from assistant.sessions import new_session_id

        self._session, self._images, self._audio, self._video = new_session_id(), [], [], []
        self._console.print(f"session {self._session}", style="dim")

    async def _save(self, argument: str) -> None:
        from assistant.service.routes.markdown import session_as_markdown

        path = Path(argument or f"session-{self._session}.md")
        try:
            path.write_text(session_as_markdown(self._session, self._assistant.log.read(self._session)), "utf-8")
        except OSError as exc:
            raise BadInput(f"{path} cannot be written: {exc.strerror}.") from exc
        self._console.print(f"Saved to {path}.", markup=False)

    async def _help(self, _: str) -> None:
        self._console.print(HELP, markup=False, highlight=False)


async def _stoppable(work: Coroutine[Any, Any, None]) -> None:
    """Wait for the work; Ctrl-C cancels it alone, as often as it is pressed, and not the program."""
    task, before = asyncio.ensure_future(work), signal.getsignal(signal.SIGINT)
    loop = asyncio.get_running_loop()
    signal.signal(signal.SIGINT, lambda *_: loop.call_soon_threadsafe(task.cancel))
    try:
        await task
    finally:
        signal.signal(signal.SIGINT, before)


def _existing_file(argument: str) -> Path:
    parts = shlex.split(argument) if argument else []
    if len(parts) != 1:
        raise BadInput("Name one file.")
    path = Path(parts[0]).expanduser()
    if not path.is_file():
        raise BadInput(f"There is no file {path}.")
    return path
