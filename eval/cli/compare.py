"""assistant eval compare: two runs held against each other, case by case."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.settings import load_settings
from eval.cli.options import PLAIN_WIDTH

if TYPE_CHECKING:
    from rich.table import Table

    from eval.compare.records import RunComparison

STYLES = {"better": "green", "worse": "bold red", "different": "yellow", "can't tell": "dim"}


def compare(
    before: Annotated[str, typer.Argument(help="The run to compare with: its name, or a path with a slash.")],
    after: Annotated[str, typer.Argument(help="The run that the verdicts are about.")],
    measure: Annotated[list[str] | None, typer.Option(help="Look at this measure only; may be repeated.")] = None,
    detect: Annotated[
        float | None, typer.Option(help="The difference that would matter, in the measure's unit.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write both runs beside each other, flipped cases first.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Say whether the second run is better than the first, how surely, and how many cases would tell."""
    from eval.compare.comparing import ComparisonRequest, compare
    from eval.measures.scoring import MEASURES
    from eval.report.files import write_text
    from eval.report.side_by_side import comparison_page
    from eval.runs.reading import read_run, run_folder, runs_folder

    runs = runs_folder(load_settings())
    first, second = (read_run(run_folder(name, runs)) for name in (before, after))
    with waiting("reckoning"):
        comparison = compare(first, second, ComparisonRequest(MEASURES, measure or (), detect))
    if html is not None:
        write_text(html, comparison_page(comparison, first, second))
    if as_json:
        typer.echo(comparison.model_dump_json(indent=1))
    else:
        show(comparison)


def waiting(message: str) -> AbstractContextManager[object]:
    """A spinner on standard error while something long goes on; nothing where that is no terminal."""
    from rich.console import Console

    return Console(stderr=True).status(message)


def show(comparison: "RunComparison") -> None:
    """Print the verdict, the measures, the slices and the flipped cases."""
    from rich.console import Console

    from eval.compare.words import headline

    console = Console()
    if not console.is_terminal:
        console = Console(width=PLAIN_WIDTH)
    console.print(headline(comparison), style="bold", markup=False, highlight=False, soft_wrap=True)
    for note in comparison.notes:
        console.print(f"note: {note}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    console.print(table_of(comparison))
    for title, cases in (("Lost", comparison.lost), ("Gained", comparison.gained)):
        if cases:
            console.print(f"{title}: {', '.join(cases)}", markup=False, highlight=False, soft_wrap=True)


def table_of(comparison: "RunComparison") -> "Table":
    """Passed, then each measure, then the slices; p is corrected for their number."""
    from rich.table import Table
    from rich.text import Text

    from eval.compare.words import number, p_in_words, signed, span

    table = Table(box=None, pad_edge=False, header_style="bold")
    columns = ("", comparison.before, comparison.after, "difference", "95 % interval", "p (corrected)", "cases",
               "needed", "verdict")  # fmt: skip
    for position, column in enumerate(columns):
        table.add_column(Text(column), justify="left" if position in (0, 8) else "right", overflow="fold")
    rows = [(difference.measure, difference) for difference in (comparison.passed, *comparison.measures)]
    rows += [(f"{part.difference.measure} [{part.tag}]", part.difference) for part in comparison.slices]
    for name, difference in rows:
        values = (
            number(difference.before),
            number(difference.after),
            signed(difference.difference),
            span(difference),
            p_in_words(difference.p_holm),
        )
        counts = (f"{difference.cases:,}", f"{difference.needed:,}" if difference.needed is not None else "–")
        table.add_row(
            *(Text(cell) for cell in (name, *values, *counts)), Text(difference.verdict, STYLES[difference.verdict])
        )
    for whole in comparison.whole:
        table.add_row(Text(whole.measure), number(whole.before), number(whole.after), *[""] * 5, "whole runs: no test")
    return table
