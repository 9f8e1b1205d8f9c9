"""Who may use a route. Each router or route says it where it is declared, and the application does not start otherwise:

    router = APIRouter(prefix="/api/keys", dependencies=[allow(ADMINS)])

What a router allows, its routes can narrow and not widen. Routes that are no FastAPI routes are wrapped in
`Restricted`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from fastapi import Depends, FastAPI, Request
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from assistant.service.context import User
from assistant.service.http.problems import Refused
from assistant.service.keys import Role

Roles = frozenset[Role]

EVERYBODY: Final[Roles] = frozenset(Role)
PEOPLE: Final[Roles] = EVERYBODY - {Role.NOBODY}
KEY_HOLDERS: Final[Roles] = PEOPLE - {Role.VISITOR}
SHOPS: Final[Roles] = frozenset({Role.ADMIN, Role.SERVICE})
ADMINS: Final[Roles] = frozenset({Role.ADMIN})
VISITORS: Final[Roles] = frozenset({Role.VISITOR})


@dataclass(frozen=True)
class Allowed:
    """A dependency that refuses every other role."""

    roles: Roles

    def __call__(self, request: Request) -> None:
        """Refuse the request, or do nothing."""
        check(request.scope, self.roles)


def allow(roles: Roles) -> Any:  # noqa: ANN401 - as FastAPI's own Depends
    """For ``dependencies`` of a router or a route."""
    return Depends(Allowed(roles))


class Restricted:
    """An ASGI application behind the same check."""

    def __init__(self, app: ASGIApp, roles: Roles) -> None:
        self._app = app
        self.roles = roles

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or pass it on."""
        check(scope, self.roles)
        await self._app(scope, receive, send)


def check(scope: Scope, roles: Roles) -> None:
    """Refuse whoever has none of the roles.

    Raises:
        Refused: 401 for nobody, else 403.
    """
    if roles == EVERYBODY:
        return
    user: User = scope["user"]
    if user.role in roles:
        return
    if user.role is Role.NOBODY:
        raise Refused(
            HTTPStatus.UNAUTHORIZED, "A key is needed here: Authorization: Bearer KEY.", {"WWW-Authenticate": "Bearer"}
        )
    needed = " or ".join(role for role in Role if role in roles)
    raise Refused(HTTPStatus.FORBIDDEN, f"This is for the role {needed}; yours is {user.role}.")


@dataclass(frozen=True)
class RouteRoles:
    """One operation and who may use it; ``method`` is ``*`` for a folder of files."""

    method: str
    path: str
    roles: Roles | None
    """None where nothing is said."""
    in_document: bool


def route_roles(app: FastAPI) -> Iterator[RouteRoles]:
    """Every operation of an application, in the order of its routes."""
    for route in iter_route_contexts(app.routes):
        methods = sorted((route.methods or {"*"}) - {"HEAD"})
        in_document = isinstance(route.original_route, APIRoute) and route.original_route.include_in_schema
        for method in methods:
            yield RouteRoles(method, str(route.path), _declared(route), in_document)


def check_declared(app: FastAPI) -> None:
    """Refuse to start with a route that says nothing.

    Raises:
        RuntimeError: such a route was added.
    """
    silent = [f"{route.method} {route.path}" for route in route_roles(app) if route.roles is None]
    if silent:
        raise RuntimeError(f"No roles are declared (assistant/service/http/roles.py) for: {', '.join(silent)}.")


def _declared(route: RouteContext) -> Roles | None:
    own = route.original_route
    if isinstance(own, Route | Mount):
        app = own.app if isinstance(own, Mount) else own.endpoint
        if isinstance(app, Restricted):
            return app.roles
    declared = [part.roles for part in _dependencies(route) if isinstance(part, Allowed)]
    return frozenset.intersection(*declared) if declared else None


def _dependencies(route: RouteContext) -> list[object]:
    return [given.dependency for given in getattr(route, "dependencies", [])]
