"""assistant eval run: a suite answered by one or several variants, scored, and held to thresholds."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.settings import Settings, load_settings
from eval.cli.options import NOT_MET, PLAIN_WIDTH, FailOver, FailUnder

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from eval.runs.records import EvalVariant, RunScores
    from eval.suite.load import WholeSuite


@dataclass(frozen=True)
class VariantOutcome:
    """One variant's run and what it came to."""

    variant: str
    folder: Path
    cached: int
    scores: "RunScores"

    def as_json(self) -> dict[str, Any]:
        """What a program wants to know of it."""
        from eval.measures.scoring import summarise

        return {
            "variant": self.variant,
            "run": self.folder.name,
            "folder": str(self.folder),
            "cached": self.cached,
            "measures": summarise(self.scores),
            "failed": [case.case for case in self.scores.cases if not case.passed],
        }


def run(
    suite: Annotated[
        str, typer.Argument(metavar="SUITE", help="A built-in suite, as `assistant eval list` shows, or a file.")
    ],
    variant: Annotated[
        list[str] | None,
        typer.Option(help="A variant by name, or NAME:key=value,...; may be repeated. Default: assistant."),
    ] = None,
    variants: Annotated[list[Path] | None, typer.Option(help="A YAML file of variants; may be repeated.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="A case's id, or tag:TAG; may be repeated.")] = None,
    parallel: Annotated[int | None, typer.Option(min=1, max=64, help="Conversations at one time.")] = None,
    name: Annotated[str | None, typer.Option(help="The run's name; with several variants, theirs is added.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of model and random baseline; default: llm.seed.")
    ] = None,
    fresh: Annotated[bool, typer.Option(help="Ask again what is in the cache, for the sake of its seconds.")] = False,
    fail_under: FailUnder = None,
    fail_over: FailOver = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Run a suite; an interrupted run goes on with the same command, and no unchanged answer is paid for twice."""
    from eval.runs.thresholds import parse_thresholds
    from eval.runs.variants import chosen_variants
    from eval.suite.load import load_whole

    thresholds = parse_thresholds(fail_under or [], fail_over or [])
    eval_variants, loaded, settings = chosen_variants(variant or [], variants or []), load_whole(suite), load_settings()
    names_by_variant = run_names(eval_variants, name)
    options = {"only": only or [], "parallel": parallel, "seed": seed, "fresh": fresh}
    outcomes = [
        _run(loaded, eval_variant, settings, name=names_by_variant[eval_variant.name], **options)
        for eval_variant in eval_variants
    ]
    missed = [
        f"{outcome.variant}: {why}"
        for outcome in outcomes
        for threshold in thresholds
        if (why := threshold.missed(outcome.as_json()["measures"]))
    ]
    tell(outcomes, missed, as_json=as_json)
    if missed:
        raise typer.Exit(NOT_MET)


def run_names(variants: "Sequence[EvalVariant]", name: str | None) -> dict[str, str | None]:
    """The run's name by variant; None where it is made of what the run depends on.

    Raises:
        BadInput: it is no name for a folder.
    """
    from assistant.errors import BadInput
    from eval.runs.reading import PLAIN_NAME

    if name is not None and not PLAIN_NAME.fullmatch(name):
        raise BadInput(f"{name!r} is no name for a run: letters, digits, dots and dashes.")
    if name is None or len(variants) == 1:
        return {variant.name: name for variant in variants}
    return {variant.name: f"{name}-{variant.name}" for variant in variants}


def _run(suite: "WholeSuite", variant: "EvalVariant", settings: Settings, **options: Any) -> VariantOutcome:  # noqa: ANN401
    """Answer and score one variant."""
    from assistant.ingest.progress import progress_for_terminal
    from eval.runs.parts import run_whole

    folder, scores, cached = run_whole(suite, variant, settings, progress=progress_for_terminal(), **options)
    return VariantOutcome(variant.name, folder, cached, scores)


def tell(outcomes: Sequence[VariantOutcome], missed: Sequence[str], *, as_json: bool) -> None:
    """The result on standard output."""
    import json

    from rich.console import Console

    if as_json:
        result = {"runs": [outcome.as_json() for outcome in outcomes], "missed": list(missed)}
        typer.echo(json.dumps(result, indent=1, ensure_ascii=False))
        return
    console = Console()
    console = console if console.is_terminal else Console(width=PLAIN_WIDTH)
    console.print(table_of(outcomes))
    for outcome in outcomes:
        _say_where(outcome, console)
    for why in missed:
        console.print(f"not met: {why}", style="bold red", markup=False, highlight=False)


def table_of(outcomes: Sequence[VariantOutcome]) -> "Table":
    """A row a measure, in the order of the table of measures, and a column a variant."""
    from rich.table import Table
    from rich.text import Text

    from eval.measures.scoring import MEASURES

    summaries = [outcome.as_json() for outcome in outcomes]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for summary in summaries:
        table.add_column(Text(summary["variant"]), justify="right")
    table.add_row("answers from the cache", *(f"{summary['cached']:,}" for summary in summaries))
    present = {measure for summary in summaries for measure in summary["measures"]}
    for measure in ["cases", *(name for name in MEASURES if name in present), *sorted(present - {"cases", *MEASURES})]:
        table.add_row(Text(measure), *(number(summary["measures"].get(measure)) for summary in summaries))
    return table


def number(value: float | None) -> str:
    """A value of a table: four digits, a dash where there is none."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value == int(value) and abs(value) >= 2 else f"{value:.3f}"


def _say_where(outcome: VariantOutcome, console: "Console") -> None:
    failed = [case.case for case in outcome.scores.cases if not case.passed]
    if failed:
        more = f" and {len(failed) - 10} more" if len(failed) > 10 else ""
        console.print(f"{outcome.variant} failed: {', '.join(failed[:10])}{more}", markup=False, highlight=False)
    console.print(f"{outcome.variant}: {outcome.folder}", markup=False, highlight=False, soft_wrap=True)
