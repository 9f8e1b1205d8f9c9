"""assistant insights: what was asked, what found nothing, and what people did with items, by day."""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.errors import BadInput
from assistant.settings import Settings, load_settings
from assistant.storage import open_catalogue

if TYPE_CHECKING:
    from assistant.insights.report import Insights, ItemCount, WishCount

SHOWN = 10
"""Wishes and items of each list that people are shown."""


def insights(
    days: Annotated[int, typer.Option(min=1, max=400, help="So many days, today included.")] = 30,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="DIR", help="Write days, wishes and items as CSV files into it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print what customers asked, what found nothing or was refused, and what they did with items."""
    from assistant.insights.report import report

    if csv and as_json:
        raise BadInput("Give --csv or --json, not both.")
    settings = load_settings()
    found = report(settings, lambda ids: _titles(settings, ids), days)
    if csv:
        typer.echo(f"Written: {', '.join(str(path) for path in _write(found, csv))}")
    else:
        typer.echo(found.model_dump_json(indent=1) if as_json else insights_text(found))


def _titles(settings: Settings, ids: Sequence[str]) -> Mapping[str, str]:
    """Titles from the catalogue, where there is one."""
    from tools.errors import StoreError

    with (
        contextlib.suppress(StoreError),
        open_catalogue(settings, read_only=True) as catalogue,
    ):
        return {item_id: item.title for item_id, item in catalogue.get_many(ids).items()}
    return {}


def _write(found: "Insights", folder: Path) -> list[Path]:
    from assistant.insights.report import TABLES, as_csv

    paths = [folder / f"{table.replace('_', '-')}.csv" for table in TABLES]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for table, path in zip(TABLES, paths, strict=True):
            path.write_text(as_csv(found, table), "utf-8-sig", newline="")
    except OSError as exc:
        raise BadInput(f"{exc.filename or folder} cannot be written: {exc.strerror}.") from exc
    return paths


def insights_text(found: "Insights") -> str:
    """The report for people: days with anything, and the first of each list."""
    names = ("conversations", "turns", "found_nothing", "refused", "clicked", "liked", "carted")
    rows = [f"{'day':<10}" + "".join(f"{name.replace('_', ' '):>15}" for name in names)]
    rows += [
        f"{day.day:<10}" + "".join(f"{getattr(day, name):>15,}" for name in names)
        for day in found.days
        if day.turns or day.clicked or day.liked or day.carted
    ]
    if len(rows) == 1:
        return f"Nothing was asked from {found.since} to {found.until}."
    lists = {"Asked most": found.wishes, "Without a result": found.wishes_without_result, "Refused": found.refused}
    for name, wishes in lists.items():
        rows += ["", f"{name} (conversations):", *map(_wish_text, wishes[:SHOWN])] if wishes else []
    if found.items:
        rows += ["", "Items (shown, clicked, liked, in carts):", *map(_item_text, found.items[:SHOWN])]
    return "\n".join(rows)


def _wish_text(wish: "WishCount") -> str:
    return f"{wish.conversations:>6,}  {wish.wish}"


def _item_text(item: "ItemCount") -> str:
    counts = f"{item.shown:>6,} {item.clicked:>6,} {item.liked:>6,} {item.carted:>6,}"
    return f"{counts}  {item.title or '(not in the catalogue)'} [{item.item_id}]"
