"""assistant replay: how a turn of a session went, from what is kept of it; nothing is searched or asked again."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.errors import SessionError
from assistant.settings import load_settings
from assistant.storage import SESSIONS

if TYPE_CHECKING:
    from assistant.records import TurnEvent
    from assistant.sessions import StoredTurn


def replay(
    session: Annotated[str, typer.Argument(help="The session's id.")],
    turn: Annotated[int | None, typer.Option(min=1, help="Which of its turns; default: the last one.")] = None,
    user: Annotated[str, typer.Option(metavar="ID", help="Whose session it is, by their own id.")] = "local",
    prompt: Annotated[bool, typer.Option("--prompt", help="Print what a planning model reads of the turn.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the records, one JSON object a line.")] = False,
) -> None:
    """Print a turn as it went: steps, first cards, final order, explanations and the reply."""
    from assistant.privacy.pseudonyms import pseudonym
    from assistant.sessions import SessionLog, check_owner, check_session_id

    settings = load_settings()
    log = SessionLog(settings.place(SESSIONS))
    check_owner(log, check_session_id(session), pseudonym(settings, user))
    turns = {entry.turn: entry for entry in log.read(session)}
    number = turn or max(turns)
    if number not in turns:
        raise SessionError(f"The session {session!r} has no turn {number}; it has {len(turns)}.")
    events = log.events(session, number)
    if as_json:
        _print_records(events, turns[number])
    elif prompt:
        _print_prompt(events)
    else:
        _show(events, turns[number])


def _print_records(events: list["TurnEvent"], turn: "StoredTurn") -> None:
    from assistant.records import Done

    for event in [*events, Done(reply=turn.reply)]:
        sys.stdout.write(event.model_dump_json() + "\n")


def _print_prompt(events: list["TurnEvent"]) -> None:
    """What stands below the rules and the exchanges before it, wish by wish."""
    from assistant.agent.transcript import plain_messages
    from assistant.records import ONLY_KEPT

    records = [event for event in events if isinstance(event, ONLY_KEPT)]
    for wish in dict.fromkeys(record.wish for record in records):
        for message in plain_messages([record for record in records if record.wish == wish]):
            print(json.dumps({"role": message.type, "content": message.content}, ensure_ascii=False))


def _show(events: list["TurnEvent"], turn: "StoredTurn") -> None:
    from rich.console import Console
    from rich.text import Text

    from assistant.render import EventPrinter, reply_view

    console = Console()
    console.print(Text(f"> {turn.said}"))
    printer = EventPrinter(console, verbose=True)
    for event in events:
        printer.show(event)
    console.print(reply_view(turn.reply, verbose=True))
