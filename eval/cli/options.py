"""Options and exit codes that several commands have."""

from typing import Annotated

import typer

NOT_MET = 1
"""Exit code when a threshold is not met."""

PLAIN_WIDTH = 160
"""Characters a line where the output is no terminal."""

FailUnder = Annotated[
    list[str] | None,
    typer.Option("--fail-under", metavar="MEASURE=NUMBER", help="Exit 1 when the measure is below; may be repeated."),
]
FailOver = Annotated[
    list[str] | None,
    typer.Option("--fail-over", metavar="MEASURE=NUMBER", help="Exit 1 when the measure is above; may be repeated."),
]
