"""assistant tools: see its help."""

import typer

app = typer.Typer(no_args_is_help=True, help="tools")


@app.callback()
def _root() -> None: ...
