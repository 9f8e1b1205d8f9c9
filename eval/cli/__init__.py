"""``assistant eval``: this module only wires; each command has its own. Nothing heavy is imported at the top."""

import typer

from eval.cli import compare, judge, public, report, run, suites

app = typer.Typer(no_args_is_help=True, help="Scripted evaluation: run suites, compare runs, report.")
app.command("list")(suites.list_suites)
app.command("check")(suites.check)
app.command("run")(run.run)
app.command("compare")(compare.compare)
app.command("report")(report.report)
app.command("judge")(judge.judge)
app.command("movielens")(public.movielens)
app.command("dataset")(public.dataset)
