"""``assistant eval``: this module only wires; each command has its own. Nothing heavy is imported at the top."""

from importlib.util import find_spec

import typer

from assistant.errors import ServiceMissing
from eval.cli import (
    claims,
    compare,
    fusion,
    heads,
    judge,
    privacy,
    public,
    questions,
    report,
    run,
    simulate,
    steps,
    suites,
)

NEEDED = ("ranx", "jiwer", "statsmodels", "implicit", "espeakng_loader", "junitparser", "matplotlib")
"""What the optional dependencies ``eval`` bring."""

app = typer.Typer(no_args_is_help=True, help="Scripted evaluation: run suites, compare runs, report.")


@app.callback()
def check_packages() -> None:
    """Scripted evaluation: run suites, compare runs, report."""
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise ServiceMissing(
            f"The evaluation needs {', '.join(missing)}; install with: pip install 'recommendation-assistant[eval]'"
        )


app.command("list")(suites.list_suites)
app.command("check")(suites.check)
app.command("run")(run.run)
app.command("compare")(compare.compare)
app.command("report")(report.report)
app.command("claims")(claims.claims)
app.command("heads")(heads.heads)
app.command("questions")(questions.questions)
app.command("steps")(steps.steps)
app.command("judge")(judge.judge)
app.command("fit-fusion")(fusion.fit_fusion)
app.command("simulate")(simulate.simulate)
app.command("movielens")(public.movielens)
app.command("dataset")(public.dataset)
app.command("privacy")(privacy.privacy)
app.command("private-counts")(privacy.private_counts)
