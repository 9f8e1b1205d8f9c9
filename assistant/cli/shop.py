"""assistant shop: words of customers, pinned and hidden items."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.errors import BadInput, UnknownItem
from assistant.settings import load_settings
from assistant.storage import open_catalogue

if TYPE_CHECKING:
    from tools.store import Catalogue
    from tools.store.rules import ShopRules

app = typer.Typer(no_args_is_help=True, help="Words of customers, pinned and hidden items.")

Drop = Annotated[bool, typer.Option("--drop", help="Take it back.")]
Items = Annotated[list[str], typer.Argument(metavar="ITEM...", help="Ids of items.")]


@app.command()
def rules(as_json: Annotated[bool, typer.Option("--json", help="Print what `load` reads.")] = False) -> None:
    """Print the shop's own rules."""
    with _catalogue() as catalogue:
        found = catalogue.rules().rules
        ids = [*found.hidden, *(pin.item_id for pin in found.pinned)]
        titles = {item_id: item.title for item_id, item in catalogue.get_many(ids, also_hidden=True).items()}
    typer.echo(found.model_dump_json(indent=1) if as_json else rules_text(found, titles))


@app.command()
def synonym(
    word: Annotated[str, typer.Argument(help="What customers say.")],
    means: Annotated[str | None, typer.Argument(help="The catalogue's word or words for it.")] = None,
    drop: Drop = False,
) -> None:
    """Have customers' words understood as the catalogue's."""
    if drop == (means is not None):
        raise BadInput("Give the catalogue's words, or --drop.")

    def change(old: "ShopRules") -> dict[str, object]:
        if drop and word not in old.synonyms:
            raise BadInput(f"There is no synonym {word!r}; see: assistant shop rules.")
        others = {said: into for said, into in old.synonyms.items() if said != word}
        return {"synonyms": others if means is None else {**others, word: means}}

    _change(change)


@app.command()
def pin(
    items: Items,
    wish: Annotated[str, typer.Option(help="Only for messages that hold these words.")] = "",
    drop: Drop = False,
) -> None:
    """Show items first, among those that meet the conditions; their evidence says that the shop chose them."""

    def change(old: "ShopRules") -> dict[str, object]:
        others = [one for one in old.pinned if not (one.item_id in items and one.wish == wish)]
        if drop and len(others) == len(old.pinned):
            raise BadInput("None of these is pinned for that wish; see: assistant shop rules.")
        return {"pinned": [*others, *({"item_id": one, "wish": wish} for one in ([] if drop else items))]}

    _change(change, [] if drop else items)


@app.command()
def hide(items: Items, drop: Drop = False) -> None:
    """Show items nowhere: in no answer, list, search, tool or page."""

    def change(old: "ShopRules") -> dict[str, object]:
        others = [one for one in old.hidden if one not in items]
        if drop and len(others) == len(old.hidden):
            raise BadInput("None of these is hidden; see: assistant shop rules.")
        return {"hidden": others if drop else [*others, *items]}

    _change(change, [] if drop else items)


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="JSON, as `rules --json` prints it; - for standard input.")],
) -> None:
    """Put the rules of a file in the place of those from before."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
        values = json.loads(text)
    except OSError as exc:
        raise BadInput(f"{file} cannot be read: {exc.strerror}.") from exc
    except (ValueError, RecursionError) as exc:
        raise BadInput(f"{file} cannot be read as JSON: {exc}.") from exc
    if not isinstance(values, dict):
        raise BadInput(f"{file} should hold one JSON object.")
    _change(lambda _: {"synonyms": {}, "pinned": [], "hidden": [], **values})


@contextmanager
def _catalogue(*, read_only: bool = True) -> "Iterator[Catalogue]":

    settings = load_settings()
    with open_catalogue(settings, read_only=read_only) as catalogue:
        yield catalogue


def _change(change: "Callable[[ShopRules], dict[str, object]]", items: Iterable[str] = ()) -> None:
    """Put changed rules in force and print them; ``items`` must be in the catalogue."""
    from pydantic import ValidationError

    from tools.store.rules import ShopRules

    with _catalogue():  # a folder without a catalogue is told, and none is made
        pass
    with _catalogue(read_only=False) as catalogue:
        if unknown := set(items) - set(catalogue.get_many([*items], also_hidden=True)):
            raise UnknownItem(f"The catalogue has no item {min(unknown)!r}.")
        old = catalogue.rules().rules
        try:
            new = ShopRules.model_validate({**old.model_dump(), **change(old)})
        except ValidationError as exc:
            first = exc.errors()[0]
            raise BadInput(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}.") from exc
        catalogue.set_rules(new)
    typer.echo(f"{len(new.synonyms):,} synonyms, {len(new.pinned):,} pinned, {len(new.hidden):,} hidden.")


def rules_text(found: "ShopRules", titles: dict[str, str]) -> str:
    """The rules for people."""

    def named(item_id: str) -> str:
        return f"{titles.get(item_id, '(not in the catalogue)')} [{item_id}]"

    rows = [f"synonym  {word} -> {means}" for word, means in found.synonyms.items()]
    rows += [
        f"pinned   {named(one.item_id)} {f'for {one.wish!r}' if one.wish else ''}".rstrip() for one in found.pinned
    ]
    rows += [f"hidden   {named(one)}" for one in found.hidden]
    return "\n".join(rows) or "There are no rules; see: assistant shop --help"
