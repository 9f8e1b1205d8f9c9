"""assistant train: learn from what people chose."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.errors import BadInput
from assistant.settings import load_settings
from tools.taste.records import Algorithm

if TYPE_CHECKING:
    from tools.taste.model import ModelCard

Json = Annotated[bool, typer.Option("--json", help="Print the model's card as one JSON object.")]
Folder = Path | None


def train(
    algorithm: Annotated[
        Algorithm,
        typer.Option(help="auto: blend what ranks held-out choices best; else one part alone (docs/collaborative.md)."),
    ] = "auto",
    back: Annotated[bool, typer.Option("--back", help="Train nothing: go back to the model before this one.")] = False,
    export_to: Annotated[
        Folder, typer.Option("--export", metavar="DIR", help="Train nothing: write choices and items as Parquet.")
    ] = None,
    import_from: Annotated[
        Folder,
        typer.Option("--import", metavar="DIR", help="Use item factors or neighbours of another engine (Parquet)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Learn from the stored events what people of similar taste choose; a running server takes the new model up.

    With too few events it says so, and recommendations go on from contents and popularity.
    """
    from assistant import taste_training as work

    settings = load_settings()
    if sum([back, export_to is not None, import_from is not None]) > 1:
        raise BadInput("Only one of --back, --export and --import can be given.")
    if back:
        typer.echo(f"The model {work.roll_back(settings)} is current again.")
    elif export_to is not None:
        work.export(settings, export_to, say)
        typer.echo(f"Choices and items are in {export_to}.")
    else:
        card = work.train(settings, algorithm, say, import_from)
        typer.echo(card.model_dump_json() if as_json else card_text(card))


def card_text(card: "ModelCard") -> str:
    """What was learned, for people."""
    lines = [
        f"model {card.version}: {card.algorithm}, from {card.events:,} choices of {card.items:,} items by "
        f"{card.people:,} people, in {card.seconds:,.0f} s; {card.untouched:,} items that nobody chose go by contents"
    ]
    if card.left_out:
        lines.append(f"{card.left_out:,} choices were left out: one person's beyond their latest thousand")
    if card.tau:
        lines.append("a choice counts 1/e after so many later ones (tau): " + _listed(card.tau))
    if card.compared:
        lines.append(f"tried and left out: {', '.join(card.compared)}")
    if card.imported:
        lines.append(
            f"from another engine: {', '.join(card.imported)}; it may have seen the choices held out, so that the "
            "figures are too good"
        )
    lines += [f"weights {stage}: {_listed(weights)}" for stage, weights in card.weights.items()]
    if card.figures:
        lines.append(f"on the latest choice of {card.tested:,} people, held out:")
        lines += [
            f"  {name:<28} " + "  ".join(f"{key} {value:.3f}" for key, value in figures.items())
            for name, figures in card.figures.items()
        ]
    if card.lead:
        lead = card.lead
        lines.append(
            f"the blend beside {lead.over}: {lead.difference:+.3f} NDCG@10 [{lead.low:+.3f}, {lead.high:+.3f}], "
            f"{card.tested:,} people"
        )
    return "\n".join(lines)


def _listed(values: "dict[str, float] | dict[str, float | None]") -> str:
    return ", ".join(f"{name} {'never' if value is None else format(value, 'g')}" for name, value in values.items())


def say(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)
