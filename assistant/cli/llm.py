"""assistant llm: start, stop and look at the language model's server."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.errors import LLMUnavailable, ServiceMissing
from assistant.settings import Settings, load_settings

if TYPE_CHECKING:
    from assistant.agent.scores import Scores
    from assistant.llm.server import Progress, ServerStatus

app = typer.Typer(no_args_is_help=True, help="Start, stop and look at the language model's server.")

PLAIN_EVERY_SECONDS = 10.0


@app.command()
def up() -> None:
    """Start vLLM and wait until it answers; quick when it runs already."""
    from assistant.llm import server

    settings = load_settings()
    with waiting(settings) as progress:
        begun = time.monotonic()
        state = server.up(settings, progress)
        seconds = time.monotonic() - begun
    if state.state == "remote":
        _say_remote(state)
        _probe_once(settings)
        return
    if state.already_running:
        typer.echo(f"vLLM runs already: {state.model} at {state.base_url} (process {state.pid}).")
    else:
        typer.echo(f"vLLM is ready after {seconds:.0f} s: {state.model} at {state.base_url} (process {state.pid}).")
        typer.echo("Stop it with: assistant llm down")
    _probe_once(settings)


@app.command()
def down() -> None:
    """Stop the vLLM that `assistant llm up` started, and only that."""
    from assistant.llm import server

    settings = load_settings()
    if settings.llm.profile == "remote":
        typer.echo("The remote profile is in use: nothing is managed here, so nothing was stopped.")
        return
    stopped = server.down(settings)
    if stopped is None:
        typer.echo("Nothing to stop: no vLLM that was started here is running.")
    else:
        typer.echo(f"Stopped vLLM ({stopped.model}, process {stopped.pid}).")


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Say what runs and whether it answers; exit code 0 when the settings' model answers, 3 otherwise."""
    from assistant.llm import server

    state = server.status(load_settings())
    typer.echo(json.dumps(state.as_json()) if as_json else format_status(state))
    if not state.serves:
        raise typer.Exit(ServiceMissing.exit_code)


