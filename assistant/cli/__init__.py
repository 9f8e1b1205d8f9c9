"""The command line: this module only wires; each command group has its own module.

Modules here import no model library at the top, so that ``assistant --help`` is quick.
Exit codes: 0 answered, 2 wrong usage or unreadable input, 3 a required service is missing, 130 interrupted.
"""

import os
import signal
import sys
from importlib.metadata import entry_points, version
from importlib.util import find_spec
from typing import Annotated, NoReturn

import typer

from assistant import background
from assistant.cli import (
    backup,
    catalogue,
    chat,
    demo,
    doctor,
    federate,
    init,
    insights,
    interactions,
    keys,
    llm,
    mcp,
    migrate,
    models,
    pages,
    profile,
    recommend,
    replay,
    serve,
    shop,
    taste,
    tools,
    train,
    tune,
    users,
)
from assistant.errors import ConfigError, ProductError
from tools.engines.threads import limit_arenas
from tools.storage import UMASK

PACKAGE = "recommendation-assistant"
INTERRUPTED = 130
"""Exit code after Ctrl-C; typer gives it for a KeyboardInterrupt, without a word."""

app = typer.Typer(
    name="assistant",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Ranked, explained recommendations from text, pictures and voice.",
)
app.add_typer(models.app, name="models")
app.add_typer(llm.app, name="llm")
app.add_typer(tools.app, name="tools")
app.add_typer(catalogue.app, name="catalogue")
app.add_typer(catalogue.sample_app, name="sample")
app.add_typer(pages.app, name="pages")
app.add_typer(shop.app, name="shop")
app.add_typer(keys.app, name="keys")
app.add_typer(interactions.app, name="interactions")
app.add_typer(users.app, name="users")
app.add_typer(profile.app, name="profile")
app.add_typer(taste.app, name="taste")
app.add_typer(federate.app, name="federate")
app.command("init")(init.init)
app.command("ingest")(catalogue.ingest)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
app.command("migrate")(migrate.migrate)
app.command("doctor")(doctor.doctor)
app.command("recommend")(recommend.recommend)
app.command("chat")(chat.chat)
app.command("replay")(replay.replay)
app.command("demo")(demo.demo)
app.command("serve")(serve.serve)
app.command("mcp")(mcp.mcp)
app.command("insights")(insights.insights)
app.command("train")(train.train)
app.command("tune")(tune.tune)
for further in entry_points(group="assistant.commands"):  # `assistant eval`, which this package must not import
    app.add_typer(further.load(), name=further.name)


def _print_version(requested: bool) -> None:
    if requested:
        print(f"{PACKAGE} {version(PACKAGE)}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print name and version, and end.")
    ] = False,
) -> None:
    """Options of the program itself."""


@app.command(
    "learn",
    hidden=True,
    deprecated=True,
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def _learn(context: typer.Context) -> object:
    """As `assistant eval research learn` was called before 2026-12; to go with the next release.

    Raises:
        ConfigError: the program is not run from a checkout.
    """
    if not (entry_points(group="assistant.commands") and find_spec("eval.research")):
        raise ConfigError(
            "Weights are fitted in a checkout of the project: assistant eval research learn (docs/fusion.md)."
        )
    return app(["eval", "research", "learn", *context.args], prog_name="assistant", standalone_mode=False)


def main() -> None:
    """Run the command line; expected errors end as one sentence on standard error."""
    # What nohup, some build servers and a shell's "&" start ignores SIGINT from birth; a command can always be stopped.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.umask(UMASK)
    limit_arenas()
    try:
        code = app(standalone_mode=False)
    except typer.TyperException as exc:
        print(_wrong_usage(exc), end="", file=sys.stderr)
        sys.exit(exc.exit_code)
    except ProductError as exc:
        print(f"error: {exc}", file=sys.stderr)
        _end(exc.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    if code == INTERRUPTED:
        print("Interrupted; what was finished is kept.", file=sys.stderr)
    _end(code if isinstance(code, int) else 0)


def _end(code: int) -> NoReturn:
    """End the process, without waiting for threads that load models for turns that will not come."""
    if background.is_under_way():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _wrong_usage(exc: typer.TyperException) -> str:
    """One line for a wrong option or argument; nothing where the help was shown instead."""
    message = " ".join(exc.format_message().split()).rstrip(".").replace("Value error, ", "")  # pydantic's prefix
    context = getattr(exc, "ctx", None)
    return f"error: {message}; see: {context.command_path if context else 'assistant'} --help\n" if message else ""
