"""assistant train: learn from what people chose."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.settings import load_settings
from assistant.taste_training import Choice

if TYPE_CHECKING:
    from tools.taste.model import ModelCard

Json = Annotated[bool, typer.Option("--json", help="Print the model's card as one JSON object.")]


def train(
    algorithm: Annotated[
        Choice, typer.Option(help="How other people's choices are used; docs/collaborative.md compares them.")
    ] = "auto",
    back: Annotated[bool, typer.Option("--back", help="Train nothing: go back to the model before this one.")] = False,
    as_json: Json = False,
) -> None:
    """Learn from the stored events what people of similar taste choose; a running server takes the new model up.

    With too few events it says so, and recommendations go on from contents and popularity.
    """
    from assistant import taste_training as work

    settings = load_settings()
    if back:
        typer.echo(f"The model {work.roll_back(settings)} is current again.")
        return
    card = work.train(settings, algorithm, say)
    typer.echo(card.model_dump_json() if as_json else card_text(card))


def card_text(card: "ModelCard") -> str:
    """What was learned, for people."""
    lines = [
        f"model {card.version}: {card.algorithm}, from {card.events:,} choices of {card.items:,} items by "
        f"{card.people:,} people, in {card.seconds:,.0f} s; {card.untouched:,} items that nobody chose go by contents"
    ]
    if card.left_out:
        lines.append(f"{card.left_out:,} choices were left out: one person's beyond their latest thousand")
    if card.figures:
        lines.append(f"on the latest choice of {card.tested:,} people, held out:")
        lines += [
            f"  {name:<28} " + "  ".join(f"{key} {value:.3f}" for key, value in figures.items())
            for name, figures in card.figures.items()
        ]
    return "\n".join(lines)


def say(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)
