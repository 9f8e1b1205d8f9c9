"""assistant eval heads: the classifiers that read messages, measured on the labelled messages and fitted to them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from assistant.agent.reading.training import MessageExample
    from assistant.settings import Settings

Fit = Annotated[bool, typer.Option("--fit", help="Fit the classifiers to all messages and write their weights.")]
Into = Annotated[Path | None, typer.Option("--into", help="Folder of the weights; default: the program's own.")]
Encoder = Annotated[str | None, typer.Option("--encoder", help="Text encoder; default: the setting text.model.")]


def heads(fit: Fit = False, into: Into = None, encoder: Encoder = None) -> None:
    """Acts, roles and operations of messages: cross-validated confusions, and those of a language never trained on."""
    from assistant.agent.reading import labels, training
    from assistant.agent.reading.heads import WEIGHTS
    from assistant.settings import load_settings
    from eval import heads as measured

    settings = load_settings()
    name = encoder or settings.text.model
    examples = encoded(settings.model_copy(update={"text": settings.text.model_copy(update={"model": name})}))
    if fit:
        path = (into or WEIGHTS) / f"{name}.safetensors"
        training.write(
            training.fit([example for example in examples if example.message.language != labels.HELD_OUT]), path
        )
        typer.echo(f"Written: {path}")
        return
    typer.echo(f"Cross-validated, {measured.FOLDS} folds\n{measured.in_words(measured.cross_validated(examples))}\n")
    unseen = measured.on_unseen_language(examples)
    typer.echo(f"A language never trained on ({labels.HELD_OUT})\n{measured.in_words(unseen)}")


def encoded(settings: "Settings") -> "list[MessageExample]":
    """All labelled messages, encoded for classification."""
    from assistant.agent.reading import labels, training
    from assistant.engines import open_engines
    from assistant.ingest.progress import progress_for_terminal

    text = open_engines(settings).text
    messages = [*labels.messages(), *labels.operations()]
    with progress_for_terminal().stage(f"reading with {settings.text.model}", len(messages), "messages") as advance:
        return training.examples(
            messages, lambda message: text.token_states(message, purpose="classification"), advance
        )
