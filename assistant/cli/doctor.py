"""assistant doctor: what is present, what is missing, and the command that mends it."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.errors import ServiceMissing
from assistant.settings import load_settings

if TYPE_CHECKING:
    from rich.table import Table

    from assistant.doctor import Report

PLAIN_WIDTH = 160
STYLES = {"present": "green", "missing": "bold red", "optional": "yellow"}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Examine the installation; exit code 0 when the main path can run, 3 otherwise."""
    from rich.console import Console

    from assistant.doctor import examine

    report = examine(load_settings())
    if as_json:
        typer.echo(json.dumps(report.as_json(), ensure_ascii=False))
    else:
        console = Console()
        if not console.is_terminal:
            console = Console(width=PLAIN_WIDTH)
        console.print(table_of(report))
        console.print(verdict(report), highlight=False)
    if not report.ok:
        raise typer.Exit(ServiceMissing.exit_code)


def verdict(report: "Report") -> str:
    """One sentence on the whole."""
    missing = [check for check in report.checks if check.state == "missing"]
    if not missing:
        return "Everything that the main path needs is here."
    first = next((check.mend for check in missing if check.mend), "")
    return f"{len(missing)} missing." + (f" Begin with: {first}" if first else "")


def table_of(report: "Report") -> "Table":
    """The report as a table."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("part", "state", "what is there", "mend it with"):
        table.add_column(column, overflow="fold")
    for check in report.checks:
        cells = (Text(check.part), Text(check.state, style=STYLES[check.state]), Text(check.detail), Text(check.mend))
        table.add_row(*cells)
    return table
