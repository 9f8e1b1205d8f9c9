"""assistant profile: what is known of a user's taste, and the user's corrections of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from assistant.errors import BadInput
from assistant.records import LOCAL
from assistant.settings import load_settings

if TYPE_CHECKING:
    from tools.engines.parts import Engines
    from tools.taste.taste import Taste
    from tools.user_history import History

app = typer.Typer(no_args_is_help=True, help="Show and correct what is known of a user's taste.")

User = Annotated[str, typer.Option("--user", metavar="ID", help="The user's own id; default: who uses this terminal.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Attribute = Annotated[str, typer.Argument(metavar="ATTRIBUTE", help="brand, category, color, ...")]
Value = Annotated[str, typer.Argument(metavar="VALUE", help="As the catalogue spells it.")]


@app.command()
def show(user: User = LOCAL, as_json: Json = False) -> None:
    """Show what was liked lately, and which preferences follow; corrected ones are marked."""
    from tools.tool import Context
    from tools.user_history import UserHistory, user_history

    taste, engines, owner = _opened(user)
    history = user_history(Context(engines, _no_files, owner), UserHistory(k=20))
    taste.close()
    typer.echo(history.model_dump_json() if as_json else profile_text(history))


@app.command("set", context_settings={"ignore_unknown_options": True})
def set_(
    attribute: Attribute,
    value: Value,
    weight: Annotated[float, typer.Argument(metavar="WEIGHT", help="-1: never, 0: does not matter, 1: always.")],
    user: User = LOCAL,
) -> None:
    """Correct one preference: what is set counts in place of what follows from the history."""
    from tools.taste.records import Preference

    try:
        preference = Preference(attribute=attribute, value=value, weight=weight)
    except ValidationError as exc:
        first = exc.errors()[0]
        raise BadInput(f"The {str(first['loc'][0]).upper()} is wrong: {first['msg']}.") from exc
    taste, _, owner = _opened(user)
    taste.events.set_preference(owner, preference)
    taste.close()
    typer.echo(f"{attribute} {value}: {weight:+g}")


@app.command()
def drop(attribute: Attribute, value: Value, user: User = LOCAL) -> None:
    """Take a correction back: the history decides again."""
    taste, _, owner = _opened(user)
    dropped = taste.events.drop_preference(owner, attribute, value)
    taste.close()
    if not dropped:
        raise BadInput(f"There is no correction of {attribute} {value!r}; see: assistant profile show.")
    typer.echo(f"{attribute} {value}: as the history says")


def profile_text(history: "History") -> str:
    """The profile for people."""
    if not (history.events or history.corrected or history.imported):
        return "Nothing is known of this user."
    corrected = {(preference.attribute, preference.value) for preference in history.corrected}
    rows = [f"{history.events:,} events"]
    rows += [f"  {item.strength:+6.2f}  {item.title or item.item_id}" for item in [*history.liked, *history.disliked]]
    rows += ["", "preferences"] if history.preferences else []
    rows += [
        f"  {preference.weight:+6.2f}  {preference.attribute}: {preference.value}"
        + ("  (corrected)" if (preference.attribute, preference.value) in corrected else "")
        for preference in history.preferences
    ]
    rows += ["", f"prices {history.price[0]:g} to {history.price[1]:g}"] if history.price else []
    rows += [f"also what you liked in {one.catalogue} ({one.items:,} items)" for one in history.imported]
    return "\n".join(rows)


def _opened(user: str) -> "tuple[Taste, Engines, str]":
    from assistant.engines import open_engines
    from assistant.privacy.pseudonyms import pseudonym

    settings = load_settings()
    engines = open_engines(settings)
    if engines.taste is None:
        raise BadInput("Nothing is made of users' histories: taste.enabled is false.")
    return engines.taste, engines, pseudonym(settings, user)


def _no_files(reference: str) -> Path:
    raise BadInput(f"There is no file {reference!r} here.")
