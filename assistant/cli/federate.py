"""assistant federate: several shops learn a taste model together, and no event leaves any of them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.cli.train import Json, card_text, say
from assistant.settings import load_settings

if TYPE_CHECKING:
    from tools.taste.federated.exchange.counts import SharedCounts

app = typer.Typer(no_args_is_help=True, help="Learn taste together with other shops, without sharing events.")


@app.command()
def share(
    file: Annotated[Path, typer.Argument(help="Where to write what leaves this shop.")],
    epsilon: Annotated[
        float | None, typer.Option(min=0, help="Add noise with this privacy budget; default: privacy.epsilon.")
    ] = None,
) -> None:
    """Write this shop's counts of items and of pairs of items to a file; nothing of a single person is in it."""
    from assistant import federated_training as work

    typer.echo(_counts_text(work.share(load_settings(), file, epsilon, say)))


@app.command()
def add(
    total: Annotated[Path, typer.Argument(help="Where to write the total.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILES...", help="What the shops wrote with share.")],
) -> None:
    """Add up the counts of several shops; for shops on one machine, otherwise Flower does it (docs/federated.md)."""
    from assistant import federated_training as work

    typer.echo(_counts_text(work.add_counts(files, total)))


@app.command()
def learn(
    total: Annotated[Path, typer.Argument(help="The counts of all shops.")],
    own: Annotated[Path, typer.Argument(help="What this shop wrote with share.")],
    as_json: Json = False,
) -> None:
    """Learn this shop's taste model from its own events and the counts of the others."""
    from assistant import federated_training as work

    card = work.train_federated(load_settings(), total, own, say)
    typer.echo(card.model_dump_json() if as_json else card_text(card))


def _counts_text(counts: "SharedCounts") -> str:
    noise = f", with noise of deviation {counts.variance**0.5:.0f}" if counts.variance else ""
    return f"{len(counts.items):,} items and {len(counts.both):,} pairs of items, by {counts.people:,} people{noise}"
