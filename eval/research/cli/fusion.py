"""assistant eval research fusion and fit-fusion: the methods of fusion compared, and the learned one's numbers."""

from pathlib import Path
from typing import Annotated

import typer

from assistant.errors import BadInput
from assistant.settings import load_settings
from eval.cli.run import VariantOutcome, run_names, tell
from eval.cli.suites import SuiteName


def fusion(
    suite: SuiteName,
    method: Annotated[
        list[str] | None, typer.Option(help="rrf, score, zscore, concat, learned; may be repeated. Default: all.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The runs' name; the method is added.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="A case's id, or tag:TAG; may be repeated.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Run a suite once with each method, without a language model; `assistant eval compare` takes the runs."""
    from assistant.ingest.progress import progress_for_terminal
    from eval.research.fusion.methods import METHODS, fused_by
    from eval.runs.parts import run_whole
    from eval.runs.records import EvalVariant
    from eval.suite.load import load_whole

    if unknown := set(method or []) - METHODS.keys():
        raise BadInput(f"There is no method of fusion {min(unknown)!r}; known: {', '.join(METHODS)}.")
    loaded, settings, progress = load_whole(suite), load_settings(), progress_for_terminal()
    variants = {one: EvalVariant(name=one, answerer="fusion") for one in method or METHODS}
    named, outcomes = run_names([*variants.values()], name), []
    for one, variant in variants.items():
        with fused_by(METHODS[one]):
            folder, scores, cached = run_whole(
                loaded, variant, settings, name=named[one], only=only or [], progress=progress
            )
        outcomes.append(VariantOutcome(one, folder, cached, scores))
    tell(outcomes, [], as_json=as_json)


def fit_fusion(
    suite: SuiteName,
    out: Annotated[Path | None, typer.Option(help="Where to write them; default: standard output.")] = None,
) -> None:
    """Fit the gates of the method `learned` on a suite's graded turns; report on another suite than this one."""
    from assistant.ingest.progress import progress_for_terminal
    from eval.research.fusion.suites import fit_on_suite
    from eval.suite.load import load_suite

    gates = fit_on_suite(load_suite(suite), load_settings(), progress=progress_for_terminal())
    text = gates.model_dump_json(indent=1)
    if out is None:
        typer.echo(text)
    else:
        out.write_text(f"{text}\n", encoding="utf-8")
