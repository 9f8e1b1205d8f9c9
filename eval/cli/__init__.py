"""``assistant eval``: this module only wires; each command has its own. Nothing heavy is imported at the top."""

import typer

app = typer.Typer(no_args_is_help=True, help="Scripted evaluation: run suites, compare runs, report.")
