"""assistant migrate: the catalogue and the state of people to a server, or back to a data folder."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from assistant.settings import load_settings
from tools.place import Place, StateServer


def migrate(
    to: Annotated[str, typer.Option(metavar="URL|FOLDER", help="postgresql://USER@HOST/DATABASE, or a folder.")],
    only: Annotated[Literal["catalogue"] | None, typer.Option(help="Copy nothing but the catalogue.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Delete what is there before.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print tables, rows and digests as JSON.")] = False,
) -> None:
    """Copy catalogue, sessions, events, keys, visitors and insights to PostgreSQL, or back. Stop the service first.

    Numbers and digests of all rows are compared before anything is kept. What was copied stays where it was.
    """
    from assistant.migration import move

    settings = load_settings()
    target: Place = StateServer(to) if "://" in to else Path(to).expanduser().absolute()
    # with state.url set already, a catalogue of this machine's own lies in the data folder nevertheless
    source = settings.data_folder if only and isinstance(target, StateServer) else settings.place()
    moved = move(source, target, force=force, only_catalogue=bool(only), say=lambda text: typer.echo(text, err=True))
    if as_json:
        typer.echo(json.dumps([one.model_dump() for one in moved], indent=1))
        return
    typer.echo(f"{sum(one.rows for one in moved):,} rows are copied and compared.")
    if isinstance(target, StateServer):
        typer.echo(f"Now set state.url (ASSISTANT_STATE__URL) to the database {target.name}.")
    else:
        typer.echo(f"Now unset state.url, with {target} as the data folder.")
