"""``assistant eval research``: this module only wires; each command has its own."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import typer

from eval.research.cli import fusion, learn, privacy, public, simulate

COMMANDS: Final[Mapping[str, Callable[..., Any]]] = {
    "simulate": simulate.simulate,
    "movielens": public.movielens,
    "dataset": public.dataset,
    "privacy": privacy.privacy,
    "private-counts": privacy.private_counts,
    "fit-fusion": fusion.fit_fusion,
}
"""Those that were commands of `assistant eval` before 2026-11."""

app = typer.Typer(
    no_args_is_help=True, help="Studies beside the product: public data, simulated users, private counts, fusion."
)
app.command("fusion")(fusion.fusion)
app.command("learn")(learn.learn)
app.command("federated")(privacy.federated)
app.command("cross-domain")(public.cross_domain)
for name, command in COMMANDS.items():
    app.command(name)(command)
