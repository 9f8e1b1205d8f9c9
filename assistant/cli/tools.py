"""assistant tools: list what the model can call, and call it by hand."""

import json
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.errors import BadInput, ProductError
from assistant.settings import Settings, load_settings

if TYPE_CHECKING:
    from tools.tool import BoundTool, Tool

app = typer.Typer(no_args_is_help=True, help="List what the model can call, and call it by hand.")

WRONG, UNEXPECTED = 2, 1

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, with each tool's schema.")]


@app.command("list")
def list_tools(as_json: Json = False) -> None:
    """Show every tool: its arguments and what it does."""
    from tools.toolbox import TOOLS

    if as_json:
        described = [describe(tool) for tool in TOOLS]
        typer.echo(json.dumps({"tools": described}, indent=2, ensure_ascii=False))
        return
    for tool in TOOLS:
        typer.echo(f"{tool.name}({signature(tool)})\n    {tool.description}")
    typer.echo("\nCall one with: assistant tools call NAME --json '{\"argument\": ...}'")


@app.command()
def call(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A tool, as `assistant tools list` shows.")],
    arguments: Annotated[
        str, typer.Option("--json", metavar="OBJECT", help="Its arguments; pictures and recordings are file paths.")
    ] = "{}",
) -> None:
    """Call one tool and print one JSON object: ok, result or error, seconds."""
    began = time.perf_counter()
    answer, code = answer_of(name, arguments)
    answer["seconds"] = round(time.perf_counter() - began, 3)
    typer.echo(json.dumps(answer, indent=2, ensure_ascii=False))
    raise typer.Exit(code)


def answer_of(name: str, arguments: str) -> tuple[dict[str, Any], int]:
    """What calling a tool gives, without the time, and the exit code that goes with it."""
    from tools.toolbox import run_tool

    try:
        result = run_tool(_tools(load_settings()), name, _object(arguments))
    except ProductError as exc:
        return {"ok": False, "error": str(exc)}, exc.exit_code
    except Exception as exc:  # whoever reads the output is promised one JSON object
        logging.getLogger(__name__).exception("the tool %s failed", name)
        return {"ok": False, "error": f"The tool {name} failed unexpectedly: {exc!r}."}, UNEXPECTED
    return {"ok": True, "result": result}, 0


def describe(tool: "Tool[Any]") -> dict[str, Any]:
    """A tool as other programs are told of it."""
    return {"name": tool.name, "description": tool.description, "arguments": tool.arguments.model_json_schema()}


def signature(tool: "Tool[Any]") -> str:
    """The arguments in one line; those that may be left out show what they are then."""
    fields = tool.arguments.model_fields.items()
    return ", ".join(name if field.is_required() else f"{name}={field.default!r}" for name, field in fields)


def _tools(settings: Settings) -> "dict[str, BoundTool]":
    from assistant.engines import open_engines
    from assistant.records import LOCAL
    from tools.toolbox import bind_tools

    return bind_tools(open_engines(settings), lambda path: Path(path).expanduser(), LOCAL)


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as exc:
        raise BadInput(f"--json is not JSON: {exc}.") from exc
    if not isinstance(value, dict):
        raise BadInput('--json must be one JSON object, such as \'{"query": "red chair"}\'.')
    return value