@app.command()
def probe(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Put short built-in tasks to the model, and keep what it is able to do: `auto` gives it those steps of a turn."""
    from assistant.agent import scores
    from assistant.agent.steps import steps_of

    settings = load_settings()
    results = run_probe(settings)
    scores.keep(settings, results)
    if as_json:
        typer.echo(
            json.dumps({**results.model_dump(mode="json"), "steps": asdict(steps_of(results))}, ensure_ascii=False)
        )
    else:
        typer.echo(format_scores(results))


@app.command()
def logs(
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on printing what is added.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="How many of the last lines.")] = 40,
) -> None:
    """Print the end of vLLM's log."""
    from assistant.llm import log, server

    settings = load_settings()
    if settings.llm.profile == "remote":
        raise ServiceMissing("The remote profile is in use: its log is where that server runs.")
    path = server.log_path(settings)
    if not path.is_file():
        raise ServiceMissing(f"There is no log at {path}: vLLM was not started here yet (assistant llm up).")
    for line in log.tail_lines(path)[-lines - 1 :] if lines else []:
        if line:
            typer.echo(line)
    for text in _appended_text(path) if follow else ():
        typer.echo(text, nl=False)


def _probe_once(settings: Settings) -> None:
    """Probe a model of which nothing is known; the server is up whatever comes of it."""
    from assistant.agent.scores import keep, kept_scores

    if not settings.llm.probe or kept_scores(settings) is not None:
        return
    try:
        results = run_probe(settings)
        keep(settings, results)
    except (LLMUnavailable, OSError) as exc:
        typer.echo(
            f"What the model is able to do is not known yet: {exc} Try again with: assistant llm probe", err=True
        )
        return
    typer.echo(format_scores(results))


def run_probe(settings: Settings) -> "Scores":
    """The scores of the settings' model, with progress on stderr.

    Raises:
        LLMUnavailable: the server is not there, fails, or does not answer in time.
    """
    from rich.console import Console

    from assistant.engines import entailment_in, open_engines
    from assistant.llm.client import ChatClient
    from assistant.probe import load_tasks, probe

    entailment = entailment_in(open_engines(settings), settings)

    async def put(progress: Callable[[int, int], None]) -> "Scores":
        chat = ChatClient(settings)
        try:
            return await probe(chat, settings, load_tasks(), entailment=entailment, progress=progress)
        finally:
            await chat.aclose()

    console = Console(stderr=True)
    if console.is_terminal:
        with console.status("Probing the model") as spinner:
            return asyncio.run(put(lambda done, of: spinner.update(f"Probing the model: {done} of {of} tasks")))

    def plain(done: int, of: int) -> None:
        if done % 10 == 0:
            console.print(f"Probing the model: {done} of {of} tasks", highlight=False)

    return asyncio.run(put(plain))


def format_scores(scores: "Scores") -> str:
    """A line for each step of a turn: what the model did right, and whether it is given the step."""
    from assistant.agent.steps import STEPS, steps_of

    delegated, lines = asdict(steps_of(scores)), []
    for step in STEPS:
        parts = ", ".join(f"{part} {scores.parts[part].right} of {scores.parts[part].tasks}" for part in step.parts)
        verdict = "the model's" if delegated[step.name] else "not the model's"
        score = f"{scores.share(*step.parts):.0%} right, needs {step.least:.0%}"
        lines.append(f"{step.name:<9} {verdict:<16} {score:<26} {parts}")
    head = f"{scores.model}: {sum(part.tasks for part in scores.parts.values())} tasks in {scores.seconds:.0f} s"
    return "\n".join([head, *lines])


def format_status(state: "ServerStatus") -> str:
    """A few lines for people."""
    if state.state == "remote":
        answers = "answers" if state.answers else "does not answer as wanted"
        rows = {"server": f"remote, nothing is managed here; it {answers}"}
    else:
        rows = {
            "server": {"ready": "ready", "starting": "starting, or too busy to answer"}.get(state.state, state.state)
        }
    rows |= {"profile": state.profile, "model": state.model, "address": state.base_url}
    if state.processes:
        memory = (state.memory_bytes or 0) / 2**30
        rows["process"] = f"{state.pid}, {state.processes} processes in all, {memory:.1f} GiB resident"
        rows["up for"] = f"{(state.uptime_seconds or 0) / 60:.1f} min"
    if state.log:
        rows["log"] = state.log
    if state.detail:
        rows["note"] = f"{state.detail.rstrip('.')}."
    if state.state in {"stopped", "failed"}:
        rows["start it"] = "assistant llm up"
    width = max(map(len, rows))
    return "\n".join(f"{name:<{width}}  {text}" for name, text in rows.items())


def _say_remote(state: "ServerStatus") -> None:
    typer.echo(f"The remote profile is in use: nothing is started here; requests go to {state.base_url}.")
    if not state.answers:
        raise ServiceMissing(f"{state.detail.rstrip('.')} ({state.base_url}).")
    typer.echo(f"{state.detail}." if state.detail else f"It answers and offers {state.model}.")


def _appended_text(path: Path) -> Iterator[str]:
    """What is written to the log from now on, also after a new start has replaced the file; never ends."""
    file = path.open(encoding="utf-8", errors="replace")
    file.seek(0, 2)
    while True:
        if text := file.read():
            yield text
            continue
        time.sleep(0.3)
        if path.is_file() and path.stat().st_ino != Path(f"/dev/fd/{file.fileno()}").stat().st_ino:
            file.close()
            file = path.open(encoding="utf-8", errors="replace")


@contextmanager
def waiting(settings: Settings) -> "Iterator[Progress]":
    """Shows the wait: one changing line on a terminal, otherwise a plain line now and then."""
    from rich.console import Console

    console = Console(stderr=True)
    if console.is_terminal:
        with console.status("Starting vLLM") as spinner:
            yield lambda seconds, doing: spinner.update(f"Starting vLLM, {seconds:.0f} s: [dim]{_escape(doing)}[/dim]")
        return
    printed_at: list[float] = []

    def plain(seconds: float, doing: str) -> None:
        if not printed_at or seconds - printed_at[-1] >= PLAIN_EVERY_SECONDS:
            printed_at.append(seconds)
            console.print(f"Starting vLLM, {seconds:.0f} s: {_escape(doing)}", highlight=False, soft_wrap=True)

    yield plain


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)
