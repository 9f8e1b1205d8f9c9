"""uvicorn, bounded: what connects must say what it wants in time, and what runs is ended in time when it stops."""

import asyncio
import contextlib
import functools
import ipaddress
import logging
import os
import resource
import signal
import socket
from collections import Counter
from http import HTTPStatus
from types import FrameType
from typing import Any, cast

import uvicorn
from fastapi import FastAPI
from sse_starlette.sse import AppStatus
from uvicorn.protocols.http.h11_impl import H11Protocol

from assistant.errors import ServiceMissing
from assistant.llm import process
from assistant.service.http.problems import MEDIA_TYPE, Problem
from assistant.settings import ServiceSettings

logger = logging.getLogger("assistant.serve")

HEAD_BYTES = 64 * 1024
CONNECTIONS = 2_000
FILES = 16_384
LAST_WORDS_SECONDS = 3.0
"""How long streams may take to bring their last events to their clients when all turns have ended."""
INTERRUPTED = 130


def listen(service: ServiceSettings) -> socket.socket:
    """A socket that listens where the settings say.

    Raises:
        ServiceMissing: the port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in service.host else socket.AF_INET
    obstacle = process.why_unusable(service.host, service.port)
    if not obstacle:
        try:
            listening = socket.create_server((service.host, service.port), family=family, backlog=CONNECTIONS)
        except OSError as exc:  # taken since we looked
            obstacle = f"The address {service.host}:{service.port} cannot be used: {exc.strerror or exc}"
    if obstacle:
        raise ServiceMissing(f"{obstacle}; free it, or choose another port: assistant serve --port {service.port + 1}")
    # the kernel cuts off a client that takes nothing more; accepted connections inherit it
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(service.bounds.send_seconds * 1000))
    return listening


def run(app: FastAPI, service: ServiceSettings, listening: socket.socket) -> None:
    """Serve until a signal says stop; returns when every turn has ended and everything is closed.

    Raises:
        ProductError: the application cannot start.
    """
    _allow_connections()
    AppStatus.enable_automatic_graceful_drain = False  # it would cut the streams of running turns at once
    config = configured(app, service)
    # Not asyncio.run: it waits for threads, and a tool call whose turn was cancelled may work on for a minute.
    factory = config.get_loop_factory() or asyncio.new_event_loop
    loop = factory()
    try:
        loop.run_until_complete(_serve(app, Server(config), listening))
    finally:
        loop.close()


def configured(app: FastAPI, service: ServiceSettings) -> uvicorn.Config:
    """How uvicorn serves the application; its lifespan is the caller's to enter."""
    return uvicorn.Config(
        app,
        http=cast(Any, functools.partial(PatientProtocol, service=service, open_by_address=Counter())),
        proxy_headers=False,  # the application reads them, from the proxies that the settings name
        ws="none",
        lifespan="off",  # entered here: uvicorn would log a failure's traceback and keep the failure to itself
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=round(LAST_WORDS_SECONDS) + 2,
        limit_concurrency=CONNECTIONS,
        h11_max_incomplete_event_size=HEAD_BYTES,
    )


class Server(uvicorn.Server):
    """Stops in order: no new connections, turns end, streams end, the rest is closed; a second Ctrl-C quits at once."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note that it should stop; the signal is not raised again afterwards, since to be stopped is no failure."""
        if self.should_exit and sig == signal.SIGINT:
            logger.warning("quit without waiting; what was finished is kept")
            os._exit(INTERRUPTED)
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the door, give running turns their time, and let the streams tell how they ended."""
        for listener in self.servers:
            listener.close()
        turns = cast(FastAPI, self.config.app).state.service.turns
        if turns.active:
            logger.info("stopping: %d turns are running", turns.active)
        await turns.close()
        asyncio.get_running_loop().call_later(LAST_WORDS_SECONDS, _end_streams)
        await super().shutdown(sockets)


class PatientProtocol(H11Protocol):
    """HTTP/1.1 that takes a bounded number of connections from one address, and gives up those on which no request's
    head arrives in time; uvicorn waits without end.

    Args:
        open_by_address: how many connections each address has, shared by all.
    """

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - as uvicorn has them
        service: ServiceSettings,
        open_by_address: Counter[str],
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(*args, **kwargs)
        self._header_seconds = service.bounds.header_seconds
        self._most = service.bounds.connections_per_address
        self._proxies = service.proxies
        self._open = open_by_address
        self._address: str | None = None
        self._giving_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to wait for a head."""
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        if not self._is_proxy(address):
            self._address = address
            self._open[address] += 1
        if self._open[address] > self._most:
            transport.write(_TOO_MANY_CONNECTIONS)
            transport.close()
        else:
            self._wait()

    def data_received(self, data: bytes) -> None:
        """Wait on while there is no whole head; uvicorn's own timer ends with the first byte."""
        super().data_received(data)
        if self._working or self.transport.is_closing():
            self._stop_waiting()
        elif self._giving_up is None:
            self._wait()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; an application that works on its head already learns that its client is gone."""
        super().send_400_response(msg)
        cycle: Any = self.cycle
        if cycle is not None:  # else what it answers later is an error, and logged with a traceback
            cycle.disconnected = True
            cycle.message_event.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing to wait for."""
        self._stop_waiting()
        if self._address is not None:
            self._open[self._address] -= 1
            if not self._open[self._address]:
                del self._open[self._address]
        super().connection_lost(exc)

    def _is_proxy(self, address: str) -> bool:
        return any(ipaddress.ip_address(address) in network for network in self._proxies) if address else False

    @property
    def _working(self) -> bool:
        cycle: Any = self.cycle  # None before the first request
        return cycle is not None and not cycle.response_complete

    def _wait(self) -> None:
        self._giving_up = self.loop.call_later(self._header_seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None

    def _give_up(self) -> None:
        self._giving_up = None
        if not self._working:
            self.transport.close()


def _refusal() -> bytes:
    """What a connection too many is answered, before any request on it is read."""
    body = Problem(
        title=HTTPStatus.TOO_MANY_REQUESTS.phrase,
        status=HTTPStatus.TOO_MANY_REQUESTS,
        detail="Too many connections are open from this address.",
    ).model_dump_json()
    return (
        f"HTTP/1.1 429 Too Many Requests\r\nContent-Type: {MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\n"
        f"Retry-After: 5\r\nConnection: close\r\n\r\n{body}"
    ).encode()


_TOO_MANY_CONNECTIONS = _refusal()


async def _serve(app: FastAPI, server: Server, listening: socket.socket) -> None:
    async with app.router.lifespan_context(app):
        await server.serve(sockets=[listening])
    await _cancel_remaining_tasks()


async def _cancel_remaining_tasks() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=1)


def _end_streams() -> None:
    """Streams that are no turn's, such as those of the tool protocol, have no end of their own."""
    AppStatus.should_exit = True


def _allow_connections() -> None:
    """As many open files as connections need, as far as this process may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
