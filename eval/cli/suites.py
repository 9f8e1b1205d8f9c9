"""assistant eval list, assistant eval check: which suites there are, and whether one makes sense."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.settings import load_settings

if TYPE_CHECKING:
    from eval.suite.load import SuiteInfo

SuiteName = Annotated[
    str, typer.Argument(metavar="SUITE", help="A built-in suite, as `assistant eval list` shows, or a file.")
]
SuiteNames = Annotated[
    list[str], typer.Argument(metavar="SUITE...", help="Built-in suites, as `assistant eval list` shows, or files.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def list_suites(as_json: Json = False) -> None:
    """Show every built-in suite: what it is about, its cases, turns and slices."""
    from eval.suite.load import known_suites

    suites = known_suites()
    if as_json:
        records = [suite.model_dump() for suite in suites]
        typer.echo(json.dumps({"suites": records}, indent=2, ensure_ascii=False))
        return
    for suite in suites:
        typer.echo(suite_text(suite))


def check(names: SuiteNames) -> None:
    """Read suites and hold each to its format, its catalogue, and the product's tools and filters."""
    from eval.suite.catalogue import suite_items, suite_pages
    from eval.suite.check import check_against
    from eval.suite.load import load_whole

    for name in names:
        suite = load_whole(name)
        for part in suite.parts:
            suite_pages(part)
            check_against(part, suite_items(part, load_settings()))
        size = size_text(len(suite.cases), sum(len(case.turns) for case in suite.cases))
        typer.echo(f"{f'{suite.name}: ' if len(names) > 1 else ''}{size}: nothing wrong")


def suite_text(suite: "SuiteInfo") -> str:
    """A suite for people."""
    tags = ", ".join(f"{tag} {count}" for tag, count in suite.tags.items())
    return f"{suite.name}: {size_text(suite.cases, suite.turns)}\n    {suite.description}\n    {tags}\n"


def size_text(cases: int, turns: int) -> str:
    """How large a suite is."""
    return f"{cases} case{'s' * (cases != 1)}, {turns} turn{'s' * (turns != 1)}"
