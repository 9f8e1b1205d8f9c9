"""assistant taste: what users like in another catalogue, brought into this one and deleted again."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.cli.train import say
from assistant.errors import BadInput
from assistant.records import LOCAL
from assistant.settings import load_settings

if TYPE_CHECKING:
    from assistant.taste_import import TasteImport

app = typer.Typer(no_args_is_help=True, help="Use what a user likes in another catalogue in this one.")

User = Annotated[
    str | None, typer.Option("--user", metavar="ID", help="The user's own id; default: who uses this terminal.")
]
All = Annotated[bool, typer.Option("--all", help="Everybody; visitors without a key are left out.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("import")
def import_(
    folder: Annotated[Path, typer.Option("--from", metavar="FOLDER", help="The other catalogue's data folder.")],
    user: User = None,
    everybody: All = False,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What the other catalogue is called; default: its shop's name.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be brought, and keep nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Bring a taste of another catalogue here, in the place of what was brought from it before.

    Kept is one vector for each user, and neither events nor items of the other catalogue. docs/taste.md.
    """
    from assistant.taste_import import import_tastes

    settings, whose = load_settings(), _whose(user, everybody)
    done = import_tastes(settings, folder, whose, name=name, dry_run=dry_run, say=say)
    typer.echo(done.model_dump_json() if as_json else import_text(done))


@app.command()
def drop(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The other catalogue, as assistant profile show names it.")
    ],
    user: User = None,
    everybody: All = False,
) -> None:
    """Delete what was brought here from another catalogue."""
    from assistant.taste_import import drop_tastes

    dropped = drop_tastes(load_settings(), name, _whose(user, everybody))
    if not dropped:
        raise BadInput(f"Nothing was brought here from {name!r}; see: assistant profile show.")
    typer.echo(f"Deleted: what {dropped:,} {'user' if dropped == 1 else 'users'} liked in {name}.")


def import_text(done: "TasteImport") -> str:
    """What was brought, for people."""
    users = f"{done.users:,} {'user' if done.users == 1 else 'users'}"
    little = f" {done.too_little:,} others like too little there." if done.too_little else ""
    verb = "Would be brought" if done.dry_run else "Brought"
    return f"{verb}: the taste of {users} in {done.catalogue}, from {done.items:,} items.{little}"


def _whose(user: str | None, everybody: bool) -> str | None:
    """The user's own id; None: everybody."""
    if everybody and user is not None:
        raise BadInput("Give --user or --all, not both.")
    return None if everybody else user if user is not None else LOCAL
