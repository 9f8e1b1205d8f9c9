"""assistant tune: teach the language model its steps in a turn."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.settings import Settings, load_settings

if TYPE_CHECKING:
    from assistant.llm.adapters import AdapterCard
    from assistant.tuning.examples import Example


def tune(
    epochs: Annotated[float, typer.Option(min=0.1, help="How often each example is seen.")] = 2.0,
    rank: Annotated[int, typer.Option(min=1, max=256, help="Rank of the adapter's matrices.")] = 16,
    rate: Annotated[float, typer.Option(min=0.0, help="The highest learning rate.")] = 4e-4,
    batch: Annotated[int, typer.Option(min=1, help="Examples a step.")] = 16,
    part: Annotated[float, typer.Option(min=0.01, max=1.0, help="Train on this share of the examples.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of the order and of the adapter's first weights.")] = 0,
    data_folder: Annotated[
        Path | None,
        typer.Option("--from", metavar="FOLDER", help="Also learn from the conversations of this data folder."),
    ] = None,
    start: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Go on from the adapter of this folder.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the adapter; default: where it is used from.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the adapter's card as one JSON object.")] = False,
) -> None:
    """Train an adapter for the settings' model; a training that was stopped goes on where it was.

    Stop the language model's server before, and start it anew after: it takes the adapter up by itself.
    """
    from assistant.llm.adapters import adapter_at, trained_folder
    from assistant.llm.profiles import weights_folder
    from assistant.models.names import model_name
    from assistant.tuning.own import OwnExamples, own_examples
    from assistant.tuning.training import Recipe, train

    settings = load_settings()
    user_examples = own_examples(data_folder) if data_folder else OwnExamples([], [])
    base, name = weights_folder(settings), model_name(settings)
    going_on = adapter_at(start, name) if start else None
    folder = out or trained_folder(settings, name)
    folder.mkdir(parents=True, exist_ok=True)
    examples, held_out = _examples(settings, folder, part, seed)
    recipe = Recipe(rank=rank, alpha=2 * rank, rate=rate, epochs=epochs, batch=batch, seed=seed)
    examples = [*user_examples.examples, *examples]  # the trainer mixes them
    card = train(examples, held_out, base, name, folder, recipe, start=going_on, users=user_examples.users, say=_say)
    typer.echo(card.model_dump_json() if as_json else card_text(card, folder))


def _examples(
    settings: Settings, folder: Path, part: float, seed: int
) -> tuple[Sequence["Example"], Sequence["Example"]]:
    """What is trained on and what is held out; read again where a training was stopped, else made anew."""
    from assistant.tuning.examples import built_in, write
    from assistant.tuning.training import CHECKPOINTS, read

    files = [folder / "examples.jsonl", folder / "held-out.jsonl"]
    if not ((folder / CHECKPOINTS).is_dir() and all(file.is_file() for file in files)):
        for file, held_out in zip(files, (False, True), strict=True):
            write(built_in(settings, held_out=held_out, seed=seed, say=_say), file)
    examples, held_out_examples = (read(file) for file in files)
    return examples[: max(1, round(len(examples) * part))], held_out_examples


def card_text(card: "AdapterCard", folder: Path) -> str:
    """What was trained, for people."""
    steps = ", ".join(f"{count:,} of {step}" for step, count in sorted(card.examples.items()))
    figures = card.figures
    return "\n".join(
        [
            f"An adapter of {card.base} in {folder}: {steps}.",
            f"Loss on held-out examples {figures['loss_before']:.3f} before, {figures['loss_after']:.3f} after; "
            f"{figures['seconds'] / 60:.0f} minutes, {figures['peak_gib']:.1f} GiB at the peak; losses.png beside it.",
            "Start the model's server anew to use it: assistant llm down && assistant llm up",
        ]
    )


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
