"""assistant init: settings, texts, pages and a sample for one kind of catalogue."""

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from assistant import presets
from assistant.cli.catalogue import rejections, summary_text
from assistant.errors import BadInput
from assistant.presets import Places
from assistant.settings import Settings, load_settings
from assistant.shop import FILE, Kind
from assistant.storage import open_catalogue


def init(
    preset: Annotated[Kind, typer.Option(help="What the catalogue holds: see docs/presets.md.")],
    folder: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write everything in here; default: the settings file and the data folder."),
    ] = None,
    sample: Annotated[bool, typer.Option("--sample", help="Take in the preset's sample catalogue and pages.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Write settings, texts for customers, pages for questions and a sample catalogue to begin with."""
    settings = load_settings()
    to = presets.places(preset, settings, folder)
    if folder is not None:
        settings = settings.over(to.data)
    if sample and not force:
        _refuse_other_items(settings)
    presets.write(preset, to, data=None if folder is None else to.data, replace=force)
    typer.echo(f"Settings:             {to.config}\nTexts for customers:  {to.data / FILE}")
    typer.echo(f"Pages and sample:     {to.files}")
    taken = False
    try:
        if sample:
            _take_in(settings, to)
            taken = True
    finally:
        typer.echo("\n".join(["Next:", *(f"  {line}" for line in next_commands(to, folder is not None, taken))]))


def _refuse_other_items(settings: Settings) -> None:
    """A sample among the items of a shop would be shown to its customers."""
    from tools.store.database import DATABASE

    if (settings.data_folder / DATABASE).is_file():
        with open_catalogue(settings, read_only=True) as catalogue:
            count = catalogue.stats().items
        if count:
            raise BadInput(
                f"The catalogue in {settings.data_folder} has {count:,} items, and the sample would be added to them; "
                "give another --folder, or --force."
            )


def _take_in(settings: Settings, to: Places) -> None:
    from assistant import ingest as work
    from assistant.engines import media_limits, open_engines, page_store
    from assistant.ingest.pages import read_page

    engines, progress = open_engines(settings), work.progress_for_terminal()
    options = work.IngestOptions(language=settings.catalogue_language, media=media_limits(settings))
    encoders = work.Encoders(engines.text, engines.pictures, engines.sounds)
    with (
        rejections(None) as reject,
        open_catalogue(settings, notify=progress.say) as catalogue,
    ):
        summary = work.ingest(catalogue, [to.items], encoders, options, reject=reject, progress=progress)
    pages = page_store(settings).put([read_page(page) for page in to.pages], engines.text)
    typer.echo(f"{summary_text(summary)}\n{len(pages):,} pages.")


def next_commands(to: Places, own_folder: bool, taken: bool) -> list[str]:
    """What to do after the files are written, as lines for a shell.

    Args:
        own_folder: the settings file is not where commands look for it.
        taken: the sample catalogue is in.
    """
    lines = [f"export ASSISTANT_CONFIG={shlex.quote(str(to.config))}"] if own_folder else []
    lines += ["unset ASSISTANT_DATA"] if own_folder and "ASSISTANT_DATA" in os.environ else []
    if taken:
        lines.append("assistant catalogue drop                 # before your own items come in")
    else:
        lines.append(f"assistant ingest {shlex.quote(str(to.items))}    # or your own items")
        lines.append(shlex.join(["assistant", "pages", "ingest", *map(str, to.pages)]))
    replaced = f"grep -rn REPLACE {shlex.quote(str(to.data / FILE))} {shlex.quote(str(to.files))}"
    return [*lines, f"{replaced}    # what you must replace", "assistant serve"]
