"""assistant eval research fit-fusion: the learned fusion's numbers, fitted on a suite."""

from pathlib import Path
from typing import Annotated

import typer

from assistant.settings import load_settings
from eval.cli.suites import SuiteName


def fit_fusion(
    suite: SuiteName,
    out: Annotated[Path | None, typer.Option(help="Where to write them; default: standard output.")] = None,
) -> None:
    """Fit the gates of turn.fusion=learned on a suite's graded turns; report on another suite than this one."""
    from assistant.ingest.progress import progress_for_terminal
    from eval.research.fusion_fitting import fit_on_suite
    from eval.suite.load import load_suite

    gates = fit_on_suite(load_suite(suite), load_settings(), progress=progress_for_terminal())
    text = gates.model_dump_json(indent=1)
    if out is None:
        typer.echo(text)
    else:
        out.write_text(f"{text}\n", encoding="utf-8")
