"""assistant eval report: a run on a page, in a terminal, for a build server, for a document."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.settings import load_settings

if TYPE_CHECKING:
    from rich.table import Table

    from eval.report.records import RunReport

PLAIN_WIDTH = 160
NOT_MET = 1
"""Exit code when a threshold is not met."""


def report(
    runs: Annotated[list[str], typer.Argument(help="The run, then others to hold it against: names, or paths.")],
    fail_under: Annotated[
        list[str] | None,
        typer.Option(metavar="MEASURE=NUMBER", help="Exit 1 when the measure is below; may be repeated."),
    ] = None,
    fail_over: Annotated[
        list[str] | None,
        typer.Option(metavar="MEASURE=NUMBER", help="Exit 1 when the measure is above; may be repeated."),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write one page that stands by itself.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML of all runs for a build server.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write Markdown tables for a document.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Report on a run, and hold it against others."""
    from eval.cli.compare import waiting
    from eval.measures.scoring import MEASURES
    from eval.report.files import write_text
    from eval.report.junit import junit_xml
    from eval.report.markdown import markdown as in_markdown
    from eval.report.run_page import report_page
    from eval.report.summary import summarise_run
    from eval.runs.reading import read_run, run_folder, runs_folder
    from eval.runs.thresholds import parse_thresholds

    folder = runs_folder(load_settings())
    read = [read_run(run_folder(name, folder)) for name in runs]
    thresholds = parse_thresholds(fail_under or [], fail_over or [])
    with waiting("reckoning"):
        summary = summarise_run(read[0], read[1:], MEASURES, thresholds)
    if html is not None:
        write_text(html, report_page(summary, read[0]))
    if junit is not None:
        write_text(junit, junit_xml(read))
    if markdown is not None:
        write_text(markdown, in_markdown(summary))
    if as_json:
        typer.echo(summary.model_dump_json(indent=1))
    else:
        show(summary)
    if not all(one.met for one in summary.requirements):
        raise typer.Exit(NOT_MET)


def show(summary: "RunReport") -> None:
    """Print the verdict, the measures, the slices, and how it stands against the others."""
    from rich.console import Console

    from eval.cli.compare import table_of as differences
    from eval.compare.words import headline, number
    from eval.report.run_page import verdict

    console = Console()
    if not console.is_terminal:
        console = Console(width=PLAIN_WIDTH)
    console.print(verdict(summary), style="bold", markup=False, highlight=False, soft_wrap=True)
    for one in summary.requirements:
        met = "met" if one.met else "missed"
        console.print(
            f"  {met}: {one.measure} at {one.at} {number(one.bound)}, is {number(one.value)}",
            markup=False,
            highlight=False,
        )
    console.print(table_of(summary))
    for against in summary.against:
        console.print()
        console.print(headline(against), style="bold", markup=False, highlight=False, soft_wrap=True)
        console.print(differences(against))
    if summary.failed:
        console.print(f"\nFailed: {', '.join(summary.failed)}", markup=False, highlight=False, soft_wrap=True)


def table_of(summary: "RunReport") -> "Table":
    """The measures, then passed by tag, worst first."""
    from rich.table import Table
    from rich.text import Text

    from eval.compare.words import number

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("measure", "mean", "95 % interval", "cases"):
        table.add_column(column, justify="left" if column == "measure" else "right", overflow="fold")
    rows = [(one.measure, one) for one in (summary.passed, *summary.means)]
    rows += [(f"passed [{one.tag}]", one.passed) for one in summary.slices]
    for name, one in rows:
        interval = "–" if one.low is None else f"{number(one.low)} to {number(one.high)}"
        table.add_row(Text(name), number(one.mean), interval, f"{one.cases:,}")
    for name, value in summary.whole.items():
        table.add_row(Text(name), number(value), "–", "whole run")
    return table
