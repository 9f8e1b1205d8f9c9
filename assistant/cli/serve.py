"""assistant serve: the HTTP service and the web page, with the language model's server beside it."""

from typing import Annotated

import typer

from assistant.errors import BadInput, ProductError
from assistant.settings import Settings, load_settings


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; others than localhost need keys.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="The port to listen on.")] = None,
    no_llm: Annotated[bool, typer.Option("--no-llm", help="Do not start a language model's server.")] = False,
) -> None:
    """Start the web page and the API, and vLLM if it is not up; Ctrl-C stops what was started."""
    settings = _with(load_settings(), host, port)
    _check_keys(settings)
    started = not no_llm and _start_llm(settings)
    try:
        _run(settings)
    finally:
        if started:
            _stop_llm(settings)


def _with(settings: Settings, host: str | None, port: int | None) -> Settings:
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    return settings.model_copy(update={"service": settings.service.model_copy(update=given)})


def _check_keys(settings: Settings) -> None:
    from assistant.service.guard import is_loopback
    from assistant.service.keys import KeyStore

    if not is_loopback(settings.service.host) and not KeyStore(settings.keys_file).list():
        raise BadInput(
            f"{settings.service.host} can be reached from other machines, so every request needs a key, and there is "
            "none yet; make one with: assistant keys create NAME"
        )


def _start_llm(settings: Settings) -> bool:
    """Whether a server was started here; what stops it is said, and the service runs without."""
    from assistant.cli.llm import waiting
    from assistant.llm import server

    try:
        with waiting(settings) as progress:
            state = server.up(settings, progress)
    except ProductError as exc:
        typer.echo(f"warning: {exc} Turns are answered without the language model until it is up.", err=True)
        return False
    return state.state != "remote" and not state.already_running


def _stop_llm(settings: Settings) -> None:
    from assistant.llm import server

    typer.echo("Stopping vLLM.", err=True)
    server.down(settings)


def _run(settings: Settings) -> None:
    import uvicorn

    from assistant.service.app import create_app

    at = settings.service
    shown = f"[{at.host}]" if ":" in at.host else at.host
    typer.echo(f"Open http://{shown}:{at.port} (API: /docs). Ctrl-C stops it.", err=True)
    uvicorn.run(
        create_app(settings),
        host=at.host,
        port=at.port,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=round(at.stop_seconds) + 5,
        limit_concurrency=2_000,
        h11_max_incomplete_event_size=64 * 1024,
    )
