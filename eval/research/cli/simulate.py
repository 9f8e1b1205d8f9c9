"""assistant eval research simulate: simulated users who look for an item, with learning and without."""

from typing import TYPE_CHECKING, Annotated

import typer

from assistant.settings import load_settings

if TYPE_CHECKING:
    from eval.research.simulation.simulate import Simulated


def simulate(
    suite: Annotated[str, typer.Argument(metavar="SUITE", help="Whose catalogue is searched.")] = "smoke",
    users: Annotated[int, typer.Option(min=2, max=10_000, help="How many simulated users.")] = 54,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")] = 7,
    noise: Annotated[float, typer.Option(min=0, max=5, help="How badly users see what is like their item.")] = 0.1,
    others: Annotated[int, typer.Option(min=0, max=100_000, help="People whose choices a model is trained on.")] = 0,
    history: Annotated[int, typer.Option(min=0, max=100, help="Items that each user chose before.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Count the turns until users are shown the item they look for and never name; no language model is needed."""
    from assistant.ingest.progress import progress_for_terminal
    from eval.research.simulation.simulate import simulate as run_simulation
    from eval.suite.load import load_suite

    found = run_simulation(
        load_suite(suite),
        load_settings(),
        users=users,
        seed=seed,
        noise=noise,
        others=others,
        history=history,
        progress=progress_for_terminal(),
    )
    typer.echo(found.model_dump_json(indent=1) if as_json else told(found))


def told(found: "Simulated") -> str:
    """The result in words."""
    interval = "" if found.low is None else f", 95 % interval {found.low:+.2f} to {found.high:+.2f}"
    return "\n".join(
        [
            f"{found.users} users, at most {found.limit} turns each; mean turns until their item is shown:",
            f"  without learning {found.without.turns:.2f}  ({found.without.hits:.0%} found it, "
            f"{found.without.first:.0%} in the first turn)",
            f"  with learning    {found.learning.turns:.2f}  ({found.learning.hits:.0%} found it)",
            f"  difference {found.difference:+.2f}{interval}, p = {found.p:.4f}",
            f"  {found.fewer:.0%} fewer turns ({found.fewer_with_department:.0%} where a department is told, "
            f"{found.fewer_without:.0%} where nothing is); {found.fewer_after_first:.0%} fewer after the first one",
            f"  different items seen until then: {found.without.items:.1f} without, {found.learning.items:.1f} with, "
            f"{found.fewer_items:.0%} fewer, p = {found.items_p:.4f}",
        ]
    )
