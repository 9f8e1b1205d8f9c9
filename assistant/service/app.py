"""The service as one ASGI application."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from filelock import AsyncFileLock
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from assistant.front import Assistant
from assistant.privacy.pseudonyms import pseudonym
from assistant.service import adapters
from assistant.service.context import KEY_OWNER, Service
from assistant.service.http import docs_page, openapi, problems
from assistant.service.http.access import AccessMiddleware, BodyTimeout
from assistant.service.http.guard import AuthMiddleware
from assistant.service.http.json_bodies import JsonBodies
from assistant.service.http.no_paths import NoPaths
from assistant.service.http.roles import EVERYBODY, SHOPS, Restricted, allow, check_declared
from assistant.service.keys import KeyStore
from assistant.service.readiness import Readiness
from assistant.service.routes import catalogue, feeds, info, insights, keys, me, pages, rules, sessions, shop, visitors
from assistant.service.runs.retraining import keep_training
from assistant.service.runs.turns import Turns
from assistant.service.telemetry import metrics, tracing
from assistant.service.telemetry.logs import AccessLog
from assistant.service.telemetry.metrics import Measures
from assistant.service.telemetry.observers import Observers
from assistant.settings import Settings
from assistant.storage import remove_incoming
from assistant.user_data import keep_tidy

TURN_SECONDS = 30.0
"""How often a worker looks whether the one that tidies has ended."""
WEB = Path(__file__).resolve().parent.parent / "web" / "dist"
FOR_OTHER_SITES = frozenset({"widget.js", "recommender.js"})


def create_app(
    settings: Settings, assistant: Assistant | None = None, *, once_warm: Callable[[], object] | None = None
) -> FastAPI:
    """The application; the assistant is opened when it starts and closed when it stops.

    Args:
        settings: which requests need a key is in `AuthMiddleware`.
        assistant: one that is not open yet; made from the settings unless given.
        once_warm: called when what turns need has been loaded.
    """
    key_store = KeyStore(settings.keys_place)
    measures, traces = Measures(), tracing.from_environment()
    observer = Observers(measures, AccessLog(), *([traces] if traces else []))

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if settings.service.workers == 1:  # what lies there may be another worker's
            remove_incoming(settings.data_folder)
        async with assistant or Assistant(settings) as opened:
            opened.log.rename_owners(KEY_OWNER, partial(pseudonym, settings))
            turns = Turns(opened, settings.service, observer, settings.redis_url)
            opened.chat.observers.append(observer.model_called)
            measures.follow(turns, opened.chat.replicas)
            app.state.service = Service(settings, opened, turns, key_store)
            app.state.readiness = Readiness(app.state.service)
            beside = [asyncio.create_task(work) for work in (_warm_up(opened, once_warm), once_a_machine(settings))]
            try:
                async with turns.connected(), adapters.running(app):
                    yield
            finally:
                await turns.close()
                for task in beside:
                    task.cancel()
                await asyncio.gather(*beside, return_exceptions=True)
                measures.close()
                if traces:
                    await asyncio.to_thread(traces.close)

    app = FastAPI(
        title="Recommendation assistant",
        version=version("recommendation-assistant"),
        summary="Ranked, explained recommendations from text, pictures and voice.",
        lifespan=lifespan,
        openapi_url=None,  # docs_page serves it
        docs_url=None,
        redoc_url=None,
    )
    app.state.measures = measures
    problems.install(app)
    _add_routes(app)
    check_declared(app)
    openapi.describe(app)
    app.add_middleware(JsonBodies)
    app.add_middleware(BodyTimeout, bounds=settings.service.bounds)
    if settings.service.cors:
        _allow_sites(app, settings.service.cors)
    app.add_middleware(AuthMiddleware, settings=settings, keys=key_store)
    app.add_middleware(NoPaths, settings=settings)
    app.add_middleware(AccessMiddleware, observer=observer)
    if settings.service.proxies:  # the outermost, so that everything else sees the client's own address
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=[str(network) for network in settings.service.proxies])
    if traces:
        traces.instrument(app)
    return app


async def once_a_machine(settings: Settings) -> None:
    """What one worker does for all; another one goes on when it ends."""
    lock = AsyncFileLock(settings.data_folder / "tidying.lock", poll_interval=TURN_SECONDS)
    async with lock if settings.service.workers > 1 else contextlib.nullcontext():
        await asyncio.gather(keep_tidy(settings), keep_training(settings))


async def _warm_up(assistant: Assistant, once_warm: Callable[[], object] | None) -> None:
    await assistant.warm_up()
    if once_warm:
        once_warm()


def _add_routes(app: FastAPI) -> None:
    for router in (
        info.router,
        sessions.router,
        me.router,
        visitors.router,
        keys.router,
        catalogue.router,
        catalogue.jobs_router,
        feeds.router,
        feeds.schedule_router,
        catalogue.pictures_router,
        pages.router,
        shop.router,
        rules.router,
        insights.router,
        shop.admin_router,
        docs_page.router,
    ):
        app.include_router(router)
    app.include_router(metrics.router, dependencies=[allow(SHOPS)])  # its module is below that of the roles
    adapters.install(app)
    if (WEB / "index.html").is_file():
        _serve_page(app, WEB)


def _allow_sites(app: FastAPI, origins: list[str]) -> None:
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["*"],
        allow_headers=["*"],  # OpenAI's and MCP's clients send a dozen of their own
        expose_headers=["X-Request-ID", "Retry-After"],
    )


def _serve_page(app: FastAPI, folder: Path) -> None:
    """The web page's files, each at its own address: a mount at / would answer for every address there is."""

    def route(path: str, file: Path) -> None:
        headers = {"Cache-Control": "no-cache"}
        if file.name in FOR_OTHER_SITES:
            headers["Cross-Origin-Resource-Policy"] = "cross-origin"

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            await FileResponse(file, headers=headers)(scope, receive, send)

        app.router.routes.append(
            Route(path, Restricted(_compressed(answer), EVERYBODY), methods=["GET"], include_in_schema=False)
        )

    admin = Restricted(RedirectResponse("./#/admin"), EVERYBODY)  # the page refuses whoever is no admin
    app.router.routes.append(Route("/admin", admin, methods=["GET"], include_in_schema=False))
    route("/", folder / "index.html")
    for file in sorted(folder.iterdir()):
        if file.is_file() and not file.name.startswith("."):
            route(f"/{file.name}", file)
    app.mount("/assets", Restricted(_compressed(_Assets(directory=folder / "assets")), EVERYBODY), name="assets")


class _Assets(StaticFiles):
    """Files whose names change with their content, so that no browser need ask for one again."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - as Starlette has them
        """The file, to be kept for a year."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def _compressed(app: ASGIApp) -> GZipMiddleware:
    """Scripts and styles shrink to a third. The API's answers are left alone: streams have to go out at once."""
    return GZipMiddleware(app, minimum_size=1024, compresslevel=6)
