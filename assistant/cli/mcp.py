"""assistant mcp: the Model Context Protocol over standard input and output."""

import asyncio
import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from assistant.settings import load_settings


def mcp(
    files: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            exists=True,
            file_okay=False,
            help="A folder whose pictures and recordings the client may name by their path.",
        ),
    ] = None,
) -> None:
    """Speak MCP over standard input and output, for a program that starts this one; `assistant serve` has it too."""
    settings = load_settings()
    protocol = _own_stdout()
    from assistant.service.mcp.server import over_stdio

    asyncio.run(over_stdio(settings, protocol, files))


def _own_stdout() -> TextIOWrapper:
    """Standard output for the protocol alone: what anything else prints, in any language, goes to standard error."""
    sys.stdout.flush()
    descriptor = os.dup(1)
    os.dup2(2, 1)
    return TextIOWrapper(os.fdopen(descriptor, "wb"), encoding="utf-8", newline="\n")
