"""assistant migrate: the catalogue and the state of people to a server, or back to a data folder."""

import json
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from assistant.settings import load_settings
from tools.place import SCHEMES, Place, StateServer


def migrate(
    to: Annotated[
        str,
        typer.Option(
            metavar="URL|FOLDER", help="postgresql://USER@HOST/DATABASE, object storage (s3://BUCKET/...), or a folder."
        ),
    ],
    only: Annotated[Literal["catalogue"] | None, typer.Option(help="Copy nothing but the catalogue.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Delete what is there before.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print tables, rows and digests as JSON.")] = False,
) -> None:
    """Copy catalogue, sessions, events, keys, visitors and insights to PostgreSQL, or files to object storage, or back.

    Stop the service first. Numbers and digests of all rows, and the bytes of all files, are compared. What was copied
    stays where it was.
    """
    from assistant.migration import copy_files, move

    settings, moved = load_settings(), []
    target = _target(to)
    if isinstance(target, str):
        moved = [copy_files(settings.data_folder, target, settings.files.most_bytes)]
        then = "Now set state.objects (ASSISTANT_STATE__OBJECTS) to that storage."
    else:
        if only or settings.state.url or not (settings.files.is_shared and isinstance(target, Path)):
            # with state.url set already, a catalogue of this machine's own lies in the data folder nevertheless
            source = settings.data_folder if only and isinstance(target, StateServer) else settings.place()
            say = partial(typer.echo, err=True)
            moved = move(source, target, force=force, only_catalogue=bool(only), say=say)
        if not only and settings.files.is_shared and isinstance(target, Path):
            moved.append(copy_files(settings.files.url, target, settings.files.most_bytes))
        if isinstance(target, StateServer):
            then = f"Now set state.url (ASSISTANT_STATE__URL) to the database {target.name}."
        else:
            then = f"Now unset state.url and state.objects, with {target} as the data folder."
    if as_json:
        typer.echo(json.dumps([one.model_dump() for one in moved], indent=1))
        return
    what = "files" if isinstance(target, str) else "rows and files"
    typer.echo(f"{sum(one.rows for one in moved):,} {what} are copied and compared.")
    typer.echo(then)


def _target(to: str) -> Place | str:
    """A server, a folder, or the URL of object storage."""
    scheme, separator, _ = to.partition("://")
    if not separator:
        return Path(to).expanduser().absolute()
    return StateServer(to) if scheme in SCHEMES else to
