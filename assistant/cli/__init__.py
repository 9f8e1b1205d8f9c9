"""The command line: this module only wires; each command group has its own module.

Modules here import no model library at the top, so that ``assistant --help`` is quick.
Exit codes: 0 answered, 2 wrong usage or unreadable input, 3 a required service is missing, 130 interrupted.
"""

import sys

import typer

from assistant.cli import catalogue, chat, demo, doctor, llm, models, recommend, tools
from assistant.errors import ProductError

app = typer.Typer(
    name="assistant",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Ranked, explained recommendations from text, pictures and voice.",
)
app.add_typer(models.app, name="models")
app.add_typer(llm.app, name="llm")
app.add_typer(tools.app, name="tools")
app.add_typer(catalogue.app, name="catalogue")
app.add_typer(catalogue.sample_app, name="sample")
app.command("ingest")(catalogue.ingest)
app.command("doctor")(doctor.doctor)
app.command("recommend")(recommend.recommend)
app.command("chat")(chat.chat)
app.command("demo")(demo.demo)


def main() -> None:
    """Run the command line; expected errors end as one sentence on standard error."""
    try:
        app()
    except ProductError as exc:
        print(f"error: {exc}", file=sys.stderr)
        sys.exit(exc.exit_code)
    except KeyboardInterrupt:
        print("Interrupted; what was finished is kept.", file=sys.stderr)
        sys.exit(130)
