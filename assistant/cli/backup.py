"""assistant backup, assistant restore: the data folder as one file, and back."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.settings import load_settings

if TYPE_CHECKING:
    from assistant.backup import Done, Manifest, Restored


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The archive to write; it must not exist.")],
    secrets: Annotated[
        bool, typer.Option("--secrets", help="Also the key of the users' pseudonyms, and secrets in config.toml.")
    ] = False,
    state: Annotated[
        bool, typer.Option("--state/--no-state", help="What PostgreSQL has (state.url); without it, use pg_dump.")
    ] = True,
) -> None:
    """Write catalogue, sessions, events, pages, uploads, trained models and settings to one file.

    The service can run meanwhile. Chroma's index, thumbnails and model files are not in it; they are made again.
    """
    from assistant.backup import back_up

    with _progress("backup") as done:
        manifest = back_up(load_settings(), file, with_secrets=secrets, with_state=state, done=done)
    typer.echo(
        "\n".join([f"{file}: {summary_text(manifest)}.", *(f"Not in it: {what}." for what in manifest.left_out)])
    )


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An archive of `assistant backup`.")],
    force: Annotated[
        bool,
        typer.Option("--force", help="Also where data are: moved beside the data folder, deleted in PostgreSQL."),
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Only read the archive and compare its digests.")] = False,
) -> None:
    """Put a backup in the place of the data folder. Stop the service first.

    Until the whole archive was read and checked nothing changes.
    """
    from assistant import backup as work

    with _progress("restore") as done:
        if check:
            manifest = work.check(file, done)
        else:
            restored = work.restore(settings := load_settings(), file, force=force, done=done)
    if check:
        typer.echo(f"{file} is sound: {summary_text(manifest)}, written {_date(manifest)}.")
    else:
        typer.echo(restored_text(restored, settings.data_folder))


@contextmanager
def _progress(label: str) -> Iterator["Done"]:
    from assistant.ingest import progress_for_terminal

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what was begun is removed
    with progress_for_terminal().stage(label, 0, "MB") as done:
        yield lambda size: done(size // 1_000_000)


def summary_text(manifest: "Manifest") -> str:
    """What an archive holds, for people."""
    return f"{len(manifest.files):,} files, {manifest.bytes / 1e6:,.1f} MB"


def restored_text(restored: "Restored", data: Path) -> str:
    """What a restore did, for people."""
    lines = [f"{data}: {summary_text(restored.manifest)}, as of {_date(restored.manifest)}."]
    if restored.server:
        lines.append(f"Sessions, events, keys, visitors and insights are in PostgreSQL at {restored.server}.")
    if restored.moved:
        lines.append(f"The earlier data are in {restored.moved}; delete them when you no longer need them.")
    if restored.key_missing:
        lines.append(f"Put your copy of the key of the users' pseudonyms at {restored.key_missing} before you start.")
    lines.append("Give `assistant users forget ID` again for everybody who was forgotten after that time.")
    return "\n".join(lines)


def _date(manifest: "Manifest") -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(manifest.created_at))
