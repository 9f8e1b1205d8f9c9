import typer

app = typer.Typer(no_args_is_help=True)
sample_app = typer.Typer(no_args_is_help=True)


@app.callback()
def _root() -> None: ...


@sample_app.callback()
def _sample() -> None: ...


def ingest() -> None: ...
