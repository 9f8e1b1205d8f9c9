"""assistant eval research privacy, private-counts, federated: what masking finds, and what privacy of events costs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.settings import load_settings

if TYPE_CHECKING:
    from eval.research.privacy.masking import MaskingFigures, MaskingOutcome

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def privacy(
    path: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Messages of your own with marks.")] = None,
    as_json: Json = False,
) -> None:
    """What masking finds of personal data in marked messages, and what it masks that is none."""
    from eval.research.privacy.masking import LINES, measure, read_lines

    outcome = measure(read_lines(path or LINES))
    if as_json:
        typer.echo(outcome.model_dump_json(indent=2))
        return
    typer.echo("\n".join(masking_lines(outcome)))


def masking_lines(outcome: "MaskingOutcome") -> Iterator[str]:
    """The figures for people."""
    yield f"{outcome.lines} messages, {outcome.without} of them without personal data; {outcome.milliseconds} ms each"
    yield ""
    yield f"{'language':<10}{'kind':<11}{'recall':>8}{'':>9}{'precision':>11}"
    for one in outcome.figures:
        if one.marked or one.masked:
            yield _row(one)
    for title, told in (("Missed", outcome.missed), ("Masked, though it is none", outcome.wrong)):
        yield f"\n{title}: {len(told)}"
        yield from (f"  {one}" for one in told)
    yield f"\nWishes read otherwise than without the personal data: {len(outcome.harmed)}"
    yield from (f"  {one}" for one in outcome.harmed)


def _row(one: "MaskingFigures") -> str:
    counts = f"{one.found}/{one.marked}"
    return f"{one.language:<10}{one.kind:<11}{_share(one.recall):>8}{counts:>9}{_share(one.precision):>11}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def private_counts(
    as_json: Json = False,
    repeats: Annotated[int, typer.Option(min=1, help="Releases to average over; each has noise of its own.")] = 5,
) -> None:
    """What differentially private counts cost recommenders on MovieLens-100K; some minutes."""
    from assistant.models import reporter_for_terminal
    from eval.research.privacy.counts import compare, table
    from eval.research.public import movielens as data

    dataset = data.load(data.fetch(load_settings(), reporter_for_terminal()))
    found = compare(dataset.interactions, repeats=repeats, say=lambda text: typer.echo(text, err=True))
    if as_json:
        typer.echo(json.dumps([one.model_dump() for one in found], indent=2))
        return
    typer.echo(f"{dataset.name}. Licence: {dataset.licence}.")
    typer.echo("\n".join(table(found)))


def federated(
    as_json: Json = False,
    repeats: Annotated[int, typer.Option(min=1, help="Releases with noise to average over.")] = 3,
    folder: Annotated[Path | None, typer.Option(help="Where MovieLens-100K is; default: it is fetched.")] = None,
) -> None:
    """Five shops that learn together, beside each alone and all events in one place, on MovieLens-100K; minutes."""
    from assistant.models import reporter_for_terminal
    from eval.research.privacy.federated import compare, table
    from eval.research.public import movielens as data

    dataset = data.load(folder or data.fetch(load_settings(), reporter_for_terminal()))
    figures = compare(dataset.interactions, repeats=repeats, say=lambda text: typer.echo(text, err=True))
    if as_json:
        typer.echo(json.dumps([one.model_dump() for one in figures], indent=2))
        return
    typer.echo(f"{dataset.name}. Licence: {dataset.licence}.")
    typer.echo("\n".join(table(figures)))
