"""assistant eval steps: the language model at the steps of a turn, on conversations that training never saw."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from eval.steps import StepFigures


def steps(
    file: Annotated[
        Path | None, typer.Option(help="Examples to ask, as `assistant tune` writes them; default: those held out.")
    ] = None,
    most: Annotated[int | None, typer.Option(min=1, help="Ask so many of each step at most.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Ask the running language model what was held out of its training, without a schema; compare with the labels."""
    from assistant.engines import open_engines
    from assistant.ingest.progress import progress_for_terminal
    from assistant.llm.client import ChatClient
    from assistant.settings import load_settings
    from assistant.tuning.examples import built_in
    from assistant.tuning.training import read
    from assistant.understanding.language import detect_language
    from eval import steps as measured

    settings, progress = load_settings(), progress_for_terminal()
    examples = read(file) if file else built_in(settings, held_out=True)
    selected = [example for step in _STEPS for example in [e for e in examples if e.step == step][:most]]
    requests = measured.to_ask(selected)
    with progress.stage("asking the language model", len(requests), "answers") as advance:
        answers = asyncio.run(measured.ask(ChatClient(settings), selected, advance))
    encoder = open_engines(settings).text
    figures = measured.figures(answers, encoder, lambda text: detect_language(text, default="unknown"))
    if as_json:
        rows = [{"step": step, "language": language, **vars(own)} for (step, language), own in figures.items()]
        typer.echo(json.dumps(rows))
    else:
        _show(figures)


_STEPS = ("plan", "order", "role", "sentence", "chat")


def _show(figures: dict[tuple[str, str], "StepFigures"]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("step", "language", "answers", "right", "right tools", "valid")
    for (step, language), own in sorted(
        figures.items(), key=lambda entry: (_STEPS.index(entry[0][0]), entry[0][1] != "all")
    ):
        shares: list[Any] = [f"{count / own.asked:.0%}" for count in (own.right, own.tools, own.valid)]
        table.add_row(step, language, str(own.asked), *shares)
    Console().print(table)
