"""assistant eval report: a run on a page, in a terminal, for a build server, for a document."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.settings import load_settings
from eval.cli.options import NOT_MET, PLAIN_WIDTH, FailOver, FailUnder

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from eval.compare.records import RunComparison
    from eval.report.records import Requirement, RunReport
    from eval.runs.reading import Run

RANKING = "ndcg"


def report(
    runs: Annotated[list[str], typer.Argument(help="The run, then others to hold it against: names, or paths.")],
    fail_under: FailUnder = None,
    fail_over: FailOver = None,
    html: Annotated[Path | None, typer.Option(help="Write one page that stands by itself.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML of all runs for a build server.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write Markdown tables for a document.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="A case's id, or tag:TAG; may be repeated.")] = None,
    hide: Annotated[
        list[str] | None, typer.Option(help="Count the cases with this tag, as tag:TAG, and show none of them.")
    ] = None,
    failed: Annotated[bool, typer.Option("--failures", help="Print each failed case: asked, shown, why.")] = False,
    brief: Annotated[bool, typer.Option("--brief", help="Print the verdicts without the tables.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Report on a run, and hold it against others."""
    from eval.cli.compare import waiting
    from eval.measures.scoring import MEASURES
    from eval.report.failures import failures
    from eval.report.files import write_text
    from eval.report.junit import junit_xml
    from eval.report.markdown import markdown as in_markdown
    from eval.report.run_page import report_page
    from eval.report.summary import summarise_run
    from eval.runs.reading import read_run, run_folder, runs_folder
    from eval.runs.thresholds import parse_thresholds

    folder = runs_folder(load_settings())
    loaded_runs = [filtered(read_run(run_folder(name, folder)), only or []) for name in runs]
    thresholds = parse_thresholds(fail_under or [], fail_over or [])
    with waiting("reckoning"):
        summary = summarise_run(loaded_runs[0], loaded_runs[1:], MEASURES, thresholds)
    files = [file for file in (html, junit, markdown) if file is not None]
    visible_runs = [hidden(run, hide or []) for run in loaded_runs]
    if html is not None:
        write_text(html, report_page(summary, visible_runs[0]))
    if junit is not None:
        write_text(junit, junit_xml(visible_runs))
    if markdown is not None:
        write_text(markdown, in_markdown(summary))
    if failed:
        typer.echo(failures(visible_runs[0]))
    elif as_json:
        typer.echo(summary.model_dump_json(indent=1))
    else:
        show(summary, files, brief=brief)
    if not all(requirement.met for requirement in summary.requirements):
        raise typer.Exit(NOT_MET)


def filtered(run: "Run", only: Sequence[str]) -> "Run":
    """The run with the cases that are named by id or tag; whole where none is.

    Raises:
        BadInput: it has no such case or tag.
    """
    from eval.runs.run import chosen_cases

    if not only:
        return run
    return run.only({case.id for case in chosen_cases(run.scores.suite, list(run.cases.values()), only)})


def hidden(run: "Run", tags: Sequence[str]) -> "Run":
    """The run without the cases that are named by id or tag.

    Raises:
        BadInput: it has no such case or tag.
    """
    return run.only(run.scored.keys() - filtered(run, tags).scored.keys()) if tags else run


def show(summary: "RunReport", files: Sequence[Path], *, brief: bool) -> None:
    """Print the verdict, the measures, the slices, how it stands against the others, and where files were written."""
    from rich.console import Console

    from eval.cli.compare import table_of as differences
    from eval.report.run_page import verdict

    console = Console()
    if not console.is_terminal:
        console = Console(width=PLAIN_WIDTH)
    say(console, verdict(summary), style="bold")
    for requirement in summary.requirements:
        say(console, requirement_in_words(requirement))
    if not brief:
        console.print(table_of(summary))
    for against in summary.against:
        say(console, "")
        for number, line in enumerate(verdicts(against)):
            say(console, line, style="" if number else "bold")
        if not brief:
            console.print(differences(against))
    if summary.failed:
        say(console, f"\nFailed: {', '.join(summary.failed)}")
    for file in files:
        say(console, f"Written: {file}")


def say(console: "Console", text: str, style: str = "") -> None:
    """A line as it is: names of runs are no markup, and the terminal breaks it where it must."""
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def requirement_in_words(requirement: "Requirement") -> str:
    """Whether a threshold is met, and by what."""
    from eval.compare.words import number

    bound = f"{requirement.measure} at {requirement.at} {number(requirement.bound)}"
    return f"  {'met' if requirement.met else 'missed'}: {bound}, is {number(requirement.value)}"


def verdicts(against: "RunComparison") -> list[str]:
    """What became of passing; and of the ranking, the one thing that every baseline can be held to."""
    from eval.compare.words import headline, sentence

    ranked = [difference for difference in against.measures if difference.measure == RANKING]
    return [headline(against), *(sentence(difference, against.before, against.after) for difference in ranked)]


def table_of(summary: "RunReport") -> "Table":
    """The measures, then passed by tag, worst first."""
    from rich.table import Table
    from rich.text import Text

    from eval.compare.words import number

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("measure", "mean", "95 % interval", "cases"):
        table.add_column(column, justify="left" if column == "measure" else "right", overflow="fold")
    rows = [(mean.measure, mean) for mean in (summary.passed, *summary.means)]
    rows += [(f"passed [{part.tag}]", part.passed) for part in summary.slices]
    for name, mean in rows:
        interval = "–" if mean.low is None else f"{number(mean.low)} to {number(mean.high)}"
        table.add_row(Text(name), number(mean.mean), interval, f"{mean.cases:,}")
    for name, value in summary.whole.items():
        table.add_row(Text(name), number(value), "–", "whole run")
    return table
