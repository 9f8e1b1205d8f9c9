"""``assistant eval``: this module only wires; each command has its own. Nothing heavy is imported at the top."""

from importlib.util import find_spec

import typer

from assistant.errors import ServiceMissing
from eval.cli import (
    claims,
    compare,
    heads,
    judge,
    questions,
    report,
    run,
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

if find_spec("eval.research") is not None:  # in the checkout, not in the wheel
    from eval.research.cli import COMMANDS
    from eval.research.cli import app as research

    app.add_typer(research, name="research")
    for name, command in COMMANDS.items():  # as they were called before 2026-11; to go with the next release
        app.command(name, hidden=True, deprecated=True)(command)
