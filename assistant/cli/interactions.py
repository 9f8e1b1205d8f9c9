"""assistant interactions: what people did with items, from files into the assistant."""

import contextlib
import datetime
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.errors import BadInput
from assistant.settings import Settings, load_settings
from assistant.storage import open_catalogue

if TYPE_CHECKING:
    from assistant.interactions import InteractionSummary
    from tools.records import Record
    from tools.taste.events import EventStore
    from tools.taste.records import EventStats

app = typer.Typer(no_args_is_help=True, help="Take in what people did with items, and count it.")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def ingest(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Interactions, JSONL or CSV; - is standard input.")
    ],
    rejects: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write what was not taken, and why, to this JSONL file.")
    ] = None,
    undated: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="When lines without a timestamp happened: seconds or a date; never guessed."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Keep the events of files; events that are kept already change nothing.

    After an interruption the same command goes on. docs/interactions.md describes the files.
    """
    from assistant import interactions
    from assistant.cli.catalogue import rejections
    from assistant.ingest.progress import progress_for_terminal
    from assistant.privacy.pseudonyms import Pseudonyms
    from tools.taste.events import EventStore

    settings = load_settings()
    options = interactions.InteractionOptions(Pseudonyms.open(settings).of, _moment(undated))
    with rejections(rejects) as reject, contextlib.closing(EventStore.open(settings.place())) as store:
        summary = interactions.ingest(store, files, options, reject=reject, progress=progress_for_terminal())
    typer.echo(summary.model_dump_json() if as_json else summary_text(summary, rejects))


@app.command()
def stats(as_json: Json = False) -> None:
    """Count what is kept, and name what looks like no person's doing."""
    from tools.taste.events import EventStore

    settings = load_settings()
    with contextlib.closing(EventStore.open(settings.place())) as store:
        statistics = store.stats()
        unknown = _unknown(settings, store)
    if as_json:
        typer.echo(_with(statistics, items_unknown=unknown))
    else:
        typer.echo(stats_text(statistics, unknown))


def summary_text(summary: "InteractionSummary", rejects: Path | None = None) -> str:
    """The summary for people."""
    where = f" (see {rejects})" if rejects and summary.rejected else ""
    speed = summary.lines / max(summary.seconds, 0.001)
    return (
        f"{summary.lines:,} lines: {summary.new:,} new, {summary.known:,} known already, "
        f"{summary.rejected:,} rejected{where}; {summary.seconds:,.1f} s, {speed:,.0f} a second."
    )


def stats_text(stats: "EventStats", unknown: int | None) -> str:
    """The statistics for people; ``unknown``: items that the catalogue lacks, None where there is no catalogue."""
    missing = "there is no catalogue yet" if unknown is None else f"{unknown:,} not in the catalogue yet"
    rows = {
        "events": f"{stats.events:,}" + "".join(f", {name} {count:,}" for name, count in stats.kinds.items()),
        "people": f"{stats.people:,}, the busiest with {stats.largest_share:.1%} of all events",
        "items": f"{stats.items:,} ({missing})",
        "time": f"{_day(stats.first_at)} to {_day(stats.last_at)}",
        "preferences": f"{stats.preferences:,}",
    }
    lines = [f"{name:<12} {value}" for name, value in rows.items()]
    return "\n".join([*lines, *(f"suspicious   {sentence}" for sentence in stats.suspicious)])


def _day(at: float | None) -> str:
    return "-" if at is None else f"{datetime.datetime.fromtimestamp(at, datetime.UTC):%Y-%m-%d}"


def _with(record: "Record", **further: int | None) -> str:
    return json.dumps({**record.model_dump(), **further})


def _moment(text: str | None) -> float | None:
    from assistant.interactions.validate import read_time

    if text is None:
        return None
    at = read_time(text)
    if at is None or at < 0:
        raise BadInput(f"--undated takes seconds since 1970 or a date such as 2024-05-31, not {text[:40]!r}.")
    return at


def _unknown(settings: Settings, store: "EventStore") -> int | None:
    from assistant.interactions import unknown_items

    if not (settings.data_folder / "catalogue.sqlite").is_file():
        return None
    with open_catalogue(settings, read_only=True) as catalogue:
        return unknown_items(store, catalogue)
