"""assistant serve: the HTTP service and the web page, with the language model's server beside it."""

import gc
import logging
import os
import signal
import socket
import sys
import threading
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.errors import BadInput, ModelMissing, ProductError, ServiceMissing
from assistant.settings import Settings, load_settings

if TYPE_CHECKING:
    from assistant.llm.server import Progress

logger = logging.getLogger(__name__)

THREAD_SECONDS = 3.0
"""How long the process waits, when all is closed, for tool calls whose turns were cancelled."""
LOG_EVERY_SECONDS = 10.0


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; others than localhost need keys.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="The port to listen on.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="Processes that answer; more than one need state.redis.")
    ] = None,
    no_llm: Annotated[bool, typer.Option("--no-llm", help="Do not start a language model's server.")] = False,
) -> None:
    """Start the web page and the API, and vLLM if it is not up; Ctrl-C stops what was started."""
    from assistant.llm.profiles import endpoint
    from assistant.service.http import server
    from assistant.service.telemetry import logs

    settings = _with(load_settings(), host=host, port=port, workers=workers)
    endpoint(settings)  # settings that contradict each other end here, and not in every turn
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # until the server takes over, as Ctrl-C
    logs.set_up(settings.service)
    _check_keys(settings)
    _check_workers(settings)
    with server.listen(settings.service) as listening:
        _say_what_is_missing(settings)
        started = not no_llm and _start_llm(settings)
        try:
            _say_where(settings)
            if settings.service.workers > 1:
                from assistant.service.http import workers as supervisor

                supervisor.run(_work_beside_others, settings, listening)
            else:
                _work(settings, listening)
        finally:
            if started:
                _stop_llm(settings)
    _end_soon()


def _work(settings: Settings, listening: socket.socket) -> None:
    """Answer requests until a signal says stop."""
    from assistant.service.app import create_app
    from assistant.service.http import server

    server.run(create_app(settings, once_warm=_keep_loaded), settings.service, listening)


def _work_beside_others(settings: Settings, listening: socket.socket) -> None:
    """The same in a process of its own, as one of several workers."""
    try:
        _work(settings, listening)
    finally:
        _end_soon()


def _keep_loaded() -> None:
    """Leave models and word lists out of the search for garbage, which would stop a turn for a tenth of a second."""
    gc.collect()
    gc.freeze()


def _with(settings: Settings, **options: str | int | None) -> Settings:
    changes = {name: value for name, value in options.items() if value is not None}
    return settings.model_copy(update={"service": settings.service.model_copy(update=changes)})


def _check_keys(settings: Settings) -> None:
    from assistant.service.http.guard import is_loopback
    from assistant.service.keys import KeyStore

    service = settings.service
    if KeyStore(settings.keys_place).list():
        return
    if service.require_key or not is_loopback(service.host):
        reason = (
            "service.require_key is set"
            if service.require_key
            else f"{service.host} can be reached from other machines"
        )
        raise BadInput(
            f"{reason}, so every request needs a key, and there is none yet; make one with: assistant keys create NAME"
        )
    if service.hosts or service.proxies:
        logger.warning(
            "Requests that come through a proxy need a key, and there is none yet: until one is made with 'assistant "
            "keys create NAME' they are refused, and what reaches this port directly needs none."
        )


def _check_workers(settings: Settings) -> None:
    if settings.service.workers > 1 and not settings.redis_url:
        raise BadInput(
            "Several workers share their running turns and rate limits through Redis; set state.redis, such as "
            "redis://localhost:6379/0, or serve with one worker."
        )
    if settings.redis_url and find_spec("redis") is None:
        raise ServiceMissing("Redis' client is not installed; install it with: pip install redis.")


def _say_what_is_missing(settings: Settings) -> None:
    """Name the models that are not here; the service runs without them, and so does what does not need them."""
    from assistant.models import ensure_present, needed

    elsewhere = settings.llm.model_copy(update={"profile": "remote"})  # the language model is looked at on its own
    for name in needed(settings.model_copy(update={"llm": elsewhere})):
        try:
            ensure_present(settings, name)
        except ModelMissing as exc:
            logger.warning("%s", exc)


def _start_llm(settings: Settings) -> bool:
    """Whether a server was started here; what stops it is said, and the service runs without."""
    from assistant.llm import server

    try:
        with _progress(settings) as progress:
            state = server.up(settings, progress)
    except ProductError as exc:
        logger.warning("%s Turns are answered without the language model until it is up.", exc)
        return False
    if not state.answers:
        logger.warning("%s. Turns are answered without the language model until it is up.", state.detail.rstrip("."))
    return state.state != "remote" and not state.already_running


def _progress(settings: Settings) -> "AbstractContextManager[Progress]":
    """A changing line on a terminal, log lines elsewhere."""
    from assistant.cli.llm import waiting

    if sys.stderr.isatty():
        return waiting(settings)
    logged_at: list[float] = []

    def tell(seconds: float, doing: str) -> None:
        if not logged_at or seconds - logged_at[-1] >= LOG_EVERY_SECONDS:
            logged_at.append(seconds)
            logger.info("starting vLLM, %.0f s: %s", seconds, doing)

    return nullcontext(tell)


def _stop_llm(settings: Settings) -> None:
    from assistant.llm import server

    logger.info("stopping vLLM")
    server.down(settings)


def _say_where(settings: Settings) -> None:
    at = settings.service
    host = f"[{at.host}]" if ":" in at.host else at.host
    logger.info("open http://%s:%d (API: /docs); Ctrl-C stops it", host, at.port)


def _end_soon() -> None:
    """Everything is closed: a thread that still works for a cancelled turn must not hold the process up."""
    sys.stdout.flush()
    sys.stderr.flush()
    ending = threading.Timer(THREAD_SECONDS, os._exit, (0,))
    ending.daemon = True
    ending.start()
