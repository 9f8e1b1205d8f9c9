"""assistant keys: create, list and revoke the keys of the HTTP service."""

import datetime
import json
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from assistant.settings import load_settings

if TYPE_CHECKING:
    from assistant.service.keys import KeyStore

app = typer.Typer(no_args_is_help=True, help="Create, list and revoke the keys of the HTTP service.")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is, or what for.")],
    days: Annotated[float | None, typer.Option(min=0, help="After so many days it ends by itself.")] = None,
    role: Annotated[
        Literal["admin", "service", "shopper"],
        typer.Option(
            help="admin: everything; service: a shop's back end, which may speak for customers; shopper: its own "
            "conversations."
        ),
    ] = "admin",
) -> None:
    """Make a key and print it; it is kept as a hash and cannot be shown again."""
    from assistant.service.keys import key_role

    key, secret = _store().create(name, days, key_role(role))
    typer.echo(f"Key {key.id} for {name}, role {key.role}{_end(key.expires_at)}. It is shown this once:", err=True)
    typer.echo(secret)


@app.command("list")
def list_keys(as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False) -> None:
    """Print every key's id, role, name and end."""
    keys = _store().list()
    if as_json:
        typer.echo(json.dumps([key.model_dump() for key in keys], indent=1))
        return
    for key in keys:
        typer.echo(f"{key.id}  {key.role:<7}  {key.name}{_end(key.expires_at)}")
    if not keys:
        typer.echo("There is no key; make one with: assistant keys create NAME")


@app.command()
def revoke(name: Annotated[str, typer.Argument(help="The key's name or id.")]) -> None:
    """End a key at once."""
    _store().revoke(name)
    typer.echo(f"Revoked {name}.")


def _store() -> "KeyStore":
    from assistant.service.keys import KeyStore

    return KeyStore(load_settings().keys_place)


def _end(at: float | None) -> str:
    return f", until {datetime.datetime.fromtimestamp(at).astimezone():%Y-%m-%d %H:%M}" if at else ""
