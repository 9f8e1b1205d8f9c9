"""assistant users: what is stored of a user: shown, given out, forgotten, expired."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.errors import BadInput
from assistant.settings import load_settings

if TYPE_CHECKING:
    from assistant.user_data import Forgotten, StoredCounts

app = typer.Typer(no_args_is_help=True, help="Show, export, forget what is stored of a user.")

UserId = Annotated[
    str, typer.Argument(metavar="ID", help="The user's own id; local for the terminal, key:ID for a key's owner.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def show(user: UserId, as_json: Json = False) -> None:
    """Count what is stored of a user, by place."""
    from assistant.privacy.pseudonyms import pseudonym
    from assistant.user_data import stored_of

    settings = load_settings()
    stored = stored_of(settings, pseudonym(settings, user))
    typer.echo(stored.model_dump_json() if as_json else stored_text(stored))


@app.command()
def export(user: UserId) -> None:
    """Print all that is stored of a user as one JSON object."""
    from assistant.privacy.pseudonyms import pseudonym
    from assistant.user_data import export_of

    settings = load_settings()
    sys.stdout.writelines(export_of(settings, pseudonym(settings, user)))


@app.command()
def forget(
    user: UserId, yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False, as_json: Json = False
) -> None:
    """Delete all that is stored of a user, to the last byte. After an interruption the same command goes on."""
    from assistant import user_data
    from assistant.privacy.pseudonyms import pseudonym

    settings = load_settings()
    owner = pseudonym(settings, user)
    if not yes:
        if not sys.stdin.isatty():
            raise BadInput("Forgetting needs a yes; give --yes.")
        typer.confirm(f"Delete all that is stored of {user!r} in {settings.data_folder}?", abort=True)
    print("Deleting, and writing the files anew ...", file=sys.stderr)
    done = user_data.forget(settings, owner)
    typer.echo(done.model_dump_json() if as_json else forgotten_text(done))


@app.command()
def expire(as_json: Json = False) -> None:
    """Delete what is older than privacy.retention_days; serve and chat do so whenever they start."""
    from assistant import user_data

    settings = load_settings()
    if settings.privacy.retention_days is None:
        raise BadInput("Nothing expires: privacy.retention_days is not set.")
    done = user_data.expire(settings)
    counts = ", ".join(f"{count:,} {name}" for name, count in done.items())
    typer.echo(json.dumps(done) if as_json else f"Older than {settings.privacy.retention_days:g} days: {counts}.")


def stored_text(stored: "StoredCounts") -> str:
    """What is stored, for people."""
    rows = [f"{name:<12} {count:,}" for name, count in stored.places.items()]
    return "\n".join([f"{'kept as':<12} {stored.user}", *rows])


def forgotten_text(done: "Forgotten") -> str:
    """What was forgotten, for people."""
    if not (done.anything or done.adapters):
        return "Nothing was stored of this user."
    counts = ", ".join(f"{count:,} {name}" for name, count in done.places.items() if count)
    model = " The model learned from their events is gone, too; make it anew with: assistant train"
    adapters_note = (
        f" Trained on their conversations, and still there: {', '.join(done.adapters)}" if done.adapters else ""
    )
    return f"Forgotten: {counts}." + (model if done.model_removed else "") + adapters_note
